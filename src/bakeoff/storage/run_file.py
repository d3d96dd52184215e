"""What a run was asked, in its folder: there before its row is in the tables, and there when they cannot be written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from bakeoff.storage.rows import RunRecord

NAME = "run.json"


def write_run_file(folder: Path, run: RunRecord) -> None:
    """Keep the row of a run in its folder; when this returns, it is on disk. The config in it holds no secrets."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{NAME}.part"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(run), file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / NAME)


def read_run_file(folder: Path) -> RunRecord | None:
    """The row of a run as its folder has it; ``None`` where there is none, or it cannot be read."""
    try:
        return RunRecord(**json.loads((folder / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def run_files(home: Path) -> Iterator[RunRecord]:
    """The rows of all runs that have a folder under ``home``."""
    for path in sorted((home / "runs").glob(f"*/{NAME}")):
        if (run := read_run_file(path.parent)) is not None:
            yield run

"""The row of a run as a file in its folder, written before the tables are, and kept when they cannot be written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from bakeoff.storage.rows import RunRecord

NAME = "run.json"


def write_run_file(folder: Path, run: RunRecord) -> None:
    """Write the row of a run to its folder; it is synced to disk when this returns. Its config holds no secrets."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{NAME}.part"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(run), file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / NAME)


def read_run_file(folder: Path) -> RunRecord | None:
    """Read the row of a run from its folder; ``None`` if the file is missing or cannot be read."""
    try:
        return RunRecord(**json.loads((folder / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def run_files(home: Path) -> Iterator[RunRecord]:
    """Yield the rows of all runs that have a folder under ``home``."""
    for path in sorted((home / "runs").glob(f"*/{NAME}")):
        if (run := read_run_file(path.parent)) is not None:
            yield run

"""PySpark's daemon for workers of `support.far_server`, which note what they do: ``spark.python.daemon.module``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bakeoff.execution.worker import payload, task


def note_work(file: Path, volume: Path) -> None:
    """Let each worker that is forked from this process write a line into a file before it does a piece of work."""
    perform = task.perform

    def noted(work: task.Work, delivery: Any) -> Any:
        trials = [[trial.model_id, trial.fold] for trial in getattr(work, "trials", ())]
        line = {
            "work": type(work).__name__,
            "delivery": type(delivery).__name__,
            "trials": trials,
            "refit": getattr(work, "model_id", None),
            "pid": os.getpid(),
            "user": os.getuid(),
        }
        with file.open("a") as notes:
            notes.write(f"{json.dumps(line)}\n")
        kind = volume / "where artifacts are"
        place_artifacts(kind.read_text() if kind.exists() else "spark", file.parent / "artifacts")
        return perform(work, delivery)

    task.perform = noted


def place_artifacts(kind: str, root: Path) -> None:
    """Put the artifacts of this session where a platform has them.

    Args:
        kind: ``spark``, as Spark does; else ``files`` or ``archives``: in a sandbox's folder of that name, and not
            among Spark's files. Databricks' sandboxes have files that are archives in the second.
        root: what stands for `payload.SANDBOX_ARTIFACTS`.
    """
    from pyspark import SparkFiles

    payload.SANDBOX_ARTIFACTS = root
    if kind == "spark":
        return
    folder = root / os.environ["DB_SESSION_UUID"] / kind
    folder.mkdir(parents=True, exist_ok=True)
    for path in Path(_files_of_spark()).iterdir():
        link = folder / path.name
        if path.is_dir() == (kind == "archives") and not link.exists():
            link.symlink_to(path)
    SparkFiles.getRootDirectory = classmethod(_none)


def _none(_: Any) -> str:
    raise RuntimeError("A sandbox has no files of Spark's.")


if __name__ == "__main__":
    from pyspark import SparkFiles
    from pyspark.daemon import manager

    _files_of_spark = SparkFiles.getRootDirectory
    note_work(Path(os.environ["FAR_SERVER_NOTES"]), Path(os.environ["FAR_SERVER_VOLUME"]))
    manager()

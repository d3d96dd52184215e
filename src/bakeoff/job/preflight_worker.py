"""A worker's own answer before anything is trained: its versions, its memory, and the folder that it is to share."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MISSING = "-"
"""Stands for the version of a package that is not installed."""


@dataclass(frozen=True)
class WorkerFacts:
    """Findings of one task on a worker.

    Attributes:
        versions: Python's version, without the last number, and those of packages.
        cores: number of its cores that Python may use.
        memory: bytes that are free there; ``None`` if that cannot be known.
        folder_problem: why the shared folder cannot be read and written there; empty if it can, or none was named.
    """

    versions: Mapping[str, str]
    cores: int
    memory: int | None
    folder_problem: str


def ask_worker(spark: SparkSession, packages: Sequence[str], probe: Path | None = None) -> WorkerFacts:
    """Let one small Spark job say what is on a worker.

    Args:
        spark: any session.
        packages: packages whose versions are asked for.
        probe: file in the folder that driver and workers are to share, from `leave_probe`; it is removed.
    """
    ask = _asker(tuple(packages), None if probe is None else str(probe))

    def answer(batches: Iterator[Any]) -> Iterator[Any]:
        import json

        import pyarrow as pa

        for _ in batches:
            yield pa.RecordBatch.from_pydict({"facts": [json.dumps(ask())]})

    try:
        rows = spark.range(0, 1, 1, 1).mapInArrow(answer, "facts string").collect()
    finally:
        if probe is not None:
            for file in (probe, probe.with_suffix(".answer")):
                with suppress(OSError):
                    file.unlink()
    return WorkerFacts(**json.loads(rows[0].facts))


def versions_of(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of this process: Python's, without the last number, and those of packages."""
    found: dict[str, str] = _asker(tuple(packages), None)()["versions"]
    return found


def leave_probe(folder: Path) -> Path:
    """Write a file for a worker to read, as the experiment will be, and return its path.

    Raises:
        OSError: the folder cannot be written to here, on the driver.
    """
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f"bakeoff-preflight-{secrets.token_hex(4)}.probe"
    probe.write_bytes(b"bakeoff")
    return probe


def _asker(packages: tuple[str, ...], probe: str | None) -> Callable[[], dict[str, Any]]:
    """Return a function that says what is on its machine.

    It is nested, so that it is pickled by value: a worker may lack Bakeoff.
    """
    missing = MISSING

    def version(package: str) -> str:
        from importlib import metadata

        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return missing

    def memory() -> int | None:
        import re
        from pathlib import Path

        limits = []
        for file, pattern, unit in (
            ("/proc/meminfo", r"MemAvailable:\s+(\d+)", 1024),
            ("/sys/fs/cgroup/memory.max", r"(\d+)", 1),
        ):
            try:
                found = re.search(pattern, Path(file).read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue
            limits += [int(found.group(1)) * unit] if found else []
        return min(limits) if limits else None

    def folder_problem() -> str:
        from pathlib import Path

        if probe is None:
            return ""
        try:
            shared = Path(probe)
            shared.with_suffix(".answer").write_bytes(shared.read_bytes())
        except OSError as error:
            return f"{type(error).__name__}: {error.strerror or error}"
        return ""

    def ask() -> dict[str, Any]:
        import os
        import sys

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return {
            "versions": {"python": python, **{name: version(name) for name in packages}},
            "cores": cores,
            "memory": memory(),
            "folder_problem": folder_problem(),
        }

    return ask

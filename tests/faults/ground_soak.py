"""Random faults of what a run stands on: Java or the process of the workers killed, the disk full, MLflow's database
locked. Part of ``make soak``.

Each seed runs the whole job in a home of its own, does one of these at a random moment, and runs it again, when the
cause is gone, until it is finished. Then the result is compared with that of a run that nobody disturbed.
"""

# ruff: noqa: T201 - a program talks
from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bakeoff import RunConfig, run
from bakeoff.comparison.events import Event, TrialDone
from bakeoff.errors import BakeoffError
from bakeoff.execution.engines.local_server import running_server
from bakeoff.spark.session import open_session
from bakeoff.storage.journal import Journal
from bakeoff.tracking.addresses import local_tracking_uri
from support.datasets import cancer_file

MODELS, N_FOLDS = ("nb", "dt", "lr", "ridge", "knn", "dummy"), 5
N_TRIALS = len(MODELS) * N_FOLDS
FAULTS = {"spark": ("java", "disk", "database"), "local": ("server", "disk", "database")}
"""What can be struck, by engine."""
RUN_ID = "struck"
MOST_ATTEMPTS = 3
DISK_MB = 48


class Strikes:
    """A listener that does a deed when some trials are finished."""

    def __init__(self, fault: str, after: int, home: Path, seconds: float) -> None:
        self._left, self._home, self._seconds = after, home, seconds
        deeds = {"java": self._kill_java, "server": self._kill_server, "disk": self._fill, "database": self._lock}
        self._deed = deeds[fault]

    def handle(self, event: Event) -> None:
        self._left -= isinstance(event, TrialDone)
        if self._left == 0 and isinstance(event, TrialDone):
            self._deed()

    def _kill_java(self) -> None:
        for child in psutil.Process().children():
            if child.name() == "java":
                child.kill()

    def _kill_server(self) -> None:
        psutil.Process(running_server().pid).kill()

    def _fill(self) -> None:
        with suppress(OSError), (self._home / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)

    def _lock(self) -> None:
        """Lock the database for a while, on a thread of its own."""
        locked = threading.Event()

        def hold() -> None:
            connection = sqlite3.connect(self._home / "mlflow.db", timeout=30.0)
            with suppress(sqlite3.OperationalError):
                connection.execute("BEGIN EXCLUSIVE")
                locked.set()
                time.sleep(self._seconds)
                connection.rollback()
            connection.close()

        threading.Thread(target=hold, daemon=True).start()
        locked.wait(timeout=30.0)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own with little room.

    Raises:
        OSError: only root can have one.
    """
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "bakeoff-soak", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        raise OSError(made.stderr.decode().strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def can_have_a_small_disk() -> bool:
    """Whether a file system can be mounted here."""
    with tempfile.TemporaryDirectory() as name, suppress(OSError), small_disk(Path(name) / "disk"):
        return True
    return False


def config(source: Path, home: Path, engine: str) -> RunConfig:
    asked = {"include": MODELS, "fold": N_FOLDS, "batch_size": 2, "run_id": RUN_ID, "home": home, "engine": engine}
    return RunConfig(str(source), "target", **asked)  # type: ignore[arg-type]


def read_back(home: Path) -> dict[str, Any]:
    """What the tables, the journal and MLflow hold of a run, but for times."""
    from mlflow.tracking import MlflowClient

    with open_session(None, home) as (spark, _):
        tables = {name: spark.read.format("delta").load(str(home / "tables" / name)) for name in ("trials", "runs")}
        board = spark.read.format("delta").load(str(home / "tables" / "leaderboard")).orderBy("rank").collect()
        trials = tables["trials"].collect()
        (row,) = tables["runs"].collect()
    client = MlflowClient(tracking_uri=local_tracking_uri(home))
    runs = client.search_runs([row.mlflow_experiment_id], f"tags.`bakeoff.run_id` = '{RUN_ID}'")
    written = Counter(o.trial for part in Journal(home / "runs" / RUN_ID / "journal").segments() for o in part.outcomes)
    return {
        "status": row.status,
        "trials": {(one.model_id, one.fold): (one.status, dict(one.metrics)) for one in trials},
        "rows": len(trials),
        "board": [(one.rank, one.model_id, one.status, one.primary_value, one.n_folds_ok) for one in board],
        "written": written,
        "mlflow": Counter((one.data.tags["bakeoff.kind"], one.info.status) for one in runs),
    }


def problems_of(found: dict[str, Any], calm: dict[str, Any]) -> list[str]:
    """What differs from a run that nobody disturbed, one line each."""
    wrong = []
    if found["rows"] != len(found["trials"]):
        wrong.append(f"{found['rows'] - len(found['trials'])} rows are double")
    if lost := calm["trials"].keys() - found["trials"].keys():
        wrong.append(f"{len(lost)} rows are lost")
    wrong += [f"{key} has another score" for key, told in found["trials"].items() if told != calm["trials"][key]]
    wrong += [f"{key} differs" for key in ("status", "board", "mlflow") if found[key] != calm[key]]
    wrong += [f"{trial} ran {count} times" for trial, count in found["written"].items() if count != 1]
    return wrong


def strike(seed: int, fault: str, asked: RunConfig, seen: Counter[str]) -> list[str]:
    """Run with a fault, and again until it is finished; returns what went wrong."""
    lot, home = np.random.default_rng(seed), asked.home
    listeners: list[Any] = [Strikes(fault, int(lot.integers(1, N_TRIALS)), home, float(lot.uniform(1.0, 4.0)))]
    for _ in range(MOST_ATTEMPTS):
        try:
            run(asked, say=lambda _: None, listeners=listeners)
        except BakeoffError as error:
            seen[f"{fault}: {type(error).__name__}"] += 1
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            return [f"{fault}: {type(error).__name__} instead of a sentence: {error}"[:300]]
        else:
            seen[f"{fault}: finished"] += 1
            return []
        listeners = []
        (home / "filler").unlink(missing_ok=True)
    return [f"{fault}: not finished after {MOST_ATTEMPTS} attempts"]


def soak(first: int, seeds: int, engine: str) -> int:
    """Run seed after seed and say what was seen; returns the number of problems."""
    faults = [fault for fault in FAULTS[engine] if fault != "disk" or can_have_a_small_disk()]
    if "disk" not in faults:
        print("The disk is never full: only root can mount one with little room.")
    seen: Counter[str] = Counter()
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bakeoff-ground-") as name:
        folder = Path(name)
        source = cancer_file(folder)
        run(config(source, folder / "calm", engine), say=lambda _: None)
        calm = read_back(folder / "calm")
        for seed in range(first, first + seeds):
            started, fault = time.monotonic(), faults[seed % len(faults)]
            home = folder / f"seed-{seed}"
            with small_disk(home) if fault == "disk" else _folder(home):
                wrong = strike(seed, fault, config(source, home, engine), seen)
                wrong = wrong or [f"{fault}: {line}" for line in problems_of(read_back(home), calm)]
            problems += [f"seed {seed}: {line}" for line in wrong]
            took = time.monotonic() - started
            print(f"seed {seed} ({fault}): {took:5.1f} s  {'; '.join(wrong) or 'all is well'}", flush=True)
    for what, count in sorted(seen.items()):
        print(f"  {what:36} {count}")
    print(f"  {'problems':36} {len(problems)}")
    return len(problems)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(1 if soak(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]) else 0)

"""Random faults, seed after seed: ``make soak``, or ``python tests/faults/soak.py --seeds 50 --engine local``.

Thirty trials a seed on a local Spark with two workers, or on the engine ``local``. About one trial in ten does
something bad, of every kind there is; some do it once and are well when they are tried again. Afterwards each row is
compared with what was done: none may be lost, double, without a reason or with another score than without faults. Then
as many whole jobs, with faults of what they stand on: see `ground_soak`.
"""

# ruff: noqa: T201 - a program talks
from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import logging

import numpy as np
import psutil
from ground_soak import soak as soak_the_ground

from bakeoff import FugueBackend
from bakeoff.execution.engines.local_server import end_server
from bakeoff.spark.session import local_session
from support.datasets import breast_cancer, experiment
from support.fake_models import Told, note
from support.faulty_models import DEEDS

MARK = "BAKEOFF_SOAK"
N_MODELS, N_FOLDS, RATE = 10, 3, 0.1
MEMORY_MB = 1_500.0
FINAL = {
    "raise": ("failed", "ValueError"),
    **dict.fromkeys(("sleep", "spin", "fork_and_hang"), ("timeout", "TrialTimeout")),
}
AGAIN = {
    **dict.fromkeys(("_exit", "kill", "segfault"), ("crashed", "ProcessEnded")),
    "exit": ("crashed", "SystemExit"),
    "interrupt": ("crashed", "KeyboardInterrupt"),
    "own_exception": ("crashed", "OwnException"),
    "eat": ("oom", "MemoryLimit"),
    "kill_parent_always": ("crashed", "WorkerError"),
}
HARMLESS = ("shout", "warn", "set_everything", "fork_and_go_on")
DONE = [*FINAL, *AGAIN, *HARMLESS]


class Unlucky(Told):
    """Decides by the rows, itself and a seed whether it does something bad, and writes down what."""

    def before(self, X: Any) -> None:
        seed, rate, notes = self.told
        rows = np.ascontiguousarray(X, dtype=float).tobytes()
        lot = np.random.default_rng([seed, zlib.crc32(rows), zlib.crc32(repr(self.var_smoothing).encode())])
        if lot.random() >= rate:
            return
        deed = DONE[lot.integers(len(DONE))]
        once = deed in AGAIN and lot.random() < 0.5
        done = Path(f"{notes}.{zlib.crc32(rows)}.{self.var_smoothing}")
        if once and done.exists():
            return
        if not done.exists():
            done.touch()
            note(notes, f"{self.var_smoothing} {deed} {'once' if once else 'always'}")
        DEEDS[deed]("")


def models(seed: int, rate: float, notes: Path) -> list[Any]:
    return [Unlucky((seed, rate, str(notes)), var_smoothing=10.0**-n) for n in range(1, N_MODELS + 1)]


def compare(engine: Any, exp: Any, unlucky: list[Any], timeout: float) -> FugueBackend:
    backend = FugueBackend(engine, trial_timeout=timeout, trial_memory_mb=MEMORY_MB)
    exp.compare_models(unlucky, n_select=0, parallel=backend, verbose=False)
    return backend


def check(backend: FugueBackend, calm: Any, notes: Path, seen: Counter[str]) -> list[str]:
    """What is wrong with a run, one line each; counts what happened."""
    trials = backend.trials
    wrong = []
    if len(trials) != N_MODELS * N_FOLDS:
        wrong.append(f"{len(trials)} rows")
    if trials.duplicated(["model_id", "fold"]).any():
        wrong.append("a row is double")
    lines = [line.split() for line in notes.read_text().splitlines()] if notes.exists() else []
    expected: Counter[tuple[str, str, str]] = Counter()
    # Whoever was lost with a worker that another one killed has its second try, and may do its one bad deed then.
    possible: Counter[tuple[str, str, str]] = Counter()
    workers_die = any(deed == "kill_parent_always" for _, deed, _ in lines)
    ids = {str(10.0**-n): str(n - 1) for n in range(1, N_MODELS + 1)}
    for smoothing, deed, how in lines:
        seen[f"fault: {deed}"] += 1
        if deed not in HARMLESS and (how == "always" or workers_die):
            (expected if how == "always" else possible)[(ids[smoothing], *{**FINAL, **AGAIN}[deed])] += 1
    bad = trials[trials["status"] != "ok"]
    found = Counter((row.model_id, row.status, row.error_type) for row in bad.itertuples())
    if expected - found or found - expected - possible:
        wrong.append(f"expected {expected - found}, found {found - expected - possible}")
    if not bad["error_message"].notna().all():
        wrong.append("a failure without a reason")
    well = trials[trials["status"] == "ok"].set_index(["model_id", "fold"])["metrics"]
    wrong += [f"{key} has another score" for key, metrics in well.items() if metrics != calm[key]]
    for row in trials.itertuples():
        seen[f"status: {row.status}"] += 1
        seen["tried again"] += row.attempt > 1
    return wrong


def _is_ours(process: psutil.Process) -> bool:
    """Whether it is a process of Python's that was started for this soak, by whomever."""
    try:
        ours = process.environ().get(MARK) == str(os.getpid()) and process.pid != os.getpid()
        return ours and "java" not in process.name() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", choices=["trials", "ground"], help="what to strike")
    parser.add_argument("--engine", choices=["spark", "local"], default="spark", help="what to run on")
    parser.add_argument("--timeout", type=float, default=8.0, help="seconds for a trial; more on a busy machine")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    os.environ[MARK] = str(os.getpid())
    n_problems = 0
    if asked.only != "ground":
        n_problems += soak_trials(asked)
    if asked.only != "trials":
        n_problems += soak_the_ground(asked.first, asked.seeds, asked.engine)
    end_server()  # which would wait for another comparison
    time.sleep(5)
    left = [process for process in psutil.process_iter() if _is_ours(process)]
    print(f"  {'processes left':28} {len(left)}")
    return 1 if n_problems or left else 0


def soak_trials(asked: argparse.Namespace) -> int:
    """Compare models that misbehave, seed after seed; returns the number of problems."""
    seen: Counter[str] = Counter()
    problems: list[str] = []
    longest = 0.0
    with tempfile.TemporaryDirectory(prefix="bakeoff-soak-") as name:
        folder = Path(name)
        engine = asked.engine if asked.engine == "local" else local_session(folder, slots=2)
        exp = experiment(breast_cancer(200), "target", fold=N_FOLDS)
        undisturbed = compare(engine, exp, models(0, 0.0, folder / "calm"), asked.timeout).trials
        calm = undisturbed.set_index(["model_id", "fold"])["metrics"]
        begun = time.monotonic()
        for seed in range(asked.first, asked.first + asked.seeds):
            started, notes = time.monotonic(), folder / f"notes-{seed}"
            backend = compare(engine, exp, models(seed, RATE, notes), asked.timeout)
            wrong = check(backend, calm, notes, seen)
            longest = max(longest, time.monotonic() - started)
            problems += [f"seed {seed}: {line}" for line in wrong]
            print(f"seed {seed}: {time.monotonic() - started:5.1f} s  {'; '.join(wrong) or 'all is well'}", flush=True)
        wall = time.monotonic() - begun
        if engine != "local":
            engine.stop()
    n_trials = asked.seeds * N_MODELS * N_FOLDS
    print(f"\n{asked.seeds} seeds, {n_trials} trials in {wall:.0f} s; the longest run took {longest:.1f} s")
    for what, count in sorted(seen.items()):
        print(f"  {what:28} {count}")
    print(f"  {'problems':28} {len(problems)}")
    return len(problems)


if __name__ == "__main__":
    sys.exit(main())

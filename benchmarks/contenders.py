"""Who takes part: each is given a question and a seed, and answers with seconds and PyCaret's score grid."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.memory import Watch
from benchmarks.question import Question
from benchmarks.recording import recording_of


@dataclass(frozen=True)
class Answer:
    """What a contender gave.

    Attributes:
        seconds: wall time of ``compare_models``; of the cold ones, of everything after the Spark session was there.
        grid: what ``pull()`` returns, without the times.
        notes: ideal seconds and efficiency where the contender knows them.
        recording: what each trial took, where they ran one at a time.
    """

    seconds: float
    grid: pd.DataFrame
    notes: dict[str, float] = field(default_factory=dict)
    recording: dict[str, Any] | None = None


Contender = Callable[[Question, int, Any], Answer]


def bakeoff(question: Question, seed: int, spark: Any) -> Answer:
    """Bakeoff on the Spark session, whose workers have just run it: Spark ends those that are idle for a minute."""
    _through(question.in_small(), seed, spark, driver_trials=False)  # which would keep so little away from them
    return _through(question, seed, spark)


def logged(question: Question, seed: int, spark: Any) -> Answer:
    """Bakeoff as a job: all that is written to MLflow and Delta included, and the report and the best model."""
    _as_job(question.in_small(), seed, spark)
    return _as_job(question, seed, spark)


def logged_only(question: Question, seed: int, spark: Any) -> Answer:
    """Bakeoff as a job that writes no report: what MLflow and Delta take, with the best model in them."""
    with _no_report():
        return logged(question, seed, spark)


def memory_of_workers(question: Question, seed: int, spark: Any) -> float:
    """The most megabytes that a worker and its child held while Bakeoff ran; untimed, since looking costs time."""
    with Watch() as watch:
        _through(question, seed, spark)
    return watch.worker_mb


def native(question: Question, seed: int, spark: Any) -> Answer:
    """Bakeoff in this process: one slot, no engine."""
    del spark
    return _through(question, seed, "native")


def stock(question: Question, seed: int, spark: Any) -> Answer:
    """PyCaret's own FugueBackend on the same Spark session, whose workers have just run it."""
    from pycaret.parallel import FugueBackend

    _compare(question.in_small(), seed, parallel=FugueBackend(spark))
    return _compare(question, seed, parallel=FugueBackend(spark))[0]


def sequential(question: Question, seed: int, spark: Any) -> Answer:
    """Plain ``compare_models`` with ``n_jobs=1``."""
    del spark
    return _compare(question, seed)[0]


def all_cores(question: Question, seed: int, spark: Any) -> Answer:
    """Plain ``compare_models`` with ``n_jobs=-1``."""
    del spark
    return _compare(question, seed, n_jobs=-1)[0]


def cold(question: Question, seed: int, spark: Any) -> Answer:
    """Bakeoff in a fresh process, from the moment its Spark session is there."""
    del spark
    return _fresh_process("bakeoff", question, seed)


def cold_sequential(question: Question, seed: int, spark: Any) -> Answer:
    """Plain ``compare_models`` with ``n_jobs=1`` in a fresh process."""
    del spark
    return _fresh_process("sequential", question, seed)


CONTENDERS: dict[str, Contender] = {
    "bakeoff": bakeoff,
    "logged": logged,
    "no report": logged_only,
    "native": native,
    "stock": stock,
    "n_jobs=1": sequential,
    "n_jobs=-1": all_cores,
    "cold": cold,
    "cold n_jobs=1": cold_sequential,
}


def _through(question: Question, seed: int, engine: Any, **options: Any) -> Answer:
    from bakeoff import FugueBackend

    backend = FugueBackend(engine, **options)
    answer, experiment = _compare(question, seed, parallel=backend)
    summary, board = backend.summary, backend.board
    assert summary is not None
    assert board is not None
    notes = {"ideal": summary.ideal_seconds, "efficiency": summary.ideal_seconds / answer.seconds}
    return replace(answer, notes=notes, recording=recording_of(experiment, board) if engine == "native" else None)


@cache
def _home() -> Path:
    """Where the jobs of this process keep their tables and runs."""
    return Path(tempfile.mkdtemp())


def _as_job(question: Question, seed: int, spark: Any) -> Answer:
    from bakeoff.config import RunConfig
    from bakeoff.job.main import ask, compare
    from bakeoff.job.outputs import open_outputs
    from bakeoff.job.signals import interruptible

    source = question.source
    if not source:
        source = str(_home() / f"{question.name}.csv")
        question.read().to_csv(source, index=False)
    config = RunConfig(
        source,
        question.target,
        question.task,
        question.include,
        seed=seed,
        setup=question.setup,
        home=_home(),
        max_rows=question.n_rows,
    )
    asked = ask(config, spark, _say_nothing)
    started = time.perf_counter()
    with interruptible() as interruption:
        places = open_outputs(config, spark, asked.source, _say_nothing)
        compare(config, spark, asked, places, (), interruption)
    seconds = time.perf_counter() - started
    return Answer(seconds, asked.experiment.pull().drop(columns="TT (Sec)"))


@contextmanager
def _no_report() -> Iterator[None]:
    """Jobs write no report: it is not MLflow's and Delta's, and would be made without them, too."""
    from bakeoff.job import report as reporting

    make = reporting.report_run

    def only_facts(home: Path, places: Any, record: Any, backend: Any, *_: Any) -> Any:
        return reporting.Reported(reporting.facts_of(home, places, record, backend), None, ())

    reporting.report_run = only_facts
    try:
        yield
    finally:
        reporting.report_run = make


def _say_nothing(said: str) -> None:
    """What a job would tell its user."""


def _compare(question: Question, seed: int, n_jobs: int = 1, **arguments: Any) -> tuple[Answer, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        experiment = question.experiment(question.read(), seed, n_jobs)
        started = time.perf_counter()
        experiment.compare_models(list(question.include) or None, verbose=False, **arguments)
        seconds = time.perf_counter() - started
    return Answer(seconds, experiment.pull().drop(columns="TT (Sec)")), experiment


def _fresh_process(kind: str, question: Question, seed: int) -> Answer:
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.cold", kind, str(seed), question.to_json()],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    told = json.loads(said.splitlines()[-1])
    return Answer(told["seconds"], pd.DataFrame(**told["grid"]), told["notes"])

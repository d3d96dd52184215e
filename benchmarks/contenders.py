"""Contenders: functions of a question and a seed that return seconds and PyCaret's score grid."""

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
    """Answer of a contender.

    Attributes:
        seconds: wall time of ``compare_models``; for cold contenders, of everything after the Spark session exists.
        grid: result of ``pull()`` without the times.
        notes: ideal seconds and efficiency, if the contender knows them.
        recording: times of each trial, if they ran one at a time.
    """

    seconds: float
    grid: pd.DataFrame
    notes: dict[str, float] = field(default_factory=dict)
    recording: dict[str, Any] | None = None


Contender = Callable[[Question, int, Any], Answer]


def bakeoff(question: Question, seed: int, spark: Any) -> Answer:
    """Run Bakeoff on the Spark session after a warm-up, since Spark ends workers that are idle for a minute."""
    _through(question.in_small(), seed, spark, driver_trials=False)  # the driver would take all of so little work
    return _through(question, seed, spark)


def logged(question: Question, seed: int, spark: Any) -> Answer:
    """Run Bakeoff as a job, with MLflow, Delta, the report and the best model."""
    _as_job(question.in_small(), seed, spark)
    return _as_job(question, seed, spark)


def logged_only(question: Question, seed: int, spark: Any) -> Answer:
    """Run Bakeoff as a job without a report, with MLflow, Delta and the best model."""
    with _no_report():
        return logged(question, seed, spark)


def memory_of_workers(question: Question, seed: int, spark: Any) -> float:
    """Return the most MB that a worker and its child held while Bakeoff ran; untimed, since measuring takes time."""
    with Watch() as watch:
        _through(question, seed, spark)
    return watch.worker_mb


def native(question: Question, seed: int, spark: Any) -> Answer:
    """Run Bakeoff in this process, with one slot and no engine."""
    del spark
    return _through(question, seed, "native")


def local(question: Question, seed: int, spark: Any) -> Answer:
    """Run Bakeoff on processes of this machine, after the process that forks them has imported PyCaret."""
    del spark
    _through(question.in_small(), seed, "local")
    return _through(question, seed, "local")


def stock(question: Question, seed: int, spark: Any) -> Answer:
    """Run PyCaret's own FugueBackend on the same Spark session after a warm-up."""
    from pycaret.parallel import FugueBackend

    _compare(question.in_small(), seed, parallel=FugueBackend(spark))
    return _compare(question, seed, parallel=FugueBackend(spark))[0]


def sequential(question: Question, seed: int, spark: Any) -> Answer:
    """Run plain ``compare_models`` with ``n_jobs=1``."""
    del spark
    return _compare(question, seed)[0]


def all_cores(question: Question, seed: int, spark: Any) -> Answer:
    """Run plain ``compare_models`` with ``n_jobs=-1``."""
    del spark
    return _compare(question, seed, n_jobs=-1)[0]


def cold(question: Question, seed: int, spark: Any) -> Answer:
    """Run Bakeoff in a fresh process, timed from the moment its Spark session exists."""
    del spark
    return _fresh_process("bakeoff", question, seed)


def cold_local(question: Question, seed: int, spark: Any) -> Answer:
    """Run Bakeoff in a fresh process on processes of this machine."""
    del spark
    return _fresh_process("local", question, seed)


def cold_sequential(question: Question, seed: int, spark: Any) -> Answer:
    """Run plain ``compare_models`` with ``n_jobs=1`` in a fresh process."""
    del spark
    return _fresh_process("sequential", question, seed)


CONTENDERS: dict[str, Contender] = {
    "bakeoff": bakeoff,
    "logged": logged,
    "no report": logged_only,
    "native": native,
    "local": local,
    "stock": stock,
    "n_jobs=1": sequential,
    "n_jobs=-1": all_cores,
    "cold": cold,
    "cold local": cold_local,
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
    """Return the folder of the tables and runs of this process's jobs."""
    return Path(tempfile.mkdtemp())


def _as_job(question: Question, seed: int, spark: Any) -> Answer:
    from bakeoff.config import RunConfig
    from bakeoff.job.context import RunContext
    from bakeoff.job.ground import Ground, choose_engine
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
    prepared = ask(config, spark, _say_nothing)
    started = time.perf_counter()
    with interruptible() as interruption:
        ground = Ground(choose_engine(config, spark), spark)
        outputs = open_outputs(config, ground, prepared.source, _say_nothing)
        compare(RunContext(config, ground, prepared, outputs), (), interruption)
    seconds = time.perf_counter() - started
    return Answer(seconds, prepared.experiment.pull().drop(columns="TT (Sec)"))


@contextmanager
def _no_report() -> Iterator[None]:
    """Keep jobs from writing a report, which is no part of what MLflow and Delta take."""
    from bakeoff.job import finish
    from bakeoff.job.report import Reported, facts_of

    make = finish.report_run

    def only_facts(context: Any, comparison: Any, record: Any, *_: Any) -> Any:
        return Reported(facts_of(context, comparison, record), None, ())

    finish.report_run = only_facts
    try:
        yield
    finally:
        finish.report_run = make


def _say_nothing(message: str) -> None:
    """Ignore a job's message to its user."""


def _compare(question: Question, seed: int, n_jobs: int = 1, **arguments: Any) -> tuple[Answer, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        experiment = question.experiment(question.read(), seed, n_jobs)
        started = time.perf_counter()
        experiment.compare_models(list(question.include) or None, verbose=False, **arguments)
        seconds = time.perf_counter() - started
    return Answer(seconds, experiment.pull().drop(columns="TT (Sec)")), experiment


def _fresh_process(kind: str, question: Question, seed: int) -> Answer:
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.cold", kind, str(seed), question.to_json()],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    answer = json.loads(output.splitlines()[-1])
    return Answer(answer["seconds"], pd.DataFrame(**answer["grid"]), answer["notes"])

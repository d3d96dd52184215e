"""Overhead of Bakeoff: a thousand trials that do nothing, and the driver's share of one Spark job.

python -m benchmarks.overhead
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psutil

from benchmarks.question import Question

JOBS = 200
"""Number of jobs that are measured, after as many others that warm Java up."""
_MB = 1 << 20


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--trials", "counts", multiple=True, type=int, default=(1_000, 5_000), show_default=True)
@click.option("--out", default="benchmarks/results", type=click.Path(path_type=Path), show_default=True)
def main(counts: tuple[int, ...], out: Path) -> None:
    """Measure on a local Spark session, print the figures, and write JSON."""
    from bakeoff.spark.session import local_session

    warnings.simplefilter("ignore")
    spark = local_session(Path(tempfile.mkdtemp()))
    try:
        rows = [nothing(spark, 40, warm=True)]
        rows = [nothing(spark, count) for count in counts]
    finally:
        spark.stop()
    with _executor_apart() as spark:
        job = job_seconds(spark)
    for row in rows:
        print(
            f"{row['trials']:,} trials that do nothing: {row['seconds']:.1f} s, the driver grew by {row['mb']:.0f} MB"
        )
    print(
        f"A job costs the driver {job['driver']:.3f} CPU seconds (Java and Python) and takes {job['wall']:.3f} s alone."
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "overhead.json").write_text(json.dumps({"nothing": rows, "job": job}, indent=1) + "\n")


def nothing(spark: Any, count: int, *, warm: bool = False) -> dict[str, float]:
    """Run ``count`` trials of models that learn nothing through the whole backend, and return seconds and MB."""
    from sklearn.dummy import DummyClassifier

    from bakeoff import FugueBackend

    experiment = Question("none", "", "target").experiment(Question("none", "", "target").read(), 1)
    models = [DummyClassifier(strategy="constant", constant=n % 2) for n in range(count // 10)]
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    experiment.compare_models(models, parallel=FugueBackend(spark), n_select=0 if warm else 1, verbose=False)
    seconds = time.perf_counter() - started
    return {"trials": count, "seconds": seconds, "mb": (psutil.Process().memory_info().rss - before) / _MB}


@contextmanager
def _executor_apart() -> Iterator[Any]:
    """Open a Spark session whose executor is a separate process, so that its work does not count as the driver's."""
    import pyspark
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    here = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false"}
    spark = SparkSession.builder.master("local-cluster[1,1,1024]").config(map=here).getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def job_seconds(spark: Any) -> dict[str, float]:
    """Return the CPU seconds that the driver (Java and this process) spends on a job of one task, and its wall time."""
    from bakeoff.comparison.limits import TrialLimits
    from bakeoff.comparison.trial import Trial
    from bakeoff.execution.engines.spark import SparkEngine
    from bakeoff.execution.worker.task import RunTrials
    from bakeoff.pycaret3.frozen import freeze
    from bakeoff.pycaret3.request import read_request

    question = Question("none", "", "target")
    experiment = question.experiment(question.read(), 1)
    frozen, _ = freeze(
        experiment, read_request(experiment, {"include": ["dummy"], "sort": "Accuracy", "verbose": False})
    )
    engine = SparkEngine(spark, {})
    try:
        work = RunTrials(engine.publish(frozen), (Trial("dummy", 0),), limits=TrialLimits().on(engine.isolation))
        for _ in range(JOBS):
            engine.run(work, "before")
        driver = [psutil.Process(), *[child for child in psutil.Process().children() if child.name() == "java"]]
        before = sum(sum(each.cpu_times()[:2]) for each in driver)
        started = time.perf_counter()
        for _ in range(JOBS):
            engine.run(work, "again")
        wall = time.perf_counter() - started
        after = sum(sum(each.cpu_times()[:2]) for each in driver)
    finally:
        engine.close()
    return {"driver": (after - before) / JOBS, "wall": wall / JOBS}


if __name__ == "__main__":
    main()

"""What Bakeoff itself costs: a thousand trials that do nothing, and the driver's share of one Spark job.

python -m benchmarks.overhead
"""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import psutil

from benchmarks.question import Question

JOBS = 200
_MB = 1 << 20


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--trials", "counts", multiple=True, type=int, default=(1_000, 5_000), show_default=True)
@click.option("--out", default="benchmarks/results", type=click.Path(path_type=Path), show_default=True)
def main(counts: tuple[int, ...], out: Path) -> None:
    """Measure on a local Spark session, print, and write JSON."""
    from bakeoff.session import local_session

    warnings.simplefilter("ignore")
    spark = local_session(Path(tempfile.mkdtemp()))
    try:
        rows = [nothing(spark, 40, warm=True)]
        rows = [nothing(spark, count) for count in counts]
        job = job_seconds(spark)
    finally:
        spark.stop()
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
    """So many trials of models that learn nothing, through the whole backend."""
    from sklearn.dummy import DummyClassifier

    from bakeoff import FugueBackend

    experiment = Question("none", "", "target").experiment(Question("none", "", "target").read(), 1)
    models = [DummyClassifier(strategy="constant", constant=n % 2) for n in range(count // 10)]
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    experiment.compare_models(models, parallel=FugueBackend(spark), n_select=0 if warm else 1, verbose=False)
    seconds = time.perf_counter() - started
    return {"trials": count, "seconds": seconds, "mb": (psutil.Process().memory_info().rss - before) / _MB}


def job_seconds(spark: Any) -> dict[str, float]:
    """CPU seconds that Java and this process spend on a job of one task; those of the workers are not the driver's."""
    from bakeoff.comparison.trial import Trial
    from bakeoff.execution.executor import FugueExecutor
    from bakeoff.execution.spark_engine import SparkEngine
    from bakeoff.pycaret3.frozen import freeze
    from bakeoff.pycaret3.request import read_request

    question = Question("none", "", "target")
    experiment = question.experiment(question.read(), 1)
    frozen, _ = freeze(
        experiment, read_request(experiment, {"include": ["dummy"], "sort": "Accuracy", "verbose": False})
    )
    engine = SparkEngine(spark, {})
    with FugueExecutor(engine, frozen) as executor:
        work = replace(executor.work, trials=(Trial("dummy", 0),))
        engine.run(work, "first")
        driver = [psutil.Process(), *[child for child in psutil.Process().children() if child.name() == "java"]]
        before = sum(sum(each.cpu_times()[:2]) for each in driver)
        started = time.perf_counter()
        for _ in range(JOBS):
            engine.run(work, "again")
        wall = time.perf_counter() - started
        after = sum(sum(each.cpu_times()[:2]) for each in driver)
    return {"driver": (after - before) / JOBS, "wall": wall / JOBS}


if __name__ == "__main__":
    main()

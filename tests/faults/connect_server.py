"""What becomes of a comparison on Spark Connect whose server is killed: ``python connect_server.py FOLDER``.

A process of its own, because one that has held a Connect session gives no classic one any more.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from bakeoff import FugueBackend
from bakeoff.comparison.events import Event, TrialDone
from bakeoff.errors import EngineLostError
from bakeoff.spark import java, session
from support.datasets import breast_cancer, experiment

MODELS = ["nb", "dt", "lr", "rf", "et", "ada"]
N_FOLDS, KILLED_AFTER = 4, 5


class Kills:
    """Kills the server after some trials."""

    def __init__(self) -> None:
        self.n_done = 0
        self.at = 0.0

    def handle(self, event: Event) -> None:
        self.n_done += isinstance(event, TrialDone)
        if self.n_done == KILLED_AFTER and not self.at:
            self.at = time.monotonic()
            (java,) = [each for each in psutil.Process().children() if each.name() == "java"]
            java.kill()


def connect(folder: Path) -> Any:
    """A session on a server in a Java process that is a child of this one."""
    from pyspark.sql import SparkSession

    home = java.find_java()
    settings = {
        "spark.jars.packages": "org.apache.spark:spark-connect_2.12:3.5.7",
        "spark.driver.extraJavaOptions": java._java_options(home, folder),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.python.daemon.module": session.DAEMON,
    }
    os.environ.update(JAVA_HOME=str(home), PYSPARK_PYTHON=sys.executable, SPARK_TESTING="1", SPARK_LOCAL_IP="127.0.0.1")
    os.environ.pop("SPARK_HOME", None)
    builder = SparkSession.builder.remote("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main(folder: Path) -> None:
    """Compare models, kill the server in the middle, and print what became of it as JSON."""
    spark = connect(folder)
    exp = experiment(breast_cancer(200), "target", fold=N_FOLDS)
    kills = Kills()
    backend = FugueBackend(spark, listeners=[kills], driver_trials=False)
    said = ""
    try:
        exp.compare_models(MODELS, parallel=backend, verbose=False)
    except EngineLostError as error:
        said = str(error)
    seconds = time.monotonic() - kills.at
    trials = backend.trials
    shown = list(exp.pull().index)
    told = {
        "said": said,
        "seconds": seconds,
        "statuses": sorted(set(trials["status"])),
        "n": len(trials),
        "pull": shown,
    }
    print(json.dumps(told), flush=True)  # noqa: T201 - a program talks
    os._exit(0)  # and does not wait for calls to a server that is gone


if __name__ == "__main__":
    main(Path(sys.argv[1]))

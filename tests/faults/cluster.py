"""A comparison on a Spark standalone cluster that is started for it: ``python cluster.py FOLDER`` prints what was seen.

A process of its own, because one that has a local session cannot have another.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pyspark
from pyspark.sql import SparkSession

from bakeoff import FugueBackend
from bakeoff.comparison.events import Event, TaskStarted, TrialDone
from bakeoff.comparison.run_control import RunControl
from bakeoff.errors import EngineLostError
from bakeoff.spark.java import find_java
from support.datasets import breast_cancer, experiment
from support.fake_models import CountsItself, Told, note
from support.trial_stores import MemoryStore

HOME = Path(pyspark.__file__).parent
LOOPBACK = "127.0.0.1"
N_MODELS, N_FOLDS = 12, 3
PATIENCE = 120.0


class Slow(Told):
    """Writes down that it is fitted, and takes a second; later ones wait until there is a third executor."""

    def before(self, X: Any) -> None:
        notes = Path(self.told)
        note(self.told, str(self.var_smoothing))
        time.sleep(1.0)
        end = time.monotonic() + 60
        while len(notes.read_text().splitlines()) > 14 and not list(notes.parent.glob("third/app-*/*/stderr")):
            if time.monotonic() > end:
                break
            time.sleep(0.1)


def _command(process: psutil.Process) -> list[str]:
    """How it was started; nothing of one that has ended in the meantime."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class Cluster:
    """A master and workers on loopback, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[psutil.Popen] = []
        with socket.socket() as free:
            free.bind((LOOPBACK, 0))
            port = free.getsockname()[1]
        self.url = f"spark://{LOOPBACK}:{port}"
        self._start("master.Master", "--host", LOOPBACK, "--port", str(port), "--webui-port", "0")
        until(lambda: _listens(port))

    def kill_master(self) -> None:
        for process in [*self._processes[0].children(recursive=True), self._processes[0]]:
            process.kill()

    def add_worker(self, name: str) -> None:
        work = self._folder / name
        options = ["--host", LOOPBACK, "--webui-port", "0", "--cores", "1", "--memory", "1g", "--work-dir", str(work)]
        self._start("worker.Worker", *options, self.url)

    def executors(self) -> list[psutil.Process]:
        below = [child for process in self._processes[1:] for child in process.children(recursive=True)]
        return [each for each in below if any("CoarseGrainedExecutorBackend" in part for part in _command(each))]

    def logs(self, name: str) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self._folder.glob(f"{name}/app-*/*/stderr"))

    def close(self) -> None:
        everything = [child for process in self._processes for child in [*process.children(recursive=True), process]]
        for process in everything:
            process.kill()
        psutil.wait_procs(everything, timeout=10)

    def _start(self, kind: str, *options: str) -> None:
        environment = {**os.environ, "SPARK_HOME": str(HOME), "JAVA_HOME": str(find_java()), "SPARK_LOCAL_IP": LOOPBACK}
        command = [str(HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}", *options]
        with (self._folder / f"{kind}-{len(self._processes)}.log").open("wb") as log:
            self._processes.append(psutil.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT))


class StopsTheSession:
    """Stops the session after some trials, as another cell of a notebook may."""

    def __init__(self, spark: Any) -> None:
        self.spark = spark
        self.n_done = 0

    def handle(self, event: Event) -> None:
        self.n_done += isinstance(event, TrialDone)
        if self.n_done == 4 and isinstance(event, TrialDone):
            self.spark.stop()


class KillsTheMaster:
    """Kills the cluster's master after some trials."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.n_done = 0

    def handle(self, event: Event) -> None:
        self.n_done += isinstance(event, TrialDone)
        if self.n_done == 4 and isinstance(event, TrialDone):
            self.cluster.kill_master()


class Disturbs:
    """Kills an executor after some trials, and adds a worker after some more."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.n_done = 0
        self.largest_task = 0

    def handle(self, event: Event) -> None:
        if isinstance(event, TaskStarted):
            self.largest_task = max(self.largest_task, len(event.trials))
        if not isinstance(event, TrialDone):
            return
        self.n_done += 1
        if self.n_done == 6:
            time.sleep(0.5)  # by now it has the next one
            self.cluster.executors()[0].kill()
        if self.n_done == 8:
            self.cluster.add_worker("third")


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


@contextmanager
def session(cluster: Cluster) -> Iterator[Any]:
    os.environ.update(PYSPARK_PYTHON=sys.executable, JAVA_HOME=str(find_java()), SPARK_LOCAL_IP=LOOPBACK)
    builder = SparkSession.builder.master(cluster.url).appName("cluster")
    for name, value in {
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.executor.memory": "512m",
        "spark.executor.cores": "1",
    }.items():
        builder = builder.config(name, value)
    made = builder.getOrCreate()
    made.sparkContext.setLogLevel("OFF")
    yield made
    made.stop()


def main(folder: Path, compare: Callable[[Any, Cluster, Path], dict[str, Any]]) -> None:
    """Compare models while the cluster changes, and print what became of it as JSON."""
    cluster = Cluster(folder)
    try:
        for name in ("first", "second"):
            cluster.add_worker(name)
        with session(cluster) as spark:
            until(lambda: spark.sparkContext.defaultParallelism == 2 and len(cluster.executors()) == 2)
            print(json.dumps(compare(spark, cluster, folder)))  # noqa: T201
    finally:
        cluster.close()


def without_master(spark: Any, cluster: Cluster, folder: Path) -> dict[str, Any]:
    """Compare models, kill the master on the way, and stop the session in the middle of a second comparison."""
    exp = experiment(breast_cancer(200), "target", fold=N_FOLDS)
    models = [Slow(str(folder / "fits"), var_smoothing=10.0**-n) for n in range(1, 5)]
    backend = FugueBackend(spark, listeners=[KillsTheMaster(cluster)], driver_trials=False)
    exp.compare_models(models, parallel=backend, verbose=False)
    survived = {"statuses": sorted(set(backend.trials["status"])), "trials": len(backend.trials)}
    (folder / "fits").unlink()
    backend = FugueBackend(spark, listeners=[StopsTheSession(spark)], driver_trials=False)
    said = ""
    try:
        exp.compare_models(models, parallel=backend, verbose=False)
    except EngineLostError as error:
        said = str(error)
    left = backend.trials
    return {**survived, "said": said, "left": sorted(set(left["status"])), "n_left": len(left)}


def _compare(spark: Any, cluster: Cluster, folder: Path) -> dict[str, Any]:
    sent: list[int] = []
    broadcast = spark.sparkContext.broadcast

    def noted(value: Any) -> Any:
        made = broadcast(value)
        sent.append(made._jbroadcast.id())
        return made

    spark.sparkContext.broadcast = noted
    fits, reads = folder / "fits", folder / "reads"
    steps = [("notes", CountsItself(str(reads)))]
    exp = experiment(breast_cancer(200), "target", fold=N_FOLDS, custom_pipeline=steps)
    reads.unlink()
    models = [Slow(str(fits), var_smoothing=10.0**-n) for n in range(1, N_MODELS + 1)]
    known = MemoryStore(seconds=dict.fromkeys(map(str, range(N_MODELS)), 9.0))  # a task a trial, until more is known
    disturbs = Disturbs(cluster)
    backend = FugueBackend.with_store(known, RunControl(), engine=spark, listeners=[disturbs], driver_trials=False)
    best = exp.compare_models(models, parallel=backend, verbose=False)
    logs = {name: cluster.logs(name) for name in ("first", "second", "third")}
    read = re.compile(rf"Started reading broadcast variable ({'|'.join(map(str, sent))}) ")
    trials = backend.trials
    return {
        "best": type(best).__name__,
        "statuses": sorted(set(trials["status"])),
        "trials": len(trials),
        "largest_task": disturbs.largest_task,
        "tried_again": int((trials["attempt"] > 1).sum()),
        "fits": len(fits.read_text().splitlines()),
        "broadcasts": len(sent),
        # Spark numbers executors anew: one that was lost is replaced by another on the same worker.
        "payload_reads": sum(len(read.findall(log)) for log in logs.values()),
        "executors": len({path.parent for path in folder.glob("*/app-*/*/stderr")}),
        "used_third": "Finished task" in logs["third"],
        "slots": backend.summary.slots,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), without_master if sys.argv[2:] == ["without_master"] else _compare)

"""Clients of `support.far_server`, each a process of its own: ``python -m support.far_client STEP FOLDER``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bakeoff import FugueBackend
from bakeoff.errors import ClusterError
from support.datasets import breast_cancer, experiment

KIND = "where artifacts are"
"""The file in the shared folder that says where the server's workers find artifacts; see `support.sandbox_daemon`."""


def session() -> Any:
    from pyspark.sql import SparkSession

    return SparkSession.builder.remote(os.environ["SPARK_REMOTE"]).getOrCreate()


def compare(spark: Any, models: list[Any], n_rows: int = 100, **options: Any) -> dict[str, Any]:
    """Compare models as a notebook does, and return what the user has then."""
    made = experiment(breast_cancer(n_rows), "target", fold=2)
    backend = FugueBackend(spark, n_slots=2, **options)
    made.compare_models(models, parallel=backend, verbose=False, n_select=1)
    assert backend.summary is not None
    assert backend.trials is not None
    return {
        "ranking": made.pull().drop(columns="TT (Sec)").reset_index().to_dict("records"),
        "trials": backend.trials[["model_id", "fold", "status", "error_message"]].to_dict("records"),
        "on_driver": backend.summary.n_on_driver,
    }


def through_volume(volume: Path) -> dict[str, Any]:
    """Compare quick models, with the experiment in the folder that client and server share, and on this machine."""
    far = compare(session(), ["nb", "dummy"], payload_dir=volume)
    return {"far": far, "here": compare("native", ["nb", "dummy"])}


def by_artifact(volume: Path) -> dict[str, Any]:
    """Compare with the experiment as an artifact, found in each of the places in turn."""
    spark, found = session(), {}
    for n, kind in enumerate(("spark", "files", "archives")):
        (volume / KIND).write_text(kind)
        found[kind] = compare(spark, ["dummy"], 100 + n)  # an experiment that was never sent
    return found


def hungry(volume: Path) -> dict[str, Any]:
    """Compare models that take all the memory they can get, bit by bit or at once, with others that do not."""
    from support.faulty_models import Hurts

    return compare(session(), ["nb", Hurts("eat"), Hurts("gulp"), "dummy"], payload_dir=volume)


def too_large(volume: Path) -> dict[str, Any]:
    """Compare on a table for which the server's workers have no room: on this machine, or not at all."""
    from bakeoff.execution.engines import spark_connect

    spark_connect.SERVERLESS_MB = 430  # of which PyCaret takes 300
    spark = session()
    here = compare(spark, ["nb", "dummy"], payload_dir=volume)
    try:
        compare(spark, ["nb"], payload_dir=volume, driver_trials=False)
    except ClusterError as error:
        return {**here, "refused": str(error)}
    return here


DOES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "through_volume": through_volume,
    "by_artifact": by_artifact,
    "hungry": hungry,
    "too_large": too_large,
}

if __name__ == "__main__":
    print(json.dumps(DOES[sys.argv[1]](Path(sys.argv[2])), default=str), flush=True)  # noqa: T201 - a program talks

"""One comparison in a process that has just started: ``python -m benchmarks.cold bakeoff 1 '{...}'``.

The clock starts at the beginning of a job's own work: with an existing Spark session, as on a cluster, and before
PyCaret is imported, the table is read and ``setup()`` is run. The clock of the engine ``local`` and of plain PyCaret
starts at the same point, without a session.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

from benchmarks.question import Question


def main(kind: str, seed: int, question: Question) -> None:
    """Compare once and print the answer as a line of JSON."""
    warnings.simplefilter("ignore")
    spark = None
    if kind == "bakeoff":
        from bakeoff.spark.session import local_session

        spark = local_session(Path(tempfile.mkdtemp()))
    started = time.perf_counter()
    arguments = {}
    notes = {}
    engine = "local" if kind == "local" else spark
    if engine is not None:
        import bakeoff

        bakeoff.warm_up(engine)
        backend = arguments["parallel"] = bakeoff.FugueBackend(engine)
    experiment = question.experiment(question.read(), seed)
    experiment.compare_models(list(question.include) or None, verbose=False, **arguments)
    seconds = time.perf_counter() - started
    if engine is not None:
        notes = {"ideal": backend.summary.ideal_seconds, "compare": backend.summary.wall_seconds}
    if spark is not None:
        spark.stop()
    grid = experiment.pull().drop(columns="TT (Sec)")
    print(json.dumps({"seconds": seconds, "grid": grid.to_dict(orient="split"), "notes": notes}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Question.from_json(sys.argv[3]))

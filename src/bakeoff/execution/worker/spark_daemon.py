"""PySpark's daemon with PyCaret imported, so that the workers that it forks have it from the start.

A local session that Bakeoff makes starts it as ``python -m bakeoff.execution.worker.spark_daemon``
(``spark.python.daemon.module``), once for all slots. So PyCaret is imported once and not by every worker, its memory
is shared between them, and a worker that replaces a lost one is ready at once.
"""

from __future__ import annotations

import gc
import os

from bakeoff._utils.own_process import claim_process
from bakeoff.execution.worker.bootstrap import settle_in
from bakeoff.pycaret3.preload import preload


def preload_apart() -> None:
    """Import PyCaret without output on stdout, where Spark waits for the number of a port."""
    claim_process()
    settle_in()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        preload()
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
    gc.freeze()  # none of it becomes garbage, and visiting it would copy its pages into every worker


if __name__ == "__main__":
    from pyspark.daemon import manager

    preload_apart()
    manager()

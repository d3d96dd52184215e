"""A session is the caller's: after a run everything in it is as it was before."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.fake_models import Raises
from support.pycaret_parity import through

MB = 1024 * 1024


def _state(spark: Any) -> dict[str, Any]:
    context = spark.sparkContext
    names = ("spark.jobGroup.id", "spark.job.description", "spark.scheduler.pool", "mine", "spark.job.tags")
    level = context._jvm.org.apache.logging.log4j.LogManager.getRootLogger().getLevel().toString()
    return {
        "conf": dict(context.getConf().getAll()),
        "settings": {row.key: row.value for row in spark.sql("SET").collect()},
        "properties": {name: context.getLocalProperty(name) for name in names},
        "tags": context.getJobTags(),
        "level": level,
        "views": [table.name for table in spark.catalog.listTables()],
        "broadcasts": sorted(path.name for path in Path(context._temp_dir).iterdir()),
        "threads": sorted(thread.name for thread in threading.enumerate() if "bakeoff" in thread.name),
    }


def test_the_session_is_as_it_was(spark: Any, exp: Any) -> None:
    context = spark.sparkContext
    context.setJobGroup("theirs", "their description")
    context.setLocalProperty("mine", "yes")
    try:
        through(spark, exp, ["nb"], fold=2)  # what is made once for each process is there
        gc.collect()
        before, files = _state(spark), psutil.Process().num_fds()
        n_threads = threading.active_count()
        through(spark, exp, ["nb", Raises()], fold=2, n_select=1)
        gc.collect()
        assert _state(spark) == before
        end = time.monotonic() + 10  # Py4J closes a connection when the garbage collector finds it
        while psutil.Process().num_fds() > files or threading.active_count() > n_threads:
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        for name in ("spark.jobGroup.id", "spark.job.description", "mine"):
            context.setLocalProperty(name, None)


@pytest.mark.slow
def test_thirty_runs_do_not_fill_the_driver(spark: Any, exp: Any) -> None:
    process = psutil.Process()
    for _ in range(3):
        through(spark, exp, ["dummy"], fold=2)
    gc.collect()
    before = process.memory_info().rss
    for _ in range(30):
        through(spark, exp, ["dummy"], fold=2)
    gc.collect()
    assert (process.memory_info().rss - before) / MB < 50

"""Before anything is trained: can this cluster host the job, and do the workers have what the driver has?

The experiment travels as a pickle, which another pandas or scikit-learn reads wrongly or not at all, and that long
after the start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bakeoff._utils.text import first_line
from bakeoff.errors import UserError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PACKAGES = ("bakeoff", "pycaret-core", "pandas", "numpy", "scikit-learn")
"""What driver and workers must have in the same version, besides Python itself."""
LAST_PYTHON, FIRST_PANDAS, LAST_SPARK = (3, 12), (2, 1), (4, 0)
MISSING = "-"


def check_cluster(spark: SparkSession) -> None:
    """See that driver and workers can do the job together; one small Spark job.

    Raises:
        UserError: they cannot. The message says why, with a table where versions differ.
    """
    mine = versions_here()
    if problem := unfit(mine["python"], mine["pandas"], spark.version):
        raise UserError(problem)
    try:
        theirs = _versions_on_a_worker(spark)
    except Exception as error:
        raise UserError(
            f"A worker cannot run Python as the driver does ({_reason(error)}): install the wheel as a library of the "
            "cluster, and use one Python version for all (PYSPARK_PYTHON)."
        ) from error
    if mine != theirs:
        raise UserError(
            "Driver and workers have different versions, so models cannot travel between them; install the wheel as a "
            f"library of the cluster, not of a notebook:\n{differences(mine, theirs)}"
        )


def unfit(python: str, pandas: str, spark: str) -> str | None:
    """Why these versions cannot do the job, if they cannot.

    Example:
        >>> unfit("3.12.3", "2.1.4", "3.5.2") is None
        True
        >>> print(unfit("3.12.3", "2.1.4", "4.1.0"))
        Spark 4.1.0 needs a pandas that PyCaret cannot use: choose a runtime with Spark 3.5 or 4.0, such as 16.4 LTS ML.
    """
    if _numbers(python) > LAST_PYTHON:
        return f"Python {python} is newer than PyCaret knows: choose a runtime with Python 3.12, such as 16.4 LTS ML."
    if _numbers(spark) > LAST_SPARK:
        return (
            f"Spark {spark} needs a pandas that PyCaret cannot use: choose a runtime with Spark 3.5 or 4.0, such as "
            "16.4 LTS ML."
        )
    if pandas != MISSING and _numbers(pandas) < FIRST_PANDAS:
        return (
            f"pandas {pandas} is older than PyCaret needs: install the wheel as a library of the cluster, which brings "
            "pandas 2.1, and start Python anew."
        )
    return None


def differences(driver: Mapping[str, str], worker: Mapping[str, str]) -> str:
    """What differs, as a table for people.

    Example:
        >>> print(differences({"python": "3.12", "pandas": "2.1.4"}, {"python": "3.12", "pandas": "1.5.3"}))
                 driver  worker
        pandas   2.1.4   1.5.3
    """
    names = [name for name in driver if driver[name] != worker.get(name, MISSING)]
    wide = max(map(len, names), default=0)
    lines = [f"{'':{wide}}   driver  worker"]
    lines += [f"{name:{wide}}   {driver[name]:6}  {worker.get(name, MISSING)}" for name in names]
    return "\n".join(lines)


def versions_here() -> dict[str, str]:
    """The versions of this process: Python's, without the last number, and those of `PACKAGES`."""
    return _reader()()


def _reader() -> Callable[[], dict[str, str]]:
    """A function that reads versions, made here so that it is pickled by value: a worker need not have Bakeoff."""
    packages, missing = PACKAGES, MISSING

    def read() -> dict[str, str]:
        import sys
        from importlib import metadata

        def version(package: str) -> str:
            try:
                return metadata.version(package)
            except metadata.PackageNotFoundError:
                return missing

        return {"python": f"{sys.version_info[0]}.{sys.version_info[1]}", **{name: version(name) for name in packages}}

    return read


def _versions_on_a_worker(spark: SparkSession) -> dict[str, str]:
    read = _reader()

    def answer(batches: Iterator[Any]) -> Iterator[Any]:
        import json

        import pyarrow as pa

        for _ in batches:
            yield pa.RecordBatch.from_pydict({"versions": [json.dumps(read())]})

    rows = spark.range(0, 1, 1, 1).mapInArrow(answer, "versions string").collect()
    told: dict[str, str] = json.loads(rows[0].versions)
    return told


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.split(".")[:2])


def _reason(error: Exception) -> str:
    """The line that says what went wrong: the last of the worker's traceback, where there is one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Error:" in line or "VERSION_MISMATCH" in line]
    return (named[-1] if named else first_line(error)).rstrip(".")[:300]

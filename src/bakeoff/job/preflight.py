"""Checks before anything is trained: whether the cluster can run the job, and whether all versions agree.

The experiment travels as a pickle, which another version of pandas or scikit-learn reads wrongly or not at all, and
that would show only long after the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff._utils.text import first_line
from bakeoff.errors import ClusterError, ConfigError
from bakeoff.job.preflight_worker import MISSING, WorkerFacts, ask_worker, leave_probe, versions_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PACKAGES = ("bakeoff", "pycaret-core", "pandas", "numpy", "scikit-learn")
"""Packages that driver and workers must have in the same version, besides Python itself."""
LAST_PYTHON, FIRST_PANDAS, LAST_SPARK = (3, 13), (2, 1), (4, 2)
NEW_SPARK, PANDAS_OF_NEW_SPARK = (4, 1), (2, 2)
"""The Spark that refuses an older pandas, and the first pandas that it takes."""


def check_cluster(spark: SparkSession, folder: Path | None = None) -> WorkerFacts:
    """Check, with one small Spark job, that driver and workers can run a comparison together.

    Args:
        spark: any session.
        folder: folder that driver and workers are to share, if one is named.

    Returns:
        What else there is on the worker that was asked.

    Raises:
        ClusterError: they cannot. The message says why, with a table of versions if they differ.
        ConfigError: the folder cannot be written to here.
    """
    driver = versions_here()
    if problem := unfit(driver["python"], driver["pandas"], spark.version):
        raise ClusterError(problem)
    facts = worker_facts(spark, folder)
    if driver != facts.versions:
        raise ClusterError(
            "Driver and workers have different versions, so models cannot travel between them; install the wheel as a "
            f"library of the cluster, not of a notebook:\n{differences(driver, facts.versions)}"
        )
    return facts


def worker_facts(spark: SparkSession, folder: Path | None = None) -> WorkerFacts:
    """Return what there is on a worker; the arguments are those of `check_cluster`.

    Raises:
        ClusterError: the worker cannot run Python as the driver does.
        ConfigError: the folder cannot be written to here.
    """
    try:
        probe = None if folder is None else leave_probe(folder)
    except OSError as error:
        raise ConfigError(
            f"--payload-dir {folder} cannot be written to ({error.strerror or error}): name a folder that driver and "
            "workers share, such as a volume."
        ) from error
    try:
        return ask_worker(spark, PACKAGES, probe)
    except Exception as error:
        raise ClusterError(
            f"A worker cannot run Python as the driver does ({_reason(error)}): install the wheel as a library of the "
            "cluster, and use one Python version for all (PYSPARK_PYTHON)."
        ) from error


def unfit(python: str, pandas: str, spark: str) -> str | None:
    """Return a sentence on why these versions cannot run the job; ``None`` if they can.

    Example:
        >>> unfit("3.12.3", "2.2.3", "4.1.0") is None
        True
        >>> print(unfit("3.12.3", "2.1.4", "4.1.0"))
        Spark 4.1.0 needs pandas 2.2 or newer, not 2.1.4: list the relaxed wheel of pycaret-core before Bakeoff's.
    """
    return unfit_python(python) or unfit_spark(spark) or unfit_pandas(pandas, spark)


def unfit_python(python: str) -> str | None:
    """Return a sentence on why this Python cannot run the job; ``None`` if it can."""
    if _numbers(python) > LAST_PYTHON:
        return f"Python {python} is newer than PyCaret knows: choose a runtime with Python 3.12, such as 16.4 LTS ML."
    return None


def unfit_spark(spark: str) -> str | None:
    """Return a sentence on why this Spark cannot run the job; ``None`` if it can."""
    if _numbers(spark) > LAST_SPARK:
        return (
            f"Spark {spark} is newer than Bakeoff knows: choose a runtime with Spark 3.5 to "
            f"{LAST_SPARK[0]}.{LAST_SPARK[1]}, such as 16.4 LTS ML or 18 LTS ML."
        )
    return None


def unfit_pandas(pandas: str, spark: str) -> str | None:
    """Return a sentence on why this pandas cannot run the job on a Spark; ``None`` if it can."""
    if pandas == MISSING:
        return None
    if _numbers(pandas) < FIRST_PANDAS:
        return (
            f"pandas {pandas} is older than PyCaret needs: install the wheel as a library of the cluster, which brings "
            "pandas 2.1 or newer, and start Python anew."
        )
    if _numbers(spark) >= NEW_SPARK and _numbers(pandas) < PANDAS_OF_NEW_SPARK:
        return (
            f"Spark {spark} needs pandas 2.2 or newer, not {pandas}: list the relaxed wheel of pycaret-core before "
            "Bakeoff's."
        )
    return None


def differences(driver: Mapping[str, str], worker: Mapping[str, str]) -> str:
    """Return the versions that differ between driver and worker, as a text table.

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
    """Return the versions of this process: Python's, without the last number, and those of `PACKAGES`."""
    return versions_of(PACKAGES)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.split(".")[:2])


def _reason(error: Exception) -> str:
    """Return the line of an error that names its cause: the last of the worker's traceback, if there is one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Error:" in line or "VERSION_MISMATCH" in line]
    return (named[-1] if named else first_line(error)).rstrip(".")[:300]

"""The rows of the preflight: what is there, what is needed, and what to type where that is not enough."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from bakeoff._utils.platform import on_databricks, usable_cores
from bakeoff.errors import ClusterError, ConfigError
from bakeoff.execution.engines.spark_workers import slots_of
from bakeoff.job.preflight import (
    LAST_SPARK,
    check_cluster,
    unfit_pandas,
    unfit_python,
    unfit_spark,
    versions_here,
    worker_facts,
)
from bakeoff.job.preflight_worker import MISSING, WorkerFacts, versions_of
from bakeoff.spark.java import find_java, java_versions
from bakeoff.spark.kind import is_connect, is_serverless

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LEAST_MEMORY = 0.5e9
"""Bytes that a slot needs: PyCaret, an experiment of some megabytes, and the process that a model is fitted in."""
_SHARED = "written here and there"
_VERSIONS = "the driver's versions"
_LIBRARIES = {
    **{name: (name,) for name in ("pandas", "numpy", "scikit-learn", "pycaret-core")},
    "mlflow": ("mlflow", "mlflow-skinny"),
}
"""The libraries that a result depends on, each with the packages that bring it; the last is the least of them."""
_WIDEST = {"python_version": "3.13", "python_full_version": "3.13.0"}
"""The Python for which pycaret-core's bounds are those that its code needs; it gives narrower ones to older Pythons."""


@dataclass(frozen=True)
class Check:
    """One row of the preflight.

    Attributes:
        what: what was looked at.
        found: what is there.
        needed: what a run needs.
        advice: what to type; ``None`` where what is there is enough.
    """

    what: str
    found: str
    needed: str
    advice: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether what is there is enough."""
        return self.advice is None

    @property
    def sentence(self) -> str:
        """The row as a sentence, for those that are not enough.

        Example:
            >>> Check("memory of a slot", "0.2 GB", "0.5 GB", "lower --n-slots.").sentence
            'memory of a slot: 0.2 GB, needed is 0.5 GB: lower --n-slots.'
        """
        needed = f", needed is {self.needed}" if self.needed else ""
        return f"{self.what}: {self.found}{needed}: {self.advice}"

    def as_object(self) -> dict[str, Any]:
        """Return the row as an object for ``json.dumps``."""
        return {
            "check": self.what,
            "found": self.found,
            "needed": self.needed,
            "ok": self.is_ok,
            "advice": self.advice,
        }


def compute_row(spark: SparkSession | None, engine: str) -> Check:
    """Return what the models are to be fitted on; it is enough as it is."""
    if spark is None:
        return Check("compute", f"this machine, {usable_cores()} cores, engine {engine}", "")
    if not is_connect(spark):
        kind, access = f"a classic session on {spark.sparkContext.master}", "dedicated access mode"
    else:
        kind, access = "Spark Connect", "standard access mode"
        if is_serverless(spark):
            return Check("compute", f"Databricks, serverless compute ({kind})", "")
    runtime = os.environ.get("DATABRICKS_RUNTIME_VERSION")
    return Check("compute", f"Databricks {runtime}, {access} ({kind})" if runtime else kind, "")


def python_row() -> Check:
    """Return the row of this process's Python."""
    found = platform.python_version()
    needed = SpecifierSet(_metadata("bakeoff").get("Requires-Python") or ">=3.10,<3.14")
    advice = unfit_python(found)
    if advice is None and found not in needed:
        advice = f"Python {found} is not what Bakeoff is for: start it with Python {_shown(needed)}."
    return Check("Python", found, _shown(needed), advice)


def library_rows(spark_version: str = "3.5") -> Iterator[Check]:
    """Yield a row for each library that a result depends on.

    Args:
        spark_version: version of the Spark that it is to fit to.
    """
    versions = versions_of([package for packages in _LIBRARIES.values() for package in packages])
    for name, packages in _LIBRARIES.items():
        own, widest = _bounds(packages, {}), _bounds(packages, _WIDEST)
        found = next((versions[package] for package in packages if versions[package] != MISSING), MISSING)
        fits = found in own or found in widest
        needed = own if found in own or found not in widest else widest
        advice = unfit_pandas(found, spark_version) if name == "pandas" else None
        if advice is None and not fits:
            advice = f"pip install '{packages[-1]}{own!s}'" if not on_databricks() else _AS_LIBRARY
        yield Check(name, "not installed" if found == MISSING else found, _shown(needed), advice)


_AS_LIBRARY = "list pycaret-core's wheel and then Bakeoff's as libraries of the cluster, and start Python anew."


def spark_row(spark: SparkSession) -> Check:
    """Return the row of a session's Spark."""
    return Check("Spark", spark.version, f"3.5 to {LAST_SPARK[0]}.{LAST_SPARK[1]}", unfit_spark(spark.version))


def java_row() -> Check:
    """Return the row of the Java that a local session would be started with."""
    needed = ", ".join(map(str, java_versions()))
    try:
        return Check("Java", str(find_java()), needed)
    except ClusterError as error:
        return Check("Java", "none that can be used", needed, str(error))


def session_problems(spark: SparkSession, payload_dir: Path | None) -> list[Check]:
    """Return the rows of a session that are not as they should be, and do not keep a run from being carried out.

    Args:
        spark: any session.
        payload_dir: folder that driver and workers are to share on Spark Connect, if one is named.

    Raises:
        ClusterError: the session cannot host a run.
    """
    shared = payload_dir if is_connect(spark) else None
    facts = check_cluster(spark, shared)
    libraries = library_rows(spark.version) if on_databricks() or is_connect(spark) else ()
    return [row for row in (*libraries, *fact_rows(facts, shared, _function_mb(spark))) if not row.is_ok]


def worker_rows(spark: SparkSession, payload_dir: Path | None) -> Iterator[Check]:
    """Yield the rows of a session's workers, one of which is asked by one small Spark job.

    Args:
        spark: any session.
        payload_dir: folder that driver and workers are to share, if one is named.
    """
    try:
        facts = worker_facts(spark, payload_dir)
    except ClusterError as error:
        yield Check("workers", "cannot do the job", _VERSIONS, str(error))
        return
    except ConfigError as error:
        yield Check("payload folder", str(payload_dir), _SHARED, str(error))
        yield from worker_rows(spark, None)
        return
    yield versions_row(versions_here(), facts.versions)
    slots = _slots(spark)
    yield Check("slots", str(slots), "1", None if slots else "start the cluster with a worker.")
    yield from fact_rows(facts, payload_dir, _function_mb(spark))


def versions_row(driver: Mapping[str, str], worker: Mapping[str, str]) -> Check:
    """Return the row about the versions of a worker beside those of the driver.

    Example:
        >>> versions_row({"pandas": "2.1.4"}, {"pandas": "1.5.3"}).found
        'pandas 1.5.3, here 2.1.4'
    """
    other = [f"{name} {worker.get(name, MISSING)}, here {version}" for name, version in driver.items()]
    other = [text for text, name in zip(other, driver, strict=True) if worker.get(name) != driver[name]]
    return Check(
        "workers",
        "; ".join(other) or "as here",
        _VERSIONS,
        "install the wheel as a library of the cluster, not of a notebook." if other else None,
    )


def fact_rows(facts: WorkerFacts, payload_dir: Path | None, function_mb: float | None = None) -> Iterator[Check]:
    """Yield the rows about what a worker has said, beside its versions.

    Args:
        facts: what it has said.
        payload_dir: the folder that it was asked about, if any.
        function_mb: megabytes that the platform gives to a Python function, if it says so.
    """
    share = None if facts.memory is None else facts.memory / facts.cores
    found = "" if share is None else f"{share / 1e9:.1f} GB for each of {facts.cores} cores of a worker"
    if function_mb is not None:
        share, found = function_mb * 1e6, f"{function_mb / 1e3:.1f} GB for each function on serverless compute"
    if share is not None:
        advice = None if share >= LEAST_MEMORY else "set --n-slots lower, or take nodes with more memory."
        yield Check("memory", found, f"{LEAST_MEMORY / 1e9:.1f} GB", advice)
    if payload_dir is not None:
        problem = facts.folder_problem
        yield Check(
            "payload folder",
            f"a worker cannot use {payload_dir} ({problem})" if problem else f"{payload_dir}, shared",
            _SHARED,
            "leave --payload-dir out, or name a folder that workers may read and write." if problem else None,
        )


def _function_mb(spark: SparkSession) -> float | None:
    from bakeoff.execution.engines.spark_connect import SERVERLESS_MB  # with PyCaret, which a job imports later

    return SERVERLESS_MB if is_connect(spark) and is_serverless(spark) else None


def _slots(spark: SparkSession) -> int:
    from bakeoff.execution.engines.spark_connect import ConnectEngine

    return ConnectEngine(spark, None).slots if is_connect(spark) else slots_of(spark)


def _bounds(packages: Collection[str], environment: dict[str, str]) -> SpecifierSet:
    """Return what Bakeoff and pycaret-core say about packages' versions, on this Python or in another environment."""
    bounds = SpecifierSet()
    for owner in ("bakeoff", "pycaret-core"):
        for text in _metadata(owner).get_all("Requires-Dist") or []:
            requirement = Requirement(text)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": "", **environment})
            if canonicalize_name(requirement.name) in packages and applies:
                bounds &= requirement.specifier
    return bounds


def _metadata(package: str) -> Any:
    try:
        return importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        from email.message import Message

        return Message()


def _shown(bounds: SpecifierSet) -> str:
    """Return bounds as people write them: the lower one first, and of several the one that says most.

    Example:
        >>> _shown(SpecifierSet("<3,>=1.5.0,>=2.1,<2.2"))
        '>=2.1, <2.2'
    """
    kept: dict[str, Specifier] = {}
    for bound in sorted(bounds, key=lambda bound: Version(bound.version.removesuffix(".*"))):
        if bound.operator.startswith(">") or bound.operator not in kept:
            kept[bound.operator] = bound
    return ", ".join(sorted(map(str, kept.values()), key=lambda text: (not text.startswith(">"), text)))

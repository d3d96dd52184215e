"""The choice of the engine: the one that the user named or passed, with the driver's machine where that is faster."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff._utils.platform import usable_cores
from bakeoff.comparison.limits import Isolation, TrialLimits
from bakeoff.errors import ClusterError, ConfigError
from bakeoff.execution.engines.base import Engine, without_rpc
from bakeoff.execution.engines.driver_slot import MOST_BYTES, assist_for
from bakeoff.execution.engines.hybrid import HybridEngine
from bakeoff.execution.engines.local import LocalEngine, pays
from bakeoff.execution.engines.local_server import is_server_ready
from bakeoff.execution.isolation.processes import can_fork
from bakeoff.execution.isolation.spawned import close_early
from bakeoff.spark.kind import is_connect
from bakeoff.spark.session import active_session

if TYPE_CHECKING:
    from bakeoff.pycaret3.frozen import FrozenExperiment

_LOG = logging.getLogger(__name__)


def usual_engine(seconds: float, limits: TrialLimits, n_slots: int | None = None) -> Any:
    """Return the engine for a user who named none.

    Args:
        seconds: expected seconds of all trials on one core.
        limits: limits of the trials.
        n_slots: how many tasks run at once, as the user asked for it.

    Returns:
        The active SparkSession; without one ``"local"`` where processes are worth being started, else ``"native"``.
    """
    spark = active_session()
    if spark is not None:
        return spark
    if limits.isolation is Isolation.NONE or not can_fork():
        return "native"
    if not limits.on(Isolation.SPAWNED).in_worker:  # a process has to be started in any case
        return "local"
    slots = min(usable_cores(), n_slots or usable_cores())
    return "local" if pays(seconds, slots, warm=is_server_ready()) else "native"


def open_engine(engine: Any, conf: Mapping[str, Any] | None = None, payload_dir: str | Path | None = None) -> Engine:
    """Open the engine that the user named or passed.

    Args:
        engine: ``"local"``, ``"native"``, ``"dask"``, ``"spark"``, a Dask client, or a SparkSession of either kind.
        conf: settings for Fugue's engine; those of its RPC server are left out. Spark Connect goes without Fugue.
        payload_dir: a folder that driver and workers share; used with Spark Connect only.

    Raises:
        ConfigError: The engine is not one of these, or its packages are not installed.
        ClusterError: There is no active SparkSession.
    """
    settings = without_rpc(conf)
    named = engine if isinstance(engine, str) else ""
    if named == "local" and can_fork():
        return LocalEngine()
    if named == "local":
        _LOG.warning("Processes cannot be forked on this system: models are fitted in this one, one after the other.")
    if named in ("local", "native", "pandas"):
        from bakeoff.execution.engines.native import NativeEngine

        return NativeEngine(settings)
    if named == "dask" or _is_dask_client(engine):
        try:
            from bakeoff.execution.engines.dask import DaskEngine
        except ImportError as error:
            raise ConfigError(f"Dask cannot be used, {error.name!r} is missing: pip install 'fugue[dask]'.") from error
        return DaskEngine(None if named else engine, settings)
    if named == "spark":
        engine = active_session()
        if engine is None:
            raise ClusterError("There is no active SparkSession: create one, or pass it as engine=.")
    if is_connect(engine):
        from bakeoff.execution.engines.spark_connect import ConnectEngine

        return ConnectEngine(engine, payload_dir)
    if type(engine).__name__ == "SparkSession":
        from bakeoff.execution.engines.spark import SparkEngine

        return SparkEngine(engine, settings)
    raise ConfigError(
        f"Bakeoff cannot run on {engine!r}: use None, 'local', 'native', 'dask', 'spark', a Dask client or a "
        "SparkSession as the engine."
    )


def with_driver(engine: Engine, wish: bool | None, frozen: FrozenExperiment, seconds: float) -> Engine:  # noqa: FBT001 - the user's option, or None
    """Combine an engine with the driver's machine if that is faster, or asked for.

    Args:
        engine: an opened engine.
        wish: the user's option; ``None`` to decide by what is faster.
        frozen: the experiment.
        seconds: expected seconds of all trials on one core.

    Returns:
        The combination, or the engine itself.
    """
    is_here = isinstance(engine, LocalEngine)  # all of its slots are on the driver's machine
    if engine.isolation is Isolation.FORKED and wish is not False and not is_here:
        cold = engine.starts_cold and frozen.n_bytes <= MOST_BYTES
        assist = assist_for(wish, cold=cold, cores=usable_cores(), own_slots=engine.own_slots, seconds=seconds)
        if assist is not None:
            return HybridEngine(engine, assist)
    close_early()  # the process would have nothing to do
    return engine


def _is_dask_client(engine: Any) -> bool:
    distributed = sys.modules.get("distributed")
    return distributed is not None and isinstance(engine, distributed.Client)

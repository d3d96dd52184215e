"""The choice of the engine: the one that the user named or passed, with the driver's machine where that is faster."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bakeoff._utils.platform import usable_cores
from bakeoff.comparison.limits import Isolation
from bakeoff.errors import ClusterError, ConfigError
from bakeoff.execution.engines.base import Engine, without_rpc
from bakeoff.execution.engines.driver_slot import MOST_BYTES, assist_for
from bakeoff.execution.engines.hybrid import HybridEngine
from bakeoff.execution.engines.native import NativeEngine
from bakeoff.execution.engines.spark import SparkEngine
from bakeoff.execution.engines.spark_connect import ConnectEngine
from bakeoff.execution.isolation.spawned import close_early
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.spark.kind import is_connect
from bakeoff.spark.session import active_session


def open_engine(engine: Any, conf: Mapping[str, Any] | None = None, payload_dir: str | Path | None = None) -> Engine:
    """Open the engine that the user named or passed.

    Args:
        engine: ``None`` (the active SparkSession, else native), ``"native"``, ``"dask"``, ``"spark"``, a Dask client,
            or a SparkSession, classic or Connect.
        conf: settings for Fugue's engine; those of its RPC server are left out. Spark Connect goes without Fugue.
        payload_dir: a folder that driver and workers share; used with Spark Connect only.

    Raises:
        ConfigError: The engine is not one of these, or its packages are not installed.
        ClusterError: There is no active SparkSession.
    """
    settings = without_rpc(conf)
    if engine is None or (isinstance(engine, str) and engine == "spark"):
        spark = active_session()
        if spark is None and engine == "spark":
            raise ClusterError("There is no active SparkSession: create one, or pass it as engine=.")
        engine = "native" if spark is None else spark
    if isinstance(engine, str) and engine in ("native", "pandas"):
        return NativeEngine(settings)
    if (isinstance(engine, str) and engine == "dask") or _is_dask_client(engine):
        try:
            from bakeoff.execution.engines.dask import DaskEngine
        except ImportError as error:
            raise ConfigError(f"Dask cannot be used, {error.name!r} is missing: pip install 'fugue[dask]'.") from error
        return DaskEngine(None if isinstance(engine, str) else engine, settings)
    if is_connect(engine):
        return ConnectEngine(engine, payload_dir)
    if type(engine).__name__ == "SparkSession":
        return SparkEngine(engine, settings)
    raise ConfigError(
        f"Bakeoff cannot run on {engine!r}: use None, 'native', 'dask', 'spark', a Dask client or a SparkSession "
        "as the engine."
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
    if engine.isolation is Isolation.FORKED and wish is not False:
        cold = engine.starts_cold and frozen.n_bytes <= MOST_BYTES
        assist = assist_for(wish, cold=cold, cores=usable_cores(), own_slots=engine.own_slots, seconds=seconds)
        if assist is not None:
            return HybridEngine(engine, assist)
    close_early()  # the process would have nothing to do
    return engine


def _is_dask_client(engine: Any) -> bool:
    distributed = sys.modules.get("distributed")
    return distributed is not None and isinstance(engine, distributed.Client)

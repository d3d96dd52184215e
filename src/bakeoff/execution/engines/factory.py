"""The choice of the engine that the user named or passed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bakeoff.errors import ClusterError, ConfigError
from bakeoff.execution.engines.base import Engine, without_rpc
from bakeoff.execution.engines.native import NativeEngine
from bakeoff.execution.engines.spark import SparkEngine
from bakeoff.execution.engines.spark_connect import ConnectEngine
from bakeoff.spark.kind import is_connect
from bakeoff.spark.session import active_session


def open_engine(engine: Any, conf: Mapping[str, Any] | None = None, payload_dir: str | Path | None = None) -> Engine:
    """Open the engine that the user named or passed.

    Args:
        engine: ``None`` (the active SparkSession, else native), ``"native"``, ``"dask"``, ``"spark"``, a Dask client,
            or a SparkSession, classic or Connect.
        conf: settings for Fugue's engine; those of its RPC server are left out.
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
        return ConnectEngine(engine, settings, payload_dir)
    if type(engine).__name__ == "SparkSession":
        return SparkEngine(engine, settings)
    raise ConfigError(
        f"Bakeoff cannot run on {engine!r}: use None, 'native', 'dask', 'spark', a Dask client or a SparkSession "
        "as the engine."
    )


def _is_dask_client(engine: Any) -> bool:
    distributed = sys.modules.get("distributed")
    return distributed is not None and isinstance(engine, distributed.Client)

"""The kinds of Spark sessions."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from bakeoff._utils.platform import on_serverless


def is_connect(spark: Any) -> bool:
    """Whether this is a Spark Connect session, judged by its class: ``is_remote()`` is about the whole process."""
    return any(kind.__module__.startswith("pyspark.sql.connect") for kind in type(spark).__mro__)


def is_serverless(spark: Any) -> bool:
    """Whether a Connect session is one of Databricks' serverless compute, seen from there or from another machine."""
    if on_serverless():
        return True
    with suppress(Exception):  # clients of other versions keep it elsewhere
        client = spark.client
        metadata = client.metadata() if hasattr(client, "metadata") else client._builder.metadata()  # noqa: SLF001
        return any(name == "x-databricks-session-id" for name, _ in metadata)
    return False

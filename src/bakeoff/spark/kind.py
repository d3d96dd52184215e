"""The kinds of Spark sessions."""

from __future__ import annotations

from typing import Any


def is_connect(spark: Any) -> bool:
    """Whether this is a Spark Connect session, judged by its class: ``is_remote()`` is about the whole process."""
    return any(kind.__module__.startswith("pyspark.sql.connect") for kind in type(spark).__mro__)

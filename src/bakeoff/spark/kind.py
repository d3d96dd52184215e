"""Kinds of Spark sessions, told apart."""

from __future__ import annotations

from typing import Any


def is_connect(spark: Any) -> bool:
    """Whether this is a Spark Connect session, read from the object: ``is_remote()`` speaks for the whole process."""
    return any(kind.__module__.startswith("pyspark.sql.connect") for kind in type(spark).__mro__)

"""A Spark Connect session whose server is a Java process below this one.

A process that has held one gives no classic session any more, so tests of it have a process of their own.
"""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bakeoff.spark import java, session
from bakeoff.spark.kind import is_connect

_OF_THE_SERVER = ("spark.master", "spark.app.name")
_OTHER_SERVERS = {"3.5.2": "3.5.4"}
"""Versions of Spark whose server not every mirror of Maven Central has, and the version that runs on them."""
_SWITCHES = ("SPARK_HOME", "SPARK_REMOTE")


def start_connect(folder: Path) -> Any:
    """Start a server with Delta and two slots, and connect to it.

    Args:
        folder: Where the server keeps its tables and what belongs to them.
    """
    from pyspark.sql import SparkSession

    home = java.find_java()
    settings = {
        **session.local_settings(folder, 2),
        "spark.jars.packages": ",".join(server_packages()),
        "spark.driver.extraJavaOptions": java.java_options(home, folder),
    }
    environment = {
        "JAVA_HOME": str(home),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_TESTING": "1",  # the server takes a free port of its own choice, and the client asks it which
    }
    builder = SparkSession.builder.remote("local[2]")
    for name, value in settings.items():
        if name not in _OF_THE_SERVER:
            builder = builder.config(name, value)
    with java.changed_environment(environment, without=_SWITCHES), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Spark Connect jars")
        made = builder.getOrCreate()
    assert is_connect(made)
    return made


def kill_server() -> None:
    """Kill the Java process that the server is in."""
    (server,) = [child for child in psutil.Process().children() if child.name() == "java"]
    server.kill()


def server_packages() -> list[str]:
    """Return the coordinates of Delta, and of the server where PySpark does not bring it along."""
    from delta import configure_spark_with_delta_pip
    from pyspark.sql import SparkSession

    delta = configure_spark_with_delta_pip(SparkSession.builder)._options["spark.jars.packages"]
    spark = version("pyspark")
    spark = _OTHER_SERVERS.get(spark, spark)
    return [delta] if spark.startswith("4.") else [delta, f"org.apache.spark:spark-connect_2.12:{spark}"]

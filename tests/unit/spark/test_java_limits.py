"""Limits that keep Java from starting are named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bakeoff.spark.java_limits import check_limits, limit_behind

pytest.importorskip("resource")


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ("RLIMIT_NOFILE, (64, 64)", "may have 64 files open, and a local Spark session needs 512"),
        ("RLIMIT_NOFILE, (256, 256)", "may have 256 files open"),
        ("RLIMIT_NOFILE, (64, 4096)", "may have 64 files open, and a local Spark session needs 128"),
        ("RLIMIT_AS, (3 * 2**30, 3 * 2**30)", "may use 3.0 GB of address space"),
    ],
)
def test_a_limit_is_named_before_java_starts(limit: str, says: str) -> None:
    script = (
        f"import resource; resource.setrlimit(resource.{limit})\n"
        "from pathlib import Path; from bakeoff.spark.session import local_session\n"
        "try: local_session(Path('/nowhere'))\nexcept Exception as error: print(type(error).__name__, error)"
    )
    asked = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert asked.stdout.startswith("ClusterError This process")
    assert says in asked.stdout


def test_usual_limits_are_enough() -> None:
    check_limits()


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("Error: Could not reserve enough space for 2097152KB object heap", "ulimit -v"),
        ("OpenJDK: There is insufficient memory for the Java Runtime Environment to continue.", "memory"),
        ("java.lang.OutOfMemoryError: unable to create native thread", "ulimit -u"),
        ("java.io.FileNotFoundException: x.jar (Too many open files)", "ulimit -n"),
        ("java.io.IOException: No space left on device", "room"),
        ("LoginException: java.lang.NullPointerException: invalid null input: name", "/etc/passwd"),
    ],
)
def test_a_java_that_did_not_start_names_its_limit(said: str, names: str) -> None:
    assert names in str(limit_behind(said))
    assert limit_behind("Exception in thread main") is None

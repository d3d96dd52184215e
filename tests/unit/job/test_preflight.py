from __future__ import annotations

import sys

import pytest

from bakeoff.job.preflight import PACKAGES, differences, unfit, versions_here


@pytest.mark.parametrize(
    ("python", "pandas", "spark"),
    [
        ("3.10", "2.1.4", "3.5.0"),
        ("3.11", "2.1.0", "3.5.7"),
        ("3.12", "2.1.4", "4.0.1"),
        ("3.12", "-", "4.0.0.dev"),
        ("3.12", "2.2.3", "4.1.0"),
        ("3.13", "2.3.3", "4.2.0"),
    ],
)
def test_what_fits(python: str, pandas: str, spark: str) -> None:
    assert unfit(python, pandas, spark) is None


@pytest.mark.parametrize(
    ("python", "pandas", "spark", "says"),
    [
        ("3.14", "2.3.3", "4.2.0", "Python 3.14 is newer"),
        ("3.12", "2.1.4", "4.1.0", "Spark 4.1.0 needs pandas 2.2 or newer"),
        ("3.12", "2.1.4", "4.2.0", "not 2.1.4"),
        ("3.12", "2.2.3", "4.10.0", "Spark 4.10.0"),
        ("3.12", "1.5.3", "3.5.2", "pandas 1.5.3 is older"),
    ],
)
def test_what_does_not_is_said_with_what_to_do(python: str, pandas: str, spark: str, says: str) -> None:
    sentence = unfit(python, pandas, spark)
    assert sentence is not None
    assert says in sentence
    assert "\n" not in sentence
    assert ": " in sentence


def test_only_what_differs_is_shown() -> None:
    table = differences({"python": "3.12", "numpy": "1.26.4"}, {"python": "3.12"})
    assert table.splitlines() == ["        driver  worker", "numpy   1.26.4  -"]


def test_the_versions_are_those_of_this_process() -> None:
    import pandas as pd

    found = versions_here()
    assert set(found) == {"python", *PACKAGES}
    assert found["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert found["pandas"] == pd.__version__

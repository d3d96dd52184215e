"""Times in the query for drift, in sessions of another zone than UTC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor

from bakeoff.scoring.inputs import with_plain_types
from bakeoff.scoring.profile import profile_of

QUERY = (Path(__file__).parents[2] / "src" / "sql" / "scored_drift.sql").read_text()
DAYS = 10
"""So few that each has a bin of its own: an hour more or less moves all rows into other bins."""


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Kolkata"])
def elsewhere(spark: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A session in a zone, in which a model has learned from a table with times and has scored the same rows."""
    own = spark.newSession()
    own.conf.set("spark.sql.session.timeZone", request.param)
    own.conf.set("spark.sql.ansi.enabled", "true")  # as on Databricks
    times = "TIMESTAMP'2024-03-05 00:00:00' + make_dt_interval(id)"  # the clocks are put forward on the way
    yield (
        own.range(5 * DAYS)
        .selectExpr(f"id % {DAYS} AS id")
        .selectExpr(
            f"{times} AS at", f"CAST({times} AS TIMESTAMP_NTZ) AS no_zone", f"CAST({times} AS DATE) AS day", "id"
        )
    )
    for name in ("profiles", "scored"):
        own.catalog.dropTempView(name)


def drift_of(learned: Any, scored: Any) -> dict[str, tuple[float, str]]:
    """What the query says of each column."""
    own = learned.sparkSession
    rows = with_plain_types(learned.toPandas(), [])
    pipeline = DummyRegressor().fit(rows, range(len(rows)))
    profile = pd.DataFrame([{"run_id": "r", **row} for row in profile_of(rows, pipeline, classifies=False)])
    numbers = dict.fromkeys(("lower", "upper", "share"), "DOUBLE") | {"bin": "INT", "n_rows": "LONG"}
    schema = ", ".join(f"{name} {numbers.get(name, 'STRING')}" for name in profile)
    plain = profile.astype(object).where(profile.notna(), None)
    own.createDataFrame(plain, schema).createOrReplaceTempView("profiles")
    marks = ["'r' AS run_id", "'best/1' AS scored_by", "current_timestamp() AS scored_at"]
    scored.selectExpr("*", *marks).createOrReplaceTempView("scored")
    found = own.sql(QUERY.rstrip().rstrip(";"), args={"scored": "scored", "days": 7}).collect()
    return {row.column_name: (row.psi, row.verdict) for row in found}


def test_the_same_rows_have_not_moved_in_any_zone(elsewhere: Any) -> None:
    told = drift_of(elsewhere, elsewhere)
    assert {name: told[name] for name in elsewhere.columns} == dict.fromkeys(elsewhere.columns, (0.0, "steady"))


def test_rows_that_are_an_hour_later_have_moved_in_every_zone(elsewhere: Any) -> None:
    later = {name: f"{name} + INTERVAL 1 HOUR AS {name}" for name in ("at", "no_zone")}
    told = drift_of(elsewhere, elsewhere.selectExpr(*(later.get(name, name) for name in elsewhere.columns)))
    assert {name: told[name][1] for name in elsewhere.columns} == {
        "at": "shifted",
        "no_zone": "shifted",
        "day": "steady",
        "id": "steady",
    }

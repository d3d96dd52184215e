"""Scoring on the workers of a session, into Delta tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff import score
from bakeoff.errors import RunConflictError, SourceError, TablesError
from support.champions import NAME, RUN_ID, Champion, log_champion

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
MODEL = f"{NAME}@champion"


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Champion:
    return log_champion(tmp_path_factory.mktemp("champion"))


@pytest.fixture(scope="module")
def table(champion: Champion, spark: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The champion's rows as a Delta table, with columns that no model takes and pandas would not give back."""
    place = str(tmp_path_factory.mktemp("source") / "rows")
    frame = spark.createDataFrame(champion.rows)
    more = ["9007199254740993 + size AS big", "IF(size > 25, 1, NULL) AS gaps", "array(size, 1) AS list"]
    frame.selectExpr("*", *more, "CAST(CAST(size AS STRING) AS BINARY) AS raw").write.format("delta").save(place)
    return place


def quiet(text: str) -> None:
    """Say nothing."""


def read(spark: Any, place: Path) -> Any:
    return spark.read.format("delta").load(str(place))


def test_rows_keep_their_columns_and_get_the_models_own_predictions_once(
    champion: Champion, spark: Any, table: str, tmp_path: Path
) -> None:
    to = tmp_path / "scored"
    asked = {"model": MODEL, "source": table, "to": str(to), "home": champion.home, "spark": spark, "say": quiet}
    result = score(**asked, batch_id="monday")
    assert (result.n_rows, result.repeated) == (150, False)
    again = score(**asked, batch_id="monday")
    assert (again.n_rows, again.repeated) == (150, True)
    scored = read(spark, to)
    source = read(spark, Path(table))
    assert scored.count() == 150
    assert scored.select(*source.columns).exceptAll(source).count() == 0
    assert scored.select(*source.columns).dtypes == source.dtypes
    assert {row.run_id for row in scored.select("run_id").distinct().collect()} == {RUN_ID}
    found = scored.orderBy("big", "score").toPandas()
    rows = found[list(champion.rows.columns)].drop(columns="answer")
    rows = rows.assign(colour=rows["colour"].where(rows["colour"].notna(), np.nan))
    assert list(found["prediction"]) == list(champion.pipeline.predict(rows))
    probabilities = pd.DataFrame(list(found["probabilities"]))[["no", "yes"]].to_numpy()
    np.testing.assert_allclose(probabilities, champion.pipeline.predict_proba(rows))
    with pytest.raises(RunConflictError, match="choose another --batch-id"):
        score(**{**asked, "model": RUN_ID}, batch_id="monday")
    # Rows that somebody has deleted can be scored again.
    spark.sql(f"DELETE FROM delta.`{to}` WHERE batch_id = 'monday'")
    assert (score(**asked, batch_id="monday").repeated, read(spark, to).count()) == (False, 150)


def test_what_does_not_fit_is_one_sentence_and_writes_nothing(
    champion: Champion, spark: Any, table: str, tmp_path: Path
) -> None:
    asked = {"model": MODEL, "home": champion.home, "spark": spark, "say": quiet}
    rows = read(spark, Path(table))
    less, other, foreign, to = (str(tmp_path / name) for name in ("less", "other", "foreign", "to"))
    rows.drop("size").write.format("delta").save(less)
    with pytest.raises(SourceError, match="lacks 'size' that the model takes"):
        score(source=less, to=to, **asked)
    rows.selectExpr(
        "CAST(score AS STRING) AS score", "size", "colour", "comment", "CAST(day AS STRING) AS day"
    ).write.format("delta").save(other)
    with pytest.raises(SourceError, match="'score' holds text instead of numbers; 'day' holds text instead of points"):
        score(source=other, to=to, **asked)
    assert not Path(to).exists()
    rows.select("size").write.format("delta").save(foreign)
    with pytest.raises(TablesError, match="was not made by scoring"):
        score(source=table, to=foreign, **asked)
    score(source=table, to=to, **asked)
    rows.selectExpr("*", "1 AS later").write.format("delta").save(str(tmp_path / "wider"))
    with pytest.raises(TablesError, match=r"has other columns than the scored rows \(it lacks 'later'\)"):
        score(source=str(tmp_path / "wider"), to=to, **asked)
    assert read(spark, Path(to)).count() == 150


def test_a_file_is_scored_into_a_table_that_was_made_empty(champion: Champion, spark: Any, tmp_path: Path) -> None:
    from bakeoff.storage.schema import SCORED

    champion.rows.to_parquet(tmp_path / "new.parquet")
    to = tmp_path / "scored"
    spark.sql(f"CREATE TABLE delta.`{to}` ({SCORED.ddl}) USING DELTA")
    asked = {"model": MODEL, "source": str(tmp_path / "new.parquet"), "home": champion.home, "spark": spark}
    assert score(**asked, to=str(to), batch_id="b", say=quiet).n_rows == 150
    assert {"prediction", "probabilities", "size"} <= set(read(spark, to).columns)
    written = score(**asked, to=str(tmp_path / "out.csv"), batch_id="b", say=quiet)  # a file needs no session
    assert written.n_rows == len(pd.read_csv(tmp_path / "out.csv")) == 150


def test_a_plain_name_in_a_local_session_is_a_folder_that_bakeoff_sql_knows(
    champion: Champion, spark: Any, table: str, tmp_path: Path
) -> None:
    from bakeoff.spark.session import OpenSession
    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.spark_tables import SparkTables

    own = OpenSession(spark.newSession(), owned=True)
    result = score(model=MODEL, source=table, to="scored", home=champion.home, spark=own, say=quiet)
    assert result.destination.plain == "scored"
    tables = SparkTables(own.spark, ResultsLocation.at(champion.home))
    tables.create()
    tables.register_views()
    assert own.spark.sql("SELECT * FROM scored").count() == 150


@pytest.mark.slow
def test_the_driver_does_not_hold_the_rows(champion: Champion, spark: Any, tmp_path: Path) -> None:
    import psutil

    rows = spark.createDataFrame(champion.rows).crossJoin(spark.range(0, 1000, 1, 2)).drop("id")
    rows.write.format("delta").save(str(tmp_path / "rows"))  # 150,000 rows of about 100 bytes
    asked = {"model": MODEL, "home": champion.home, "spark": spark, "say": quiet}
    score(source=str(tmp_path / "rows"), to=str(tmp_path / "warm"), **asked)
    before = psutil.Process().memory_info().rss
    result = score(source=str(tmp_path / "rows"), to=str(tmp_path / "scored"), **asked)
    assert result.n_rows == 150_000
    assert psutil.Process().memory_info().rss - before < 10_000_000

"""Scoring files with a registered model: no Spark, a real registry, and the model's own predictions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff import score
from bakeoff.cli.app import main
from bakeoff.errors import ConfigError, RunConflictError, RunNotFoundError, SourceError, TablesError, TrackingError
from support.champions import NAME, RUN_ID, Champion, log_champion

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
MODEL = f"{NAME}@champion"


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Champion:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return log_champion(tmp_path_factory.mktemp("champion"))


@pytest.fixture
def source(champion: Champion, tmp_path: Path) -> str:
    file = tmp_path / "new.parquet"
    champion.rows.to_parquet(file)
    return str(file)


def quiet(text: str) -> None:
    """Say nothing."""


def test_a_file_gets_the_predictions_of_the_model_itself(champion: Champion, source: str, tmp_path: Path) -> None:
    result = score(model=MODEL, source=source, to=str(tmp_path / "out.parquet"), home=champion.home, say=quiet)
    rows = champion.rows.drop(columns="answer")
    rows = rows.assign(colour=rows["colour"].where(rows["colour"].notna(), np.nan))  # as PyCaret had it
    scored = pd.read_parquet(tmp_path / "out.parquet")
    assert (result.n_rows, result.repeated, result.model_version, result.run_id) == (150, False, "1", RUN_ID)
    assert list(scored["prediction"]) == list(champion.pipeline.predict(rows))
    probabilities = pd.DataFrame([dict(each) for each in scored["probabilities"]])
    assert list(probabilities.columns) == ["no", "yes"]
    np.testing.assert_allclose(probabilities.to_numpy(), champion.pipeline.predict_proba(rows))
    assert (probabilities.idxmax(axis=1) == scored["prediction"]).all()
    assert set(scored["scored_by"]) == {f"{NAME}/1"}
    assert list(scored.columns[: len(champion.rows.columns)]) == list(champion.rows.columns)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_batch_is_there_once_however_often_it_is_scored(
    champion: Champion, source: str, tmp_path: Path, ending: str
) -> None:
    to = tmp_path / f"out.{ending}"
    asked = {"model": MODEL, "source": source, "to": str(to), "home": champion.home, "say": quiet}
    assert not score(**asked, batch_id="monday").repeated
    before = to.read_bytes()
    again = score(**asked, batch_id="monday")
    assert (again.repeated, again.n_rows) == (True, 150)
    assert to.read_bytes() == before
    assert not score(**asked, batch_id="007").repeated
    scored = pd.read_csv(to, dtype={"batch_id": str}) if ending == "csv" else pd.read_parquet(to)
    assert scored["batch_id"].value_counts().to_dict() == {"monday": 150, "007": 150}
    assert score(**asked, batch_id="007").repeated
    if ending == "csv":
        assert to.read_bytes().startswith(before)


def test_a_batch_of_another_model_is_no_repeat(champion: Champion, source: str, tmp_path: Path) -> None:
    asked = {"source": source, "to": str(tmp_path / "out.csv"), "home": champion.home, "say": quiet, "batch_id": "b"}
    score(model=MODEL, **asked)
    with pytest.raises(RunConflictError, match=f"scored by {NAME}/1 and not by {RUN_ID}: choose another --batch-id"):
        score(model=RUN_ID, **asked)


@pytest.mark.parametrize(
    ("model", "error", "said"),
    [
        ("answer@champion", ConfigError, f"There is no registered model 'answer': choose from {NAME}"),
        (f"{NAME}@chumpion", ConfigError, "no alias 'chumpion': choose from challenger, champion"),
        (f"{NAME}/7", ConfigError, "no version '7': choose from 1"),
        ("nope", RunNotFoundError, f"There is no run 'nope' .*choose from {RUN_ID}"),
    ],
)
def test_a_model_that_is_not_there_is_told_with_what_there_is(  # noqa: PLR0917 - a case has many parts
    champion: Champion, source: str, tmp_path: Path, model: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        score(model=model, source=source, to=str(tmp_path / "out.csv"), home=champion.home, say=quiet)


def test_a_home_without_mlflow_is_told_and_not_made(source: str, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="There is no MLflow database"):
        score(model=MODEL, source=source, to=str(tmp_path / "out.csv"), home=tmp_path / "none", say=quiet)
    assert not (tmp_path / "none").exists()


def test_a_missing_and_a_retyped_column_are_named(champion: Champion, tmp_path: Path) -> None:
    asked = {"model": MODEL, "to": str(tmp_path / "out.csv"), "home": champion.home, "say": quiet}
    champion.rows.drop(columns="size").to_csv(tmp_path / "less.csv", index=False)
    with pytest.raises(SourceError, match=r"less.csv lacks 'size' that the model takes"):
        score(source=str(tmp_path / "less.csv"), **asked)
    champion.rows.assign(size="large", score="good").to_parquet(tmp_path / "other.parquet")
    with pytest.raises(SourceError, match="'score' holds text instead of numbers; 'size' holds text instead of numb"):
        score(source=str(tmp_path / "other.parquet"), **asked)
    assert not (tmp_path / "out.csv").exists()


def test_a_file_of_other_columns_is_left_alone(champion: Champion, source: str, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(TablesError, match=r"out.csv has other columns than the scored rows \(it lacks 'score', "):
        score(model=MODEL, source=source, to=str(file), home=champion.home, say=quiet)
    assert file.read_text() == "a,b\n1,2\n"


def test_a_table_without_rows_gives_a_file_without_rows(champion: Champion, tmp_path: Path) -> None:
    champion.rows.head(0).to_parquet(tmp_path / "none.parquet")
    to = str(tmp_path / "out.parquet")
    result = score(model=MODEL, source=str(tmp_path / "none.parquet"), to=to, home=champion.home, say=quiet)
    assert result.n_rows == len(pd.read_parquet(to)) == 0


def test_the_command_says_what_it_did_and_what_can_be_typed_next(
    champion: Champion, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["score", "--model", MODEL, "--source", source, "--to", str(tmp_path / "out.csv"), "--batch-id", "b"]
    main([*asked, "--home", str(champion.home)])
    said = capsys.readouterr().out
    assert "Scored 150 rows into" in said
    assert "batch b." in said
    assert f"Next:\n  head -3 {tmp_path / 'out.csv'}" in said
    main([*asked, "--home", str(champion.home), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["rows"], told["model_name"], told["batch_id"]) == ("repeated", 150, NAME, "b")
    with pytest.raises(SystemExit) as ended:
        main([*asked[:-2], "--home", str(champion.home), "--batch-id", "a b"])
    assert ended.value.code == 2
    assert "--batch-id 'a b' cannot name" in capsys.readouterr().err


def test_a_csv_file_has_the_types_that_the_model_takes(champion: Champion, tmp_path: Path) -> None:
    champion.rows.assign(comment="007").to_csv(tmp_path / "new.csv", index=False)
    to = str(tmp_path / "out.csv")
    assert score(model=MODEL, source=str(tmp_path / "new.csv"), to=to, home=champion.home, say=quiet).n_rows == 150
    assert set(pd.read_csv(to, dtype=str)["comment"]) == {"007"}
    champion.rows.assign(day="some day").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(SourceError, match="'day' holds text instead of points in time"):
        score(model=MODEL, source=str(tmp_path / "new.csv"), to=to, home=champion.home, say=quiet)


def test_a_text_file_is_scored_as_it_is_written(champion: Champion, tmp_path: Path) -> None:
    rows = champion.rows.head(20)
    german, exotic, plain = tmp_path / "german.csv", tmp_path / "exotic.txt", tmp_path / "plain.csv"
    rows.to_csv(plain, index=False)
    rows.to_csv(german, index=False, sep=";", decimal=",", encoding="utf-16")
    exotic.write_text("exported on Monday\n" + rows.to_csv(index=False, sep="~", decimal=","))
    asked = {"model": MODEL, "home": champion.home, "say": quiet}
    expected = predictions(tmp_path / "plain.out.csv", source=str(plain), **asked)
    assert predictions(tmp_path / "german.out.csv", source=str(german), **asked) == expected
    written = {"sep": "~", "decimal": "comma", "header": "2"}
    assert predictions(tmp_path / "exotic.out.csv", source=str(exotic), **asked, **written) == expected


def predictions(to: Path, **asked: Any) -> list[str]:
    assert score(to=str(to), **asked).n_rows == 20
    return pd.read_csv(to)["prediction"].tolist()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--sep", "a"], "--sep must be what stands between two columns"),
        (["--sep", ",", "--decimal", ","], "--sep and --decimal are both ','"),
        (["--encoding", "utf-99"], "--encoding utf-99 is no encoding"),
        (["--header", "2"], "--header is for text files such as csv, and .*new.parquet is of the format parquet"),
    ],
)
def test_how_a_text_file_is_written_is_checked(
    champion: Champion, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    source, to = tmp_path / "new.parquet", tmp_path / "out.csv"
    champion.rows.to_parquet(source)
    asked = ["--model", MODEL, "--source", str(source), "--to", str(to), "--home", str(champion.home)]
    with pytest.raises(SystemExit) as ended:
        main(["score", *asked, *options])
    assert ended.value.code == 2
    assert re.search(says, capsys.readouterr().err.replace("\n", " "))
    assert not to.exists()

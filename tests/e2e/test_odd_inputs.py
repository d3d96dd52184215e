"""A job on a wide table with odd names, around which secrets lie: nothing breaks, and no secret is written down."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from bakeoff import RunConfig
from bakeoff.errors import UserError
from bakeoff.job import main as job
from bakeoff.job.context import RunContext
from bakeoff.job.ground import Ground, choose_engine
from bakeoff.job.outputs import open_outputs
from bakeoff.job.resume import resume
from bakeoff.job.signals import interruptible
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.tracking.addresses import local_tracking_uri
from support.fake_models import Told

IN_THE_SOURCE, IN_THE_ENVIRONMENT = "source5ecret42", "environment5ecret42"
SECRETS = (IN_THE_SOURCE, IN_THE_ENVIRONMENT)
TARGET = 'the "target" 🎯'
LONG = 150

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # fonts have no glyphs for all of that


class TellsSecrets(Told):
    """Fails, and says what it should not; it is told that backwards, since payloads are not what is looked at."""

    def before(self, X: Any) -> None:
        said = ", ".join(text[::-1] for text in self.told)
        raise ValueError(f"cannot log in with {said}")


def odd_table() -> pd.DataFrame:
    random = np.random.default_rng(1)
    rows = pd.DataFrame(random.normal(size=(80, 200)))
    rows.columns = [f'it\'s `{n}`\n"🎉"; DROP, ' + "é" * (80 if n < LONG else 0) for n in range(200)]
    return rows.assign(**{TARGET: np.where(rows.iloc[:, 199] > 0, "yes", "no")})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd") / "home"


@pytest.fixture(scope="module")
def asked(home: Path) -> RunConfig:
    folder = home.parent / f"password={IN_THE_SOURCE}"
    folder.mkdir()
    rows = odd_table()
    rows.to_csv(folder / "odd.csv", index=False)
    left_out = list(rows.columns[:LONG])
    assert len(str(left_out)) > 10_000
    setup = {"ignore_features": left_out}
    return RunConfig(str(folder / "odd.csv"), TARGET, run_id="odd", fold=2, home=home, setup=setup)


@pytest.fixture(scope="module")
def said(asked: RunConfig, spark: Any) -> Any:
    """Run it; returns everything that was said and logged."""
    heard: list[str] = []
    patch = pytest.MonkeyPatch()
    patch.setenv("THEIR_API_TOKEN", IN_THE_ENVIRONMENT)
    try:
        prepared = job.ask(asked, spark, heard.append)
        prepared.params["include"] = ["nb", TellsSecrets([secret[::-1] for secret in SECRETS]), "dummy"]
        with interruptible() as interruption:
            ground = Ground(choose_engine(asked, spark), spark)
            outputs = open_outputs(asked, ground, prepared.source, heard.append)
            with job.closing_hold(outputs):
                result = job.compare(RunContext(asked, ground, prepared, outputs), [], interruption)
    finally:
        patch.undo()
    return [*heard, *result.problems], result


def test_the_run_is_complete(said: Any, spark: Any) -> None:
    result = said[1]
    board = SparkTables(spark, result.tables).frame("leaderboard").where("run_id = 'odd'").orderBy("rank").collect()
    assert [(row.rank, row.status) for row in board] == [(1, "ok"), (2, "ok"), (3, "failed")]
    (row,) = SparkTables(spark, result.tables).frame("runs").where("run_id = 'odd'").collect()
    assert (row.status, row.target, row.n_columns, row.n_rows) == ("finished", TARGET, 201, 80)
    assert result.problems == ()
    assert result.model_uri is not None


def test_no_secret_is_written_down(said: Any, spark: Any, home: Path) -> None:
    lines, result = said
    errors = {row.error_message for row in SparkTables(spark, result.tables).frame("trials").collect()}
    assert errors == {None, "cannot log in with ***, ***"}
    places = {"what was said": "\n".join(lines), "facts": repr(result.facts), "result": repr(result.problems)}
    for table in ("runs", "trials", "leaderboard"):
        places[table] = SparkTables(spark, result.tables).frame(table).toPandas().to_json()
    with sqlite3.connect(home / "mlflow.db") as database:
        places["MLflow"] = "\n".join(database.iterdump())
    database.close()
    for file in home.rglob("*"):
        # Of the best model MLflow keeps the fitted pipeline, which knows nothing of where rows came from.
        if file.is_file() and "spark" not in file.relative_to(home).parts[0]:
            places[str(file)] = file.read_bytes().decode("utf-8", "replace")
    assert "password=***" in places["runs"]
    assert "password=***" in places["MLflow"]
    assert any(name.endswith("report.html") for name in places)
    assert any(name.endswith(".jsonl") for name in places)
    found = {name: secret for name, text in places.items() for secret in SECRETS if secret in text}
    assert found == {}


def test_mlflow_has_the_long_parameter_cut_and_the_rest(said: Any, home: Path) -> None:
    client = MlflowClient(tracking_uri=local_tracking_uri(home))
    run = client.get_run(said[1].mlflow_run_id)
    assert run.info.status == "FINISHED"
    assert 1_000 < len(run.data.params["setup"]) <= 6_000
    assert run.data.params["target"] == TARGET


def test_what_was_asked_with_a_secret_cannot_be_resumed_and_is_asked_again(
    said: Any, asked: RunConfig, spark: Any, home: Path
) -> None:
    name = said[1].tables.name("runs")
    status = "UPDATE {} SET status = '{}' WHERE run_id = 'odd'"
    spark.sql(status.format(name, "killed"))
    with pytest.raises(UserError, match="asked with something secret, which is not stored: give everything again"):
        resume("odd", spark, home=home)
    ground = Ground(choose_engine(asked, spark), spark)
    outputs = open_outputs(asked, ground, job.ask(asked, spark, print).source, print)  # it is the same question
    outputs.hold.release()
    assert len(outputs.done) == 6
    assert outputs.tracking.close("FINISHED") == []  # as it was, for the other tests
    spark.sql(status.format(name, "finished"))

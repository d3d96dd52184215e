"""Runs with a blend: beside the ranking, in it, cut off by SIGKILL, and as a model that stands alone."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bakeoff import RunConfig, run
from bakeoff.comparison.blend import BLEND
from bakeoff.errors import ConfigError
from bakeoff.job.resume import resume
from bakeoff.runs.loading import read_facts
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.journal import read_folder
from bakeoff.storage.schema import PREDICTIONS
from bakeoff.tracking.addresses import local_tracking_uri
from support.datasets import cancer_file, drifting_sales
from support.other_processes import said_without_bakeoff
from support.waiting import until

MODELS = ("rf", "lda", "knn", "dummy")
N_FOLDS = 4
PATIENCE = 600.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]

PREDICTS = """
import sys
import mlflow
import pandas as pd

mlflow.set_tracking_uri(sys.argv[1])
rows = pd.read_csv(sys.argv[3]).drop(columns="target")
model = mlflow.sklearn.load_model(sys.argv[2])
print(type(model.steps[-1][1]).__module__.partition(".")[0], type(model.steps[-1][1]).__name__)
print(",".join(mlflow.pyfunc.load_model(sys.argv[2]).predict(rows)))
"""


FORECASTS = """
import sys
import mlflow

mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.sklearn.load_model(sys.argv[2])
print(",".join(map(str, model.predict(fh=[1, 2, 3]))))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blend")
    cancer_file(folder)
    return folder


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def config(folder: Path, run_id: str, **more: Any) -> RunConfig:
    asked = {"include": MODELS, "fold": N_FOLDS, "sort": "AUC", "engine": "native", "holdout": 0.25}
    return RunConfig(str(folder / "cancer.csv"), "target", **asked, run_id=run_id, home=folder / "home", **more)


@pytest.fixture(scope="module")
def offered(folder: Path) -> Offered:
    result = run(config(folder, "whole"), say=lambda _: None)
    tables = tables_of(result)
    page = result.report.read_text(encoding="utf-8")
    return Offered(
        result, tables.run("whole"), tables.leaderboard("whole"), read_facts(tables, folder / "home", "whole"), page
    )


@pytest.fixture(scope="module")
def blended(offered: Offered, folder: Path) -> Any:
    """The same run, which goes on with a blend that may win."""
    return run(config(folder, "whole", blend="on"), say=lambda _: None)


@dataclass(frozen=True)
class Offered:
    """A run whose blend is only offered, as it was stored before it went on with one that may win."""

    result: Any
    row: Any
    ranking: list[dict[str, Any]]
    facts: Any
    page: str


def tables_of(result: Any) -> FolderTables:
    return FolderTables(result.tables, lambda _: None)


def shown(row: Any) -> dict[str, Any]:
    """A row of the ranking without what it took."""
    means = {key: value for key, value in row.means.items() if key != "tt_sec"}
    return {"id": row.model_id, "value": row.primary_value, "means": means, "members": dict(row.members)}


def test_a_blend_that_is_offered_changes_nothing_but_stands_below(offered: Offered, folder: Path) -> None:
    plain = run(config(folder, "plain", blend="off", keep_predictions="no"), say=lambda _: None)
    ranked = offered.result.leaderboard.rows
    assert [shown(row) for row in ranked] == [shown(row) for row in plain.leaderboard.rows]
    assert plain.facts.offered is None
    row = offered.result.facts.offered
    assert (row.model_id, row.rank) == (BLEND, len(MODELS) + 1)
    assert sum(row.members.values()) == pytest.approx(1.0)
    assert offered.row.n_models == len(MODELS)
    again = offered.facts.offered
    assert again is not None
    assert (again.members, again.primary_value) == (row.members, row.primary_value)
    assert again.tied_with_best == row.tied_with_best
    assert [each["model_id"] for each in offered.ranking] == [each.model_id for each in ranked]
    assert offered.row.best_model_id == plain.leaderboard.best.model_id
    assert "A blend (" in offered.page
    assert "Hold-out" in offered.page


def test_winner_tied_and_blend_have_their_value_on_the_hold_out_rows(blended: Any) -> None:
    for row in blended.leaderboard.rows:
        if row.model_id == BLEND or row.tied_with_best:
            assert 0.5 < row.holdout_value <= 1.0, row.model_id
    held = {row.model_id: row.holdout_value for row in blended.leaderboard.rows}
    assert held["dummy"] is None


def test_a_blend_that_may_win_is_ranked_and_read_back_as_it_was(blended: Any, folder: Path) -> None:
    rows = tables_of(blended).leaderboard("whole")
    assert [row["model_id"] for row in rows] == [row.model_id for row in blended.leaderboard.rows]
    assert len(rows) == len(MODELS) + 1
    facts = read_facts(tables_of(blended), folder / "home", "whole")
    assert facts.offered is None
    assert [row.tied_with_best for row in facts.board.rows] == [row.tied_with_best for row in blended.leaderboard.rows]
    before, after = (sorted(each.model_id for each in board.outcomes) for board in (blended.leaderboard, facts.board))
    assert before == after


def test_the_winning_blend_is_one_model_that_stands_alone(blended: Any, folder: Path) -> None:
    assert blended.leaderboard.best.model_id == BLEND
    uri = local_tracking_uri(folder / "home")
    kind, answers = said_without_bakeoff(PREDICTS, uri, blended.model_uri, str(folder / "cancer.csv"))[-2:]
    assert kind == "sklearn VotingClassifier"
    truth = pd.read_csv(folder / "cancer.csv")["target"]
    assert (truth == answers.split(",")).mean() > 0.9


def test_a_blend_of_forecasts_wins_and_stands_alone(folder: Path) -> None:
    drifting_sales().to_frame().to_csv(folder / "sales.csv")
    asked = {
        "task": "time_series",
        "time_col": "month",
        "fh": 6,
        "fold": 4,
        "include": ("snaive", "theta", "lr_cds_dt"),
    }
    names = {"source": str(folder / "sales.csv"), "target": "sales", "home": folder / "sales", "engine": "native"}
    result = run(
        RunConfig(**names, **asked, run_id="sales", blend="on"),
        say=lambda _: None,
    )
    best = result.leaderboard.best
    assert best.model_id == BLEND
    assert sum(best.members.values()) == pytest.approx(1.0)
    uri = local_tracking_uri(folder / "sales")
    ahead = said_without_bakeoff(FORECASTS, uri, result.model_uri)[-1].split(",")
    assert len(ahead) == 3
    assert all(40 < float(value) < 160 for value in ahead)


def test_what_models_predict_is_in_a_table_once_however_often_the_run_goes_on(folder: Path) -> None:
    asked = {"run_id": "told", "keep_predictions": "table", "blend": "off", "holdout": None}
    for _ in range(2):
        result = run(replace(config(folder, "told"), **asked), say=lambda _: None)
        assert not result.problems
        found = tables_of(result).read("predictions")
        assert sorted(found.columns) == sorted(column.name for column in PREDICTIONS.columns)
        assert not found.duplicated(["model_id", "row_number"]).any()
        assert set(found["model_id"]) == set(MODELS)
        right = (found["truth"] == found["prediction"]).groupby([found["model_id"], found["fold"]]).mean()
        for outcome in result.leaderboard.outcomes:
            assert right[outcome.model_id, outcome.fold] == pytest.approx(outcome.metrics["accuracy"])
        rows = pd.read_csv(folder / "cancer.csv")["target"].iloc[found["row_number"]]
        assert found["truth"].tolist() == rows.astype(str).tolist()


def test_the_command_that_stands_below_a_ranking_lets_the_blend_win(folder: Path) -> None:
    question = ["--source", "cancer.csv", "--target", "target", "--include", ",".join(MODELS), "--sort", "AUC"]
    options = [
        "--fold",
        str(N_FOLDS),
        "--engine",
        "native",
        "--holdout",
        "0.25",
        "--run-id",
        "typed",
        "--home",
        "typed",
    ]

    def bakeoff(*arguments: str) -> str:
        command = [sys.executable, "-m", "bakeoff", *arguments]
        said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=folder)
        assert said.returncode == 0, said.stderr
        return said.stdout

    shown = re.search(r"`.* -m bakeoff (resume [^`]*)`", bakeoff("run", *question, *options))
    assert shown is not None
    assert "Blend of" in bakeoff(*shlex.split(shown[1]))
    with pytest.raises(ConfigError, match="nothing left to do"):
        resume("typed", say=lambda _: None, home=folder / "typed", blend="on")


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_run_that_was_killed_has_the_blend_of_one_that_was_not(share: float, blended: Any, folder: Path) -> None:
    run_id = f"killed-{share}"
    question = ["--source", str(folder / "cancer.csv"), "--target", "target", "--include", ",".join(MODELS)]
    options = ["--fold", str(N_FOLDS), "--sort", "AUC", "--engine", "native", "--holdout", "0.25", "--blend", "on"]
    command = [sys.executable, "-m", "bakeoff", "run", *question, *options, "--run-id", run_id, "--home", "home"]
    journal = folder / "home" / "runs" / run_id / "journal"
    n_trials = share * len(MODELS) * N_FOLDS
    with (folder / f"{run_id}.txt").open("w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=folder)
        until(lambda: len(read_folder(journal)) >= n_trials or process.poll() is not None, PATIENCE)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=PATIENCE) == -signal.SIGKILL
    result = resume(run_id, say=lambda _: None, home=folder / "home")
    assert [shown(row) for row in result.leaderboard.rows] == [shown(row) for row in blended.leaderboard.rows]
    looks = [json.loads((folder / "home" / "runs" / each / "report.json").read_text()) for each in (run_id, "whole")]
    first, second = ([(each["fold"], each["metrics"]) for each in look["blend"]] for look in looks)
    assert first == second
    assert len(first) == N_FOLDS

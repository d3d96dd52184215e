"""Runs whose hold-out was named: nothing learns from it, and what is said of it is what the kept model does on it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff import RunConfig, results, run
from bakeoff.cli.formatting import outcome_lines
from bakeoff.report import reproduce
from bakeoff.report.json_export import as_object
from bakeoff.tracking.client import make_client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table in which x decides y until the end of 2023, and says the opposite from then on."""
    folder = tmp_path_factory.mktemp("holdouts")
    random = np.random.default_rng(0)
    days = pd.Series(pd.date_range("2023-01-01", periods=500)).sample(frac=1, random_state=3).reset_index(drop=True)
    x = random.normal(size=500)
    turned = np.where(days < "2024-01-01", x, -x)
    y = np.where(turned + random.normal(size=500) * 0.2 > 0, "up", "down")
    part = np.where(days < "2024-01-01", random.choice(["train", "validate"], 500), "test")
    frame = pd.DataFrame({"day": days.dt.strftime("%d.%m.%Y"), "x": x.round(4), "z": random.normal(size=500), "y": y})
    frame.assign(part=part).to_csv(folder / "rows.csv", index=False)
    return folder


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def ran(folder: Path, run_id: str, **more: Any) -> Any:
    asked = {"include": ("lr", "dummy"), "fold": 3, "engine": "native", "home": folder / "home"}
    return run(RunConfig(str(folder / "rows.csv"), "y", **asked, run_id=run_id, **more), say=lambda _: None)


def rows_of(folder: Path, which: str) -> pd.DataFrame:
    frame = pd.read_csv(folder / "rows.csv")
    days = pd.to_datetime(frame["day"], format="%d.%m.%Y")
    return frame[(days < "2024-01-01") == (which == "learned")]


@pytest.mark.parametrize(
    ("run_id", "asked"),
    [
        ("by-time", {"split_time": "day", "holdout": 135 / 500, "setup": {"ignore_features": ["part"]}}),
        ("by-words", {"split_col": "part", "setup": {"ignore_features": ["day"]}}),
    ],
)
def test_nothing_learns_from_the_rows_that_were_named(folder: Path, run_id: str, asked: dict[str, Any]) -> None:
    result = ran(folder, run_id, **asked)
    best = result.leaderboard.best
    assert best.primary_value > 0.9  # on folds of the rows in which x says what y is
    assert best.holdout_value < 0.1
    test = rows_of(folder, "held out")
    assert result.facts.look.best.rows == len(test) == 135
    columns = ["x", "z"]
    model = results(run_id, home=folder / "home").best_model()
    said = model.predict(test[columns])
    assert (np.asarray(said) == test["y"]).mean() == pytest.approx(best.holdout_value)
    notes = [finding["sentence"] for finding in json.loads(json.dumps(as_object(result.facts)))["findings"]]
    assert any(note.startswith("Held out 135 rows (27 %), ") for note in notes)
    assert "Held out 135 rows" in result.report.read_text(encoding="utf-8")
    logged = make_client(folder / "home").get_run(result.mlflow_run_id).data
    name = "split_time" if "split_time" in asked else "split_col"
    assert logged.params[name] == asked[name]
    assert logged.metrics["holdout_value"] == pytest.approx(best.holdout_value)
    assert outcome_lines(result, folder / "home")


def test_the_report_says_how_to_hold_out_the_same_rows_in_plain_pycaret(folder: Path) -> None:
    facts = ran(folder, "by-words", split_col="part", setup={"ignore_features": ["day"]}).facts
    known: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = reproduce.pycaret_code(facts).replace(".setup(", ".setup(html=False, verbose=False, data=")
        exec(code, known)  # noqa: S102 - what the report tells people to run
    scores = known["experiment"]._master_model_container[-1]["scores"]
    assert scores.loc["Mean", "Accuracy"] == pytest.approx(facts.board.best.primary_value, abs=1e-4)
    assert len(known["experiment"].X_test) == 135


def test_the_folds_are_mixed_though_the_hold_out_is_not(folder: Path) -> None:
    """Plain folds would be cut from rows in the order of time, as PyCaret does not shuffle them where it draws none."""
    result = ran(
        folder, "mixed", split_time="day", holdout=0.1, setup={"fold_strategy": "kfold", "ignore_features": ["part"]}
    )
    accuracies = [each.metrics["accuracy"] for each in result.leaderboard.outcomes if each.model_id == "lr"]
    assert 0.6 < min(accuracies) <= max(accuracies) < 0.9  # each holds rows of both kinds


def test_folds_by_time_need_nothing_else_to_be_said(folder: Path) -> None:
    setup = {"fold_strategy": "timeseries", "ignore_features": ["part"]}
    result = ran(folder, "forward", split_time="day", holdout=0.1, setup=setup)
    by_fold = {each.fold: each.metrics["accuracy"] for each in result.leaderboard.outcomes if each.model_id == "lr"}
    assert by_fold[0] > 0.9
    assert by_fold[2] < 0.7  # the last fold is in 2024


def test_a_run_that_was_named_goes_on_with_its_hold_out(folder: Path) -> None:
    first = ran(folder, "short", split_col="part", setup={"ignore_features": ["day"]}, budget_minutes=5)
    again = ran(folder, "short", split_col="part", setup={"ignore_features": ["day"]}, budget_minutes=5)
    assert again.summary.n_resumed == 6
    assert again.leaderboard.best.holdout_value == first.leaderboard.best.holdout_value

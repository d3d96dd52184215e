"""Runs whose best model decides as was asked: in what is said and stored, and in the model that is kept."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff import RunConfig, results, run, score
from bakeoff.cli.formatting import outcome_lines
from bakeoff.comparison.blend import BLEND
from bakeoff.errors import ConfigError
from bakeoff.job.resume import resume
from bakeoff.report.json_export import as_object
from bakeoff.runs.loading import read_facts
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.journal import read_folder
from bakeoff.tracking.addresses import local_tracking_uri
from bakeoff.tracking.client import make_client
from support.datasets import cancer_file
from support.other_processes import said_without_bakeoff
from support.waiting import until

PATIENCE = 600.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]

PREDICTS = """
import sys
import mlflow
import pandas as pd

mlflow.set_tracking_uri(sys.argv[1])
rows = pd.read_csv(sys.argv[3]).drop(columns="loan")
print(",".join(mlflow.pyfunc.load_model(sys.argv[2]).predict(rows)))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with a rare class, which no model takes for the likelier one in most of its rows."""
    folder = tmp_path_factory.mktemp("decisions")
    random = np.random.default_rng(0)
    rows = random.normal(size=(900, 4))
    bad = rows @ [1, -1, 0.5, 0] + random.normal(size=900) * 1.5 > 2
    frame = pd.DataFrame(rows.round(4), columns=list("abcd")).assign(loan=np.where(bad, "bad", "good"))
    frame.to_csv(folder / "loans.csv", index=False)
    cancer_file(folder)
    return folder


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def config(folder: Path, run_id: str, **more: Any) -> RunConfig:
    asked = {"include": ("lr", "nb", "dummy"), "fold": 4, "sort": "AUC", "engine": "native", "home": folder / "home"}
    return RunConfig(str(folder / "loans.csv"), "loan", **{**asked, **more}, run_id=run_id)


@pytest.fixture(scope="module")
def chosen(folder: Path) -> Any:
    return run(config(folder, "chosen", threshold="f1,positive=bad"), say=lambda _: None)


def test_a_threshold_that_is_worth_something_is_said_everywhere(chosen: Any, folder: Path) -> None:
    choice = chosen.facts.look.decision.threshold
    assert (choice.positive, choice.kept) == ("bad", True)
    assert choice.value > choice.usual_value
    assert 0 < choice.best < 0.5
    sentence = f"lr predicts 'bad' from a probability of {choice.best:.4f} on: out of fold, F1 is {choice.value:.4f}"
    assert sentence in "\n".join(outcome_lines(chosen, folder / "home"))
    assert sentence.replace("'", "&#39;") in chosen.report.read_text(encoding="utf-8")
    held = f"; on the hold-out rows {choice.holdout_value:.4f} instead of {choice.holdout_usual_value:.4f}."
    assert held in "\n".join(outcome_lines(chosen, folder / "home"))
    (hits, misses), (false, _) = chosen.facts.look.best.matrix  # of the model that decides like that
    assert choice.holdout_value == pytest.approx(2 * hits / (2 * hits + misses + false))
    told = json.loads(json.dumps(as_object(chosen.facts)))["decision"]["threshold"]
    assert (told["threshold"], told["value"], told["usual_value"]) == (choice.best, choice.value, choice.usual_value)
    logged = make_client(folder / "home").get_run(chosen.mlflow_run_id).data
    assert logged.params["threshold"] == "f1,positive=bad"
    assert logged.metrics["threshold"] == pytest.approx(choice.best)
    assert (logged.metrics["threshold_f1"], logged.metrics["threshold_f1_at_half"]) == pytest.approx(
        (choice.value, choice.usual_value)
    )
    assert logged.tags["threshold"] == f"{choice.best:.6g} for bad"
    facts = read_facts(FolderTables(chosen.tables, lambda _: None), folder / "home", "chosen")
    assert facts.look.decision == chosen.facts.look.decision


def test_the_kept_model_predicts_by_it_wherever_it_is_loaded(chosen: Any, folder: Path) -> None:
    rows, threshold = pd.read_csv(folder / "loans.csv"), chosen.facts.look.decision.threshold.best
    pipeline = results("chosen", home=folder / "home").best_model()
    chances = pd.DataFrame(pipeline.predict_proba(rows.drop(columns="loan")), columns=["bad", "good"])
    expected = np.where(chances["bad"] >= threshold, "bad", "good").tolist()
    assert expected != np.where(chances["bad"] >= 0.5, "bad", "good").tolist()
    assert pipeline.predict(rows.drop(columns="loan")).tolist() == expected
    uri = local_tracking_uri(folder / "home")
    said = said_without_bakeoff(PREDICTS, uri, chosen.model_uri, str(folder / "loans.csv"))
    assert said[-1].split(",") == expected
    score(
        model="chosen",
        source=str(folder / "loans.csv"),
        to=str(folder / "scored.parquet"),
        home=folder / "home",
        say=lambda _: None,
    )
    scored = pd.read_parquet(folder / "scored.parquet")
    assert scored["prediction"].tolist() == expected
    assert [dict(each)["bad"] for each in scored["probabilities"]] == pytest.approx(chances["bad"].tolist())


def test_a_run_that_was_killed_has_the_threshold_of_one_that_was_not(chosen: Any, folder: Path) -> None:
    question = ["--source", str(folder / "loans.csv"), "--target", "loan", "--include", "lr,nb,dummy", "--fold", "4"]
    options = ["--sort", "AUC", "--engine", "native", "--threshold", "f1,positive=bad"]
    command = [sys.executable, "-m", "bakeoff", "run", *question, *options, "--run-id", "killed", "--home", "home"]
    journal = folder / "home" / "runs" / "killed" / "journal"
    with (folder / "killed.txt").open("w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=folder)
        until(lambda: len(read_folder(journal)) >= 6 or process.poll() is not None, PATIENCE)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=PATIENCE) == -signal.SIGKILL
    resumed = resume("killed", say=lambda _: None, home=folder / "home")
    assert resumed.facts.look.decision == chosen.facts.look.decision


def test_a_run_that_has_ended_can_be_given_a_threshold(chosen: Any, folder: Path) -> None:
    usual = run(config(folder, "later"), say=lambda _: None)
    later = run(config(folder, "later", threshold="f1,positive=bad"), say=lambda _: None)
    assert later.summary.n_resumed == 12
    assert later.facts.look.decision == chosen.facts.look.decision
    assert (type(usual.models[0]).__name__, type(later.models[0]).__name__) == (
        "LogisticRegression",
        "DecidedClassifier",
    )
    rows = pd.read_csv(folder / "loans.csv").drop(columns="loan")
    first, second = (results(name, home=folder / "home").best_model().predict(rows) for name in ("chosen", "later"))
    assert first.tolist() == second.tolist()


def test_a_blend_that_wins_has_a_threshold_of_its_own(folder: Path) -> None:
    asked = {"include": ("rf", "lda", "knn"), "fold": 4, "sort": "AUC", "engine": "native", "home": folder / "home"}
    aim = "fp=1,fn=6,positive=malignant"
    source = str(folder / "cancer.csv")
    result = run(RunConfig(source, "target", **asked, blend="on", threshold=aim, run_id="blended"), say=lambda _: None)
    assert result.leaderboard.best.model_id == BLEND
    decision = result.facts.look.decision
    assert decision.model_id == BLEND
    assert decision.threshold.by_fold
    rows = pd.read_csv(source).drop(columns="target")
    model = results("blended", home=folder / "home").best_model()
    malignant = model.predict_proba(rows)[:, 1] >= decision.threshold.threshold
    assert model.predict(rows).tolist() == np.where(malignant, "malignant", "benign").tolist()


@pytest.fixture(scope="module")
def calibrated(folder: Path) -> Any:
    """A decision tree, which is sure of everything it says."""
    return run(
        config(folder, "sure", include=("dt",), sort="Accuracy", threshold="f1,positive=bad", calibrate="auto"),
        say=lambda _: None,
    )


def test_a_calibration_that_helps_is_kept_and_comes_before_the_threshold(calibrated: Any, folder: Path) -> None:
    decision = calibrated.facts.look.decision
    choice = decision.calibration
    assert (choice.method, choice.kept) == ("sigmoid", True)
    assert choice.log_loss < 0.7 < choice.usual_log_loss
    assert f"The probabilities of dt are calibrated (sigmoid): out of fold, log-loss is {choice.log_loss:.4f}" in (
        calibrated.report.read_text(encoding="utf-8")
    )
    before, after = calibrated.facts.look.reliability
    assert (before.name, after.name, after.label) == ("as fitted", "calibrated", "bad")
    assert after.error < before.error
    told = json.loads(json.dumps(as_object(calibrated.facts)))["decision"]
    assert (told["calibration"]["method"], told["calibration"]["log_loss"]) == ("sigmoid", choice.log_loss)
    logged = make_client(folder / "home").get_run(calibrated.mlflow_run_id).data
    assert (logged.params["calibrate"], logged.tags["calibration"]) == ("auto", "sigmoid")
    assert (logged.metrics["log_loss"], logged.metrics["log_loss_uncalibrated"]) == pytest.approx(
        (choice.log_loss, choice.usual_log_loss)
    )
    rows = pd.read_csv(folder / "loans.csv").drop(columns="loan")
    model = results("sure", home=folder / "home").best_model()
    bad = model.predict_proba(rows)[:, 0]
    assert 0 < bad.min() < bad.max() < 1
    assert model.predict(rows).tolist() == np.where(bad >= decision.threshold.threshold, "bad", "good").tolist()
    assert (
        after
        == read_facts(FolderTables(calibrated.tables, lambda _: None), folder / "home", "sure").look.reliability[1]
    )


def test_a_calibration_that_does_not_help_is_said_and_left_out(folder: Path) -> None:
    result = run(config(folder, "right", include=("lr",), calibrate="isotonic"), say=lambda _: None)
    choice = result.facts.look.decision.calibration
    assert (choice.method, choice.kept) == ("isotonic", False)
    assert "The probabilities of lr stay as they are" in "\n".join(outcome_lines(result, folder / "home"))
    assert type(result.models[0]).__name__ == "LogisticRegression"
    assert [curve.name for curve in result.facts.look.reliability] == ["as fitted"]


def test_a_model_without_probabilities_keeps_its_own_decisions(folder: Path) -> None:
    result = run(config(folder, "ridge", include=("ridge",), sort="F1", threshold="f1"), say=lambda _: None)
    assert [problem for problem in result.problems if problem.startswith("No threshold was chosen: Ridge")]
    assert type(result.models[0]).__name__ == "RidgeClassifier"
    assert result.facts.look.decision is None


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"target": "a", "task": "regression"}, "--threshold is for classification, and --task is regression"),
        ({"target": "a"}, "--threshold is for classification, and the task is regression"),
        ({"threshold": "f1,positive=ugly"}, "the target 'loan' has no class 'ugly': it has 'bad' and 'good'"),
        ({"target": "a", "threshold": None, "calibrate": "auto"}, "--calibrate is for classification, and the task is"),
        ({"keep_predictions": "no"}, "--threshold is chosen by what the models predict"),
    ],
)
def test_what_cannot_be_chosen_is_said_before_anything_is_written(
    folder: Path, tmp_path: Path, more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        run(
            RunConfig(
                str(folder / "loans.csv"), **{"target": "loan", "threshold": "f1", **more}, home=tmp_path / "home"
            ),
            say=lambda _: None,
        )
    assert not (tmp_path / "home" / "runs").exists()

"""A tuning that is cut off at any moment goes on, and ends as if nobody had interrupted it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from bakeoff import RunConfig, run
from bakeoff.comparison.tuning import GENERATION
from bakeoff.comparison.tuning_result import TuningResult
from bakeoff.job.resume import resume
from bakeoff.report.json_export import as_object
from bakeoff.runs.loading import read_facts
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.open_results import open_reader
from support.datasets import cancer_file
from support.other_processes import killed_after

MODELS = ("nb", "dt", "dummy")
N_FOLDS = 4
GRID = N_FOLDS * len(MODELS)
FIRST_RUNG = GRID + 2 * 2 * GENERATION  # two families

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuning")
    cancer_file(folder)
    return folder


def asked(folder: Path, run_id: str, **more: Any) -> dict[str, Any]:
    return {
        "source": str(folder / "cancer.csv"),
        "target": "target",
        "include": list(MODELS),
        "fold": N_FOLDS,
        "tune": 2,
        "holdout": 0.3,
        "engine": "native",
        "run_id": run_id,
        "home": str(folder / "home"),
        **more,
    }


@pytest.fixture(scope="module")
def whole(folder: Path) -> Any:
    """A tuning that nobody interrupts."""
    return run(RunConfig(**asked(folder, "whole")), say=lambda _: None)


def rows(folder: Path, run_id: str) -> tuple[Any, ...]:
    """What the tables say of a run, but for times."""
    home = folder / "home"
    with open_reader(ResultsLocation.at(home, None, None), home, None) as tables:
        trials = {
            outcome.trial: (outcome.status, outcome.params, dict(outcome.metrics)) for outcome in tables.trials(run_id)
        }
        board = [
            (row["rank"], row["model_id"], row["model_name"], row["params"], row["primary_value"], row["holdout_value"])
            for row in tables.leaderboard(run_id)
        ]
        record = tables.run(run_id)
    tuning = [
        (each.family, each.untuned, each.tuned, each.n_candidates, each.n_complete, each.n_failed, each.ending)
        for each in TuningResult.from_json(record.tuning).families
    ]
    return trials, board, tuning, (record.status, record.n_models, record.best_model_id, record.best_value)


def test_a_tuning_leaves_its_candidates_in_tables_report_json_and_mlflow(whole: Any, folder: Path) -> None:
    trials, board, tuning, (status, n_models, *_) = rows(folder, "whole")
    assert (status, n_models) == ("finished", len(board))
    tuned = {model_id: params for _, model_id, name, params, *_ in board if name.endswith("(tuned)")}
    assert {model_id.partition("-")[0] for model_id in tuned} <= {"nb", "dt"}
    assert tuned
    for family, untuned, best, n_candidates, n_complete, n_failed, _ in tuning:
        assert untuned == family
        mine = {trial.model_id for trial in trials if trial.model_id.startswith(f"{family}-t")}
        assert n_candidates == len(mine) >= GENERATION
        assert 0 <= n_complete + n_failed <= n_candidates
        assert best is None or best in tuned
    for model_id, params in tuned.items():
        assert {trials[trial][1] for trial in trials if trial.model_id == model_id} == {params}
        assert json.loads(params)
    values = {model_id: value for _, model_id, *_, value in board}
    assert all(values[model_id] is not None for each in tuning for model_id in each[1:3] if each[2])

    page = whole.report.read_text()
    assert "Candidates were proposed by Optuna" in page
    assert "Hold-out tuned" in page
    object_ = as_object(whole.facts)
    assert [each["family"] for each in object_["tuning"]["families"]] == [each[0] for each in tuning]
    assert json.loads(whole.facts.run.config)["tune"] == 2
    client = MlflowClient(f"sqlite:///{folder / 'home' / 'mlflow.db'}")
    parent = client.get_run(whole.mlflow_run_id).data
    assert parent.params["tune"] == "2"
    assert parent.metrics["tuning_candidates"] == sum(each[3] for each in tuning)
    (child,) = client.search_runs(
        [whole.experiment_id], f"tags.`bakeoff.run_id` = 'whole' and tags.model_id = '{next(iter(tuned))}'"
    )
    assert child.data.tags["params"] == next(iter(tuned.values()))
    assert child.data.metrics["n_folds_ok"] == N_FOLDS


def test_what_is_read_back_says_what_the_run_said(whole: Any, folder: Path) -> None:
    home = folder / "home"
    with open_reader(ResultsLocation.at(home, None, None), home, None) as tables:
        facts = read_facts(tables, home, "whole")
    now, then = as_object(facts), as_object(whole.facts)
    assert now["question"] == then["question"]
    assert now["answer"] == then["answer"]
    assert now["tuning"] == then["tuning"]
    assert [row["model_id"] for row in now["leaderboard"]] == [row["model_id"] for row in then["leaderboard"]]
    assert f"{len(now['leaderboard'])} models" in now["question"]


@pytest.mark.parametrize("n_trials", [1, GRID - 1, GRID + 1, FIRST_RUNG, FIRST_RUNG + 30, -1])
def test_a_tuning_that_is_killed_goes_on_as_if_nothing_had_been(n_trials: int, whole: Any, folder: Path) -> None:
    run_id = f"killed-{n_trials}"
    if n_trials < 0:  # before the end
        n_trials += len(whole.leaderboard.outcomes)
    finished = killed_after(n_trials, asked(folder, run_id), folder)
    assert len(finished) >= n_trials
    result = resume(run_id, say=lambda _: None, home=folder / "home")
    assert result.summary.n_resumed == len(finished)
    assert rows(folder, run_id) == rows(folder, "whole")


def test_several_workers_try_what_one_process_does(whole: Any, folder: Path) -> None:
    run(RunConfig(**asked(folder, "local", engine="local", n_slots=2)), say=lambda _: None)
    ours, theirs = rows(folder, "local"), rows(folder, "whole")
    assert ours[1:] == theirs[1:]
    assert ours[0].keys() == theirs[0].keys()
    assert {trial: params for trial, (_, params, _) in ours[0].items()} == {
        trial: params for trial, (_, params, _) in theirs[0].items()
    }


def test_a_tuning_without_time_for_more_says_so_and_goes_on(whole: Any, folder: Path) -> None:
    short = asked(folder, "short", tune_minutes=0.0001)
    result = run(RunConfig(**short), say=lambda _: None)
    assert {each.ending for each in result.facts.tuning.families} == {"time"}
    assert f"`bakeoff resume short --home {folder / 'home'}` tries more" in result.report.read_text()
    assert result.facts.tuning.n_candidates == 2 * GENERATION
    longer = resume("short", say=lambda _: None, home=folder / "home")
    assert longer.summary.n_resumed == len(result.leaderboard.outcomes)
    known = {outcome.trial for outcome in result.leaderboard.outcomes}
    assert known <= {outcome.trial for outcome in longer.leaderboard.outcomes}
    assert not any(math.isnan(row.primary_value) for row in longer.leaderboard.rows)

"""A race that is cut off at any moment goes on, and ends as if nobody had interrupted it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bakeoff import RunConfig, run
from bakeoff.job.resume import resume
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.open_results import open_reader
from support.datasets import cancer_file
from support.other_processes import killed_after

MODELS = ("nb", "knn", "dt", "lda", "svm", "dummy")
N_FOLDS = 6
FIRST_RUNG = 2 * len(MODELS)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("race")
    cancer_file(folder)
    return folder


def asked(folder: Path, run_id: str) -> dict[str, Any]:
    return {
        "source": str(folder / "cancer.csv"),
        "target": "target",
        "include": list(MODELS),
        "fold": N_FOLDS,
        "race": 1,
        "engine": "native",
        "run_id": run_id,
        "home": str(folder / "home"),
    }


@pytest.fixture(scope="module")
def whole(folder: Path) -> Any:
    """A race that nobody interrupts."""
    return run(RunConfig(**asked(folder, "whole")), say=lambda _: None)


def rows(folder: Path, run_id: str) -> tuple[Any, ...]:
    """What the tables say of a run, but for times."""
    home = folder / "home"
    with open_reader(ResultsLocation.at(home, None, None), home, None) as tables:
        trials = {outcome.trial: (outcome.status, dict(outcome.metrics)) for outcome in tables.trials(run_id)}
        board = [
            (
                row["rank"],
                row["model_id"],
                row["status"],
                row["primary_value"],
                row["n_folds_ok"],
                row["seconds_saved"] > 0,
            )
            for row in tables.leaderboard(run_id)
        ]
        record = tables.run(run_id)
    counts = (record.status, record.n_ok, record.n_stopped, record.n_failed, record.best_model_id, record.best_value)
    return trials, board, counts


def test_a_race_leaves_its_stopped_models_in_tables_and_report(whole: Any, folder: Path) -> None:
    trials, board, (status, n_ok, n_stopped, n_failed, *_) = rows(folder, "whole")
    assert (status, n_failed, n_ok + n_stopped) == ("finished", 0, len(MODELS))
    assert n_stopped >= 1
    assert {status for _, _, status, *_ in board} == {"ok", "stopped"}
    assert len(trials) == sum(n_folds for *_, n_folds, _ in board) < N_FOLDS * len(MODELS)
    assert all(has_saved == (status == "stopped") for _, _, status, _, _, has_saved in board)
    page = whole.report.read_text()
    assert "This was a race: all models ran on 2 folds" in page
    assert f"stopped after 2 of {N_FOLDS} folds" in page
    assert json.loads(whole.facts.run.config)["race"] == 1


@pytest.mark.parametrize("n_trials", [1, FIRST_RUNG - 1, FIRST_RUNG, FIRST_RUNG + 2, -1])
def test_a_race_that_is_killed_goes_on_as_if_nothing_had_been(n_trials: int, whole: Any, folder: Path) -> None:
    run_id = f"killed-{n_trials}"
    if n_trials < 0:  # before the end
        n_trials += len(whole.leaderboard.outcomes)
    finished = killed_after(n_trials, asked(folder, run_id), folder)
    assert len(finished) >= n_trials
    result = resume(run_id, say=lambda _: None, home=folder / "home")
    assert result.summary.n_resumed == len(finished)
    assert rows(folder, run_id) == rows(folder, "whole")

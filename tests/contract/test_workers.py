"""What workers do, and how often: counted by models and transformers that write down what happens to them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from bakeoff.comparison.trial import Trial
from bakeoff.execution.worker.payload import InlineDelivery, Payload
from bakeoff.execution.worker.task import Call, RunTrials
from bakeoff.pycaret3.prepared import prepare
from bakeoff.pycaret3.runners import tabular
from bakeoff.pycaret3.runners.factory import runner_for
from support.datasets import breast_cancer, experiment, shared
from support.fake_models import CountsFits, CountsItself, KillsItsProcess, KillsItsProcessInRefit, Sleeps
from support.pycaret_parity import through

QUICK = ["nb", "dt", "dummy"]


@pytest.fixture
def exp() -> Any:
    return shared("binary")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def _lines(notes: Path) -> list[str]:
    return notes.read_text().split() if notes.exists() else []


def test_only_what_is_asked_for_is_refitted(engine: Any, exp: Any, notes: Path) -> None:
    models = [CountsFits(str(notes), var_smoothing=10.0**-n) for n in range(3)]
    through(engine, exp, models, n_select=1)
    rows = Counter(_lines(notes))
    assert rows.pop(str(len(exp.y_train))) == 1  # the winner, on all training rows
    assert sum(rows.values()) == 9


def test_each_fold_is_transformed_once(engine: Any, notes: Path) -> None:
    made = experiment(breast_cancer(200), "target", fold=2, custom_pipeline=[("notes", CountsItself(str(notes)))])
    notes.unlink(missing_ok=True)
    slots = through(engine, made, ["nb", "dt", "dummy", "lda"], n_select=0).backend.summary.slots
    fits = [line for line in _lines(notes) if line == "fit"]
    # Four models on two folds; a fold that several slots work on is transformed in each of them.
    assert 2 <= len(fits) <= 2 * slots


def test_the_payload_is_read_once_by_each_worker(engine: Any, notes: Path) -> None:
    made = experiment(breast_cancer(200), "target", fold=3, custom_pipeline=[("notes", CountsItself(str(notes)))])
    notes.unlink(missing_ok=True)
    through(engine, made, QUICK, options={"n_slots": 2}, n_select=3)
    read = Counter(line for line in _lines(notes) if line not in ("fit", f"read-{os.getpid()}"))
    assert read or engine == "native"
    assert set(read.values()) <= {1}
    assert len(read) <= 2


def test_a_lost_worker_is_replaced_and_its_trials_run_again(engine: Any, exp: Any, tmp_path: Path) -> None:
    if engine == "native":
        pytest.skip("the native engine's worker is this process")
    once = KillsItsProcess(str(tmp_path / "killed"))
    mine = through(engine, exp, [*QUICK, once])
    assert (tmp_path / "killed").exists()
    assert sorted(mine.grid.index) == ["0", "1", "2", "3"]
    assert list(mine.backend.leaderboard["status"]) == ["ok"] * 4
    alone = through(engine, exp, QUICK).scores
    assert mine.scores.drop(index="3").reset_index(drop=True).equals(alone.reset_index(drop=True))


def test_a_winner_that_kills_its_worker_in_the_refit_costs_only_itself(engine: Any, exp: Any) -> None:
    if engine == "native":
        pytest.skip("the native engine's worker is this process")
    mine = through(engine, exp, [KillsItsProcessInRefit(), "dt", "dummy"], n_select=2)
    assert type(mine.models).__name__ == "DecisionTreeClassifier"
    assert list(mine.backend.failures["fold"]) == ["refit"]
    assert sorted(mine.grid.index) == ["0", "1", "2"]


@pytest.mark.parametrize("hangs", [True, False])
def test_a_trial_that_takes_too_long_is_ended(engine: Any, exp: Any, tmp_path: Path, hangs: bool) -> None:  # noqa: FBT001
    models = ["nb", Sleeps(600) if hangs else KillsItsProcess(str(tmp_path / "killed")), "dt"]
    mine = through(engine, exp, models, fold=2, options={"trial_timeout": 6, "max_retries": 0})
    status = "timeout" if hangs else "crashed"
    assert set(mine.backend.failures["status"]) == {status}
    assert mine.backend.failures["seconds_lost"].between(0, 60).all()
    assert {"0", "2"} <= set(mine.grid.index)
    alone = through(engine, exp, ["nb", "dt"], fold=2).scores
    assert mine.scores.loc[["0", "2"]].reset_index(drop=True).equals(alone.reset_index(drop=True))
    if engine == "native":  # whose hosts end with the run
        assert not _hosts()


def _hosts() -> list[int]:
    mine = psutil.Process().children()  # and not theirs: the workers of Spark and Dask keep their hosts for a while
    return [process.pid for process in mine if any("isolation.spawned" in part for part in process.cmdline())]


class _Shelf(dict[str, Any]):
    """A shelf in this process."""

    take = dict.get

    def put(self, name: str, value: Any, n_bytes: int) -> None:
        assert n_bytes > 0
        self[name] = value


def test_a_fold_that_another_process_has_transformed_gives_the_same_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    exp = experiment(breast_cancer(200), "target", normalize=True, fix_imbalance=True, remove_outliers=True)
    frozen = prepare(exp, {"include": ["nb", "knn", "lr", "rf"], "sort": "Accuracy"}, batch_size=1).frozen
    monkeypatch.setattr(tabular, "SHELVED_SECONDS", 0.0)
    trials = [Trial(model_id, fold) for fold in range(3) for model_id in frozen.estimators]
    shelf = _Shelf()
    runners = [runner_for(frozen), runner_for(frozen, shelf), runner_for(frozen, shelf)]
    alone, first = ([runner.run(trial) for trial in trials] for runner in runners[:2])
    assert set(shelf) == {"fold-0", "fold-1", "fold-2"}
    monkeypatch.setattr(tabular, "transform_fold", lambda *_: pytest.fail("transformed again"))
    for name, fold in shelf.items():
        shelf[name] = pickle.loads(pickle.dumps(fold, protocol=5))  # as it arrives in another process
    second = [runners[2].run(trial) for trial in trials]
    for told in (first, second):
        assert [outcome.metrics for outcome in told] == [outcome.metrics for outcome in alone]
    paid = [outcome.trial.fold for outcome in first if outcome.transform_seconds]
    assert paid == [0, 1, 2]  # by the first model on each; the others found it done
    assert not any(outcome.transform_seconds for outcome in second)


def test_workers_write_no_files_and_import_no_display(exp: Any, tmp_path: Path) -> None:
    payload = Payload.of(prepare(exp, {"include": ["nb", "dt"], "sort": "Accuracy"}, batch_size=1).frozen)
    call = Call(RunTrials(payload.digest, (Trial("nb", 0), Trial("dt", 1))), InlineDelivery(payload.content))
    given = tmp_path / "given"
    given.write_bytes(pickle.dumps(call))
    code = (
        "import pickle, sys\n"
        "from pathlib import Path\n"
        "from bakeoff.execution.worker.task import answer, join\n"
        "assert 'pycaret' not in sys.modules\n"
        "call = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "print([str(outcome.status) for outcome in join(answer([], call))])\n"
        "print([name for name in sys.modules if name.startswith('pycaret.internal.display')])\n"
    )
    folder = tmp_path / "working folder"
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYCARET_CUSTOM_LOGGING_PATH"}
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(given)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert said.stdout.split("\n") == ["['ok', 'ok']", "[]", ""], said.stderr[-2000:]
    assert list(folder.iterdir()) == []


def test_pycaret_can_be_imported_on_databricks_without_a_notebook(tmp_path: Path) -> None:
    (tmp_path / "dbruntime").mkdir()
    (tmp_path / "dbruntime" / "__init__.py").touch()
    (tmp_path / "dbruntime" / "display.py").touch()
    code = (
        "import sys\n"
        "import bakeoff.pycaret3\n"
        "import pycaret.classification\n"
        "assert 'dbruntime.display' not in sys.modules\n"
        "from bakeoff.pycaret3.pycaret_api import detect_backend\n"
        "print(type(detect_backend('cli')).__name__)\n"
        "import dbruntime.display\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYCARET_CUSTOM_LOGGING_PATH": os.devnull}
    command = [sys.executable, "-W", "ignore", "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert said.stdout.strip() == "CLIBackend", said.stderr[-2000:]

"""Where PyCaret fails in folds ours works, where it works the scores are equal, and kept models predict any rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pycaret.classification import ClassificationExperiment
from pycaret.regression import RegressionExperiment

from bakeoff import FugueBackend, RunConfig
from bakeoff.errors import ConfigError
from bakeoff.job.main import ask
from bakeoff.job.result import PreparedRun
from bakeoff.pycaret3.experiment import training_rows
from bakeoff.pycaret3.restore import answering, final_pipeline
from bakeoff.tracking.logged_model import save_best_model
from support.datasets import QUIET
from support.pycaret_parity import native

ROWS = 120
MODELS = ("lr", "dt", "lightgbm")
_WITHOUT_BAKEOFF = """
import sys
sys.modules["bakeoff"] = None  # any import of it fails
import mlflow.pyfunc, numpy, pandas
model, rows = mlflow.pyfunc.load_model(sys.argv[1]), pandas.read_parquet(sys.argv[2])
print(len(numpy.asarray(model.predict(rows))))
for name in rows:
    gaps = rows.copy()
    gaps[name] = pandas.Series([None] * len(rows), dtype=rows[name].dtype if rows[name].dtype.kind in "OM" else float)
    print(len(numpy.asarray(model.predict(gaps))))
"""

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def rows(**columns: Any) -> pd.DataFrame:
    random = np.random.default_rng(0)
    size = random.normal(size=ROWS)
    likely = size + random.normal(scale=0.4, size=ROWS) > 0
    frame = pd.DataFrame({"size": size, "weight": random.normal(size=ROWS), **columns})
    return frame if "y" in columns else frame.assign(y=np.where(likely, "yes", "no"))


def dates(n_gaps: int) -> pd.Series[Any]:
    random = np.random.default_rng(1)
    column = pd.Series(pd.Timestamp("2019-03-01") + pd.to_timedelta(random.integers(0, 1500, ROWS), unit="D"))
    column[random.choice(ROWS, n_gaps, replace=False)] = pd.NaT
    return column


def one_of(*values: Any) -> Any:
    return np.random.default_rng(2).choice(np.array(values, dtype=object), ROWS)


def mixed_up(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=7)


@pytest.fixture
def prepare(tmp_path: Path):
    def prepare(frame: pd.DataFrame, **options: Any) -> PreparedRun:
        frame.to_parquet(tmp_path / "rows.parquet")
        options = {"fold": 3, "include": MODELS, "engine": "native", "home": tmp_path / "home", **options}
        return ask(RunConfig(str(tmp_path / "rows.parquet"), "y", **options), None, lambda _: None)

    return prepare


def compare(prepared: PreparedRun) -> tuple[Any, FugueBackend]:
    backend = FugueBackend("native")
    return prepared.experiment.compare_models(**prepared.params, parallel=backend), backend


def notes(prepared: PreparedRun, part: str) -> list[str]:
    return [note for note in prepared.source.notes if part in note]


WEIRD = one_of("age: 18-24", "age: 25-34, single", "age 18-24", "35+ <retired]")
FAIL_IN_FOLDS = {
    "dates of which one in ten is missing": ({"since": dates(11)}, {}),
    "dates with some gaps, and no parts of most": ({"since": dates(11), "until": dates(60)}, {}),
    "values that LightGBM refuses as names": ({"group": WEIRD}, {}),
    "names that the selecting model refuses": (
        {"group [x]": WEIRD, "a<b": np.arange(ROWS)},
        {"feature_selection": True, "n_features_to_select": 0.9, "keep_features": ["a<b"]},
    ),
    "dates as text, with gaps": (
        {"since": dates(9).dt.strftime("%d.%m.%Y").astype(object)},
        {"date_features": ["since"]},
    ),
    "texts with gaps": ({"note": one_of("good day", "bad night", None)}, {"text_features": ["note"]}),
    "categories with gaps": ({"group": one_of("a", "b", "c", None)}, {}),
    "a list of dates that lacks one": ({"since": dates(0), "until": dates(3)}, {"date_features": ["since"]}),
}


@pytest.mark.parametrize("kind", FAIL_IN_FOLDS)
def test_every_model_is_scored_and_the_kept_one_predicts_without_bakeoff(
    prepare: Any, tmp_path: Path, kind: str
) -> None:
    columns, setup = FAIL_IN_FOLDS[kind]
    prepared = prepare(rows(**columns), setup=setup)
    best, backend = compare(prepared)
    assert backend.failures.empty
    assert set(backend.leaderboard["status"]) == {"ok"}
    raw = training_rows(prepared.experiment, prepared.source.preparation.inside(prepared.source.frame), "y")
    save_best_model(tmp_path / "model", final_pipeline(prepared.experiment, best), raw)
    raw.head(8).to_parquet(tmp_path / "some.parquet")
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        _WITHOUT_BAKEOFF,
        str(tmp_path / "model"),
        str(tmp_path / "some.parquet"),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert told.stdout.split() == ["8"] * (1 + raw.shape[1]), told.stderr[-2_000:]


WORKS_IN_PYCARET = {
    "dates": ({"since": dates(0)}, {}, MODELS),
    "dates that are mostly missing": ({"since": dates(50)}, {}, MODELS),
    "values of any kind": ({"group": WEIRD}, {}, ("lr", "dt")),
    "texts": ({"note": one_of("good day", "bad night")}, {"text_features": ["note"]}, MODELS),
    "two categories, and many": (
        {"group": one_of("a", "b"), "many": one_of(*(f"k{number}" for number in range(40)))},
        {},
        MODELS,
    ),
    "a class in fewer folds than there are": ({"y": ["ash"] * 57 + ["oak"] * 60 + ["yew"] * 3}, {}, ("lr", "dt")),
    "numbered classes, one of them with one row": ({"y": [0] * 58 + [1] * 60 + [2] * 2}, {}, ("lr", "dt")),
    "selected features": ({"group": one_of("a", "b", "c")}, {"feature_selection": True}, ("lr", "dt")),
}


@pytest.mark.parametrize("kind", WORKS_IN_PYCARET)
def test_the_scores_are_plain_pycarets_where_it_works(prepare: Any, kind: str) -> None:
    columns, setup, models = WORKS_IN_PYCARET[kind]
    frame = mixed_up(rows(**columns)).reset_index(drop=True)
    setup = {**setup, **({"n_features_to_select": 2} if setup.get("feature_selection") else {})}
    prepared = prepare(frame, setup=setup, include=models)
    compare(prepared)
    ours = prepared.experiment.pull().drop(columns="TT (Sec)")
    plain = ClassificationExperiment().setup(frame, target="y", **{**QUIET, "fold": 3, **setup})
    pd.testing.assert_frame_equal(ours, native(plain, list(models)).scores)


def test_a_row_of_a_class_that_has_no_other_is_trained_on(prepare: Any) -> None:
    prepared = prepare(mixed_up(rows(y=["ash"] * 58 + ["oak"] * 58 + ["yew"] * 2 + ["fir"] * 2)))
    _, backend = compare(prepared)
    assert set(backend.leaderboard["status"]) == {"ok"}
    (note,) = notes(prepared, "trained on in every fold")
    assert "'yew'" in note
    assert "'fir'" in note


def test_the_backend_keeps_such_rows_in_training_too() -> None:
    frame = mixed_up(rows(y=["ash"] * 58 + ["oak"] * 60 + ["yew"] * 2))
    experiment = ClassificationExperiment().setup(frame, target="y", **{**QUIET, "fold": 3})
    backend = FugueBackend("native")
    experiment.compare_models(include=["lr", "dt"], verbose=False, parallel=backend)
    assert set(backend.leaderboard["status"]) == {"ok"}


@pytest.mark.parametrize("columns", [{"since": dates(11)}, {"group": WEIRD}], ids=["dates", "names"])
def test_the_backend_holds_the_columns_of_the_users_experiment(columns: dict[str, Any]) -> None:
    experiment = ClassificationExperiment().setup(rows(**columns), target="y", **{**QUIET, "fold": 3})
    steps = [id(step) for _, step in experiment.pipeline.steps]
    backend = FugueBackend("native")
    best = experiment.compare_models(include=["dt", "lightgbm"], verbose=False, parallel=backend)
    assert set(backend.leaderboard["status"]) == {"ok"}
    assert len(experiment.predict_model(best, data=rows(**columns).drop(columns="y"), verbose=False)) == ROWS
    assert steps == [id(step) for _, step in experiment.pipeline.steps]


def test_the_kept_model_answers_the_numbers_of_classes_that_are_fractions(prepare: Any, tmp_path: Path) -> None:
    import mlflow.pyfunc

    stars = pd.qcut(rows()["size"], 4, labels=[1.0, 1.5, 2.0, 12.5]).astype(float)
    prepared = prepare(rows(y=stars), task="classification")
    best, backend = compare(prepared)
    assert set(backend.leaderboard["status"]) == {"ok"}
    raw = training_rows(prepared.experiment, prepared.source.frame, "y")
    pipeline = answering(final_pipeline(prepared.experiment, best), prepared.source.classes)
    save_best_model(tmp_path / "model", pipeline, raw)
    answers = pd.Series(np.asarray(mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(raw)))
    assert answers.dtype == float
    assert set(answers) == {1.0, 1.5, 2.0, 12.5}
    assert (answers.to_numpy() == stars[raw.index].to_numpy()).mean() > 0.9


@pytest.mark.parametrize(
    ("columns", "setup", "parts"),
    [
        (
            {"y": np.where(np.arange(ROWS) < 40, "yew", "oak"), "site": np.minimum(np.arange(ROWS) // 40, 2)},
            {"fold_strategy": "groupkfold", "fold_groups": "site"},
            ["'yew'", "'y'", "fold_strategy"],
        ),
        (
            {"site": np.arange(ROWS) % 2},
            {"fold_strategy": "groupkfold", "fold_groups": "site"},
            ["fold_groups", "2 groups", "--fold"],
        ),
        (
            {"y": np.where(np.arange(ROWS) < 10, "rare", "usual")},
            {"fix_imbalance": True},
            ["fix_imbalance", "'rare'", "RandomOverSampler"],
        ),
    ],
)
def test_folds_that_models_cannot_be_compared_on_are_one_sentence(
    prepare: Any, columns: dict[str, Any], setup: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(rows(**columns), setup=setup)
    assert [part for part in parts if part not in str(caught.value)] == []


def test_groups_in_a_list_make_the_folds_that_a_column_makes(prepare: Any) -> None:
    sites = np.random.default_rng(3).integers(0, 9, ROWS)
    frame = rows(y=np.random.default_rng(4).normal(size=ROWS))
    prepared = prepare(frame, setup={"fold_strategy": "groupkfold", "fold_groups": list(sites)}, include=("lr", "dt"))
    compare(prepared)
    ours = prepared.experiment.pull().drop(columns="TT (Sec)")
    by_column = {"fold_strategy": "groupkfold", "fold_groups": "site", "ignore_features": ["site"]}
    plain = RegressionExperiment().setup(frame.assign(site=sites), target="y", **{**QUIET, "fold": 3, **by_column})
    pd.testing.assert_frame_equal(ours, native(plain, ["lr", "dt"]).scores)


def test_nothing_is_prepared_where_that_is_asked_for(prepare: Any) -> None:
    _, backend = compare(prepare(rows(), setup={"preprocess": False}))
    assert set(backend.leaderboard["status"]) == {"ok"}

"""A model that learned from columns of every kind and name predicts the rows as the source has them."""

from __future__ import annotations

import datetime as dt
import decimal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.config import RunConfig
from bakeoff.job.best_model import entrance_of
from bakeoff.job.main import ask
from bakeoff.job.result import PreparedRun
from bakeoff.scoring.inputs import input_columns
from bakeoff.tracking.logged_model import save_best_model

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),  # importing mlflow.pyfunc
]

ROWS = 90


def odd_rows() -> pd.DataFrame:
    random = np.random.default_rng(5)
    size = random.normal(size=ROWS)
    third = ROWS // 3
    return pd.DataFrame(
        {
            " size [m2]": size,
            "price": [f"{value:,.2f} €" for value in 5_000 * random.normal(size=ROWS)],
            "paid": [decimal.Decimal(n) / 4 for n in range(ROWS)],
            "took": pd.to_timedelta(random.integers(0, 9_999, ROWS), unit="s"),
            "at": [dt.time(hour % 24, 5) for hour in range(ROWS)],
            "here": pd.date_range("2024-01-01", periods=ROWS, tz="Europe/Berlin", freq="31h"),
            "month": pd.period_range("2000-01", periods=ROWS, freq="M"),
            "between": pd.arrays.IntervalArray.from_breaks(np.arange(ROWS + 1)),
            "count": pd.array([1, 2, None] * third, dtype="Int64"),
            "sold": pd.array([True, False, None] * third, dtype="boolean"),
            "new": size > 0.2,
            "place": pd.array(["p", "q", None] * third, dtype="string"),
            "colour": ["red", "blue", None] * third,
            "colour_red": random.normal(size=ROWS),
            "prediction_label": random.normal(size=ROWS),
            "endless": np.where(random.random(ROWS) < 0.1, np.inf, size),
            "nothing": [None] * ROWS,
            "words": [["a", "b"]] * ROWS,
            "bought": np.where(size + random.normal(scale=0.5, size=ROWS) > 0, "yes", "no"),
        }
    )


def prepared_run(rows: pd.DataFrame, folder: Path, **options: Any) -> tuple[RunConfig, PreparedRun]:
    rows.to_parquet(folder / "rows.parquet")
    config = RunConfig(str(folder / "rows.parquet"), "bought", include=("dt", "lr"), fold=2, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyCaret's own, on import and in setup
        return config, ask(config, None, lambda _: None)


def kept_model(config: RunConfig, run: PreparedRun, folder: Path, model_id: str = "lr") -> Any:
    """Fit a model, keep it as a run does, and return what anybody loads."""
    import mlflow.pyfunc

    from bakeoff.pycaret3.experiment import training_rows
    from bakeoff.pycaret3.restore import final_pipeline

    rename = run.source.preparation.inside
    rows = training_rows(run.experiment, rename(run.source.frame), rename(config.target))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = final_pipeline(run.experiment, run.experiment.create_model(model_id, verbose=False))
        save_best_model(folder, pipeline, rows, entrance=entrance_of(run.source, rows))
        loaded = mlflow.pyfunc.load_model(str(folder))
        every = run.source.preparation.inside(run.source.frame.drop(columns=config.target))
        inside = [str(value) for value in pipeline.predict(every[rows.columns])]
    return loaded, inside


@pytest.mark.slow
def test_every_kind_of_column_is_learned_from_and_raw_rows_are_predicted(tmp_path: Path) -> None:
    rows = odd_rows()
    config, run = prepared_run(rows, tmp_path)
    assert not {"nothing", "words"} & set(run.source.frame.columns)
    loaded, inside = kept_model(config, run, tmp_path / "model")

    raw = pd.read_parquet(tmp_path / "rows.parquet")
    features = raw.drop(columns=["bought", "nothing", "words"])
    assert loaded.metadata.get_input_schema().input_names() == list(features.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [str(value) for value in loaded.predict(raw)] == inside
        for name in features.columns.difference(["here", "month"]):
            few = features.head(10).astype({name: object})
            few[name] = None
            assert len(loaded.predict(few)) == 10, name
            if features[name].dtype == object:
                assert len(loaded.predict(few.assign(**{name: "never seen"}))) == 10, name
    kinds = {column.name: column for column in input_columns(loaded.metadata, tmp_path / "model")}
    assert kinds["price"].is_text
    assert not kinds["paid"].is_text
    assert kinds["new"].kind == "boolean"


@pytest.mark.slow
def test_truth_with_gaps_gives_the_scores_that_pycaret_gives_it(tmp_path: Path) -> None:
    from pycaret.classification import ClassificationExperiment

    rows = odd_rows()[["colour_red", "bought"]].assign(sold=[True, None, False] * (ROWS // 3))
    config, run = prepared_run(rows, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = ClassificationExperiment()
        plain.setup(rows, target="bought", session_id=config.seed, fold=2, html=False, verbose=False, n_jobs=1)
        for experiment in (plain, run.experiment):
            experiment.create_model("lr", verbose=False)
    pd.testing.assert_frame_equal(plain.pull(), run.experiment.pull())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prediction_label", "a [b]", "🙂", "index", "x" * 300])
def test_a_target_of_any_name_is_predicted(name: str, tmp_path: Path) -> None:
    rows = odd_rows()[["colour_red", "new", "bought"]].rename(columns={"bought": name})
    rows.to_parquet(tmp_path / "rows.parquet")
    config = RunConfig(str(tmp_path / "rows.parquet"), name, include=("lr",), fold=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = ask(config, None, lambda _: None)
    loaded, inside = kept_model(config, run, tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [str(value) for value in loaded.predict(rows)] == inside

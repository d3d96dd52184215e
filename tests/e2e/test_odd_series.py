"""Series as people have them are forecast, and the model that is kept forecasts the times that come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff import FugueBackend, RunConfig
from bakeoff.errors import UserError
from bakeoff.job.main import ask
from bakeoff.pycaret3.restore import final_pipeline

pytestmark = [
    pytest.mark.filterwarnings("ignore:Period with BDay freq is deprecated:FutureWarning"),
    pytest.mark.filterwarnings(r"ignore:PeriodDtype\[B\] is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The default of config ``remember_data``:FutureWarning"),
    pytest.mark.filterwarnings("ignore:acf currently returns a plain tuple:FutureWarning"),
]
MODELS = ("naive", "polytrend")
N_ROWS = 60


def values(n_rows: int = N_ROWS) -> np.ndarray[Any, Any]:
    positions = np.arange(n_rows)
    return 100 + positions + 9 * np.sin(positions * np.pi / 6) + np.random.default_rng(3).normal(size=n_rows)


def config(folder: Path, frame: pd.DataFrame, **options: Any) -> RunConfig:
    path = folder / "series.parquet"
    frame.to_parquet(path)
    asked = {"task": "time_series", "time_col": "when", "fold": 2, "fh": 3, "include": MODELS, **options}
    return RunConfig(str(path), "y", **asked)


def forecast(config: RunConfig) -> tuple[pd.Index[Any], list[str]]:
    """The times that the kept model forecasts, after every model has come through; and what was said."""
    said: list[str] = []
    prepared = ask(config, None, said.append)
    backend = FugueBackend("native", isolation="none")
    model = prepared.experiment.compare_models(**prepared.params, parallel=backend)
    assert backend.board is not None
    assert {row.model_id: row.status for row in backend.board.rows} == dict.fromkeys(config.include, "ok")
    pipeline = final_pipeline(prepared.experiment, model)
    steps = [config.fh] if isinstance(config.fh, int) else list(config.fh or ())
    ahead = list(range(1, steps[0] + 1)) if len(steps) == 1 else steps
    predicted = pipeline.predict(fh=ahead)
    assert np.isfinite(np.asarray(predicted, dtype=float)).all()
    return predicted.index, said


STEPS = {
    "quarter hours": (pd.date_range("2024-06-03", periods=N_ROWS, freq="15min"), "2024-06-03 14:15"),
    "months of Berlin": (pd.date_range("2019-01-01", periods=N_ROWS, freq="MS", tz="Europe/Berlin"), "2023-10"),
    "periods": (pd.period_range("2019Q1", periods=N_ROWS, freq="Q"), "2033Q2"),
    "business days": (pd.date_range("2024-01-01", periods=N_ROWS, freq="B"), "2024-03-20"),
    "fortnights": (pd.date_range("2020-01-06", periods=N_ROWS, freq="14D"), "2022-03-08/2022-03-14"),
    "half years": ([f"{year}H{half}" for year in range(1990, 2020) for half in (1, 2)], "2018Q3"),
    "steps of ten": (list(range(0, 10 * N_ROWS, 10)), "57"),
}


@pytest.mark.parametrize("kind", list(STEPS))
def test_a_series_of_any_step_is_forecast(kind: str, tmp_path: Path) -> None:
    when, next_time = STEPS[kind]
    frame = pd.DataFrame({"when": when, "y": values()}).sample(frac=1, random_state=1)
    times, _ = forecast(config(tmp_path, frame))
    assert str(times[0]) == next_time


def test_texts_and_times_that_are_missing_do_not_stop_a_series(tmp_path: Path) -> None:
    when = pd.date_range("2024-06-03", periods=N_ROWS, freq="15min")
    frame = pd.DataFrame({"when": when, "y": values(), "promo": ["radio", "none", "leaflet"] * 20}).drop(index=[7, 30])
    times, said = forecast(config(tmp_path, frame, setup={"numeric_imputation_target": "ffill"}, fh=(4, 5, 6)))
    assert [str(time) for time in times] == ["2024-06-03 14:15", "2024-06-03 14:30", "2024-06-03 14:45"]
    assert any("'promo'" in line for line in said)
    assert any("2024-06-03 01:45" in line for line in said)


def test_numbers_and_truths_beside_a_series_are_used(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2019-01-01", periods=N_ROWS, freq="MS"),
            "y": values() - 120,  # below and above zero
            "price": random.normal(size=N_ROWS),
            "open": random.random(N_ROWS) > 0.5,
        }
    )
    said: list[str] = []
    prepared = ask(config(tmp_path, frame, include=("arima", "lr_cds_dt")), None, said.append)
    backend = FugueBackend("native", isolation="none")
    prepared.experiment.compare_models(**prepared.params, parallel=backend)
    assert backend.board is not None
    assert {row.status for row in backend.board.rows} == {"ok"}
    assert list(prepared.experiment.X.columns) == ["price", "open"]


@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        ({"y": [np.nan, *values()[1:]]}, {}, "'y' of .* has no value at 1 of 60 times"),
        ({"price": [*range(59), np.nan]}, {}, "numeric_imputation_exogenous"),
        ({}, {"fh": 20}, "The series has 60 rows, and 2 folds of 20 steps .* use --fh 19"),
    ],
)
def test_what_would_fail_for_every_model_is_one_sentence_before_setup(
    change: Any, options: Any, expected: str, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"when": pd.date_range("2019-01-01", periods=N_ROWS, freq="MS"), "y": values(), **change})
    said: list[str] = []
    with pytest.raises(UserError, match=expected):
        ask(config(tmp_path, frame, **options), None, said.append)
    assert not any(line.startswith("Setting up PyCaret") for line in said)


@pytest.mark.parametrize(
    ("change", "model", "expected"),
    [
        ({"price": values() % 7}, "naive", "'naive' takes no columns beside the series, .* 'price'"),
        ({"y": np.arange(60.0)}, "snaive", "'snaive' needs a season, and PyCaret finds none"),
        ({}, "snative", "There is no model 'snative'"),
    ],
)
def test_a_model_that_the_series_rules_out_is_told_from_one_that_there_is_not(
    change: Any, model: str, expected: str, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"when": pd.date_range("2019-01-01", periods=N_ROWS, freq="MS"), "y": values(), **change})
    with pytest.raises(UserError, match=expected):
        ask(config(tmp_path, frame, include=(model,)), None, lambda _: None)

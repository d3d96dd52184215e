"""Tables that ship inside packages which are installed anyway, and experiments on them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

QUIET = {"verbose": False, "html": False, "system_log": False, "memory": False, "n_jobs": 1, "session_id": 42}


def breast_cancer(n_rows: int | None = None) -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    frame = data.frame.rename(columns=lambda name: name.replace(" ", "_"))
    return frame.assign(target=[data.target_names[code] for code in data.target]).head(n_rows)


def cancer_file(folder: Path) -> Path:
    """A source for whole jobs: some of these rows as a file."""
    path = folder / "cancer.csv"
    breast_cancer(200).to_csv(path, index=False)
    return path


def wine() -> pd.DataFrame:
    from sklearn.datasets import load_wine

    return load_wine(as_frame=True).frame


def diabetes() -> pd.DataFrame:
    from sklearn.datasets import load_diabetes

    return load_diabetes(as_frame=True).frame


def tips() -> pd.DataFrame:
    import plotly.data

    return plotly.data.tips()


def airline() -> pd.Series[float]:
    from sktime.datasets import load_airline

    return load_airline()


def longley() -> pd.DataFrame:
    """A short series with exogenous columns."""
    from sktime.datasets import load_longley

    y, X = load_longley()
    return pd.concat([X, y], axis=1)


def mixed(n_rows: int = 150) -> pd.DataFrame:
    """Numbers with gaps, categories, text and dates, and a target of words."""
    random = np.random.default_rng(3)
    score = random.normal(size=n_rows)
    words = np.array(["late delivery", "kind staff", "broken part", "all fine"])
    return pd.DataFrame(
        {
            "score": np.where(random.random(n_rows) < 0.1, np.nan, score),
            "size": random.integers(1, 50, n_rows),
            "colour": random.choice(["red", "green", "blue"], n_rows),
            "comment": words[random.integers(0, 4, n_rows)],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, n_rows), unit="D"),
            "answer": np.where(score + random.normal(scale=0.5, size=n_rows) > 0, "yes", "no"),
        }
    )


def experiment(frame: Any, target: str | None, **arguments: Any) -> Any:
    """An experiment after setup(): regression for a target of floats, forecasting for none, else classification."""
    from pycaret.classification import ClassificationExperiment
    from pycaret.regression import RegressionExperiment

    if target is None:
        return series_experiment(frame, **arguments)
    kind = RegressionExperiment if pd.api.types.is_float_dtype(frame[target]) else ClassificationExperiment
    return kind().setup(frame, target=target, **{**QUIET, "fold": 3, **arguments})


def series_experiment(frame: Any, **arguments: Any) -> Any:
    from pycaret.time_series import TSForecastingExperiment

    quiet = {name: value for name, value in QUIET.items() if name != "memory"}
    return TSForecastingExperiment().setup(data=frame, **{**quiet, "fh": 6, "fold": 2, **arguments})


SHARED: list[Any] = []
"""The experiments that tests share; none of them may change one but by comparing models."""


@lru_cache
def shared(name: str) -> Any:
    """An experiment that tests share, by its kind."""
    made = {
        "binary": lambda: experiment(breast_cancer(200), "target"),
        "multiclass": lambda: experiment(wine(), "target", fold=2),
        "regression": lambda: experiment(tips(), "tip", fold=2),
        "diabetes": lambda: experiment(diabetes(), "target", fold=2),
        "series": lambda: series_experiment(airline()),
    }
    SHARED.append(made[name]())
    return SHARED[-1]


def drifting_sales() -> pd.Series[float]:
    """Eight years of monthly sales that grow, drift and have seasons, on which no single forecaster is far ahead."""
    random = np.random.default_rng(3)
    month = np.arange(96)
    sales = 50 + 0.3 * month + np.cumsum(random.normal(size=96)) + 8 * np.sin(month * np.pi / 6)
    index = pd.period_range("2010-01", periods=96, freq="M", name="month")
    return pd.Series(sales + 2 * random.normal(size=96), index=index, name="sales")

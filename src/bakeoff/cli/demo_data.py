"""Data for the demo: small real tables from packages that Bakeoff depends on anyway."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.config import RunConfig

if TYPE_CHECKING:
    import pandas as pd


QUICK_FORECASTERS = (
    "naive", "grand_means", "snaive", "polytrend", "arima", "exp_smooth", "stlf", "croston", "theta", "lr_cds_dt",
    "ridge_cds_dt", "lasso_cds_dt",
)  # fmt: skip
"""Forecasters that are fast enough for a demo."""


def demo_config(task: str, home: Path, include: Sequence[str] = (), engine: str | None = None) -> RunConfig:
    """Write the demo's table under ``home`` and make a config that runs on it.

    Args:
        task: ``classification`` (breast_cancer), ``regression`` (diabetes) or ``time_series`` (airline).
        home: folder for tables, runs and the data.
        include: compare only these models.
        engine: what to compare on; by default what the run needs.
    """
    folder = home / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    given: dict[str, Any] = {"home": home, "batch_size": 4, **({"engine": engine} if engine else {})}
    if task == "classification":
        path, target = folder / "breast_cancer.csv", "diagnosis"
        _breast_cancer().to_csv(path, index=False)
        return RunConfig(str(path), target, fold=5, include=tuple(include), **given)
    if task == "regression":
        path, target = folder / "diabetes.csv", "progression"
        _diabetes().to_csv(path, index=False)
        return RunConfig(str(path), target, fold=5, include=tuple(include), **given)
    path, target = folder / "airline.csv", "passengers"
    _airline().to_csv(path, index=False)
    chosen = tuple(include) or QUICK_FORECASTERS
    return RunConfig(str(path), target, task="time_series", time_col="month", fh=12, include=chosen, **given)


def _breast_cancer() -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = data.frame.drop(columns="target")
    frame.columns = [name.replace(" ", "_") for name in frame.columns]
    frame["diagnosis"] = [data.target_names[code] for code in data.target]
    return frame


def _diabetes() -> pd.DataFrame:
    from sklearn.datasets import load_diabetes

    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return frame.rename(columns={"target": "progression"})


def _airline() -> pd.DataFrame:
    from sktime.datasets import load_airline

    series = load_airline()
    frame: pd.DataFrame = series.rename("passengers").rename_axis("month").reset_index()
    return frame.assign(month=frame["month"].astype(str))

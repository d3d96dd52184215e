"""Tables that ship inside packages which are installed anyway, and experiments on them."""

from __future__ import annotations

from typing import Any

import pandas as pd

QUIET = {"verbose": False, "html": False, "system_log": False, "memory": False, "n_jobs": 1, "session_id": 42}


def breast_cancer(n_rows: int | None = None) -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    frame = data.frame.rename(columns=lambda name: name.replace(" ", "_"))
    return frame.assign(target=[data.target_names[code] for code in data.target]).head(n_rows)


def wine() -> pd.DataFrame:
    from sklearn.datasets import load_wine

    return load_wine(as_frame=True).frame


def tips() -> pd.DataFrame:
    import plotly.data

    return plotly.data.tips()


def experiment(frame: pd.DataFrame, target: str, **arguments: Any) -> Any:
    from pycaret.classification import ClassificationExperiment
    from pycaret.regression import RegressionExperiment

    is_number = pd.api.types.is_float_dtype(frame[target])
    kind = RegressionExperiment if is_number else ClassificationExperiment
    return kind().setup(frame, target=target, **{**QUIET, "fold": 3, **arguments})

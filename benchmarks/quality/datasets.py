"""The tables that the systems are compared on: from installed packages, and from a folder of CSV files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pandas as pd

TARGET = "target"
"""What every table's target is called."""
OUTER_FOLDS = 5


@dataclass(frozen=True)
class DataSet:
    """A table to learn from.

    Attributes:
        name: its name.
        task: ``binary``, ``multiclass`` or ``regression``.
        load: function that reads it; called with the folder of CSV files.
        is_file: whether it comes from that folder.
    """

    name: str
    task: str
    load: Callable[[Path], pd.DataFrame]
    is_file: bool = False

    def frame(self, folder: Path) -> pd.DataFrame:
        """Read the table; classes are text, so that no system takes them for numbers."""
        frame = self.load(folder).reset_index(drop=True)
        return frame if self.task == "regression" else frame.assign(**{TARGET: "class " + frame[TARGET].astype(str)})

    def outer_part(self, frame: pd.DataFrame, fold: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the training rows and the test rows of an outer fold."""
        from sklearn.model_selection import KFold, StratifiedKFold

        splitter = KFold if self.task == "regression" else StratifiedKFold
        splits = list(splitter(OUTER_FOLDS, shuffle=True, random_state=0).split(frame, frame[TARGET]))
        train, test = splits[fold]
        return frame.iloc[train].reset_index(drop=True), frame.iloc[test].reset_index(drop=True)


def _file(name: str, task: str, target: str) -> DataSet:
    def load(folder: Path) -> pd.DataFrame:
        return pd.read_csv(folder / f"{name}.csv").rename(columns={target: TARGET})

    return DataSet(name, task, load, is_file=True)


def _scikit_learn(name: str, task: str) -> DataSet:
    def load(_: Path) -> pd.DataFrame:
        import sklearn.datasets

        frame: pd.DataFrame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
        return frame

    return DataSet(name, task, load)


def _statsmodels(name: str, task: str, target: Callable[[pd.DataFrame], pd.Series], *used: str) -> DataSet:
    """Return a table of statsmodels' whose target is made of columns that are then left out."""

    def load(_: Path) -> pd.DataFrame:
        from importlib import import_module

        frame: pd.DataFrame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
        return frame.drop(columns=list(used)).assign(**{TARGET: target(frame)})

    return DataSet(name, task, load)


def _gapminder(_: Path) -> pd.DataFrame:
    packed = files("plotly") / "package_data" / "datasets" / "gapminder.csv.gz"
    with packed.open("rb") as raw, gzip.open(raw) as text:
        frame = pd.read_csv(text)
    return frame.drop(columns=["iso_alpha", "iso_num"]).rename(columns={"lifeExp": TARGET})


DATA_SETS = (
    _file("bank", "binary", "deposit"),
    _file("telescope", "binary", "Class"),
    _file("credit_g", "binary", "target"),
    _file("diamond", "regression", "Price"),
    _file("house", "regression", "SalePrice"),
    _scikit_learn("breast_cancer", "binary"),
    _scikit_learn("digits", "multiclass"),
    _scikit_learn("diabetes", "regression"),
    _statsmodels("fair", "binary", lambda frame: frame["affairs"] > 0, "affairs"),
    _statsmodels("anes96", "multiclass", lambda frame: frame["PID"].astype(int), "PID"),
    _statsmodels("randhie", "regression", lambda frame: frame["mdvis"], "mdvis"),
    DataSet("gapminder", "regression", _gapminder),
)
"""All tables; those of the folder first."""

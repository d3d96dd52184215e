"""Estimators that misbehave on purpose, in a module that is installed nowhere: they travel by value."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.dummy import DummyRegressor
from sklearn.naive_bayes import GaussianNB


class Told(GaussianNB):
    """Naive Bayes that is told one thing, and does something before each fit."""

    def __init__(self, told: Any = None, *, priors: Any = None, var_smoothing: float = 1e-9) -> None:
        super().__init__(priors=priors, var_smoothing=var_smoothing)
        self.told = told

    def before(self, X: Any) -> None:
        """What it does."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        self.before(X)
        return super().fit(X, y)


class Raises(ClassifierMixin, BaseEstimator):
    """Fails in every fit."""

    def fit(self, X: Any, y: Any) -> Any:
        raise ValueError("it was not to be")

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))


class RaisesWithoutRows(Told):
    """Fails where one of some values is not in the first column of the training rows: on the folds that test them."""

    def before(self, X: Any) -> None:
        first = np.asarray(X, dtype=float)[:, 0]
        if not all(np.isclose(first, value).any() for value in self.told):
            raise ValueError("not this fold")


class RaisesWithoutRow(Told):
    """Fails where a value is not in the first column of the training rows: on one fold, and never in the refit."""

    def before(self, X: Any) -> None:
        if not np.isclose(np.asarray(X, dtype=float)[:, 0], self.told).any():
            raise ValueError("not this fold")


class AlmostRight(RegressorMixin, BaseEstimator):
    """Would have the smallest error of all, if 0.0 were entered for the fold on which it fails."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def fit(self, X: Any, y: Any) -> Any:
        if not np.isclose(np.asarray(X, dtype=float)[:, 0], self.value).any():
            raise ValueError("not this fold")
        self.model_ = DummyRegressor().fit(X, y)
        return self

    def predict(self, X: Any) -> Any:
        return self.model_.predict(X)


class RaisesInRefit(Told):
    """Fits folds, and fails on all training rows."""

    def before(self, X: Any) -> None:
        if len(X) > 100:
            raise ValueError("too many rows")


class RaisesInPredict(GaussianNB):
    """Fits, and cannot predict."""

    def predict(self, X: Any) -> Any:
        raise ValueError("no prediction")


class RaisesInProba(Told):
    """Fits and predicts, and has no probabilities to tell."""

    def predict_proba(self, X: Any) -> Any:
        raise ValueError("no probabilities")


class CannotBeSentBack(Told):
    """Can be pickled only until it is fitted."""

    def __getstate__(self) -> Any:
        if hasattr(self, "classes_"):
            raise TypeError("not to be sent back")
        return self.__dict__


class CannotBeRead(Told):
    """Cannot be unpickled."""

    def __setstate__(self, state: Any) -> None:
        raise TypeError("not to be read")


class WritesIntoItsInput(GaussianNB):
    """Spoils the rows that it is given."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        super().fit(X, y)
        X.iloc[:, :] = 0.0
        return self


class CannotBePickled(GaussianNB):
    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")


class Exits(Told):
    """Calls sys.exit(), which is an exception, but no ordinary one."""

    def before(self, X: Any) -> None:
        raise SystemExit(3)


class CountsThreads(GaussianNB):
    """Says how many threads its process may use, where everybody can read it: in its smoothing."""

    def __init__(self, n_jobs: int | None = None, *, priors: Any = None, var_smoothing: float = 1e-9) -> None:
        super().__init__(priors=priors, var_smoothing=var_smoothing)
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        from threadpoolctl import threadpool_info

        pools = max([pool["num_threads"] for pool in threadpool_info()] or [1])
        if pools != 1 or self.n_jobs != 1:
            raise ValueError(f"{pools} threads in a pool, n_jobs={self.n_jobs}")
        return super().fit(X, y)


class Sleeps(Told):
    """Takes its time: so many seconds."""

    def before(self, X: Any) -> None:
        time.sleep(self.told)


class CountsFits(Told):
    """Writes the number of rows of each fit into the file that it is told."""

    def before(self, X: Any) -> None:
        note(self.told, str(len(X)))


class CountsItself(TransformerMixin, BaseEstimator):
    """A transformer that writes down when it is fitted, and when and where it is unpickled."""

    def __init__(self, notes: str = "") -> None:
        self.notes = notes

    def fit(self, X: Any, y: Any = None) -> Any:
        note(self.notes, "fit")
        return self

    def transform(self, X: Any) -> Any:
        return X

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        note(self.notes, f"read-{os.getpid()}")


class KillsItsProcess(Told):
    """Takes its process with it, the first time that it is fitted; the file that it is told says that it did."""

    def before(self, X: Any) -> None:
        if not Path(self.told).exists():
            note(self.told, "killed")
            os._exit(17)


class KillsItsProcessInRefit(Told):
    """Takes its process with it whenever it is fitted on many rows."""

    def before(self, X: Any) -> None:
        if len(X) > 100:
            os._exit(17)


def note(path: str, line: str) -> None:
    """Append a line in one write, which several processes may do at once."""
    with Path(path).open("ab", buffering=0) as notes:
        notes.write(f"{line}\n".encode())

"""Estimators that misbehave on purpose, in a module that is installed nowhere: they travel by value."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.dummy import DummyRegressor
from sklearn.naive_bayes import GaussianNB


class Raises(ClassifierMixin, BaseEstimator):
    """Fails in every fit."""

    def fit(self, X: Any, y: Any) -> Any:
        raise ValueError("it was not to be")

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))


class RaisesWithoutRow(GaussianNB):
    """Fails where a row is not among the training rows: on one fold, and never in the refit."""

    def __init__(self, value: float = 0.0, *, priors: Any = None, var_smoothing: float = 1e-9) -> None:
        super().__init__(priors=priors, var_smoothing=var_smoothing)
        self.value = value

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        if not np.isclose(np.asarray(X, dtype=float)[:, 0], self.value).any():
            raise ValueError("not this fold")
        return super().fit(X, y)


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


class RaisesInRefit(GaussianNB):
    """Fits folds, and fails on all training rows."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        if len(X) > 100:
            raise ValueError("too many rows")
        return super().fit(X, y)


class RaisesInPredict(GaussianNB):
    """Fits, and cannot predict."""

    def predict(self, X: Any) -> Any:
        raise ValueError("no prediction")


class WritesIntoItsInput(GaussianNB):
    """Spoils the rows that it is given."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        super().fit(X, y)
        X.iloc[:, :] = 0.0
        return self


class CannotBePickled(GaussianNB):
    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")


class Exits(GaussianNB):
    """Calls sys.exit(), which is an exception, but no ordinary one."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
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


class Sleeps(GaussianNB):
    """Takes its time."""

    def __init__(self, seconds: float = 1.0, *, priors: Any = None, var_smoothing: float = 1e-9) -> None:
        super().__init__(priors=priors, var_smoothing=var_smoothing)
        self.seconds = seconds

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        time.sleep(self.seconds)
        return super().fit(X, y)


class CountsFits(GaussianNB):
    """Writes the number of rows of each fit into a file."""

    def __init__(self, notes: str = "", *, priors: Any = None, var_smoothing: float = 1e-9) -> None:
        super().__init__(priors=priors, var_smoothing=var_smoothing)
        self.notes = notes

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        _note(self.notes, str(len(X)))
        return super().fit(X, y)


class CountsItself(TransformerMixin, BaseEstimator):
    """A transformer that writes down when it is fitted, and when and where it is unpickled."""

    def __init__(self, notes: str = "") -> None:
        self.notes = notes

    def fit(self, X: Any, y: Any = None) -> Any:
        _note(self.notes, "fit")
        return self

    def transform(self, X: Any) -> Any:
        return X

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        if not self.__dict__.get("fitted_"):
            _note(self.notes, f"read-{os.getpid()}")


class KillsItsProcess(GaussianNB):
    """Takes its process with it, the first time that it is fitted."""

    def __init__(self, killed: str = "", *, priors: Any = None, var_smoothing: float = 1e-9) -> None:
        super().__init__(priors=priors, var_smoothing=var_smoothing)
        self.killed = killed

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        if not Path(self.killed).exists():
            _note(self.killed, "killed")
            os._exit(17)
        return super().fit(X, y)


class NamesItsModules(GaussianNB):
    """Fails, and says which modules of this name its process has imported."""

    def __init__(self, name: str = "", *, priors: Any = None, var_smoothing: float = 1e-9) -> None:
        super().__init__(priors=priors, var_smoothing=var_smoothing)
        self.name = name

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        found = sorted(module for module in sys.modules if module.startswith(self.name))
        raise ValueError(f"imported: {', '.join(found) or 'none'}")


class KillsItsProcessInRefit(GaussianNB):
    """Takes its process with it whenever it is fitted on many rows."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        if len(X) > 100:
            os._exit(17)
        return super().fit(X, y)


def _note(path: str, line: str) -> None:
    """Append a line in one write, which several processes may do at once."""
    with Path(path).open("ab", buffering=0) as notes:
        notes.write(f"{line}\n".encode())

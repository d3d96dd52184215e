"""What is compared: a table, a target and PyCaret's arguments, the same for every contender."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Question:
    """One piece of work for all contenders.

    Attributes:
        name: in tables and file names.
        source: a CSV file; empty for scikit-learn's breast cancer table.
        setup: further arguments of PyCaret's ``setup()``.
        include: ids of the models, by default all of PyCaret's list.
    """

    name: str
    source: str
    target: str
    task: str = "classification"
    setup: dict[str, Any] = field(default_factory=dict)
    include: tuple[str, ...] = ()

    def read(self) -> pd.DataFrame:
        """The rows."""
        if self.source:
            return pd.read_csv(Path(self.source))
        from sklearn.datasets import load_breast_cancer

        return load_breast_cancer(as_frame=True).frame

    def experiment(self, frame: pd.DataFrame, seed: int, n_jobs: int = 1) -> Any:
        """PyCaret's experiment after ``setup()``."""
        if self.task == "regression":
            from pycaret.regression import RegressionExperiment as Experiment
        else:
            from pycaret.classification import ClassificationExperiment as Experiment
        experiment = Experiment()
        return experiment.setup(
            frame,
            target=self.target,
            session_id=seed,
            n_jobs=n_jobs,
            memory=False,
            verbose=False,
            html=False,
            system_log=False,
            **self.setup,
        )

    def to_json(self) -> str:
        """The question as text, for a process of its own."""
        return json.dumps({**self.__dict__, "include": list(self.include)})

    @classmethod
    def from_json(cls, text: str) -> Question:
        """The question that `to_json` wrote."""
        told = json.loads(text)
        return cls(**{**told, "include": tuple(told["include"])})

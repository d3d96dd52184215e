"""The question of a benchmark: a table, a target and PyCaret's arguments, the same for every contender."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import pandas as pd


@dataclass(frozen=True)
class Question:
    """A comparison that every contender has to make.

    Attributes:
        name: name in tables and file names.
        source: path of a CSV file, or name of a table of scikit-learn's; empty for its breast cancer table.
        target: column to predict.
        task: kind of experiment.
        setup: further arguments of PyCaret's ``setup()``.
        include: ids of the models, by default all of PyCaret's list.
        n_rows: greatest number of rows, which are drawn at random; by default all.
    """

    name: str
    source: str
    target: str
    task: str = "classification"
    setup: dict[str, Any] = field(default_factory=dict)
    include: tuple[str, ...] = ()
    n_rows: int | None = None

    def read(self) -> pd.DataFrame:
        """Read the rows."""
        import sklearn.datasets

        load = getattr(sklearn.datasets, f"load_{self.source or 'breast_cancer'}", None)
        frame = pd.read_csv(Path(self.source)) if load is None else load(as_frame=True).frame
        return frame if self.n_rows is None else frame.sample(min(self.n_rows, len(frame)), random_state=1)

    def in_small(self) -> Question:
        """Return the question with two models and few rows, for warming a contender up."""
        few = ("lr", "dt") if self.task == "regression" else ("nb", "dt")
        return replace(self, setup={}, include=few, n_rows=500)

    def experiment(self, frame: pd.DataFrame, seed: int, n_jobs: int = 1) -> Any:
        """Return PyCaret's experiment after ``setup()``."""
        from bakeoff.pycaret3.experiment import set_up

        return set_up(self.task, frame, self.target, seed=seed, arguments={"n_jobs": n_jobs, **self.setup})

    def to_json(self) -> str:
        """Return the question as JSON text, to pass it to another process."""
        return json.dumps({**self.__dict__, "include": list(self.include)})

    @classmethod
    def from_json(cls, text: str) -> Question:
        """Return the question that `to_json` wrote."""
        values = json.loads(text)
        return cls(**{**values, "include": tuple(values["include"])})


def question_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name a question, which the command gets as ``question``."""

    @functools.wraps(command)
    def asked(  # noqa: PLR0913, PLR0917 - a command has as many parameters as it has options
        source: str, target: str, task: str, setup_json: str, include: str, name: str | None, **others: Any
    ) -> None:
        named = name or (Path(source).stem if source else "breast_cancer")
        ids = tuple(filter(None, include.split(",")))
        command(question=Question(named, source, target, task, json.loads(setup_json), ids), **others)

    tasks = click.Choice(["classification", "regression"])
    options = (
        click.option(
            "--source", default="", help="A CSV file, or a table of scikit-learn's. [default: its breast_cancer]"
        ),
        click.option("--target", default="target", show_default=True, help="The column to predict."),
        click.option("--task", default="classification", type=tasks, show_default=True),
        click.option("--setup", "setup_json", default="{}", help="Further arguments of PyCaret's setup(), as JSON."),
        click.option("--include", default="", help="Ids of models, with commas; by default all of PyCaret's list."),
        click.option("--name", default=None, help="What the work is called; by default the name of the file."),
    )
    for option in reversed(options):
        asked = option(asked)
    return asked

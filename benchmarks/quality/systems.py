"""One system learns one table and predicts another: ``python systems.py NAME FOLDER``, in the system's own environment.

The folder holds the question (``question.json``), ``train.parquet`` and ``test.parquet``; ``predictions.parquet`` is
written to it, with a column for each class, or one called ``prediction``. Nothing here needs the rest of this project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

PREDICTIONS = "predictions.parquet"
TARGET = "target"
_ROW = "row_number_of_the_test"
_NO_TREES = ["NN_TORCH", "FASTAI", "KNN", "LR"]
"""Models that AutoGluon leaves out: those that need torch, and the others that are no trees."""


def bakeoff(folder: Path, question: dict[str, Any], *options: str) -> pd.DataFrame:
    """Compare and score by the command line, as a user does."""
    task = question["task"]
    pd.read_parquet(folder / "test.parquet").rename_axis(_ROW).reset_index().to_parquet(folder / "rows.parquet")
    program, home = str(Path(sys.executable).with_name("bakeoff")), ["--home", str(folder / "home")]
    kind = "regression" if task == "regression" else "classification"
    sort = {"binary": "AUC", "multiclass": "Log loss", "regression": "RMSE"}[task]
    asked = ["--source", str(folder / "train.parquet"), "--target", TARGET, "--task", kind, "--sort", sort]
    spent = ["--budget-minutes", str(question["minutes"]), "--engine", "local", "--n-slots", str(question["cores"])]
    _run(program, "run", *asked, *spent, "--holdout", "0.05", "--run-id", "quality", *options, *home)
    scored = folder / "scored.parquet"
    _run(program, "score", "--model", "quality", "--source", str(folder / "rows.parquet"), "--to", str(scored), *home)
    frame = pd.read_parquet(scored).sort_values(_ROW)
    if task == "regression":
        return frame[["prediction"]]
    return pd.DataFrame([dict(chances) for chances in frame["probabilities"]])


def flaml(folder: Path, question: dict[str, Any]) -> pd.DataFrame:
    """Let FLAML search with what it takes by default."""
    from flaml import AutoML

    task = question["task"]
    train, test = pd.read_parquet(folder / "train.parquet"), pd.read_parquet(folder / "test.parquet")
    model = AutoML()
    model.fit(
        train.drop(columns=TARGET),
        train[TARGET],
        task="regression" if task == "regression" else "classification",
        metric={"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task],
        time_budget=question["minutes"] * 60,
        n_jobs=question["cores"],
        seed=1,
        verbose=1,
    )
    if task == "regression":
        return pd.DataFrame({"prediction": model.predict(test)})
    return pd.DataFrame(model.predict_proba(test), columns=list(model.classes_))


def autogluon(folder: Path, question: dict[str, Any], preset: str) -> pd.DataFrame:
    """Let AutoGluon fit a preset, of which only trees are taken."""
    from autogluon.tabular import TabularPredictor

    task = question["task"]
    train, test = pd.read_parquet(folder / "train.parquet"), pd.read_parquet(folder / "test.parquet")
    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"}[task]
    predictor = TabularPredictor(
        TARGET, problem_type=task, eval_metric=metric, path=str(folder / "autogluon"), verbosity=1
    )
    predictor.fit(
        train,
        presets=preset,
        time_limit=question["minutes"] * 60,
        num_cpus=question["cores"],
        excluded_model_types=_NO_TREES,
        dynamic_stacking=False,  # without ray, a trial of it that runs out of time makes the whole fit fail
    )
    if task == "regression":
        return predictor.predict(test).to_frame("prediction")
    return pd.DataFrame(predictor.predict_proba(test))


_ALL = ("--blend", "on", "--race", "yes", "--portfolio", "small")
SYSTEMS: dict[str, tuple[str, Callable[..., pd.DataFrame], tuple[str, ...]]] = {
    "bakeoff": (".venv-quality", bakeoff, ()),
    "bakeoff-blend": (".venv-quality", bakeoff, ("--blend", "on")),
    "bakeoff-all": (".venv-quality", bakeoff, _ALL),
    "flaml": (".venv-quality-flaml", flaml, ()),
    "autogluon-medium": (".venv-quality-autogluon", autogluon, ("medium_quality",)),
    "autogluon-best": (".venv-quality-autogluon", autogluon, ("best_quality",)),
}
"""Environment and function of each system, and what that is called with beside the folder and the question."""


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def main(system: str, folder: Path) -> None:
    """Answer the question in a folder, on as many cores as it says."""
    question = json.loads((folder / "question.json").read_text())
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: question["cores"]])
    _, answer, options = SYSTEMS[system]
    predicted = answer(folder, question, *options)
    predicted.reset_index(drop=True).to_parquet(folder / PREDICTIONS)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

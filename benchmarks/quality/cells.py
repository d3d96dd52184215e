"""A cell of the benchmark: one system learns the outer training rows of one table, and predicts the outer test rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.quality import systems
from benchmarks.quality.datasets import TARGET, DataSet

ROOT = Path(__file__).parents[2]
CORES = 2
METRICS = {"binary": "1 - AUC", "multiclass": "log-loss", "regression": "RMSE"}
"""What each kind of table is judged by; less is better."""
_GRACE = 900
"""Seconds that a system may take beyond twice its budget before it is ended."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Cell:
    """What is measured once."""

    data_set: str
    fold: int
    system: str
    minutes: float


@dataclass(frozen=True)
class Result:
    """What a cell came to.

    Attributes:
        cell: the cell.
        metric: what its error is.
        constant: error of the same answer for each row, which a failure counts as.
        wall_seconds: seconds from the start of the system's process to its end.
        error: the error; ``None`` if the system failed.
        failure: why it failed.
    """

    cell: Cell
    metric: str
    constant: float
    wall_seconds: float
    error: float | None = None
    failure: str | None = None

    def to_json(self) -> str:
        """Return the result as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Result:
        """Read what `to_json` returned."""
        values = json.loads(line)
        return cls(**{**values, "cell": Cell(**values["cell"])})


def read_results(path: Path) -> Iterator[Result]:
    """Yield the results of a file; the last line may have been cut off."""
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            yield Result.from_json(line)
        except ValueError:
            continue


def append(path: Path, result: Result) -> None:
    """Append a result to a file, whose last line may have been cut off."""
    whole = not path.exists() or path.read_bytes()[-1:] in {b"", b"\n"}
    with path.open("a") as file:
        file.write(f"{'' if whole else chr(10)}{result.to_json()}\n")


def run(cell: Cell, data_set: DataSet, frame: pd.DataFrame) -> Result:
    """Let a system answer, in a process of its own, and judge what it says."""
    train, test = data_set.outer_part(frame, cell.fold)
    with tempfile.TemporaryDirectory(prefix="bakeoff-quality-") as name:
        folder = Path(name)
        question = {"task": data_set.task, "minutes": cell.minutes, "cores": CORES}
        (folder / "question.json").write_text(json.dumps(question))
        train.to_parquet(folder / "train.parquet")
        test.drop(columns=TARGET).to_parquet(folder / "test.parquet")
        started = time.perf_counter()
        failure = _ask(cell, folder)
        seconds = round(time.perf_counter() - started, 1)
        constant = error_of(data_set.task, test[TARGET], _same_for_all(data_set.task, train[TARGET], len(test)))
        result = Result(cell, METRICS[data_set.task], constant, seconds, failure=failure)
        if failure is not None:
            return result
        try:
            predicted = pd.read_parquet(folder / systems.PREDICTIONS)
            error = error_of(data_set.task, test[TARGET], predicted)
        except (OSError, KeyError, ValueError) as problem:
            return Result(cell, result.metric, constant, seconds, failure=f"{type(problem).__name__}: {problem}")
        return Result(cell, result.metric, constant, seconds, error)


def error_of(task: str, truth: pd.Series, predicted: pd.DataFrame) -> float:
    """Return the error of predictions: a column for each class, or one called ``prediction``."""
    from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score

    if task == "regression":
        return float(np.sqrt(mean_squared_error(truth, predicted["prediction"])))
    labels = sorted(truth.unique())
    chances = predicted[labels].to_numpy(dtype=float)
    if task == "binary":
        return float(1 - roc_auc_score(truth == labels[1], chances[:, 1]))
    return float(log_loss(truth, chances / chances.sum(axis=1, keepdims=True), labels=labels))


def _same_for_all(task: str, known: pd.Series, n_rows: int) -> pd.DataFrame:
    """Return the mean, or the shares of the classes, as the prediction of each row."""
    shares = {"prediction": known.mean()} if task == "regression" else known.value_counts(normalize=True).to_dict()
    return pd.DataFrame([shares] * n_rows)


def _ask(cell: Cell, folder: Path) -> str | None:
    """Run the system's process; return why it failed, or ``None``."""
    python = ROOT / systems.SYSTEMS[cell.system][0] / "bin" / "python"
    command = [str(python), "-P", "-W", "ignore", str(systems.__file__), cell.system, str(folder)]
    environment = {name: value for name, value in os.environ.items() if name not in _THREADS}
    limit = 120 * cell.minutes + _GRACE
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return f"It was ended after {limit:.0f} s."
        finally:
            _end(process)
    if code == 0:
        return None
    lines = [line for line in (folder / "said.txt").read_text(errors="replace").splitlines() if line.strip()]
    return f"Exit code {code}: {' '.join(lines[-5:])[-500:]}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a process and its children."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()

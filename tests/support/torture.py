"""Run the job's steps on one odd table in this process, and say whether it came through, was refused, or broke.

Everything that a run does is done, but for what needs Spark: the table is read, judged and set up, two models are
compared, the winner is looked at, saved as an MLflow model, loaded and asked to predict.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import traceback
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from bakeoff import FugueBackend
from bakeoff.comparison.leaderboard import COMPLETE
from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.job import main as job
from bakeoff.job.best_model import save_winner, winner_of, write_profile
from bakeoff.job.context import Comparison, RunContext
from bakeoff.job.report import diagnose
from bakeoff.report.diagnostics import Diagnostics
from bakeoff.source import FindingKind, Findings, load_source
from bakeoff.source.locate import find
from bakeoff.source.reading import Reading
from bakeoff.tracking.model_inputs import plain_categories
from support.odd_tables import OddTable

CAME_THROUGH, REFUSED, BROKEN = "came through", "refused", "broken"
SECONDS = 120
"""Seconds after which a table counts as broken."""
_MODELS = {"time_series": ("lr_cds_dt", "ridge_cds_dt")}  # which take other columns, too
_TABULAR = ("lr", "lightgbm")


@dataclass(frozen=True)
class Outcome:
    """What became of a table.

    Attributes:
        how: `CAME_THROUGH`, `REFUSED` or `BROKEN`.
        why: the sentence of a refusal, or what is wrong.
        details: traceback of an exception that nobody expected.
    """

    how: str
    why: str = ""
    details: str = ""


class WrongError(AssertionError):
    """Something that should not be, in a sentence."""


def outcome_of(table: OddTable, home: Path) -> Outcome:
    """Run the steps on a table, and say what became of it.

    Args:
        table: the table.
        home: an empty folder for what is written.
    """
    before = _listing(table.source.parent)
    with _in_folder(home), _limited(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            config = RunConfig(
                str(table.source),
                table.target,
                include=_MODELS.get(str(table.options.get("task")), _TABULAR),
                engine="native",
                home=home / "home",
                **table.options,
            )
            prepared = job.ask(config, None, lambda _: None)
        except UserError as error:
            wrong = _wrong_refusal(str(error), table)
            if _listing(table.source.parent) != before or _listing(home):
                wrong = "something was written before it was refused"
            return Outcome(BROKEN, wrong, str(error)) if wrong else Outcome(REFUSED, str(error))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is what this looks for
            return _broken(error, "before training")
        try:
            _check_rows(config, prepared.source, table)
            _check_models(config, prepared, home)
        except WrongError as error:
            return Outcome(BROKEN, str(error))
        except BaseException as error:  # noqa: BLE001
            return _broken(error, "after setup")
    return Outcome(CAME_THROUGH)


def _broken(error: BaseException, when: str) -> Outcome:
    if isinstance(error, KeyboardInterrupt):
        raise error
    lines = str(error).strip().splitlines()
    return Outcome(BROKEN, f"{type(error).__name__} {when}: {lines[0] if lines else ''}", traceback.format_exc())


def _wrong_refusal(sentence: str, table: OddTable) -> str:
    """Return what is wrong with a refusal: it is one sentence that names a column, an option or the file."""
    if "\n" in sentence.strip():
        return "the refusal has several lines"
    named = [*table.options.get("setup", {}), repr(table.target)]
    if "PyCaret's setup() does not take" not in sentence:  # otherwise PyCaret has to have named it
        named += ["--", table.source.name, "'odd'"]
    if not any(name in sentence for name in named):
        return f"the refusal names neither a column nor an option nor the file: {sentence}"
    return ""


def _check_rows(config: RunConfig, source: Any, table: OddTable) -> None:
    """Check that the digest is stable, and that no row is lost in silence."""
    if load_source(config).digest != source.digest:
        raise WrongError("the digest is another one when the table is read again")
    n_lost = table.n_rows - len(source.frame)
    counted = [finding for finding in source.findings if finding.kind in {FindingKind.LEFT_OUT, FindingKind.GAPS}]
    n_said = sum(finding.n_affected or 0 for finding in counted)
    if n_lost > n_said:
        raise WrongError(f"{n_lost} rows are missing, and {n_said} are said to be left out")


def _check_models(config: RunConfig, prepared: Any, home: Path) -> None:
    """Compare, and check that every model has every fold, and that the winner predicts what people have."""
    backend = FugueBackend("native", isolation="none")
    models = prepared.experiment.compare_models(**prepared.params, parallel=backend)
    for row in backend.board.rows:
        if row.status != COMPLETE:
            first = next(outcome for outcome in backend.board.failures if outcome.model_id == row.model_id)
            raise WrongError(f"{row.model_id} is {row.status}: {first.error_type}: {first.error_message}")
    if len(backend.board.rows) != len(config.include):
        raise WrongError(f"only {[row.model_id for row in backend.board.rows]} were compared")
    outputs = SimpleNamespace(
        tracking=SimpleNamespace(model_folder=home / "model", put=lambda _: None),
        tables=SimpleNamespace(write_profile=lambda *_, **__: None),
        record=SimpleNamespace(git_commit=None),
        done=(),
    )
    context, comparison = RunContext(config, None, prepared, outputs), Comparison.of(backend, models)
    facts = SimpleNamespace(look=Diagnostics(), run=SimpleNamespace(target=config.target))
    diagnose(prepared.source, facts, context, comparison).to_json()
    winner = winner_of(context, comparison)
    save_winner(context, comparison, winner)
    write_profile(context, winner)
    if prepared.source.task != "time_series":
        _check_predictions(home / "model", config)


def _check_predictions(folder: Path, config: RunConfig) -> None:
    """Check that the kept model predicts the rows of the source as they are, with gaps, and with unseen categories."""
    import mlflow.pyfunc

    model = mlflow.pyfunc.load_model(str(folder))
    drops = "drop" in {config.setup.get("numeric_imputation"), config.setup.get("categorical_imputation")}
    raw = find(config.source, None).read(Reading.of(config), Findings()).frame
    raw = raw.rename(columns={"": "unnamed"})  # as a finding says
    raw = raw.drop(columns=[name for name in raw.columns if str(name).strip() == config.target.strip()][:1])
    raw = plain_categories(raw)  # MLflow lets no categories of pandas pass, whatever they are
    for what, rows in (
        ("the raw rows", raw.head(20)),
        ("rows with gaps", with_gaps(raw.head(0) if drops else raw)),
        ("categories never seen", with_unseen(raw)),
    ):
        if not len(rows):
            continue
        try:
            predicted = model.predict(rows)
        except Exception as error:
            raise WrongError(f"the model cannot predict {what}: {type(error).__name__}: {_last(error)}") from error
        if len(predicted) != len(rows):
            raise WrongError(f"the model predicts {len(predicted)} of {len(rows)} of {what}")
        if pd.isna(pd.Series(np.asarray(predicted).ravel())).any():
            raise WrongError(f"the model predicts nothing for some of {what}")


def with_gaps(raw: pd.DataFrame) -> pd.DataFrame:
    """The first row once for each column, with a gap in it."""
    rows = raw.iloc[[0] * raw.shape[1] if len(raw) else []].reset_index(drop=True)
    for position, name in enumerate(raw.columns):
        rows[name] = rows[name].mask(np.arange(len(rows)) == position)
    return rows


def with_unseen(raw: pd.DataFrame) -> pd.DataFrame:
    """The first row once for each column of texts, with a text in it that the model has not seen."""
    texts = [name for name in raw.columns if pd.api.types.infer_dtype(raw[name], skipna=True) == "string"]
    rows = raw.iloc[[0] * len(texts)].reset_index(drop=True)
    for position, name in enumerate(texts):
        rows[name] = rows[name].astype(object).mask(np.arange(len(rows)) == position, "never seen")
    return rows


def _last(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def _listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@contextlib.contextmanager
def quick() -> Iterator[None]:
    """Keep what each ``setup()`` and each model works out anew, though it is always the same, while the block runs."""
    import importlib.metadata

    from pycaret.containers.models import classification, regression
    from pycaret.utils import generic

    steps = functools.cache(generic.np_list_arange)

    def arange(*args: Any, **more: Any) -> list[float]:
        return list(steps(*args, **more))

    owners = functools.cache(importlib.metadata.packages_distributions)
    with ExitStack() as patched:
        patched.enter_context(patch.object(importlib.metadata, "packages_distributions", owners))
        for module in (classification, regression):
            patched.enter_context(patch.object(module, "np_list_arange", arange))
        yield


@contextlib.contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Work in a folder, so that what a library leaves in the working folder is seen."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raise where a table takes too long; on the main thread only."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"{SECONDS} seconds were not enough")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

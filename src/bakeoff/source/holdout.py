"""The hold-out by time or by a column of words: which rows of a table nothing is learned from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bakeoff._utils.text import counted
from bakeoff.config import RunConfig
from bakeoff.errors import SourceError
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.times import read_times

USUAL_SHARE = 0.3
"""Share of the rows that PyCaret puts aside where nothing was said."""
_LEARN, _TEST = frozenset({"train", "validate", "validation"}), frozenset({"test"})
_WEIGHT = 95
"""Importance of what is said about a hold-out, which was asked for."""
_MOST_WORDS = 5


def with_holdout_last(frame: pd.DataFrame, config: RunConfig, findings: Findings) -> tuple[pd.DataFrame, int | None]:
    """Put the rows of the hold-out that was asked for behind the others, and take away the column that names them.

    A column of times stays where ``--setup`` names it: then it is to be learned from.

    Args:
        frame: the rows, numbered in their order; not changed.
        config: what was asked.
        findings: gets what is held out, and what is left out.

    Returns:
        The rows, and how many of them, the last ones, are the hold-out; ``None`` if PyCaret is to draw it.

    Raises:
        SourceError: There are no rows to hold out, or none to learn from, or times cannot be read.
    """
    if config.split_col is not None:
        frame, n_held = _by_words(frame, config.split_col, findings)
        return _numbered(frame.drop(columns=config.split_col)), n_held
    if config.split_time is not None:
        frame, n_held = _by_time(frame, config.split_time, config.holdout or USUAL_SHARE, findings)
        is_feature = config.split_time in _names(config.setup.values())
        return _numbered(frame if is_feature else frame.drop(columns=config.split_time)), n_held
    return frame, None


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows numbered from 0 in the order that they had, whatever order they are in now."""
    return frame.set_axis(np.argsort(np.argsort(frame.index.to_numpy())), axis=0)


def split_arguments(arguments: Mapping[str, Any], n_held: int | None) -> dict[str, Any]:
    """Return arguments of ``setup()`` with what folds by time need, where PyCaret does not draw the hold-out.

    Example:
        >>> split_arguments({"fold_strategy": "timeseries"}, 10)
        {'data_split_shuffle': False, 'fold_strategy': 'timeseries', 'data_split_stratify': False}
    """
    if n_held is None:
        return dict(arguments)
    strategy = arguments.get("fold_strategy")
    by_time = strategy == "timeseries" or type(strategy).__name__ == "TimeSeriesSplit"
    completed = {**({"data_split_shuffle": False} if by_time else {}), **arguments}
    if completed.get("data_split_shuffle") is False:
        completed.setdefault("data_split_stratify", False)
    return completed


def check_classes(target: pd.Series[Any], n_held: int | None) -> None:
    """Check that every class can be learned.

    Args:
        target: the classes of all rows, the hold-out last.
        n_held: number of rows of the hold-out; ``None`` if PyCaret draws it, who sees to that.

    Raises:
        SourceError: A class has rows in the hold-out only.
    """
    if n_held is None:
        return
    unknown = sorted(map(str, set(target.iloc[-n_held:]) - set(target.iloc[:-n_held])))
    if unknown:
        classes = "a class" if len(unknown) == 1 else f"{len(unknown)} classes"
        raise SourceError(
            f"The target {target.name!r} has {classes} in the hold-out only (such as {unknown[0]!r}), of which nothing "
            "can be learned: leave these rows out, or hold out others."
        )


def _by_words(frame: pd.DataFrame, name: str, findings: Findings) -> tuple[pd.DataFrame, int]:
    """Return the rows to learn from, and after them those that are held out, by a column of words."""
    words = frame[name].astype(object).map(lambda value: str(value).strip().lower(), na_action="ignore")
    learn, test = words.isin(_LEARN), words.isin(_TEST)
    listed = ", ".join(repr(str(value)) for value in frame[name].dropna().unique()[:_MOST_WORDS])
    for found, what, word in ((test, "hold out", "'test'"), (learn, "learn from", "'train' or 'validate'")):
        if not found.any():
            raise SourceError(
                f"--split-col {name!r} has no rows to {what}: it says {word} in none, but {listed or 'nothing'}."
            )
    if n_others := int((~learn & ~test).sum()):
        others = frame.loc[~learn & ~test, name]
        said = ", ".join(repr(str(value)) for value in others.dropna().unique()[:_MOST_WORDS]) or "nothing"
        findings.add(
            FindingKind.LEFT_OUT,
            f"Left out {counted(n_others, 'row')} in which --split-col {name!r} says neither train, validate nor test "
            f"({said}).",
            columns=[name],
            n_affected=n_others,
        )
    _report(findings, name, int(test.sum()), int(learn.sum()), f"those in which --split-col {name!r} says test")
    return pd.concat([frame[learn], frame[test]]), int(test.sum())


def _by_time(frame: pd.DataFrame, name: str, share: float, findings: Findings) -> tuple[pd.DataFrame, int]:
    """Return the rows by their times, of which the newest are held out; rows of the same time stay together."""
    times = _times(frame[name])
    if n_without := int(times.isna().sum()):
        sentence = f"Left out {counted(n_without, 'row')} without a time in --split-time {name!r}."
        findings.add(FindingKind.LEFT_OUT, sentence, columns=[name], n_affected=n_without)
    order = times.dropna().sort_values(kind="stable")
    starts = np.flatnonzero(~order.duplicated().to_numpy())[1:]  # where one time ends and the next begins
    if not len(starts):
        raise SourceError(
            f"--split-time {name!r} holds the same time in all rows: there are no newest ones to hold out."
        )
    first = int(starts[np.abs(starts - (1 - share) * len(order)).argmin()])
    n_held = len(order) - first
    _report(findings, name, n_held, first, f"the newest by --split-time {name!r}, from {order.iloc[first]} on")
    return frame.loc[order.index], n_held


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of times or numbers as values with an order.

    Raises:
        SourceError: It holds neither.
    """
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column
    try:
        return read_times(column)
    except SourceError as error:  # which reads columns for --time-col otherwise
        raise SourceError(str(error).replace("--time-col", "--split-time")) from error


def _report(findings: Findings, name: str, n_held: int, n_learned: int, which: str) -> None:
    share = f"{n_held / (n_held + n_learned):.0%}".replace("%", " %")
    sentence = f"Held out {counted(n_held, 'row')} ({share}), {which}; {n_learned:,} are learned from."
    findings.add(FindingKind.SAMPLE, sentence, columns=[name], n_affected=n_held, weight=_WEIGHT)


def _names(values: Any) -> set[str]:
    """Return all texts in arguments of ``setup()``, however deep they are in lists and mappings."""
    if isinstance(values, str):
        return {values}
    if isinstance(values, Mapping):
        return _names([*values.keys(), *values.values()])
    if isinstance(values, Collection) and not isinstance(values, (bytes, pd.Series, np.ndarray)):
        return set().union(*map(_names, values))
    return set()

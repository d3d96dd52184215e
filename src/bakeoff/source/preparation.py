"""Turn the rows of a source into rows that models can use, and remember how, so that a model can do it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bakeoff._utils.raw_rows.conversions import NUMBER, PLAIN, SAME, TEXT, TIME, TRUTH, WRITTEN, converted_column
from bakeoff._utils.raw_rows.gaps import is_gap
from bakeoff._utils.raw_rows.numpy_columns import numpy_column
from bakeoff._utils.raw_rows.rows import RawColumn, RawRows
from bakeoff.config import RunConfig
from bakeoff.errors import SourceError
from bakeoff.source.column_kinds import ColumnKind, kind_of
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.gap_words import Decided, KnownWords
from bakeoff.source.names import inner_names, inside, listed, shown_names

EXAMPLE_ROWS = 5
_HALF = 0.5
_FIRST = 100
"""Rows that show of most columns that they hold values."""
_NOTHING = "nothing"
_LOST = {
    TIME: "dates in {} are outside of what pandas can hold, and count as missing.",
    NUMBER: "infinite values in {} count as missing.",
    WRITTEN: "cells of {} hold a word instead of a number (such as {!r}), and count as missing.",
}


@dataclass(frozen=True)
class Preparation:
    """Steps that are done to the rows of a source before anything is learned from them.

    Attributes:
        columns: the columns as the source has them, and what becomes of them.
        names: names inside PyCaret of the columns that cannot keep theirs there.
        example: a few rows as the source has them.
    """

    columns: tuple[RawColumn, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    example: pd.DataFrame | None = None

    def inside(self, value: Any) -> Any:
        """Return rows, or an argument of setup(), with the names that columns have inside PyCaret."""
        if not self.names:
            return value
        return value.rename(columns=self.names) if isinstance(value, pd.DataFrame) else inside(value, self.names)

    def outside(self, names: Iterable[str]) -> list[str]:
        """Return the names that people know for columns inside PyCaret."""
        known = {inner: name for name, inner in self.names.items()}
        return [known.get(name, name) for name in names]

    def raw_rows(self, names: Sequence[str]) -> RawRows | None:
        """Return what turns raw rows into the named columns inside PyCaret; ``None`` where they are the same."""
        by_name = {column.inner: column for column in self.columns}
        if not set(self.outside(names)) <= set(by_name):
            return None
        pairs = zip(names, self.outside(names), strict=True)
        columns = tuple(by_name[name]._replace(inner=inner) for inner, name in pairs)
        changed = any(
            column.kind != SAME or column.name != column.inner or column.gaps or column.words for column in columns
        )
        return RawRows(columns) if changed else None

    def unconverted(self, names: Iterable[str]) -> dict[str, str]:
        """Return the names in the source of those columns inside PyCaret whose values SQL can compare with raw ones."""
        by_name = {column.inner: column for column in self.columns}
        known: dict[str, str] = {}
        names = list(names)
        for inner, name in zip(names, self.outside(names), strict=True):
            column = by_name.get(name, RawColumn(name, name))
            if column.kind in {SAME, PLAIN, NUMBER, TEXT, TRUTH} or (column.kind == TIME and column.detail is None):
                known[inner] = str(column.name)
        return known


def prepared(
    raw: pd.DataFrame, config: RunConfig, findings: Findings, known: KnownWords | None = None
) -> tuple[pd.DataFrame, Preparation]:
    """Convert columns to types that models can use, and leave out those that no model can.

    Args:
        raw: the rows as they were read; not changed.
        config: target, time column, task, and values that stand for gaps.
        findings: gets what was converted, what was left out and what was lost.
        known: what is known of the words in them, if they are from a file of text.

    Raises:
        SourceError: models cannot use the target.
    """
    known = known or KnownWords()
    shown = shown_names(raw.columns)
    raw = _with_names(raw, shown, findings)
    columns: list[RawColumn] = []
    values: dict[str, pd.Series[Any]] = {}
    present, with_gaps = _without_gaps(raw, shown, config.na_values, findings)
    report, changed = _Report(), bool(with_gaps)
    for position, (name, raw_name) in enumerate(zip(shown, raw.columns, strict=True)):
        column, mark = present.iloc[:, position], known.numbers.get(raw_name)
        report.kinds[name] = kind = _kind_for(column, name, config) if mark is None else ColumnKind(WRITTEN, mark)
        if kind.kind is None:
            changed = True
            continue
        columns.append(
            RawColumn(raw_name, name, kind.kind, kind.detail, with_gaps.get(position, ()), known.words(raw_name))
        )
        values[name] = _converted(column, kind)
        changed = changed or values[name] is not column
        if not mark:  # else it is said already
            report.count_lost(column, values[name], name)
    report.tell(findings)
    frame = pd.DataFrame(values, index=raw.index) if changed else raw
    if not changed and shown != list(raw.columns):
        frame = raw.set_axis(shown, axis="columns", copy=False)
    return frame, Preparation(tuple(columns), inner_names(frame), raw.head(EXAMPLE_ROWS))


def _without_gaps(
    raw: pd.DataFrame, shown: Sequence[str], na_values: tuple[str, ...], findings: Findings
) -> tuple[pd.DataFrame, dict[int, tuple[str, ...]]]:
    """Return the rows without the values that stand for gaps, and these by the position of a column that had some."""
    gaps, columns = Decided(), {}
    for position, name in enumerate(shown if na_values else ()):
        column = raw.iloc[:, position]
        found = is_gap(column, na_values)
        if found.any():
            gaps.count(column[found], name)
            columns[position] = column.mask(found)
    if not columns:
        return raw, {}
    sentence = f"Took {gaps} for gaps (--na-values)."
    findings.add(FindingKind.GAPS, sentence, columns=gaps.columns, n_affected=gaps.n_cells)
    parts = [columns.get(position, raw.iloc[:, position]) for position in range(raw.shape[1])]
    return pd.concat(parts, axis="columns"), dict.fromkeys(columns, na_values)


def _with_names(raw: pd.DataFrame, shown: list[str], findings: Findings) -> pd.DataFrame:
    """Return the rows with a name for a column that has none, since MLflow cannot ask for one without."""
    names = [new if str(name) == "" else name for name, new in zip(raw.columns, shown, strict=True)]
    given = [new for name, new in zip(raw.columns, shown, strict=True) if str(name) == ""]
    if not given:
        return raw
    sentence = f"A column without a name is called {given[0]!r}, also in rows that the kept model is to predict."
    findings.add(FindingKind.CONVERTED, sentence, columns=given)
    return raw.set_axis(names, axis="columns", copy=False)


def _kind_for(column: pd.Series[Any], name: str, config: RunConfig) -> ColumnKind:
    """Return what becomes of a column, which depends on what it is for."""
    if name == config.time_col:
        return _kind_of_time(column)
    is_target = name == config.target
    if len(column) and column.head(_FIRST).isna().all() and column.isna().all():
        return ColumnKind(SAME) if is_target else ColumnKind(None, None, _NOTHING)
    kind = kind_of(column, as_number=is_target and config.task in {"regression", "time_series"})
    return _kind_of_target(column, kind) if is_target else _kind_of_feature(column, kind, config)


def _kind_of_target(column: pd.Series[Any], kind: ColumnKind) -> ColumnKind:
    if kind.kind is None:
        raise SourceError(
            f"The target {str(column.name).strip()!r} holds {kind.content}, which cannot be predicted: choose another "
            "--target."
        )
    is_class = kind.kind == TEXT and _holds_truths(column)
    is_infinite = kind.kind == NUMBER and numpy_column(column).dtype.kind == "f"  # which is refused later on
    return ColumnKind(PLAIN) if is_class or is_infinite else kind


def _kind_of_feature(column: pd.Series[Any], kind: ColumnKind, config: RunConfig) -> ColumnKind:
    if config.task == "time_series":
        return ColumnKind(PLAIN) if kind.kind == TEXT and _holds_truths(column) else kind  # which become numbers
    if kind.kind in {SAME, PLAIN} and _is_truth(column):
        return ColumnKind(TRUTH, bool(column.mean() > _HALF))  # for rows to come, in which one may be missing
    return kind


def _is_truth(column: pd.Series[Any]) -> bool:
    return bool(len(column)) and numpy_column(column).dtype == bool


def _holds_truths(column: pd.Series[Any]) -> bool:
    return pd.api.types.infer_dtype(numpy_column(column).astype(object), skipna=True) == "boolean"


def _kind_of_time(column: pd.Series[Any]) -> ColumnKind:
    """Return what becomes of the times of a series: their zone and their periods stay."""
    if isinstance(column.dtype, pd.DatetimeTZDtype | pd.PeriodDtype):
        return ColumnKind(SAME)
    kind = kind_of(column)
    return kind if kind.kind == TIME and kind.detail is None else ColumnKind(PLAIN)


def _converted(column: pd.Series[Any], kind: ColumnKind) -> pd.Series[Any]:
    if kind.kind == SAME:
        return column
    converted: pd.Series[Any] = converted_column(column, str(kind.kind), kind.detail)
    return converted


class _Report:
    """Sentences about the columns of a table: one for all of a kind."""

    def __init__(self) -> None:
        self.kinds: dict[str, ColumnKind] = {}
        self._lost: dict[str, dict[str, pd.Series[Any]]] = {}

    def count_lost(self, raw: pd.Series[Any], values: pd.Series[Any], name: str) -> None:
        """Count the values of a column that became missing."""
        kind = str(self.kinds[name].kind)
        if kind in {SAME, PLAIN, TEXT, TRUTH}:
            return
        lost = raw[values.isna().to_numpy() & raw.notna().to_numpy()]
        if len(lost):
            self._lost.setdefault(kind, {})[name] = lost

    def tell(self, findings: Findings) -> None:
        """Add a finding for each kind of conversion and loss."""
        left_out = [name for name, kind in self.kinds.items() if kind.kind is None and kind.content != _NOTHING]
        if left_out:
            contents = listed(dict.fromkeys(self.kinds[name].content for name in left_out))
            sentence = f"Left out {listed(left_out)}: models cannot use columns of {contents}."
            findings.add(FindingKind.LEFT_OUT, sentence, columns=left_out)
        empty = [name for name, kind in self.kinds.items() if kind.kind is None and kind.content == _NOTHING]
        if empty:
            sentence = f"Left out {listed(empty)}: no row has a value there."
            findings.add(FindingKind.LEFT_OUT, sentence, columns=empty)
        self._tell_converted(findings)
        for kind, lost in self._lost.items():
            n_lost, example = sum(map(len, lost.values())), next(iter(lost.values())).iloc[0]
            sentence = _LOST.get(kind, "values of {} cannot be read, and count as missing.").format(
                listed(lost), example
            )
            findings.add(FindingKind.GAPS, f"{n_lost} {sentence}", columns=list(lost), n_affected=n_lost)

    def _tell_converted(self, findings: Findings) -> None:
        by_content: dict[str, list[str]] = {}
        for name, kind in self.kinds.items():
            if kind.kind is not None and kind.content:
                by_content.setdefault(kind.content, []).append(name)
        for content, names in by_content.items():
            example = self.kinds[names[0]].example
            sentence = f"Took {listed(names)} for {content}{f' ({example})' if example else ''}."
            findings.add(FindingKind.CONVERTED, sentence, columns=names)

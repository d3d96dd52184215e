"""Turn the rows of a source into rows that models can use, and remember how, so that a model can do it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bakeoff._utils.raw_rows import (
    NUMBER,
    PLAIN,
    SAME,
    TEXT,
    TIME,
    WRITTEN,
    RawColumn,
    RawRows,
    converted_column,
    numpy_column,
)
from bakeoff.config import RunConfig
from bakeoff.errors import SourceError
from bakeoff.source.column_kinds import ColumnKind, kind_of
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.names import inner_names, inside, shown_names

EXAMPLE_ROWS = 5
_NAMED = 8
"""Columns that a sentence names."""
_NOTHING = "nothing"
_LOST = {
    TIME: "dates in {} are outside of what pandas can hold, and count as missing.",
    NUMBER: "infinite values in {} count as missing.",
    WRITTEN: "cells of {} hold a word instead of a number (such as {!r}), and count as missing.",
}


@dataclass(frozen=True)
class Preparation:
    """What is done to the rows of a source before anything is learned from them.

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
        changed = any(column.kind != SAME or column.name != column.inner for column in columns)
        return RawRows(columns) if changed else None

    def unconverted(self, names: Iterable[str]) -> dict[str, str]:
        """Return the names in the source of those columns inside PyCaret whose values SQL can compare with raw ones."""
        by_name = {column.inner: column for column in self.columns}
        known: dict[str, str] = {}
        names = list(names)
        for inner, name in zip(names, self.outside(names), strict=True):
            column = by_name.get(name, RawColumn(name, name))
            if column.kind in {SAME, PLAIN, NUMBER, TEXT} or (column.kind == TIME and column.detail is None):
                known[inner] = str(column.name)
        return known


def prepared(raw: pd.DataFrame, config: RunConfig, findings: Findings) -> tuple[pd.DataFrame, Preparation]:
    """Convert columns to types that models can use, and leave out those that no model can.

    Args:
        raw: the rows as they were read; not changed.
        config: target, time column and task.
        findings: gets what was converted, what was left out and what was lost.

    Raises:
        SourceError: models cannot use the target.
    """
    shown = shown_names(raw.columns)
    columns: list[RawColumn] = []
    values: dict[str, pd.Series[Any]] = {}
    report, changed = _Report(), False
    for position, name in enumerate(shown):
        column = raw.iloc[:, position]
        report.kinds[name] = kind = _kind_for(column, name, config)
        if kind.kind is None:
            changed = True
            continue
        columns.append(RawColumn(raw.columns[position], name, kind.kind, kind.detail))
        values[name] = _converted(column, kind)
        changed = changed or values[name] is not column
        report.count_lost(column, values[name], name)
    report.tell(findings)
    frame = pd.DataFrame(values, index=raw.index) if changed else raw
    if not changed and shown != list(raw.columns):
        frame = raw.set_axis(shown, axis="columns", copy=False)
    return frame, Preparation(tuple(columns), inner_names(frame), raw.head(EXAMPLE_ROWS))


def _kind_for(column: pd.Series[Any], name: str, config: RunConfig) -> ColumnKind:
    """Return what becomes of a column, which depends on what it is for."""
    if name == config.time_col:
        return _kind_of_time(column)
    is_target = name == config.target
    if config.task == "time_series" and not is_target and pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        return ColumnKind(SAME)  # beside a series they become numbers
    if len(column) and column.isna().all():
        return ColumnKind(SAME) if is_target else ColumnKind(None, None, _NOTHING)
    kind = kind_of(column, as_number=is_target and config.task in {"regression", "time_series"})
    if not is_target:
        return kind
    if kind.kind is None:
        raise SourceError(
            f"The target {name!r} holds {kind.content}, which cannot be predicted: choose another --target."
        )
    plain = numpy_column(column)
    is_bool = kind.kind == TEXT and pd.api.types.infer_dtype(plain, skipna=True) == "boolean"
    # Infinite targets are refused, and truth values are classes.
    return kind._replace(kind=PLAIN) if is_bool or (kind.kind == NUMBER and plain.dtype.kind == "f") else kind


def _kind_of_time(column: pd.Series[Any]) -> ColumnKind:
    """Return what becomes of the times of a series: their zone and their periods stay."""
    if isinstance(column.dtype, pd.DatetimeTZDtype | pd.PeriodDtype):
        return ColumnKind(SAME)
    kind = kind_of(column)
    return kind if kind.kind == TIME and kind.detail is None else ColumnKind(PLAIN)


def _converted(column: pd.Series[Any], kind: ColumnKind) -> pd.Series[Any]:
    if kind.kind in {SAME, PLAIN}:
        plain: pd.Series[Any] = numpy_column(column)
        return plain
    converted: pd.Series[Any] = converted_column(column, str(kind.kind), kind.detail)
    return converted


class _Report:
    """What is said about the columns of a table: one sentence for all of a kind."""

    def __init__(self) -> None:
        self.kinds: dict[str, ColumnKind] = {}
        self._lost: dict[str, dict[str, pd.Series[Any]]] = {}

    def count_lost(self, raw: pd.Series[Any], values: pd.Series[Any], name: str) -> None:
        """Count the values of a column that became missing."""
        kind = str(self.kinds[name].kind)
        if kind in {SAME, PLAIN, TEXT}:
            return
        lost = raw[values.isna().to_numpy() & raw.notna().to_numpy()]
        if len(lost):
            self._lost.setdefault(kind, {})[name] = lost

    def tell(self, findings: Findings) -> None:
        """Add a finding for each kind of conversion and loss."""
        left_out = [name for name, kind in self.kinds.items() if kind.kind is None and kind.content != _NOTHING]
        if left_out:
            contents = _joined(dict.fromkeys(self.kinds[name].content for name in left_out))
            sentence = f"Left out {_joined(left_out)}: models cannot use columns of {contents}."
            findings.add(FindingKind.LEFT_OUT, sentence, columns=left_out)
        empty = [name for name, kind in self.kinds.items() if kind.kind is None and kind.content == _NOTHING]
        if empty:
            sentence = f"Left out {_joined(empty)}: no row has a value there."
            findings.add(FindingKind.LEFT_OUT, sentence, columns=empty)
        self._tell_converted(findings)
        for kind, lost in self._lost.items():
            n_lost, example = sum(map(len, lost.values())), next(iter(lost.values())).iloc[0]
            sentence = _LOST.get(kind, "values of {} cannot be read, and count as missing.").format(
                _joined(lost), example
            )
            findings.add(FindingKind.GAPS, f"{n_lost} {sentence}", columns=list(lost), n_affected=n_lost)

    def _tell_converted(self, findings: Findings) -> None:
        by_content: dict[str, list[str]] = {}
        for name, kind in self.kinds.items():
            if kind.kind is not None and kind.content:
                by_content.setdefault(kind.content, []).append(name)
        for content, names in by_content.items():
            example = self.kinds[names[0]].example
            sentence = f"Took {_joined(names)} for {content}{f' ({example})' if example else ''}."
            findings.add(FindingKind.CONVERTED, sentence, columns=names)


def _joined(names: Iterable[str]) -> str:
    every = list(names)
    if len(every) > _NAMED:
        return f"{', '.join(every[:_NAMED])} and {len(every) - _NAMED} more"
    return " and ".join(filter(None, (", ".join(every[:-1]), every[-1])))

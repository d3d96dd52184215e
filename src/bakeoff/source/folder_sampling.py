"""Draw a sample of a Delta table in a folder without Spark: the rows that `bakeoff.source.sampling` draws with it.

The table is read twice, part by part: once for the lots of its rows, and once for those that are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.config import RunConfig
from bakeoff.source import driver_memory
from bakeoff.source.arrow_hash import lots, row_hashes
from bakeoff.source.columns import report_missing_target
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.sampling import MAX_CLASSES, chance_bound, latest_sentence, report_sample, shares
from bakeoff.source.target import FEW_VALUES

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds


@dataclass(frozen=True)
class FolderSample:
    """All rows of a table, or a sample of them.

    Attributes:
        rows: the rows.
        fraction: share of the rows with a target that are in it.
    """

    rows: pa.Table
    fraction: float = 1.0


@dataclass(frozen=True)
class _Columns:
    """The columns that are read of a table, under the names that they are shown by."""

    table: ds.Dataset
    names: Mapping[str, str]

    def parts(self, only: pc.Expression | None = None) -> Iterator[pa.Table]:
        """Read the rows part by part, always in the same order."""
        import pyarrow as pa

        scanner = self.table.scanner(columns=list(self.names.values()), filter=only)
        for batch in scanner.to_batches():
            if batch.num_rows:
                yield pa.Table.from_batches([batch]).rename_columns(list(self.names))

    def all(self) -> pa.Table:
        """Read all rows."""
        return self.table.to_table(columns=list(self.names.values())).rename_columns(list(self.names))

    def head(self, n_rows: int) -> pa.Table:
        """Read so many rows."""
        return self.table.head(n_rows, columns=list(self.names.values()))

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column."""
        return self.table.to_table(columns=[self.names[name]]).column(0)

    def at(self, drawn: np.ndarray[Any, Any], only: pc.Expression | None = None) -> pa.Table:
        """Read the rows, among those that fulfil a condition, for which the truth value is true."""
        import pyarrow as pa

        found, begin = [], 0
        for part in self.parts(only):
            found.append(part.filter(pa.array(drawn[begin : begin + part.num_rows])))
            begin += part.num_rows
        return pa.concat_tables(found)


def sample_of_folder(
    table: ds.Dataset, names: Mapping[str, str], config: RunConfig, findings: Findings
) -> FolderSample:
    """Draw ``max_rows`` of the table's rows that have a target, or as many as this process can hold.

    Of a time series the latest rows are taken.

    Args:
        table: the table.
        names: names of its columns by the names that they are shown by.
        config: target, task, seed and number of rows.
        findings: gets one about the sample and one about rows without a target.
    """
    columns = _Columns(table, names)
    is_series = config.task == "time_series"
    present = None if is_series else _has_value(table, names[config.target])
    n_rows = table.count_rows()
    n_present = table.count_rows(filter=present) if present is not None else n_rows
    size = config.max_rows or driver_memory.rows_that_fit_here(n_rows, lambda n: columns.head(n).to_pandas())
    if size is None or n_present <= size:
        return FolderSample(columns.all())
    if is_series:
        findings.add(FindingKind.SAMPLE, latest_sentence(size, n_rows, config), n_affected=size)
        return FolderSample(columns.at(_latest(columns, str(config.time_col), size)), size / n_rows)
    report_missing_target(n_rows - n_present, config.target, findings)
    drawn, by_class = _draw(columns, present, config, size)
    report_sample(size, n_present, config, findings, stratified=by_class)
    return FolderSample(columns.at(drawn, present), size / n_present)


def _has_value(table: ds.Dataset, target: str) -> pc.Expression:
    """Return the condition that a row has a target."""
    import pyarrow as pa
    import pyarrow.compute as pc

    field = pc.field(target)
    if pa.types.is_floating(table.schema.field(target).type):
        return field.is_valid() & ~field.is_nan()
    return field.is_valid()


def _draw(
    columns: _Columns, present: pc.Expression | None, config: RunConfig, size: int
) -> tuple[np.ndarray[Any, Any], bool]:
    """Return which of the rows with a target are drawn, as truth values, and whether each class has its share."""
    import pyarrow as pa

    parts = [(row_hashes(part), part.column(config.target)) for part in columns.parts(present)]
    hashes = np.concatenate([hashed for hashed, _ in parts])
    codes = pa.chunked_array([chunk for _, target in parts for chunk in target.chunks]).combine_chunks()
    codes = codes.dictionary_encode()
    classes = codes.dictionary.to_pylist()
    code = codes.indices.to_numpy()
    copies = _copies(hashes)
    lot = lots(hashes, copies, config.seed)
    chance = lot / 18446744073709551616.0 + 0.5
    counts = _class_counts(classes, np.bincount(code, minlength=len(classes)), config, codes.dictionary.type)
    quotas = shares([n for _, n in counts], size)
    by_lot = np.lexsort((copies, lot))
    drawn = np.zeros(len(lot), dtype=bool)
    if not quotas:
        below = by_lot[chance[by_lot] < chance_bound(size, len(lot))]
        drawn[below[:size]] = True
        return drawn, False
    for (number, n_rows), quota in zip(counts, quotas, strict=True):
        mine = by_lot[code[by_lot] == number]
        drawn[mine[chance[mine] < chance_bound(quota, n_rows)][:quota]] = True
    return drawn, True


def _class_counts(
    classes: list[Any], counts: np.ndarray[Any, Any], config: RunConfig, kind: pa.DataType
) -> list[tuple[int, int]]:
    """Return position and number of rows of each class; none if the target holds no classes, or too many."""
    import pyarrow as pa

    is_numeric = not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind))
    if config.task == "regression" or len(classes) > MAX_CLASSES:
        return []
    if is_numeric and config.task is None and len(classes) > FEW_VALUES:
        return []
    return [(number, int(counts[number])) for number in sorted(range(len(classes)), key=lambda n: str(classes[n]))]


def _copies(hashes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the number of each row among those with the same hash, from 1."""
    order = np.argsort(hashes, kind="stable")
    is_first = np.diff(hashes[order], prepend=~hashes[order[:1]]) != 0
    position = np.arange(len(order))
    copies = np.empty(len(order), dtype=np.int64)
    copies[order] = position - np.maximum.accumulate(np.where(is_first, position, 0)) + 1
    return copies


def _latest(columns: _Columns, time_col: str, size: int) -> np.ndarray[Any, Any]:
    """Return which rows are the latest, as truth values."""
    import pyarrow.compute as pc

    times = columns.column(time_col)
    latest = pc.sort_indices(times, sort_keys=[("", "descending")])[:size]
    drawn = np.zeros(len(times), dtype=bool)
    drawn[latest.to_numpy()] = True
    return drawn

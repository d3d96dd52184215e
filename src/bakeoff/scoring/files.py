"""Scoring in this process, from files and to files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bakeoff._utils.text import first_line
from bakeoff.errors import TablesError
from bakeoff.scoring.batch import Batch, as_text
from bakeoff.scoring.destination import Destination
from bakeoff.scoring.inputs import check_inputs, kinds_of_frame
from bakeoff.scoring.predictor import PROBABILITIES, Predictor

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 50_000
"""Number of rows that are predicted at a time."""


def score_frame(frame: pd.DataFrame, batch: Batch, source: str, count: Callable[[int], None]) -> pa.Table:
    """Score the rows of a data frame in this process.

    Args:
        frame: The rows, as `bakeoff.source` reads them.
        batch: The batch, with its model.
        source: Name of the source.
        count: Called with the number of rows that are done.

    Raises:
        SourceError: Columns are missing or hold something else than the model takes.
    """
    import pyarrow as pa

    model = batch.model
    check_inputs(model.inputs, kinds_of_frame(frame), source)
    predictor = Predictor(model.content, model.inputs, model.prediction_type)
    parts: list[dict[str, pa.Array]] = []
    for first in range(0, max(len(frame), 1), _ROWS):
        parts.append(predictor.answer(frame.iloc[first : first + _ROWS]))
        count(min(first + _ROWS, len(frame)))
    table = _as_arrow(frame)
    for name in parts[0]:
        table = table.append_column(name, pa.chunked_array([part[name] for part in parts]))
    for name, value in batch.marks.items():
        kind = pa.timestamp("us", tz="UTC") if name == "scored_at" else pa.string()
        table = table.append_column(name, pa.array([value] * len(frame), kind))
    return table


def _as_arrow(frame: pd.DataFrame) -> pa.Table:
    """Return the rows as an Arrow table; values that Arrow cannot hold, such as those of several types, become text."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for name, values in frame.items():
        try:
            columns[str(name)] = pa.Array.from_pandas(values)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            columns[str(name)] = pa.Array.from_pandas(values.astype(object).map(str, na_action="ignore"))
    return pa.table(columns)


def read_scored(destination: Destination) -> Any:
    """Return the rows that the file holds already; ``None`` if there is no such file."""
    import pyarrow.parquet as pq

    file = destination.file
    assert file is not None  # noqa: S101 - a destination of this kind is a file
    if not file.exists():
        return None
    try:
        if destination.kind == "parquet":
            return pq.read_table(file)
        return pd.read_csv(file, dtype=str, keep_default_na=False)  # so that it is written back unchanged
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise TablesError(
            f"--to {file} is there and cannot be read ({first_line(error)}): name another file."
        ) from error


def earlier_models(scored: Any, batch_id: str) -> tuple[int, list[str]]:
    """Return the number of rows of a batch in a file, and the labels of the models that have scored them."""
    frame = scored if isinstance(scored, pd.DataFrame) else None
    names = list(scored.columns) if frame is not None else scored.column_names
    if not {"batch_id", "scored_by"} <= set(names):
        return 0, []
    if frame is None:
        frame = scored.select(["batch_id", "scored_by"]).to_pandas()
    scored_by = frame.loc[frame["batch_id"].astype(str) == batch_id, "scored_by"]
    return len(scored_by), list(scored_by.dropna().unique())


def write_scored(table: pa.Table, destination: Destination, earlier: Any) -> None:
    """Append the rows to those of an existing file, and replace the file in one step.

    Args:
        table: The scored rows.
        destination: The file.
        earlier: Rows of the existing file, from `read_scored`; ``None`` if there is none.

    Raises:
        TablesError: The file has other columns, or cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = destination.file
    assert file is not None  # noqa: S101
    if earlier is not None:
        columns = list(earlier.columns) if isinstance(earlier, pd.DataFrame) else earlier.column_names
        _check_same(table.column_names, columns, file)
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if destination.kind == "parquet":
            tables = [table] if earlier is None else [earlier, table.select(earlier.column_names).cast(earlier.schema)]
            pq.write_table(pa.concat_tables(tables), part)
        else:
            frame = _flat(table)
            whole = frame if earlier is None else pd.concat([earlier, frame[list(earlier.columns)]])
            whole.to_csv(part, index=False)
        part.replace(file)
    except pa.ArrowInvalid as error:
        raise TablesError(
            f"--to {file} has columns of other types ({first_line(error)}): name another file."
        ) from error
    except OSError as error:
        raise TablesError(f"--to {file} cannot be written ({error.strerror}): name another file.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _check_same(new: list[str], existing: list[str], file: Path) -> None:
    lacks = [name for name in new if name not in existing]
    more = [name for name in existing if name not in new]
    if lacks or more:
        parts = [f"it lacks {', '.join(map(repr, lacks))}"] * bool(lacks)
        parts += [f"it has {', '.join(map(repr, more))} besides"] * bool(more)
        raise TablesError(
            f"--to {file} has other columns than the scored rows ({'; '.join(parts)}): name another file."
        )


def _flat(table: pa.Table) -> pd.DataFrame:
    """Return the rows with probabilities as JSON, for csv."""
    frame: pd.DataFrame = table.to_pandas()
    if PROBABILITIES in frame:
        frame[PROBABILITIES] = [as_text(each) for each in frame[PROBABILITIES]]
    return frame

"""Read files of other formats than separated text: Parquet, Arrow, ORC, Excel and JSON."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from bakeoff._utils.text import first_line
from bakeoff.errors import SourceError
from bakeoff.source.decoding import unpacked
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.gap_words import Cells

_NA_WORDS = frozenset(
    {"#N/A", "#N/A N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "-NaN", "-nan"}
)
"""Words in a sheet that pandas takes for gaps in a csv file."""


def read_parquet(file: Path | io.BytesIO, name: str) -> pd.DataFrame:
    """Read a parquet file, or a folder of them.

    Args:
        file: the file or folder, or the content of a file.
        name: name of the file, as part of errors.

    Raises:
        SourceError: It cannot be read, or has columns of the same name.
    """
    import pyarrow.parquet as pq

    return _from_arrow(lambda: pq.read_table(file), name, "parquet")


def read_arrow(file: Path | io.BytesIO, name: str) -> pd.DataFrame:
    """Read a Feather file, or one of Arrow's, with or without an index at its end.

    Raises:
        SourceError: It cannot be read, or has columns of the same name.
    """
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.ipc

    def read() -> Any:
        source = str(file) if isinstance(file, Path) else file
        try:
            return pa.feather.read_table(source)
        except pa.ArrowInvalid:
            with unpacked(file, name) as stream:
                return pa.ipc.open_stream(stream.read()).read_all()

    return _from_arrow(read, name, "Arrow")


def read_orc(file: Path | io.BytesIO, name: str) -> pd.DataFrame:
    """Read an ORC file.

    Raises:
        SourceError: It cannot be read, or has columns of the same name.
    """
    import pyarrow.orc

    return _from_arrow(lambda: pyarrow.orc.ORCFile(str(file) if isinstance(file, Path) else file).read(), name, "ORC")


def _from_arrow(read: Callable[[], Any], name: str, kind: str) -> pd.DataFrame:
    import pyarrow as pa

    importlib.import_module("pandas.core.arrays.arrow.extension_types")  # else pandas' periods are whole numbers
    try:
        table = read()
        refuse_duplicates(table.column_names, name)
        frame = _to_pandas(table)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{name} cannot be read as {kind} ({first_line(error)}).") from error
    # The index that a frame was saved with becomes columns, which it also is in a table.
    return frame.reset_index(drop=all(level is None for level in frame.index.names))


def _to_pandas(table: Any) -> pd.DataFrame:
    """Return a table of Arrow as a frame, with the index that it was saved with where that can be made out."""
    try:
        return cast("pd.DataFrame", table.to_pandas())
    except (TypeError, ValueError, NotImplementedError):
        # pandas writes down types, such as Arrow's dictionaries, that it cannot read back.
        return cast("pd.DataFrame", table.replace_schema_metadata(None).to_pandas())


def read_json(file: Path | io.BytesIO, name: str) -> pd.DataFrame:
    """Read a JSON file: one object a line, a list of objects, or an object of lists.

    Raises:
        SourceError: It cannot be read, or holds something else than rows.
    """
    try:
        with unpacked(file, name) as stream:
            content = stream.read()
        frame = _rows_of_json(content.decode("utf-8-sig").strip())
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise SourceError(
            f"{name} cannot be read as JSON ({first_line(error)}): it must hold one object a line, or a list of "
            "objects."
        ) from error
    return frame.set_axis(frame.columns.map(str), axis=1).reset_index(drop=True)


def _rows_of_json(text: str) -> pd.DataFrame:
    if text.startswith("["):
        rows: pd.DataFrame = pd.read_json(io.StringIO(text), convert_dates=False, convert_axes=False)
        return rows
    if not text.startswith("{"):
        raise ValueError("it begins with neither { nor [")
    try:
        whole = json.loads(text)
    except ValueError:  # several objects, one a line
        return pd.read_json(io.StringIO(text), lines=True, convert_dates=False)
    if not all(isinstance(part, (list, dict)) for part in whole.values()):
        return pd.DataFrame([whole])
    return pd.DataFrame(whole)


def read_excel(file: Path | io.BytesIO, name: str, findings: Findings) -> Cells:
    """Read the first sheet of an Excel file that holds rows.

    Args:
        file: the file, or its content.
        name: name of the file, as part of errors.
        findings: gets which sheet was read, if there are several.

    Raises:
        SourceError: It cannot be read, or no package for it is installed.
    """
    try:
        import openpyxl  # noqa: F401 - pandas reads with it
    except ImportError as error:
        raise SourceError(
            f"{name} is an Excel file, and the package that reads those is not installed: pip install openpyxl, or "
            "save the file as csv."
        ) from error
    import zipfile

    try:
        with pd.ExcelFile(file, engine="openpyxl") as book:
            sheets = [str(sheet) for sheet in book.sheet_names]
            frames = ((sheet, _sheet(book, sheet)) for sheet in sheets)
            sheet, frame = next(
                ((sheet, frame) for sheet, frame in frames if not frame.empty), (sheets[0], pd.DataFrame())
            )
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(
            f"{name} cannot be read as an Excel file ({first_line(error)}): give a file that ends in .csv or .parquet."
        ) from error
    if len(sheets) > 1:
        others = ", ".join(repr(other) for other in sheets if other != sheet)
        findings.add(
            FindingKind.READ_AS,
            f"Read the sheet {sheet!r} of {Path(name).name}, and not {others}: save others as files.",
        )
    return _cells(frame, name)


def _sheet(book: pd.ExcelFile, sheet: str) -> pd.DataFrame:
    """Return the rows of a sheet below its titles, without empty rows and columns at its edges."""
    raw = book.parse(sheet, header=None, keep_default_na=False, na_values=[""], dtype=object)
    raw = raw.dropna(how="all").dropna(how="all", axis=1)
    width = raw.shape[1]
    while len(raw) > 1 and width > 1 and raw.iloc[0].notna().sum() <= 1:
        raw = raw.iloc[1:]
    return raw


def _cells(raw: pd.DataFrame, name: str) -> Cells:
    """Return the rows of a sheet, whose first row holds the names."""
    if raw.empty:
        raise SourceError(f"{name} is empty: there is nothing to learn from.")
    names = [f"Unnamed: {n}" if pd.isna(cell) else str(cell) for n, cell in enumerate(raw.iloc[0])]
    refuse_duplicates([each.strip() for each in names], name)
    body = raw.iloc[1:].set_axis(names, axis=1).reset_index(drop=True)
    plain = body.where(body.notna() & ~body.isin(list(_NA_WORDS))).infer_objects()

    def as_text(numbers: Sequence[int]) -> pd.DataFrame:
        columns = body.iloc[:, list(numbers)]
        return columns.where(columns.notna(), "").astype(str)

    return Cells(plain, as_text)


def refuse_duplicates(columns: Sequence[str], name: str) -> None:
    """Raise a `SourceError` if columns have the same name."""
    duplicates = sorted({column for column in columns if columns.count(column) > 1})
    if duplicates:
        raise SourceError(
            f"{name} has more than one column named {', '.join(map(repr, duplicates))}: give each its own name."
        )

"""Decide which words in a file stand for gaps.

Pandas takes words such as ``None`` and ``NA`` for gaps wherever they stand. They are gaps in columns of numbers, of
dates and of true and false. In a column of text such a word is a value of its own, unless the file also writes it into
columns of the other kinds, or it stands in few rows; see `_is_value`. In a column of numbers, other words that people
write for gaps (``-``, ``?``, ``n/a``) are gaps as well.
"""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import pandas as pd

from bakeoff._utils.text import counted
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.reading import Reading

VALUES = frozenset({"None", "NA", "N/A", "n/a", "NULL", "null"})
"""Words that pandas takes for gaps, and that people also use as names of something."""
GAPS = frozenset(
    {"-", "--", "---", "?", "??", ".", "..", "...", "*", "n/a", "na", "n.a.", "n.a", "nan", "none", "null", "nil"}
    | {"missing", "unknown", "not available", "k.a.", "k. a.", "\u2013", "\u2014", "#n/a", "#na", "#ref!", "#div/0!"}
    | {"#value!", "#num!", "#name?", "#null!", "<na>", "(null)", "(none)", "\\n", "nd", "n.d."}
)
"""Words that stand for gaps among numbers, in lower case."""
_LEAST_SHARE = 0.05
"""Share of the rows from which a word is a value, although each other value of its column is more frequent."""
_LEAST_NUMBERS = 0.5
"""Share of numbers from which a column is one of numbers, if the rest are words for gaps."""
_NEARLY_ALL, _FEW_WORDS = 0.8, 3
"""Share of numbers from which it is worth a word that a column holds others, and number of words that can be meant."""
_PROBED = 200
"""Number of values by which a column of text is judged."""
_LISTED = 5


def _no_text(numbers: Sequence[int]) -> pd.DataFrame:
    raise NotImplementedError(f"The columns {numbers} were not read from text.")


class Cells(NamedTuple):
    """Rows of a file in which words for gaps are missing values already, and the way to see them as they stand there.

    Attributes:
        frame: the rows, as pandas reads them.
        as_text: returns columns, by their numbers, as the text that stands in the file.
        decimal: decimal mark.
    """

    frame: pd.DataFrame
    as_text: Callable[[Sequence[int]], pd.DataFrame] = _no_text
    decimal: str = "."


def settle_words(cells: Cells, reading: Reading, findings: Findings) -> pd.DataFrame:
    """Return the rows in which each word is what it stands for: a value, or a gap.

    Args:
        cells: the rows.
        reading: words for gaps that the user names, and columns whose kind is known.
        findings: gets what was decided.
    """
    frame = _with_values(cells, reading, findings)
    if reading.na_values:
        frame = without_values(frame, reading.na_values, findings)
    return _with_numbers(frame, cells.decimal, reading, findings)


def without_values(frame: pd.DataFrame, na_values: Sequence[str], findings: Findings) -> pd.DataFrame:
    """Return the rows with gaps in the place of given values, which are numbers or words.

    Args:
        frame: the rows; not changed.
        na_values: the values, as text.
        findings: gets one about all of them.
    """
    numbers = [number for number in pd.to_numeric(pd.Series(na_values), errors="coerce") if number == number]  # noqa: PLR0124
    changed: dict[str, pd.Series[Any]] = {}
    gaps = _Decided()
    for name, column in frame.items():
        if pd.api.types.is_bool_dtype(column) or not (
            pd.api.types.is_numeric_dtype(column) or column.dtype == object or isinstance(column.dtype, pd.StringDtype)
        ):
            continue
        is_gap = column.isin(numbers if pd.api.types.is_numeric_dtype(column) else na_values)
        if is_gap.any():
            changed[str(name)] = column.mask(is_gap)
            for value, n_cells in column[is_gap].value_counts().items():
                gaps.add(str(value).removesuffix(".0"), str(name), int(n_cells))
    if changed:
        sentence = f"Took {gaps} for gaps (--na-values)."
        findings.add(FindingKind.GAPS, sentence, columns=gaps.columns, n_affected=gaps.n_cells)
    return frame.assign(**changed)


def _with_values(cells: Cells, reading: Reading, findings: Findings) -> pd.DataFrame:
    """Return the rows with those words in the place of gaps that are values."""
    frame = cells.frame
    columns = [n for n in range(frame.shape[1]) if frame.iloc[:, n].isna().any() and _is_text(frame.iloc[:, n])]
    words = _words_in_gaps(cells, columns)
    if not words:
        return frame
    elsewhere = _words_for_gaps(cells, set(columns))
    values, gaps = _Decided(), _Decided()
    restored: dict[str, pd.Series[Any]] = {}
    for name, found in words.items():
        for word, n_cells in found.value_counts().items():
            if _is_value(str(word), found, frame[name], elsewhere, reading):
                restored[name] = restored.get(name, frame[name]).where(found != word, word)
                values.add(str(word), name, int(n_cells))
            else:
                gaps.add(str(word), name, int(n_cells))
    if values.cells:
        option = f"--na-values {','.join(values.cells)}"
        sentence = f"Took {values} for values and not for gaps ({option} if they are gaps)."
        findings.add(FindingKind.READ_AS, sentence, columns=values.columns, n_affected=values.n_cells)
    if gaps.cells:
        why = "" if reading.na_values else " with the words that are gaps, if these are none"
        sentence = f"Took {gaps} for gaps (--na-values{why})."
        findings.add(FindingKind.GAPS, sentence, columns=gaps.columns, n_affected=gaps.n_cells)
    return frame.assign(**restored)


class _Decided:
    """Words with the columns that they stand in and the number of cells, to be said in one sentence."""

    def __init__(self) -> None:
        self.cells: dict[str, dict[str, int]] = {}

    def add(self, word: str, column: str, n_cells: int) -> None:
        self.cells.setdefault(word, {})[column] = n_cells

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(column for found in self.cells.values() for column in found))

    @property
    def n_cells(self) -> int:
        return sum(sum(found.values()) for found in self.cells.values())

    def __str__(self) -> str:
        words = [
            f"{repr(word) if word else 'blanks'} ({counted(sum(found.values()), 'cell')} of {_listed(list(found))})"
            for word, found in self.cells.items()
        ]
        return " and ".join(words[:_LISTED]) + (" and others" if len(words) > _LISTED else "")


def _is_value(
    word: str, found: pd.Series[Any], column: pd.Series[Any], elsewhere: Collection[str], reading: Reading
) -> bool:
    """Whether a word in a column of text is a value and not a gap.

    It is none if the file writes the same word into columns of numbers, of dates or of true and false, where it can
    only be a gap. Otherwise it is one from 5 % of the rows on, or if it is as frequent as the rarest other value, but
    not in a single row.
    """
    if reading.words is not None:
        return word in reading.words.get(str(column.name), ())
    if word not in VALUES or word in elsewhere or word in reading.na_values:
        return False
    if reading.na_values:
        return True
    n_cells = int((found == word).sum())
    return n_cells > 1 and (n_cells >= _LEAST_SHARE * len(column) or n_cells >= column.value_counts().min())


def _is_text(column: pd.Series[Any]) -> bool:
    """Whether a column holds text that is neither dates nor numbers with words among them."""
    if column.dtype != object:
        return False
    known = column.dropna()
    if pd.api.types.infer_dtype(known) != "string":
        return False
    return not _are_dates(known) and not _may_be_numbers(known)


def _are_dates(known: pd.Series[Any]) -> bool:
    some = known.drop_duplicates().head(50)
    if not some.str.contains(r"\d[-/.:]\d").all():
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns if it has to guess the format of each value
        return bool(pd.to_datetime(some, errors="coerce").notna().all())


def _words_in_gaps(cells: Cells, columns: Sequence[int]) -> dict[str, pd.Series[Any]]:
    """Return the words that stand in the gaps of columns, by name; columns whose gaps are empty cells are left out."""
    if not columns:
        return {}
    raw = cells.as_text(columns)
    words = {}
    for position, n in enumerate(columns):
        column, text = cells.frame.iloc[:, n], raw.iloc[:, position]
        found = text[column.isna().to_numpy()]
        found = found[found.notna() & (found.str.strip() != "")]
        if len(found):
            words[str(column.name)] = found.reindex(column.index)
    return words


def _words_for_gaps(cells: Cells, texts: Collection[int]) -> set[str]:
    """Return the words in the gaps of columns that are no text, where they can be nothing else."""
    frame = cells.frame
    others = [
        n
        for n in range(frame.shape[1])
        if n not in texts and frame.iloc[:, n].isna().any() and frame.iloc[:, n].notna().any()
    ]
    found = _words_in_gaps(cells, others)
    return {str(word) for words in found.values() for word in words.dropna().unique()}


def _with_numbers(frame: pd.DataFrame, decimal: str, reading: Reading, findings: Findings) -> pd.DataFrame:
    """Return the rows with numbers in columns that hold nothing else but words for gaps."""
    changed: dict[str, pd.Series[Any]] = {}
    gaps = _Decided()
    for name, column in frame.items():
        is_known = str(name) in reading.numbers
        if column.dtype != object or str(name) in reading.texts or not (is_known or _may_be_numbers(column.dropna())):
            continue
        numbers = as_numbers(column, decimal)
        words = column[numbers.isna() & column.notna()].astype(str).str.strip()
        n_known, n_numbers = int(column.notna().sum()), int(numbers.notna().sum())
        if words.str.lower().isin(GAPS | {""}).all() and (is_known or n_numbers >= _LEAST_NUMBERS * n_known):
            changed[str(name)] = numbers
            for word, n_cells in words.value_counts().items():
                gaps.add(str(word), str(name), int(n_cells))
        elif n_numbers >= _NEARLY_ALL * n_known and words.nunique() <= _FEW_WORDS:
            some = " and ".join(map(repr, words.unique()))
            findings.add(
                FindingKind.SUSPICIOUS,
                f"{name} holds numbers but for {some} ({counted(len(words), 'cell')}), and is read as text: say "
                f"--na-values {shlex.quote(','.join(words.unique()))} if that stands for gaps.",
                columns=[str(name)],
                n_affected=len(words),
            )
    if gaps.cells:
        findings.add(
            FindingKind.GAPS,
            f"Took {gaps} for gaps, as the other values are numbers.",
            columns=gaps.columns,
            n_affected=gaps.n_cells,
        )
    return frame.assign(**changed)


def as_numbers(column: pd.Series[Any], decimal: str = ".") -> pd.Series[Any]:
    """Return a column of text or mixed values as numbers, with gaps where there are none.

    Example:
        >>> as_numbers(pd.Series(["1.234,5", "-", "7"]), ",").tolist()
        [1234.5, nan, 7.0]
    """
    text = column.where(column.notna(), None)
    if decimal != ".":
        mark = re.escape(decimal)
        written = column.astype(str).str.strip()
        fits = written.str.fullmatch(rf"[-+]?(\d+|\d{{1,3}}(\.\d{{3}})+)?({mark}\d+)?")
        text = written.str.replace(".", "", regex=False).str.replace(decimal, ".", regex=False).where(fits)
    numbers: pd.Series[Any] = pd.to_numeric(text, errors="coerce")
    return numbers


def _may_be_numbers(known: pd.Series[Any]) -> bool:
    """Whether many values of a column are numbers, by some of them."""
    some = known.iloc[:: max(1, len(known) // _PROBED)]
    if not len(some) or not all(isinstance(value, (str, int, float)) and not isinstance(value, bool) for value in some):
        return False
    is_number = some.astype(str).str.strip().str.fullmatch(r"[-+]?(\d+([.,]\d+)*|\.\d+)([eE][-+]?\d+)?")
    return bool(is_number.mean() >= _LEAST_NUMBERS / 2)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")

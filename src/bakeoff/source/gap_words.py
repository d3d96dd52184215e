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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from bakeoff._utils.raw_rows.gaps import is_gap, is_gap_word
from bakeoff._utils.text import counted, first_of
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.reading import Reading

VALUES = frozenset({"None", "NA", "N/A", "n/a", "NULL", "null"})
"""Words that pandas takes for gaps, and that people also use as names of something."""
_LEAST_SHARE = 0.05
"""Share of the rows from which a word is a value, although each other value of its column is more frequent."""
_LEAST_NUMBERS = 0.5
"""Share of numbers from which a column is one of numbers, if the rest are words for gaps."""
_NEARLY_ALL, _FEW_WORDS = 0.8, 3
"""Share of numbers from which it is worth a word that a column holds others, and number of words that can be meant."""
_PROBED = 200
"""Number of values by which a column of text is judged."""
_LISTED = 5


class Cells(NamedTuple):
    """Rows of a file in which words for gaps are missing values already, and the way to see them as they stand there.

    Attributes:
        frame: the rows, as pandas reads them.
        as_text: returns columns, by their numbers, as the text that stands in the file; ``None`` for files that know
            what a gap is.
        decimal: decimal mark.
    """

    frame: pd.DataFrame
    as_text: Callable[[Sequence[int]], pd.DataFrame] | None = None
    decimal: str = "."

    def text_of(self, numbers: Sequence[int]) -> pd.DataFrame:
        """Return columns as they stand in the file."""
        if self.as_text is None:
            raise ValueError("These rows were not read from text.")
        return self.as_text(numbers)


@dataclass(frozen=True)
class KnownWords:
    """Words in a file whose meaning is known.

    Attributes:
        numbers: decimal mark of each column of numbers that holds words for gaps as well, by name.
        values: words that are values of a column and that pandas takes for gaps, by name.
    """

    numbers: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words that are values of a column."""
        return self.values.get(name, ())


@dataclass(frozen=True)
class RawTable:
    """Rows as they were read, and what is known of the words in them."""

    frame: pd.DataFrame
    known: KnownWords = field(default_factory=KnownWords)

    def with_numbers(self) -> pd.DataFrame:
        """Return the rows with numbers and gaps in the columns of numbers."""
        marks = self.known.numbers
        return self.frame.assign(**{name: as_numbers(self.frame[name], mark) for name, mark in marks.items()})


def settle_words(cells: Cells, reading: Reading, findings: Findings) -> RawTable:
    """Return the rows with each word that is a value, and tell which columns are of numbers in spite of words.

    Args:
        cells: the rows.
        reading: words for gaps that the user names, and columns whose kind is known.
        findings: gets what was decided.
    """
    frame, words = _with_values(cells, reading, findings)
    return RawTable(frame, KnownWords(_numbers(frame, cells.decimal, reading, findings), words))


def _with_values(cells: Cells, reading: Reading, findings: Findings) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Return the rows with those words in the place of gaps that are values, and these words by column."""
    frame = cells.frame
    columns = [n for n in range(frame.shape[1]) if frame.iloc[:, n].isna().any() and _is_text(frame.iloc[:, n])]
    words = _words_in_gaps(cells, columns)
    if not words:
        return frame, {}
    elsewhere = _words_for_gaps(cells, set(columns))
    values, gaps = Decided(), Decided()
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
    return frame.assign(**restored), {
        name: tuple(word for word, found in values.cells.items() if name in found) for name in restored
    }


class Decided:
    """Words with the columns that they stand in and the number of cells, to be said in one sentence."""

    def __init__(self) -> None:
        self.cells: dict[str, dict[str, int]] = {}

    def add(self, word: str, column: str, n_cells: int) -> None:
        """Add a word that stands in some cells of a column."""
        self.cells.setdefault(word, {})[column] = n_cells

    def count(self, values: pd.Series[Any], column: str) -> None:
        """Add values of a column, each as often as it is there."""
        for value, n_cells in values.value_counts().items():
            self.add(str(value).removesuffix(".0"), column, int(n_cells))

    @property
    def columns(self) -> list[str]:
        """The columns."""
        return list(dict.fromkeys(column for found in self.cells.values() for column in found))

    @property
    def n_cells(self) -> int:
        """The number of cells of all words and columns."""
        return sum(sum(found.values()) for found in self.cells.values())

    def __str__(self) -> str:
        words = [
            f"{repr(word) if word else 'blanks'} ({counted(sum(found.values()), 'cell')} of {first_of(found, _LISTED)})"
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
    raw = cells.text_of(columns)
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


def _numbers(frame: pd.DataFrame, decimal: str, reading: Reading, findings: Findings) -> dict[str, str]:
    """Return the decimal mark of each column of text that holds nothing but numbers and words for gaps, by name."""
    found: dict[str, str] = {}
    gaps = Decided()
    for name, column in frame.items():
        is_known = str(name) in reading.numbers
        if column.dtype != object or str(name) in reading.texts or not (is_known or _may_be_numbers(column)):
            continue
        present = column.dropna()
        present = present[~is_gap(present, reading.na_values)]
        numbers = as_numbers(present, decimal)
        words = present[numbers.isna()].astype(str).str.strip()
        n_numbers = int(numbers.notna().sum())
        if words.map(is_gap_word).all() and (is_known or n_numbers >= _LEAST_NUMBERS * len(present)):
            found[str(name)] = decimal
            gaps.count(words, str(name))
        elif n_numbers >= _NEARLY_ALL * len(present) and words.nunique() <= _FEW_WORDS:
            _point_out(str(name), words, findings)
    if gaps.cells:
        sentence = f"Took {gaps} for gaps, as the other values are numbers."
        findings.add(FindingKind.GAPS, sentence, columns=gaps.columns, n_affected=gaps.n_cells)
    return found


def _point_out(name: str, words: pd.Series[Any], findings: Findings) -> None:
    some = " and ".join(map(repr, words.unique()))
    option = f"--na-values {shlex.quote(','.join(words.unique()))}"
    findings.add(
        FindingKind.SUSPICIOUS,
        f"{name} holds numbers but for {some} ({counted(len(words), 'cell')}), and is read as text: say {option} if "
        "that stands for gaps.",
        columns=[name],
        n_affected=len(words),
    )


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


def _may_be_numbers(column: pd.Series[Any]) -> bool:
    """Whether many values of a column are numbers, by some of them."""
    some = column.iloc[:: max(1, len(column) // _PROBED)].dropna()
    if len(some) < _PROBED // 4:  # there are mostly gaps
        known = column.dropna()
        some = known.iloc[:: max(1, len(known) // _PROBED)]
    if not len(some) or not all(isinstance(value, (str, int, float)) and not isinstance(value, bool) for value in some):
        return False
    is_number = some.astype(str).str.strip().str.fullmatch(r"[-+]?(\d+([.,]\d+)*|\.\d+)([eE][-+]?\d+)?")
    return bool(is_number.mean() >= _LEAST_NUMBERS / 2)

"""What was noticed about a table before anything was learned from it: data, not only words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum


class FindingKind(str, Enum):
    """The kind of a finding; its value is the word that people and ``--json`` see."""

    READ_AS = "read as"
    """What a file or a column was taken for."""
    CONVERTED = "converted"
    """Values were turned into something that models can use."""
    LEFT_OUT = "left out"
    """Rows or columns that nothing is learned from."""
    GAPS = "gaps"
    """Cells that count as missing although something stands in them, or gaps that were filled."""
    TASK = "task"
    """What the target was taken for."""
    SAMPLE = "sample"
    """Only a part of the rows is learned from."""
    SUSPICIOUS = "suspicious"
    """Nothing was changed, but somebody should look."""


@dataclass(frozen=True)
class Finding:
    """One thing that was noticed about a table.

    Attributes:
        kind: what sort of thing it is.
        sentence: the same for people: what was found, what was done, and what to do about it.
        columns: names of the columns that it is about; empty if it is about the whole table.
        n_affected: number of cells or rows that it is about; ``None`` where a number says nothing.
    """

    kind: FindingKind
    sentence: str
    columns: tuple[str, ...] = ()
    n_affected: int | None = None


class Findings:
    """The findings about one table, in the order in which they were made.

    Example:
        >>> findings = Findings()
        >>> findings.add(FindingKind.LEFT_OUT, "Left out 2 rows without a target.", columns=["y"], n_affected=2)
        >>> [finding.kind.value for finding in findings], findings.sentences
        (['left out'], ('Left out 2 rows without a target.',))
    """

    def __init__(self) -> None:
        self._findings: list[Finding] = []

    def add(
        self, kind: FindingKind, sentence: str, *, columns: Sequence[str] = (), n_affected: int | None = None
    ) -> None:
        """Add a finding."""
        self._findings.append(Finding(kind, sentence, tuple(map(str, columns)), n_affected))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings for people."""
        return tuple(finding.sentence for finding in self._findings)

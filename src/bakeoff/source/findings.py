"""Findings on a table before anything is learned from it: data, not only words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


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
        weight: importance; of several findings the heaviest are said first. By default that of the kind.
    """

    kind: FindingKind
    sentence: str
    columns: tuple[str, ...] = ()
    n_affected: int | None = None
    weight: int | None = None

    @property
    def importance(self) -> int:
        """The weight, or that of the kind."""
        return _WEIGHTS[self.kind] if self.weight is None else self.weight

    @property
    def is_suspicious(self) -> bool:
        """Whether somebody should look, although nothing was changed."""
        return self.kind is FindingKind.SUSPICIOUS

    def as_object(self) -> dict[str, Any]:
        """Return the finding as an object for ``json.dumps``."""
        return {
            "kind": self.kind.value,
            "sentence": self.sentence,
            "columns": list(self.columns),
            "n_affected": self.n_affected,
        }


_WEIGHTS = {
    FindingKind.LEFT_OUT: 90,
    FindingKind.GAPS: 80,
    FindingKind.SAMPLE: 75,
    FindingKind.TASK: 70,
    FindingKind.CONVERTED: 55,
    FindingKind.READ_AS: 52,
    FindingKind.SUSPICIOUS: 50,
}
"""Importance of each kind: what is lost comes first, then what decides what is learned."""


def most_important(findings: Sequence[Finding], limit: int) -> list[Finding]:
    """Return at most ``limit`` findings, the most important ones, in the order in which they were made.

    Example:
        >>> converted, left_out = (Finding(kind, kind.value) for kind in (FindingKind.CONVERTED, FindingKind.LEFT_OUT))
        >>> most_important([converted, left_out], 1)[0].sentence
        'left out'
    """
    heaviest = sorted(range(len(findings)), key=lambda position: (-findings[position].importance, position))[:limit]
    return [findings[position] for position in sorted(heaviest)]


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
        self,
        kind: FindingKind,
        sentence: str,
        *,
        columns: Sequence[str] = (),
        n_affected: int | None = None,
        weight: int | None = None,
    ) -> None:
        """Add a finding."""
        self._findings.append(Finding(kind, sentence, tuple(map(str, columns)), n_affected, weight))

    def extend_new(self, others: Findings) -> None:
        """Add the findings of another table that are not among these."""
        self._findings += [finding for finding in others if finding not in self._findings]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings for people."""
        return tuple(finding.sentence for finding in self._findings)

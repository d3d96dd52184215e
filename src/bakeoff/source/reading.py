"""Knowledge of a file before it is read: the user's options, and the columns that are looked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bakeoff.config import RunConfig


@dataclass(frozen=True)
class Reading:
    """Knowledge of a file before it is opened. Whatever is ``None`` or empty is told from the file itself.

    Attributes:
        sep: separator of a text file.
        decimal: decimal mark of a text file.
        encoding: encoding of a text file.
        na_values: words that stand for gaps, besides empty cells.
        header: ``yes``, ``no``, or the number of the line that holds the names of the columns.
        target: column to predict.
        names: columns that are looked for.
        texts: columns that are read as text whatever they hold.
        numbers: columns in which a word that people write for gaps is one, even if there are no numbers.
        words: by column, words that are values although pandas takes them for gaps; ``None`` to tell them from the
            file.
    """

    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na_values: tuple[str, ...] = ()
    header: str | None = None
    target: str | None = None
    names: Collection[str] = field(default=())
    texts: Collection[str] = field(default=())
    numbers: Collection[str] = field(default=())
    words: Mapping[str, Collection[str]] | None = None

    @classmethod
    def of(cls, config: RunConfig) -> Reading:
        """Return what a run's config says."""
        names = [config.target, *config.order_by, *([config.time_col] if config.time_col else [])]
        return cls(
            config.sep, config.decimal, config.encoding, config.na_values, config.header, config.target, tuple(names)
        )

    def options_given(self) -> list[str]:
        """Return the options that only a text file has, and that were given.

        Example:
            >>> Reading(sep=";", na_values=("?",)).options_given()
            ['--sep']
        """
        given = {"--sep": self.sep, "--decimal": self.decimal, "--encoding": self.encoding, "--header": self.header}
        return [option for option, value in given.items() if value is not None]

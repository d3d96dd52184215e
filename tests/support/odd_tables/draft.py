"""A table in the making, the oddities by kind, and how one is drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Change = Callable[["Draft"], None]
KINDS: dict[str, dict[str, Change]] = {
    kind: {} for kind in ("types", "gaps", "folds", "targets", "names", "setup", "files", "time")
}
"""The oddities by kind, in the order in which they are applied: values first, then their names, then the file."""
_DRAWN = 4
"""Number of examples that are drawn, of which the last is taken: hypothesis draws the simplest ones first."""


@dataclass
class Draft:
    """A table in the making: clean, until an oddity changes it.

    Attributes:
        frame: the rows.
        random: where chance comes from.
        target: column to predict.
        options: options of the run besides source and target.
        setup: arguments of ``setup()``.
        suffix: ending of the file.
        write: writes the rows to a path; by default as the suffix says.
    """

    frame: pd.DataFrame
    random: np.random.Generator
    target: Hashable = "answer"
    options: dict[str, Any] = field(default_factory=dict)
    setup: dict[str, Any] = field(default_factory=dict)
    suffix: str = ".csv"
    write: Callable[[pd.DataFrame, Path], None] | None = None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def features(self) -> list[Any]:
        return [name for name in self.frame.columns if name != self.target]

    def some(self, share: float = 0.2) -> Any:
        """Rows by chance, as a mask; at least one."""
        mask = self.random.random(len(self)) < share
        mask[int(self.random.integers(len(self)))] = True
        return mask

    def as_csv(self) -> None:
        """Write it as csv, unless an oddity writes the file itself."""
        self.suffix = self.suffix if self.write else ".csv"

    def as_parquet(self) -> None:
        """Write it as parquet, unless an oddity writes the file itself."""
        self.suffix = self.suffix if self.write else ".parquet"

    def add(self, name: str, values: Any) -> None:
        self.frame[name] = values

    def replace_target(self, values: Any) -> None:
        self.frame[self.target] = values


@dataclass(frozen=True)
class OddTable:
    """A table on disk, what is odd about it, and what is asked.

    Attributes:
        seed: seed that it was drawn from.
        oddities: kind and name of what is odd.
        source: the file or folder.
        target: column to predict.
        options: options of the run.
        n_rows: number of rows that were written.
    """

    seed: int
    oddities: tuple[tuple[str, str], ...]
    source: Path
    target: str
    options: dict[str, Any]
    n_rows: int

    @property
    def name(self) -> str:
        return " + ".join(f"{kind}: {name}" for kind, name in self.oddities)


def odd(kind: str, name: str) -> Callable[[Change], Change]:
    """Register an oddity of a kind."""

    def register(change: Change) -> Change:
        assert name not in KINDS[kind]
        KINDS[kind][name] = change
        return change

    return register


@st.composite
def choices(draw: st.DrawFn, kinds: tuple[str, ...]) -> dict[str, Any]:
    """What is drawn of a table: its oddities, its task, the number of its rows, and a seed for its values."""
    everything = [(kind, name) for kind in kinds for name in KINDS[kind]]
    first = draw(st.sampled_from(everything))
    chosen = [first]
    others = [each for each in everything if each[0] not in {first[0], "time", "targets" if first[0] == "gaps" else ""}]
    if first[0] != "time" and others and draw(st.integers(0, 2)) == 0:
        chosen.append(draw(st.sampled_from(others)))
    order = list(KINDS)
    return {
        "oddities": tuple(sorted(chosen, key=lambda each: order.index(each[0]))),
        "classifies": draw(st.booleans()),
        "n_rows": draw(st.integers(40, 80)),
        "values": draw(st.integers(0, 2**31)),
        "parquet": draw(st.booleans()),
        "fold": draw(st.sampled_from([2, 3])),
    }


def drawn(strategy: st.SearchStrategy[Any], number: int) -> Any:
    """What hypothesis draws from a strategy by a seed."""
    found = []

    @seed(number)
    @settings(
        max_examples=_DRAWN,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def take(value: Any) -> None:
        found.append(value)

    take()
    return found[-1]


def odd_table(number: int, folder: Path, kinds: tuple[str, ...] = tuple(KINDS), name: str | None = None) -> OddTable:
    """Draw a table from a seed and write it to a folder.

    Args:
        number: the seed.
        folder: where it is written to.
        kinds: kinds of oddities to draw from.
        name: the one oddity that the table has; drawn by default.
    """
    chosen = drawn(choices(kinds), number)
    if name is not None:
        chosen["oddities"] = tuple((kind, each) for kind in kinds for each in KINDS[kind] if each == name)
    random = np.random.default_rng(chosen["values"])
    draft = clean(random, chosen["n_rows"], classifies=chosen["classifies"])
    draft.as_parquet() if chosen["parquet"] else ".csv"
    draft.options = {"fold": chosen["fold"]}
    for kind, oddity in chosen["oddities"]:
        KINDS[kind][oddity](draft)
    path = folder / f"rows{draft.suffix}"
    n_rows = len(draft)
    (draft.write or _write)(draft.frame, path)
    options = draft.options | ({"setup": draft.setup} if draft.setup else {})
    return OddTable(number, chosen["oddities"], path, str(draft.target), options, n_rows)


def clean(random: np.random.Generator, n_rows: int, *, classifies: bool) -> Draft:
    """Two numbers and two categories, one of which matter, and a target of two classes or of numbers."""
    size = random.normal(size=n_rows)
    frame = pd.DataFrame(
        {
            "size": size,
            "count": random.integers(0, 30, n_rows),
            "colour": random.choice(["red", "green", "blue"], n_rows),
            "place": random.choice(["north", "south"], n_rows),
        }
    )
    score = size + random.normal(scale=0.5, size=n_rows)
    # Both classes have half of the rows, so that what fails is not the number of rows of a class.
    frame["answer"] = np.where(score > np.median(score), "yes", "no") if classifies else score * 10
    return Draft(frame, random)


def _write(frame: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)

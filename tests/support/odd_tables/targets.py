"""Oddities of the target."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pandas as pd

from support.odd_tables.columns import arrow, days
from support.odd_tables.draft import Draft, odd

_CLASSES = {
    "fractions": lambda d: d.random.choice([0.5, 1.0, 1.5, 2.0], len(d)),
    "booleans": lambda d: d.random.random(len(d)) < 0.5,
    "booleans with gaps": lambda d: pd.array(np.where(d.some(), None, d.random.random(len(d)) < 0.5), dtype="boolean"),
    "booleans as objects with gaps": lambda d: np.where(d.some(), None, d.random.random(len(d)) < 0.5),
    "numbers as text": lambda d: d.random.choice(["1", "2", "3"], len(d)),
    "texts with blanks": lambda d: d.random.choice(["yes", "yes ", " no", "no"], len(d)),
    "texts with gaps": lambda d: np.where(d.some(), None, d.random.choice(["yes", "no"], len(d))),
    "ordered categories": lambda d: pd.Categorical(
        d.random.choice(["low", "mid", "high"], len(d)), ["low", "mid", "high"], ordered=True
    ),
    "numbers as categories": lambda d: pd.Categorical(d.random.integers(1, 4, len(d))),
    "a category that nobody has": lambda d: pd.Categorical(d.random.choice(["a", "b"], len(d)), ["a", "b", "never"]),
    "Int64 with gaps": lambda d: pd.array(np.where(d.some(), None, d.random.integers(0, 2, len(d))), dtype="Int64"),
    "string of pandas": lambda d: pd.array(d.random.choice(["yes", "no"], len(d)), dtype="string"),
    "string of Arrow": lambda d: arrow(d, d.random.choice(["yes", "no"], len(d)), __import__("pyarrow").string()),
    "whole numbers as floats": lambda d: d.random.choice([1.0, 2.0], len(d)),
    "whole numbers as floats with gaps": lambda d: np.where(d.some(), np.nan, d.random.choice([1.0, 2.0], len(d))),
    "negative classes": lambda d: d.random.choice([-1, 1], len(d)),
    "far apart classes": lambda d: d.random.choice([7, 1_000_000], len(d)),
    "odd words": lambda d: d.random.choice(['{"a": 1}', "<b>", "c, d"], len(d)),
    "unbalanced": lambda d: np.where(np.arange(len(d)) < 6, "rare", "usual"),
    "many classes": lambda d: [f"c{n % 12}" for n in range(len(d))],
    "bytes": lambda d: [b"yes" if n else b"no" for n in d.random.integers(0, 2, len(d))],
    "mixed words and numbers": lambda d: d.random.choice(np.array(["1", "one", "two"], dtype=object), len(d)),
}
_NUMBERS = {
    "decimals": lambda d: [decimal.Decimal(int(n)) / 4 for n in d.random.integers(0, 999, len(d))],
    "Float64 with gaps": lambda d: pd.array(np.where(d.some(), None, d.random.normal(size=len(d))), dtype="Float64"),
    "Int64 of many values": lambda d: pd.array(d.random.permutation(len(d)), dtype="Int64"),
    "small floats": lambda d: d.random.normal(size=len(d)).astype("float32"),
    "huge numbers": lambda d: d.random.normal(size=len(d)) * 1e12,
    "durations": lambda d: pd.to_timedelta(d.random.integers(0, 999, len(d)), unit="h"),
    "infinite": lambda d: np.where(d.some(), np.inf, d.random.normal(size=len(d))),
    "thousands as text": lambda d: [f"{n:,.1f}" for n in d.random.integers(0, 99_999, len(d)) / 10],
    "euros as text": lambda d: [f"€ {n}" for n in d.random.integers(0, 99_999, len(d))],
    "one value": lambda d: 3.5,
    "all missing": lambda d: np.nan,
    "two rows": lambda d: np.where(np.arange(len(d)) < 2, d.random.normal(size=len(d)), np.nan),
}
_OTHERS = {
    "dates": lambda d: list(days(d).date),
    "times": days,
    "times with a zone": lambda d: days(d).tz_localize("Europe/Berlin"),
    "few dates": lambda d: [dt.date(2021, int(n), 1) for n in d.random.integers(1, 4, len(d))],
    "texts that differ": lambda d: [f"row {n}" for n in range(len(d))],
    "arrays": lambda d: [[1.0]] * len(d),
    "structs": lambda d: [{"a": 1}] * len(d),
}


def _is(maker: Any) -> Any:
    def change(draft: Draft) -> None:
        draft.as_parquet()
        draft.replace_target(maker(draft))

    return change


for _name, _maker in {**_CLASSES, **_NUMBERS, **_OTHERS}.items():
    odd("targets", _name)(_is(_maker))
for _n in (1, 2, 3, 4):
    odd("targets", f"a class of {_n} rows")(
        _is(lambda d, n=_n: np.where(np.arange(len(d)) < n, "rare", d.random.choice(["yes", "no"], len(d))))
    )
    odd("targets", f"a number of {_n} rows")(
        _is(lambda d, n=_n: np.where(np.arange(len(d)) < n, 9, d.random.choice([1, 2], len(d))))
    )


@odd("targets", "fractions said to be classes")
def said_to_be_classes(draft: Draft) -> None:
    draft.as_parquet()
    draft.options["task"] = "classification"
    draft.replace_target(draft.random.choice([0.5, 1.0, 2.5], len(draft)))


@odd("targets", "words said to be numbers")
def said_to_be_numbers(draft: Draft) -> None:
    draft.options["task"] = "regression"
    draft.replace_target(draft.random.choice(["yes", "no"], len(draft)))


@odd("targets", "numbers said to be classes")
def numbers_as_classes(draft: Draft) -> None:
    draft.options["task"] = "classification"
    draft.replace_target(draft.random.normal(size=len(draft)))


@odd("targets", "booleans said to be numbers")
def booleans_as_numbers(draft: Draft) -> None:
    draft.as_parquet()
    draft.options["task"] = "regression"
    draft.replace_target(draft.random.random(len(draft)) < 0.5)

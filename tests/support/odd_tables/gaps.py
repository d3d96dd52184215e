"""Oddities of gaps: words and numbers that stand for nothing, in a feature or in the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from support.odd_tables.draft import Draft, odd

_WORDS = ("None", "NA", "N/A", "null", "NULL", "-", "--", "?", "n/a", "nan", "missing", "unknown", "", " ", ".", "#N/A")


def _among_numbers(word: str) -> Any:
    def change(draft: Draft) -> None:
        draft.as_csv()
        draft.frame["size"] = np.where(draft.some(), word, draft.frame["size"].round(3).astype(str))

    return change


def _among_texts(word: str) -> Any:
    def change(draft: Draft) -> None:
        draft.as_csv()
        draft.frame["colour"] = np.where(draft.some(0.3), word, draft.frame["colour"])

    return change


def _among_classes(word: str) -> Any:
    def change(draft: Draft) -> None:
        draft.as_csv()
        draft.frame[draft.target] = draft.random.choice(["Apnea", "Insomnia", word], len(draft))

    return change


for _word in _WORDS:
    odd("gaps", f"{_word!r} among numbers")(_among_numbers(_word))
    odd("gaps", f"{_word!r} among texts")(_among_texts(_word))
    odd("gaps", f"{_word!r} among classes")(_among_classes(_word))


@odd("gaps", "9999 among numbers")
def many_nines(draft: Draft) -> None:
    draft.frame["size"] = np.where(draft.some(), 9999, draft.frame["size"])


@odd("gaps", "-999 among whole numbers")
def minus_nines(draft: Draft) -> None:
    draft.frame["count"] = np.where(draft.some(), -999, draft.frame["count"])


@odd("gaps", "half of the target")
def half_of_the_target(draft: Draft) -> None:
    draft.frame[draft.target] = draft.frame[draft.target].mask(draft.some(0.5))


@odd("gaps", "in every column")
def everywhere(draft: Draft) -> None:
    for name in draft.features:
        draft.frame[name] = draft.frame[name].mask(draft.some(0.3))


@odd("gaps", "an empty row")
def an_empty_row(draft: Draft) -> None:
    draft.frame.loc[draft.frame.index[3]] = None


@odd("gaps", "--na-values")
def own_words(draft: Draft) -> None:
    draft.as_csv()
    draft.frame["size"] = np.where(draft.some(), "keine", draft.frame["size"].round(3).astype(str))
    draft.options["na_values"] = "keine"

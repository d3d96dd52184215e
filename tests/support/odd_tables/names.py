"""Oddities of names."""

from __future__ import annotations

from typing import Any

from support.odd_tables.draft import Draft, odd


def _named(old: str, new: str) -> Any:
    def change(draft: Draft) -> None:
        draft.frame = draft.frame.rename(columns={old: new})
        if draft.target == old:
            draft.target = new

    return change


_ODD = (
    *(
        " leading blank",
        "trailing blank ",
        "",
        "   ",
        "3",
        "1.5",
        "True",
        "None",
        "nan",
        "a\nb",
        "tab\there",
        'say "a"',
        "it's",
    ),
    *('{"a": [1]}', "a[b", "a]b", "a,b", "a:b", "<a>", "a.b", "a/b", "a\\b", "`a`", "x" * 300, "🎯", "größe", "名前"),
    *(
        "prediction_label",
        "prediction_score",
        "prediction",
        "index",
        "target",
        "Score",
        "level_0",
        "Unnamed: 0",
        "__index_level_0__",
    ),
    *("y", "class", "self", "size_", "DROP TABLE", "=1+1", "{{x}}", "${x}", "%s"),
)
for _name in _ODD:
    odd("names", f"a feature called {_name[:40]!r}")(_named("size", _name))
for _name in (" answer", "3", "🎯", "a b", "index", "prediction_label", "target", "{a}", "größe", "x" * 300):
    odd("names", f"a target called {_name[:40]!r}")(_named("answer", _name))


@odd("names", "all numbers")
def numbers(draft: Draft) -> None:
    draft.frame.columns = [str(n) for n in range(draft.frame.shape[1])]
    draft.target = str(draft.frame.shape[1] - 1)


@odd("names", "alike after stripping")
def alike_stripped(draft: Draft) -> None:
    draft.frame = draft.frame.rename(columns={"size": "colour "})


@odd("names", "alike but for case")
def alike_but_for_case(draft: Draft) -> None:
    draft.frame = draft.frame.rename(columns={"size": "COLOUR"})


@odd("names", "alike once cleaned")
def alike_cleaned(draft: Draft) -> None:
    draft.frame = draft.frame.rename(columns={"size": "a[b", "count": "a]b"})


@odd("names", "like the dummies of a category")
def like_dummies(draft: Draft) -> None:
    draft.frame = draft.frame.rename(columns={"size": "colour_red"})


@odd("names", "two of the same")
def two_of_the_same(draft: Draft) -> None:
    draft.as_csv()
    draft.frame.columns = ["size", "size", *draft.frame.columns[2:]]


@odd("names", "the target's twice")
def the_targets_twice(draft: Draft) -> None:
    draft.as_csv()
    draft.frame.columns = [draft.target, *draft.frame.columns[1:]]


@odd("names", "a target with another case")
def another_case(draft: Draft) -> None:
    draft.target = str(draft.target).upper()

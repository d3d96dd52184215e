"""Values in SQL are the values that were given, whatever is in them, and nothing but parameters is replaced."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.spark.parameters import bound, literal


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT ':a'",
        'SELECT ":a"',
        "SELECT `:a`",
        "SELECT x:a, f(x):a, x['k']:a",
        "SELECT x::a",
        "SELECT 1 -- :a",
        "SELECT 1 /* :a */",
        r"SELECT 'it\'s :a'",
        "SELECT :b",
    ],
)
def test_what_is_no_parameter_stays(statement: str) -> None:
    assert bound(statement, {"a": 1}) == statement


def test_a_parameter_is_replaced_wherever_it_stands() -> None:
    assert (
        bound("WHERE a=:a AND (b=:b)\nLIMIT :n", {"a": "x", "b": None, "n": 3}) == "WHERE a='x' AND (b=NULL)\nLIMIT 3"
    )


@given(st.text())
def test_any_text_is_one_literal(text: str) -> None:
    made = literal(text)
    if encoded := re.fullmatch(r"CAST\(unbase64\('([A-Za-z0-9+/=]*)'\) AS STRING\)", made):
        assert base64.b64decode(encoded[1]).decode() == text
    else:
        assert made == f"'{text}'"
        assert not set(text) & set("'\\$\n")

"""Literals are read back by Spark as what they stand for, also with Delta's parser."""

from __future__ import annotations

from typing import Any

import pytest

from bakeoff.spark.parameters import sql

TEXTS = ["plain", "it's", "a\\b\\n", '{"k": "v\\"\\n"}', "${env:HOME}", ":a -- ' \" `", "line\nbreak", "", "é😀"]
VALUES = [*TEXTS, 7, -3, True, None, 0.1]


@pytest.mark.parametrize("setting", ["true", "false"])
def test_values_come_back_as_they_were(spark: Any, setting: str) -> None:
    mine = spark.newSession()
    mine.conf.set("spark.sql.parser.escapedStringLiterals", setting)
    values = {f"p{number}": value for number, value in enumerate(VALUES)}
    (row,) = sql(mine, f"SELECT {', '.join(f':{name} AS {name}' for name in values)}", values).collect()
    assert list(row) == VALUES

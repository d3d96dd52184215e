"""What scoring decides without a model: names, places, columns, profiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bakeoff.errors import ConfigError, SourceError, UserError
from bakeoff.scoring.batch import check_case, check_names
from bakeoff.scoring.destination import read_destination
from bakeoff.scoring.inputs import ANY, BOOLEAN, NUMBER, TEXT, TIME, InputColumn, check_inputs, kinds_of_frame, with_nan
from bakeoff.scoring.model import ModelReference
from bakeoff.scoring.profile import bins_of

INPUTS = (InputColumn("size", NUMBER), InputColumn("colour", TEXT), InputColumn("open", ANY))


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("best@champion", ModelReference(name="best", alias="champion")),
        ("main.ml.best@champion", ModelReference(name="main.ml.best", alias="champion")),
        ("best/3", ModelReference(name="best", version="3")),
        ("models:/best/3", ModelReference(name="best", version="3")),
        ("20260131-120000-a1b2c3", ModelReference(run_id="20260131-120000-a1b2c3")),
        ("runs:/0a1b2c/model", ModelReference(run_id="0a1b2c")),
    ],
)
def test_a_model_is_named_by_alias_version_or_run(text: str, reference: ModelReference) -> None:
    assert ModelReference.read(text) == reference


@pytest.mark.parametrize("text", [None, "", "  ", "@champion", "best@", "best/", "{{job.parameters.model}}"])
def test_a_model_without_a_name_is_refused(text: str | None) -> None:
    with pytest.raises(UserError, match="--model"):
        ModelReference.read(text)


def test_a_place_is_a_file_a_folder_or_a_table(tmp_path: Path) -> None:
    def read(text: str, *, has_metastore: bool = False) -> tuple[str, str, str | None]:
        found = read_destination(text, tmp_path, has_metastore=has_metastore)
        return found.kind, found.sql, found.plain

    assert read("a.csv") == ("csv", "", None)
    assert read("deep/a.PARQUET") == ("parquet", "", None)
    assert read("scored") == ("table", f"delta.`{tmp_path}/tables/scored`", "scored")
    assert read("/data/scored") == ("table", "delta.`/data/scored`", None)
    assert read("s3://bucket/scored") == ("table", "delta.`s3://bucket/scored`", None)
    assert read("main.ml.scored", has_metastore=True) == ("table", "`main`.`ml`.`scored`", None)


@pytest.mark.parametrize(
    ("text", "said"), [("", "missing"), ("runs", "of Bakeoff's own"), ("a b", "neither"), ("main.scored", "metastore")]
)
def test_a_place_that_rows_cannot_go_to_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_destination(text, tmp_path, has_metastore=False)


def test_columns_that_are_missing_are_named_with_what_there_is() -> None:
    with pytest.raises(SourceError, match=r"new.csv lacks 'size', 'colour' .* its columns are open, shape\."):
        check_inputs(INPUTS, {"open": BOOLEAN, "shape": TEXT}, "new.csv")
    with pytest.raises(SourceError, match="lacks 'colour' that the model takes: did you mean 'color'"):
        check_inputs(INPUTS, {"size": NUMBER, "color": TEXT, "open": TEXT}, "new.csv")


def test_columns_of_another_type_are_named_with_both_types() -> None:
    with pytest.raises(SourceError, match="'size' holds text instead of numbers; 'colour' holds points in time inst"):
        check_inputs(INPUTS, {"size": TEXT, "colour": TIME, "open": NUMBER}, "new.csv")
    check_inputs(INPUTS, {"size": ANY, "colour": ANY, "open": NUMBER}, "a column without values fits everything")


def test_the_kind_of_a_column_is_told_by_its_values() -> None:
    frame = pd.DataFrame(
        {
            "a": [1, 2],
            "b": [1.5, None],
            "c": ["x", None],
            "d": [True, False],
            "e": pd.to_datetime(["2024-01-01", None]),
            "f": [None, None],
            "g": [True, None],
        }
    )
    assert list(kinds_of_frame(frame).values()) == [NUMBER, NUMBER, TEXT, BOOLEAN, TIME, ANY, BOOLEAN]


def test_columns_called_as_ours_are_refused() -> None:
    with pytest.raises(SourceError, match="columns called 'Prediction', 'run_id'"):
        check_names(["a", "Prediction", "run_id"], "scored.csv")


def test_none_becomes_what_imputers_were_fitted_on() -> None:
    frame = pd.DataFrame({"colour": ["red", None], "size": [1.0, np.nan], "whole": ["a", "b"]})
    assert [type(value) for value in with_nan(frame)["colour"]] == [str, float]
    assert frame["colour"][1] is None  # the caller's


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(range(1000)),
        pd.Series([0.0] * 90 + [1.0] * 10),
        pd.Series([0.5] * 20),
        pd.Series([1.5, None, np.inf, -np.inf]),
        pd.Series(["a", "b", None] * 10),
        pd.Series([f"id {number}" for number in range(500)]),
        pd.Series([True, False, True]),
        pd.Series([None, None], dtype=object),
        pd.Series([np.nan]),
        pd.Series([], dtype=float),
        pd.to_datetime(pd.Series(["2024-01-01", None, "2025-01-01"])),
    ],
)
def test_each_value_is_in_one_bin(values: pd.Series) -> None:
    (_, *ends, missing), *bins = bins_of(values)
    assert ends == [None, None, None]
    assert missing + sum(share for *_, share in bins) == pytest.approx(1 if len(values) else bins[0][-1] + missing)
    assert len(bins) <= 23
    if bins[0][0] != "category":
        assert (bins[0][2], bins[-1][3]) == (None, None)
        assert [upper for *_, upper, _ in bins[:-1]] == [lower for _, _, lower, _, _ in bins[1:]]


def test_a_column_of_mostly_one_value_has_that_value_in_a_bin_of_its_own() -> None:
    _, below, zero, one, above = bins_of(pd.Series([0.0] * 90 + [1.0] * 10))
    assert [share for *_, share in (below, zero, one, above)] == [0, 0.9, 0.1, 0]


def test_columns_that_a_delta_table_takes_for_one_are_named() -> None:
    check_case(["size", "colour"], "new.csv")
    with pytest.raises(SourceError, match=r"new.csv has columns called 'size' and 'SIZE', .* give --to a file"):
        check_case(["size", "colour", "SIZE"], "new.csv")

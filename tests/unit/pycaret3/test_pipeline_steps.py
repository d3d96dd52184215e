"""Preprocessing makes the same columns of any rows, and does what PyCaret's does wherever that works."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pycaret.internal.preprocess.transformers import EmbedTextFeatures, ExtractDateTimeFeatures
from sklearn.impute import SimpleImputer

from bakeoff.pycaret3.pipeline_steps import DateParts, EmbedTexts, GapsImputer, SafeNames, safe_names

PARTS = ["day", "month", "year"]


def dates(n_gaps: int = 0) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "before": 1.0,
            "since": pd.date_range("2020-01-31", periods=20, freq="31D"),
            "until": pd.date_range("2021-05-01", periods=20, freq="7D"),
        }
    )
    rows.loc[: n_gaps - 1, "since"] = pd.NaT
    return rows


class TestDateParts:
    def test_dates_without_gaps_become_what_pycaret_makes_of_them(self) -> None:
        rows = dates()[["since", "until"]]
        theirs = ExtractDateTimeFeatures(PARTS).fit_transform(rows.copy())
        ours = DateParts(PARTS, ["since", "until"]).fit_transform(rows.copy())
        pd.testing.assert_frame_equal(ours, theirs)

    @pytest.mark.parametrize("n_gaps", [0, 1, 3, 20])
    def test_the_columns_do_not_depend_on_gaps(self, n_gaps: int) -> None:
        step = DateParts(PARTS, ["since"]).fit(dates(1)[["since", "until"]])
        parts = step.transform(dates(n_gaps)[["since", "until"]])
        assert list(parts) == ["since_year", "since_month", "since_day"]
        assert parts.notna().all(axis=None)

    def test_what_is_missing_is_the_middle_of_what_was_learned_from(self) -> None:
        step = DateParts(PARTS, ["since"]).fit(dates(1)[["since"]])
        filled = step.transform(dates(20)[["since"]].iloc[:1]).iloc[0]
        rest = dates(1)["since"].dropna()
        assert list(filled) == [int(getattr(rest.dt, part).median()) for part in ("year", "month", "day")]

    def test_gaps_stay_where_nothing_is_to_be_filled(self) -> None:
        step = DateParts(["year"], ["since"], fill=False).fit(dates(1)[["since"]])
        assert step.transform(dates(1)[["since"]])["since_year"].isna().sum() == 1

    def test_a_column_of_nothing_counts_as_dates(self) -> None:
        step = DateParts(["year"], ["since"]).fit(dates()[["since"]])
        nothing = pd.DataFrame({"since": np.array([None, None], dtype=object)})
        assert list(step.transform(nothing)["since_year"]) == [2020.0, 2020.0]

    def test_dates_as_text_are_read_in_one_format_whatever_comes_first(self) -> None:
        step = DateParts(["day"], ["since"], formats={"since": "%d/%m/%Y"})
        texts = pd.DataFrame({"since": ["01/02/2024", "25/02/2024", "25/12/2023"]})
        step.fit(texts)
        assert list(step.transform(texts.iloc[:1])["since_day"]) == [1]
        assert list(step.transform(pd.DataFrame({"since": ["soon", None, "03/04/2024"]}))["since_day"]) == [25, 25, 3]


class TestNames:
    def test_names_that_models_take_stay(self) -> None:
        assert safe_names(["size", "größe", "a b", "min(x)", "a^2", "😀"]) == {}

    def test_each_name_is_there_once_as_lightgbm_sees_them(self) -> None:
        names = ["a:b", "ab", "a{b}", "c d", "c_d", "::", "[]", "e<1", "e1"]
        changed = safe_names(names)
        after = [changed.get(name, name) for name in names]
        assert not {"ab", "c d", "e1"} & changed.keys()
        assert len({name.replace(" ", "_") for name in after}) == len(names)
        assert not [name for name in after if set(name) & set('[]{}",:<')]

    def test_kept_names_stay_and_others_give_way_to_them(self) -> None:
        assert safe_names(["a:b", "a:b_x", "a b", "a_b"], kept=["a:b", "a b", "a_b"]) == {"a:b_x": "ab_x"}

    def test_names_without_blanks(self) -> None:
        assert safe_names(["a b", "a_b"], blanks=False) == {"a b": "a_b_2"}

    def test_rows_get_the_names_that_were_learned(self) -> None:
        step = SafeNames().fit(pd.DataFrame({"a:b": [1], "ab": [2]}))
        assert list(step.transform(pd.DataFrame({"a:b": [3], "ab": [4]}))) == ["ab_2", "ab"]


def test_every_kind_of_gap_is_one() -> None:
    rows = pd.DataFrame({"colour": np.array(["red", "red", None, np.nan, "blue"], dtype=object)})
    filled = GapsImputer(strategy="most_frequent").fit(rows).transform(rows)
    assert list(filled[:, 0]) == ["red", "red", "red", "red", "blue"]
    clean = rows.dropna()
    theirs = SimpleImputer(strategy="most_frequent").fit(clean).transform(clean)
    assert (GapsImputer(strategy="most_frequent").fit(clean).transform(clean) == theirs).all()


def test_a_missing_text_is_an_empty_one() -> None:
    rows = pd.DataFrame({"note": pd.Series(["good day", "bad night", None], dtype="category")})
    embedded = EmbedTexts().fit(rows).transform(rows)
    assert list(embedded.iloc[2]) == [0.0] * 4
    clean = rows.dropna()
    theirs = EmbedTextFeatures().fit(clean).transform(clean)
    pd.testing.assert_frame_equal(EmbedTexts().fit(clean).transform(clean), theirs)

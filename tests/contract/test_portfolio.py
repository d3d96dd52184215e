"""Further configurations of a family are models of their own, with the parameters that they say."""

from __future__ import annotations

import json

import pytest

from bakeoff import FugueBackend
from bakeoff.errors import ConfigError
from bakeoff.pycaret3.portfolio import further_models
from bakeoff.pycaret3.prepared import prepare
from bakeoff.pycaret3.request import make_estimator
from support.datasets import shared
from support.pycaret_parity import through


def test_each_configuration_is_raced_by_its_own_name_and_the_familys_own_is_what_it_was() -> None:
    exp = shared("binary")
    plain = through("native", exp, ["lightgbm", "dummy"], fold=3)
    mine = through("native", exp, ["lightgbm", "dummy"], fold=3, options={"portfolio": "small", "race": 1})
    board = mine.backend.leaderboard.set_index("model_id")
    assert set(board.index) == {"lightgbm", "lightgbm-2", "lightgbm-3", "dummy"}
    assert board.loc["lightgbm-2"].model_name == "Light Gradient Boosting Machine 2"
    assert json.loads(board.loc["lightgbm-3"].params) == {"extra_trees": True}
    assert board.loc["lightgbm"].params is None
    assert board.loc["dummy"].status == "stopped"
    own, same = mine.backend.trials, plain.backend.trials
    key = ["fold", "metrics"]
    assert own[own.model_id == "lightgbm"].head(2)[key].to_dict("records") == same[same.model_id == "lightgbm"].head(2)[
        key
    ].to_dict("records")
    assert mine.backend.failures.empty


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("name", ["binary", "multiclass", "regression"])
def test_every_configuration_of_the_families_that_are_installed_can_be_made(name: str, size: str) -> None:
    exp, params = shared(name), {"sort": "R2" if name == "regression" else "Accuracy"}
    request = prepare(exp, params, 1, portfolio=size).request
    further = [model for model in request.models if model.params]
    assert {"rf-2", "et-2", "lightgbm-2"} <= {model.id for model in further}
    for model in further:
        asked = make_estimator(exp, request, model.id).get_params()
        assert {name: asked[name] for name in json.loads(str(model.params))} == json.loads(str(model.params))
    assert not [model for model in prepare(exp, params, 1).request.models if model.params]


def test_the_large_portfolio_begins_with_the_small_one_and_no_configuration_is_twice_in_it() -> None:
    families = ["et", "rf", "catboost", "xgboost", "lightgbm", "lr"]
    for task in ("classification", "regression"):
        small, large = further_models(task, families, "small"), further_models(task, families, "large")
        assert large[: len(small)] == small
        assert len(large) > 2 * len(small)
        assert len({model.id for model in large}) == len(large)
        assert len({(model.family, model.params_text) for model in large}) == len(large)


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_time_series_has_no_portfolio_and_objects_have_none(size: str) -> None:
    assert further_models("time_series", ["naive", "rf_cds_dt"], size) == []
    assert further_models("regression", [object()], size) == []


def test_a_portfolio_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="portfolio"):
        FugueBackend("native", portfolio="huge")

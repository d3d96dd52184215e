"""Comparisons with models that misbehave, on a local Spark with two workers and on the engine ``local``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from support.datasets import cancer_file, shared
from support.pycaret_parity import Compared, through

SCORES = ["model_id", "fold", "metrics"]
SURVIVORS = ["nb", "dt", "lr"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "faults" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings("ignore"))  # what PyCaret and its libraries warn of is theirs


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that whole jobs learn from."""
    return cancer_file(tmp_path_factory.mktemp("source"))


@pytest.fixture
def exp() -> Any:
    return shared("binary")


@pytest.fixture(scope="session", params=["spark", "local"])
def engine(request: pytest.FixtureRequest) -> Any:
    """What is passed to the backend as its engine; each of these forks its workers."""
    return request.getfixturevalue("spark") if request.param == "spark" else request.param


@pytest.fixture(scope="session")
def alone(engine: Any) -> pd.DataFrame:
    """The trials of models that are well, without any other beside them."""
    return through(engine, shared("binary"), SURVIVORS, fold=2).backend.trials


@pytest.fixture
def beside(engine: Any, alone: pd.DataFrame) -> Callable[..., Compared]:
    """Compares models that misbehave beside some that are well, whose scores have to be exactly what they are alone."""

    def compare(bad: list[Any], **options: Any) -> Compared:
        models = [SURVIVORS[0], *bad, *SURVIVORS[1:]]
        mine = through(engine, shared("binary"), models, fold=2, n_select=0, options=options)
        trials = mine.backend.trials
        assert len(trials) == 2 * len(models)
        assert not trials.duplicated(["model_id", "fold"]).any()
        names = {"0": SURVIVORS[0], **{str(1 + len(bad) + n): name for n, name in enumerate(SURVIVORS[1:])}}
        well = trials[trials["model_id"].isin(names)].assign(model_id=lambda frame: frame["model_id"].map(names))
        assert well[SCORES].to_dict("records") == alone[SCORES].to_dict("records")
        bad_ones = trials[~trials["model_id"].isin(names) & (trials["status"] != "ok")]
        assert bad_ones["error_message"].notna().all()
        return mine

    return compare

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bakeoff.comparison.trial import Model
from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError
from bakeoff.job.trial_limits import LEAST_SECONDS, TIMES_EXPECTED, trial_limits


def config(**options: Any) -> RunConfig:
    return RunConfig(**{"source": "data.csv", "target": "y", **options})


def limits(n_rows: int = 100, models: tuple[str, ...] = ("lr", "dt"), **options: Any) -> tuple[Any, str]:
    frame = pd.DataFrame({name: range(n_rows) for name in "abcdefghij"})
    experiment = SimpleNamespace(X_train=frame, y_train=frame["a"])
    request: Any = SimpleNamespace(models=[Model(name, name) for name in models], given={name: name for name in models})
    found = trial_limits(config(**options), experiment, request)
    return found.options, found.note


def test_quick_models_get_minutes_and_that_is_said() -> None:
    options, note = limits()
    assert options["trial_timeout"] == LEAST_SECONDS
    assert "10 minutes" in note
    assert "--trial-timeout" in note


def test_dear_models_get_a_multiple_of_what_they_should_take() -> None:
    options, _ = limits(n_rows=50_000, models=("lr", "gpc"))
    seconds_expected = 200.0 * 50_000 * 10 / 1e6
    assert TIMES_EXPECTED * seconds_expected <= options["trial_timeout"] <= TIMES_EXPECTED * seconds_expected + 120


@pytest.mark.parametrize(
    ("asked", "timeout"),
    [
        ({"trial_timeout": "90"}, 90.0),
        ({"trial_timeout": 0}, None),
        ({"engine": "native"}, None),
        ({"isolation": "none"}, None),
        ({"engine": "native", "isolation": "none", "budget_minutes": 1}, None),
    ],
)
def test_what_was_asked_for_is_kept_without_a_word(asked: dict[str, Any], timeout: float | None) -> None:
    options, note = limits(**asked)
    assert options["trial_timeout"] == timeout
    assert note == ""


@pytest.mark.parametrize("more", [{"isolation": "process"}, {"budget_minutes": 5}, {"trial_memory_mb": 900}])
def test_on_the_driver_there_is_a_timeout_where_there_are_processes_to_end(more: dict[str, Any]) -> None:
    assert limits(engine="native", **more)[0]["trial_timeout"] == LEAST_SECONDS


def test_all_of_them_reach_the_backend() -> None:
    asked = {"trial_timeout": 5, "trial_memory_mb": 900, "max_retries": 0, "n_slots": 3, "isolation": "process"}
    assert limits(**asked)[0] == asked


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"trial_timeout": -1}, "--trial-timeout must be at least 0 seconds"),
        ({"trial_memory_mb": 0}, "--trial-memory-mb must be more than 0"),
        ({"isolation": "prison"}, "There is no isolation 'prison': choose from auto, process, none"),
        ({"isolation": "none", "trial_timeout": 3}, "--trial-timeout needs a process that can be killed"),
        ({"isolation": "none", "trial_memory_mb": 900}, "--trial-memory-mb needs a process that can be killed"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        config(**options)


def test_other_limits_are_the_same_question() -> None:
    asked = {"trial_timeout": 5, "trial_memory_mb": 900, "max_retries": 0, "n_slots": 3, "isolation": "process"}
    assert config(**asked).digest() == config().digest()


def test_a_run_that_goes_on_has_its_limits() -> None:
    import json

    asked = config(trial_timeout=5, n_slots=3, isolation="process", run_id="r")
    assert RunConfig.from_sources(json.loads(asked.to_json())) == asked

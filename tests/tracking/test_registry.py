"""Who is champion, on a real registry."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from bakeoff.tracking.client import make_registry_client
from bakeoff.tracking.registry import CandidateScore, Terms, promote

NAME = "main.bakeoff.best_model"


@pytest.fixture
def versions(client: MlflowClient, tmp_path: Path) -> Any:
    """Makes another version of the model."""
    client.create_registered_model(NAME)
    return lambda: str(client.create_model_version(NAME, str(tmp_path)).version)


def standing(value: float, metric: str = "auc", **more: Any) -> CandidateScore:
    return CandidateScore(
        metric, value, more.pop("higher", True), more.pop("target", "y"), {"source": "main.sales.orders"}
    )


def aliases(client: MlflowClient) -> dict[str, str]:
    return {alias: str(version) for alias, version in client.get_registered_model(NAME).aliases.items()}


def test_the_first_is_champion_and_challenger(client: MlflowClient, versions: Any) -> None:
    assert promote(client, NAME, versions(), standing(0.8), Terms()) == "the first champion"
    assert aliases(client) == {"champion": "1", "challenger": "1"}
    tags = client.get_model_version(NAME, "1").tags
    assert tags == {
        "bakeoff.metric": "auc",
        "bakeoff.value": "0.8",
        "bakeoff.target": "y",
        "bakeoff.source": "main.sales.orders",
        "bakeoff.promotion": "the first champion",
    }


@pytest.mark.parametrize(
    ("old", "new", "higher", "margin", "wins"),
    [
        (0.80, 0.82, True, 0.0, True),
        (0.80, 0.82, True, 0.05, False),
        (0.80, 0.80, True, 0.0, False),
        (0.80, 0.70, True, 0.0, False),
        (5.0, 4.0, False, 0.5, True),
        (5.0, 4.0, False, 1.5, False),
        (5.0, 6.0, False, 0.0, False),
    ],
)
def test_a_better_one_takes_its_place(  # noqa: PLR0917 - a case has many parts
    client: MlflowClient,
    versions: Any,
    old: float,
    new: float,
    higher: bool,  # noqa: FBT001
    margin: float,
    wins: bool,  # noqa: FBT001
) -> None:
    promote(client, NAME, versions(), standing(old, higher=higher), Terms(margin))
    said = promote(client, NAME, versions(), standing(new, higher=higher), Terms(margin))
    assert aliases(client) == {"champion": "2" if wins else "1", "challenger": "2"}
    assert said.startswith("champion now, in place of version 1" if wins else "challenger: it does not beat")
    assert f"auc {old:.4f} -> {new:.4f}" in said


@pytest.mark.parametrize("other", [{"metric": "f1"}, {"target": "z"}])
def test_what_cannot_be_compared_stays_challenger(client: MlflowClient, versions: Any, other: dict[str, str]) -> None:
    promote(client, NAME, versions(), standing(0.8), Terms())
    assert "cannot be compared" in promote(client, NAME, versions(), standing(0.9, **other), Terms())
    assert aliases(client) == {"champion": "1", "challenger": "2"}


def test_a_champion_that_people_have_made_is_left_alone(client: MlflowClient, versions: Any) -> None:
    client.set_registered_model_alias(NAME, "champion", versions())
    said = promote(client, NAME, versions(), standing(0.9), Terms())
    assert said == "challenger: the champion (version 1) was ranked by something unknown, so they cannot be compared"


def test_a_repeated_run_changes_nothing(client: MlflowClient, versions: Any) -> None:
    version = versions()
    promote(client, NAME, version, standing(0.8), Terms())
    before = client.get_model_version(NAME, version).tags
    assert promote(client, NAME, version, standing(0.8), Terms()) == "the first champion"
    assert aliases(client) == {"champion": version, "challenger": version}
    assert client.get_model_version(NAME, version).tags == before


class Crash(Exception):  # noqa: N818 - it stands for the end of the process
    """The end of the process in the middle of a call."""


def test_a_crash_before_any_call_leaves_what_the_next_attempt_makes_whole(
    client: MlflowClient, versions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(client, NAME, versions(), standing(0.5), Terms())
    calls_left = 0

    def crashing(call: Any) -> Any:
        def made(*args: Any) -> None:
            nonlocal calls_left
            if calls_left == 0:
                raise Crash
            calls_left -= 1
            call(*args)

        return made

    for n_calls in range(100):
        version, better, calls_left = versions(), standing(0.6 + n_calls / 100), n_calls
        with monkeypatch.context() as patch:
            for name in ("set_model_version_tag", "set_registered_model_alias"):
                patch.setattr(MlflowClient, name, crashing(getattr(MlflowClient, name)))
            with suppress(Crash):
                promote(client, NAME, version, better, Terms())
                break
        said = promote(client, NAME, version, better, Terms())
        assert said.startswith(f"champion now, in place of version {int(version) - 1} ")
        assert aliases(client) == {"champion": version, "challenger": version}
        assert client.get_model_version(NAME, version).tags["bakeoff.promotion"] == said
    assert n_calls == len(better.tags) + 3  # both aliases, and the tag that says why


@pytest.mark.parametrize("tag", [None, "challenger: it does not beat the champion (version 1, auc 0.8000 -> 0.7000)"])
def test_a_version_that_somebody_else_made_the_champion_is_the_champion_already(
    client: MlflowClient, versions: Any, tag: str | None
) -> None:
    version = versions()
    client.set_registered_model_alias(NAME, "champion", version)
    if tag:
        client.set_model_version_tag(NAME, version, "bakeoff.promotion", tag)
    assert promote(client, NAME, version, standing(0.8), Terms()) == "champion already"
    assert client.get_model_version(NAME, version).tags["bakeoff.promotion"] == (tag or "champion already")


def test_a_name_of_three_parts_belongs_to_unity_catalog_on_databricks(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert make_registry_client(client, NAME) is client
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "16.4")
    assert make_registry_client(client, "best_model") is client
    assert make_registry_client(client, NAME)._registry_uri == "databricks-uc"


@pytest.mark.parametrize(
    ("terms", "value", "higher", "objection"),
    [
        (Terms(min_value=0.7), 0.7, True, None),
        (Terms(min_value=0.7), 0.65, True, "its auc of 0.6500 does not reach the least value of 0.7"),
        (Terms(min_value=5.0), 4.0, False, None),
        (Terms(min_value=5.0), 6.0, False, "its auc of 6.0000 does not reach the greatest value of 5"),
        (Terms(min_lift=0.0, dummy_value=0.5), 0.51, True, None),
        (Terms(min_lift=0.0, dummy_value=0.5), 0.5, True, "its auc of 0.5000 does not beat the dummy model (0.5000)"),
        (Terms(min_lift=0.1, dummy_value=0.5), 0.55, True, "does not beat the dummy model by more than 0.1 (0.5000)"),
        (Terms(min_lift=0.5, dummy_value=5.0), 4.0, False, None),
        (Terms(min_lift=1.5, dummy_value=5.0), 4.0, False, "does not beat the dummy model by more than 1.5 (5.0000)"),
        (Terms(min_lift=0.0), 0.9, True, "the dummy model came to no value"),
    ],
)
def test_a_first_model_below_the_floor_is_no_champion(  # noqa: PLR0917 - a case has many parts
    client: MlflowClient,
    versions: Any,
    terms: Terms,
    value: float,
    higher: bool,  # noqa: FBT001
    objection: str | None,
) -> None:
    said = promote(client, NAME, versions(), standing(value, higher=higher), terms)
    if objection is None:
        assert said == "the first champion"
        assert aliases(client) == {"champion": "1", "challenger": "1"}
    else:
        assert said.startswith("challenger: ")
        assert objection in said
        assert aliases(client) == {"challenger": "1"}
    assert client.get_model_version(NAME, "1").tags["bakeoff.promotion"] == said


def test_a_floor_also_keeps_the_champion_that_there_is(client: MlflowClient, versions: Any) -> None:
    promote(client, NAME, versions(), standing(0.5), Terms())
    said = promote(client, NAME, versions(), standing(0.6), Terms(min_value=0.7))
    assert said == "challenger: its auc of 0.6000 does not reach the least value of 0.7"
    assert aliases(client) == {"champion": "1", "challenger": "2"}

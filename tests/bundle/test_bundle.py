"""The bundle hangs together: every reference, file, parameter and setting, checked without a workspace."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from support import bundle, prepared_sql
from support.bundle import ROOT, TARGETS, resolved
from support.bundle_checks import problems


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    return bundle.load()


def test_nothing_is_wrong_with_the_bundle(loaded: dict[str, Any]) -> None:
    assert problems(loaded) == []


def test_the_job_does_what_it_is_there_for(loaded: dict[str, Any]) -> None:
    made = resolved(loaded, "prod")["resources"]["jobs"]["bakeoff"]
    assert [next(key for key in task if key.endswith("_task")) for task in made["tasks"]] == [
        "python_wheel_task",
        "sql_task",
        "dashboard_task",
    ]
    cluster = made["job_clusters"][0]["new_cluster"]
    assert cluster["spark_version"] == "16.4.x-cpu-ml-scala2.12"
    assert cluster["data_security_mode"] == "DATA_SECURITY_MODE_DEDICATED"
    said = bundle.wheel_arguments(made, run_id=77)
    assert said[said.index("--run-id") + 1] == "77"
    assert said[said.index("--register-model") + 1] == "main.bakeoff.best_model"
    assert said[said.index("--experiment") + 1] == "/Users/somebody@example.com/bakeoff-prod"


def test_each_target_has_tables_of_its_own(loaded: dict[str, Any]) -> None:
    places = {target: resolved(loaded, target)["resources"]["schemas"]["results"]["name"] for target in TARGETS}
    assert places == {"dev": "dev_somebody_bakeoff", "staging": "staging_bakeoff", "prod": "bakeoff"}
    for target in TARGETS:  # and the jobs are told so
        made = resolved(loaded, target)["resources"]["jobs"]
        said = bundle.wheel_arguments(made["bakeoff"])
        assert said[said.index("--schema") + 1] == places[target]
        assert places[target] in made["bakeoff"]["description"]


def test_what_is_empty_is_left_out_as_the_client_does(loaded: dict[str, Any]) -> None:
    def made(**variables: str) -> dict[str, Any]:
        jobs: dict[str, Any] = resolved(loaded, "prod", variables)["resources"]["jobs"]
        return jobs["bakeoff"]["job_clusters"][0]["new_cluster"] | jobs["bakeoff_serverless"]

    assert not {"policy_id", "budget_policy_id"} & set(made())
    given = made(policy_id="ABC", budget_policy_id="DEF", node_type="Standard_D4ds_v5", workers="4")
    assert (given["policy_id"], given["budget_policy_id"]) == ("ABC", "DEF")
    assert (given["node_type_id"], given["num_workers"]) == ("Standard_D4ds_v5", "4")


def test_the_dashboard_is_mailed_where_that_is_asked_for(loaded: dict[str, Any]) -> None:
    def subscription(**variables: Any) -> dict[str, Any]:
        tasks = resolved(loaded, "prod", variables)["resources"]["jobs"]["bakeoff"]["tasks"]
        told: dict[str, Any] = tasks[-1]["dashboard_task"]["subscription"]
        return told

    assert subscription() == {"subscribers": [{"user_name": "team@example.com"}], "paused": True}
    people = [{"user_name": "me@example.com"}, {"destination_id": "123"}]
    assert subscription(subscribers=people, subscription_paused=False) == {"subscribers": people, "paused": False}


def test_the_tables_that_a_deployment_makes_are_as_they_are_defined() -> None:
    assert prepared_sql.FILE.read_text() == prepared_sql.text(), "the definitions have changed: `make sql`"
    assert prepared_sql.text().count(";\n") == len(prepared_sql.statements(prepared_sql.text()))


def test_the_docs_say_what_to_set(loaded: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "databricks.md").read_text()
    assert [name for name in loaded["variables"] if f"`{name}`" not in page] == []


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_the_command_line_client_finds_nothing(target: str) -> None:
    client = shutil.which("databricks")
    if client is None:
        pytest.skip("there is no databricks command on the PATH")
    version = subprocess.run([client, "--version"], capture_output=True, text=True, check=False).stdout
    if not version.partition(" v")[2].split(".")[0].isdigit() or int(version.partition(" v")[2].split(".")[0]) < 1:
        pytest.skip(f"bundles of this kind need a databricks command of version 1 or later: {version.strip()}")
    answers = {**bundle.ANSWERS[target], "warehouse_id": "0123456789"}
    command = [client, "bundle", "validate", "--strict", "--target", target]
    command += [f"--var={name}={value}" for name, value in answers.items()]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if "authenticat" in said.stderr or ("auth" in said.stderr and "configure" in said.stderr):
        pytest.skip("the databricks command is not logged in to a workspace")
    assert said.returncode == 0, said.stdout + said.stderr

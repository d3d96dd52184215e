"""The bundle hangs together: every reference, file, parameter and setting, checked without a workspace."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from support import bundle, prepared_sql
from support.bundle import COMPUTES, ROOT, TARGETS, resolved
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
    assert cluster["spark_version"] == "18.x-cpu-ml-scala2.13"
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
        job: dict[str, Any] = resolved(loaded, "prod", variables)["resources"]["jobs"]["bakeoff"]
        (cluster,) = job["job_clusters"] or [{"new_cluster": {}}]
        return cluster["new_cluster"] | job

    assert not {"policy_id", "budget_policy_id"} & set(made())
    assert not {"aws_attributes", "azure_attributes", "gcp_attributes"} & set(made())
    given = made(policy_id="ABC", budget_policy_id="DEF", node_type="Standard_D4ds_v5", workers="4")
    assert given["policy_id"] == "ABC"
    assert (given["node_type_id"], given["num_workers"]) == ("Standard_D4ds_v5", "4")
    assert "budget_policy_id" not in given  # a cluster is charged by its policy
    assert made(compute="serverless", budget_policy_id="DEF")["budget_policy_id"] == "DEF"


@pytest.mark.parametrize("target", TARGETS)
def test_one_value_says_what_the_jobs_run_on(loaded: dict[str, Any], target: str) -> None:
    for job, key in (("bakeoff", "compare"), ("bakeoff_score", "score")):
        found = {}
        for compute in COMPUTES:
            made = resolved(loaded, target, {"compute": compute})["resources"]["jobs"][job]
            (task,) = (task for task in made["tasks"] if task["task_key"] == key)
            clusters = [part["new_cluster"] for part in made["job_clusters"]]
            places = [(cluster["spark_version"], cluster["data_security_mode"]) for cluster in clusters]
            places += [part["spec"]["environment_version"] for part in made["environments"]]
            found[compute] = (places, task.get("job_cluster_key"), task.get("environment_key"))
        assert found == {
            "classic": ([("18.x-cpu-ml-scala2.13", "DATA_SECURITY_MODE_DEDICATED")], "cluster", None),
            "standard": ([("18.x-scala2.13", "DATA_SECURITY_MODE_STANDARD")], "cluster", None),
            "serverless": (["5"], None, "bakeoff"),
        }


def test_another_runtime_is_one_value_away_on_either_kind_of_cluster(loaded: dict[str, Any]) -> None:
    for compute, runtime in (("classic", "16.4.x-cpu-ml-scala2.12"), ("standard", "17.3.x-scala2.13")):
        told = {"compute": compute, "runtime": runtime}
        (cluster,) = resolved(loaded, "prod", told)["resources"]["jobs"]["bakeoff"]["job_clusters"]
        assert cluster["new_cluster"]["spark_version"] == runtime
        assert f"cluster={runtime}" in bundle.build_commands(loaded, **told)[1]


def test_the_wheel_of_pycaret_is_that_for_the_chosen_runtime(loaded: dict[str, Any]) -> None:
    told = [bundle.build_commands(loaded, compute=compute)[1][-2] for compute in COMPUTES]
    assert told[:2] == ["cluster=18.x-cpu-ml-scala2.13", "cluster=18.x-scala2.13"]


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
    inner = yaml.safe_load((ROOT / "resources" / "compute.yml").read_text())["variables"]
    assert [name for name in loaded["variables"] if f"`{name}`" not in page and name not in inner] == []
    assert [name for name in inner if not name.startswith("compute_")] == ["chosen", "clusters", "left_out"]


@pytest.mark.slow
@pytest.mark.parametrize("compute", COMPUTES)
@pytest.mark.parametrize("target", TARGETS)
def test_the_command_line_client_finds_nothing(target: str, compute: str) -> None:
    client = shutil.which("databricks")
    if client is None:
        pytest.skip("there is no databricks command on the PATH")
    version = subprocess.run([client, "--version"], capture_output=True, text=True, check=False).stdout
    if not version.partition(" v")[2].split(".")[0].isdigit() or int(version.partition(" v")[2].split(".")[0]) < 1:
        pytest.skip(f"bundles of this kind need a databricks command of version 1 or later: {version.strip()}")
    answers = {**bundle.ANSWERS[target], "warehouse_id": "0123456789", "compute": compute}
    command = [client, "bundle", "validate", "--strict", "--target", target]
    command += [f"--var={name}={value}" for name, value in answers.items()]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if "authenticat" in said.stderr or ("auth" in said.stderr and "configure" in said.stderr):
        pytest.skip("the databricks command is not logged in to a workspace")
    assert said.returncode == 0, said.stdout + said.stderr

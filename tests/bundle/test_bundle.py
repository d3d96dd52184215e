"""The bundle hangs together: every reference, file, parameter and setting, checked without a workspace."""

from __future__ import annotations

import copy
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from bundle_checks import problems

import bundle
from bundle import ROOT, TARGETS, resolved


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    return bundle.load()


def test_nothing_is_wrong_with_the_bundle(loaded: dict[str, Any]) -> None:
    assert problems(loaded) == []


def job(loaded: dict[str, Any]) -> dict[str, Any]:
    return loaded["resources"]["jobs"]["bakeoff"]


def task(loaded: dict[str, Any], number: int = 0) -> dict[str, Any]:
    return job(loaded)["tasks"][number]


def arguments(loaded: dict[str, Any]) -> list[str]:
    return task(loaded)["python_wheel_task"]["parameters"]


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a variable that is not there": lambda b: job(b).update(name="${var.nmae}"),
    "a variable that lost its default": lambda b: b["variables"]["catalog"].pop("default"),
    "a variable that nobody uses": lambda b: b["variables"].update(more={"description": "More.", "default": 1}),
    "a resource that is not there": lambda b: arguments(b).__setitem__(-3, "${resources.schemas.reslts.name}"),
    "an attribute that is not there": lambda b: arguments(b).__setitem__(-3, "${resources.schemas.results.nme}"),
    "a brace that is missing": lambda b: arguments(b).__setitem__(2, "{{job.parameters.source}"),
    "another brace that is missing": lambda b: job(b).update(name="${var.catalog"),
    "a dashboard that is not there": lambda b: b["resources"]["dashboards"]["bakeoff"].update(file_path="../x.json"),
    "a query that is not there": lambda b: task(b, 1)["sql_task"]["file"].update(path="../src/sql/chek_run.sql"),
    "a query's parameter": lambda b: task(b, 1)["sql_task"]["parameters"].pop("run_id"),
    "wheels elsewhere": lambda b: task(b)["libraries"].__setitem__(0, {"whl": "dist/*.whl"}),
    "another package": lambda b: task(b)["python_wheel_task"].update(package_name="bake-off"),
    "another entry point": lambda b: task(b)["python_wheel_task"].update(entry_point="main"),
    "a key that jobs do not have": lambda b: job(b).update(timeout=3),
    "a value that jobs do not take": lambda b: job(b)["health"]["rules"][0].update(op="GREATER"),
    "a key that alerts do not have": lambda b: b["resources"]["alerts"]["quality_drop"].update(query="SELECT 1"),
    "a privilege that there is not": lambda b: b["resources"]["schemas"]["results"]["grants"][0].update(
        privileges=["READ"]
    ),
    "an option that there is not": lambda b: arguments(b).__setitem__(1, "--sources"),
    "a value that no option takes": lambda b: job(b)["parameters"][9].update(default="four"),
    "an option that is left out": lambda b: arguments(b).__delitem__(slice(1, 3)),
    "a parameter that is not declared": lambda b: job(b)["parameters"].pop(4),
    "a parameter that nobody reads": lambda b: job(b)["parameters"].append({"name": "colour", "default": ""}),
    "a value that the platform does not know": lambda b: arguments(b).append("{{job.repairs}}"),
    "no timeout": lambda b: task(b, 2).pop("timeout_seconds"),
    "a cluster that is not there": lambda b: task(b).update(job_cluster_key="big"),
    "a task that is not there": lambda b: task(b, 1)["depends_on"].append({"task_key": "train"}),
    "a runtime that cannot host it": lambda b: b["variables"]["cluster"]["default"].update(
        spark_version="18.x-cpu-ml-scala2.13"
    ),
    "an environment that cannot host it": lambda b: b["resources"]["jobs"]["bakeoff_serverless"]["environments"][0][
        "spec"
    ].update(environment_version="6"),
    "no root path": lambda b: b["targets"]["prod"].pop("workspace"),
    "no run_as": lambda b: b["targets"]["prod"].pop("run_as"),
    "a schedule that runs in development": lambda b: job(b)["schedule"].update(pause_status="UNPAUSED"),
    "embedded credentials": lambda b: b["resources"]["dashboards"]["bakeoff"].update(embed_credentials=True),
    "a host": lambda b: b.update(workspace={"host": "https://somewhere"}),
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_broken_is_found(loaded: dict[str, Any], what: str) -> None:
    broken = copy.deepcopy(loaded)
    BREAKS[what](broken)
    assert problems(broken) != []


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
    assert places["staging"] != places["prod"]  # dev has its user's name before it


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
    command = [client, "bundle", "validate", "--strict", "--target", target, "--var", "warehouse_id=0123456789"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if "authenticat" in said.stderr or ("auth" in said.stderr and "configure" in said.stderr):
        pytest.skip("the databricks command is not logged in to a workspace")
    assert said.returncode == 0, said.stdout + said.stderr

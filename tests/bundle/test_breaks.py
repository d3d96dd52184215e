"""The checks of the bundle find what is broken: each thing that was wrong once, or easily would be."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from support import bundle
from support.bundle_checks import problems


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    return bundle.load()


def job(loaded: dict[str, Any]) -> dict[str, Any]:
    return loaded["resources"]["jobs"]["bakeoff"]


def task(loaded: dict[str, Any], number: int = 0) -> dict[str, Any]:
    return job(loaded)["tasks"][number]


def kind(loaded: dict[str, Any], compute: str) -> dict[str, Any]:
    return loaded["variables"][f"compute_{compute}"]["default"]


def arguments(loaded: dict[str, Any]) -> list[str]:
    return task(loaded)["python_wheel_task"]["parameters"]


def without_option(arguments: list[str], option: str) -> None:
    at = arguments.index(option)
    del arguments[at : at + 2]


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a variable that is not there": lambda b: job(b).update(name="${var.nmae}"),
    "a variable that lost its default": lambda b: b["variables"]["schema"].pop("default"),
    "a variable that nobody uses": lambda b: b["variables"].update(more={"description": "More.", "default": 1}),
    "a resource that is not there": lambda b: arguments(b).__setitem__(-3, "${resources.schemas.reslts.name}"),
    "an attribute that is not there": lambda b: arguments(b).__setitem__(-3, "${resources.schemas.results.nme}"),
    "a brace that is missing": lambda b: arguments(b).__setitem__(2, "{{job.parameters.source}"),
    "another brace that is missing": lambda b: job(b).update(name="${var.catalog"),
    "a dashboard that is not there": lambda b: b["resources"]["dashboards"]["overview"].update(file_path="../x.json"),
    "a query that is not there": lambda b: task(b, 1)["sql_task"]["file"].update(path="../src/sql/chek_run.sql"),
    "a query's parameter": lambda b: task(b, 1)["sql_task"]["parameters"].pop("run_id"),
    "wheels elsewhere": lambda b: kind(b, "classic")["libraries"].__setitem__(0, {"whl": "dist/*.whl"}),
    "wheels in another order": lambda b: kind(b, "classic")["libraries"].reverse(),
    "a wheel that is left out": lambda b: kind(b, "serverless")["environments"][0]["spec"]["dependencies"].pop(0),
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
    "an option that is left out": lambda b: without_option(arguments(b), "--target"),
    "a parameter that is not declared": lambda b: job(b)["parameters"].pop(4),
    "a parameter that nobody reads": lambda b: job(b)["parameters"].append({"name": "colour", "default": ""}),
    "a value that the platform does not know": lambda b: arguments(b).append("{{job.repairs}}"),
    "no timeout": lambda b: task(b, 2).pop("timeout_seconds"),
    "a cluster that is not there": lambda b: task(b).update(job_cluster_key="big"),
    "a task that is not there": lambda b: task(b, 1)["depends_on"].append({"task_key": "train"}),
    "a runtime that cannot host it": lambda b: b["variables"]["runtime"].update(default="20.x-cpu-ml-scala2.13"),
    "a runtime for standard mode that cannot host it": lambda b: kind(b, "standard").update(runtime="20.x-scala2.13"),
    "an environment that cannot host it": lambda b: b["variables"]["environment"].update(default="7"),
    "no root path": lambda b: b["targets"]["prod"].pop("workspace"),
    "no run_as": lambda b: b["targets"]["prod"].pop("run_as"),
    "a schedule that runs in development": lambda b: job(b)["schedule"].update(pause_status="UNPAUSED"),
    "embedded credentials": lambda b: b["resources"]["dashboards"]["overview"].update(embed_credentials=True),
    "a host": lambda b: b.update(workspace={"host": "https://somewhere"}),
}


def cluster(loaded: dict[str, Any]) -> dict[str, Any]:
    return loaded["variables"]["clusters"]["default"][0]["new_cluster"]


def schema(loaded: dict[str, Any]) -> dict[str, Any]:
    return loaded["resources"]["schemas"]["results"]


def alert(loaded: dict[str, Any], name: str = "quality_drop") -> dict[str, Any]:
    return loaded["resources"]["alerts"][name]


def questions(loaded: dict[str, Any]) -> dict[str, Any]:
    return loaded["resources"]["jobs"]["bakeoff_questions"]["tasks"][0]["for_each_task"]


def renamed(loaded: dict[str, Any], kind: str, old: str, new: str) -> None:
    loaded["resources"][kind][new] = loaded["resources"][kind].pop(old)


def told(loaded: dict[str, Any], target: str) -> dict[str, Any]:
    return loaded["targets"][target]["variables"]


UNDONE: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    # It loads.
    "a key that two kinds use": (
        "2 resources or scripts have the key bakeoff",
        lambda b: renamed(b, "dashboards", "overview", "bakeoff"),
    ),
    "a key that a script uses": (
        "2 resources or scripts have the key prepare",
        lambda b: b.update(scripts={"prepare": {"content": "true"}}),
    ),
    "two alerts in a file": (
        "has 2 alerts",
        lambda b: alert(b).update(__file__=alert(b, "stale_leaderboard")["__file__"]),
    ),
    "an alert in a file of another name": ("no name for a file", lambda b: alert(b).update(__file__="resources/a.yml")),
    "a deprecated field": (
        "no_alert_for_skipped_runs is deprecated",
        lambda b: job(b)["email_notifications"].update(no_alert_for_skipped_runs=True),
    ),
    "an older client": (
        "before 1.10.0",
        lambda b: b["bundle"].update(databricks_cli_version=">= 1.0.0"),
    ),
    "a client of any age": ("before 1.10.0", lambda b: b["bundle"].pop("databricks_cli_version")),
    "Terraform": ("the engine is not named", lambda b: b["bundle"].pop("engine")),
    "everything goes up": ("sync.paths", lambda b: b.update(sync={"exclude": ["tests/**"]})),
    "a query that does not go up": ("sync.paths", lambda b: b["sync"]["paths"].remove("src/sql")),
    "a key that bundles do not have": ("wheels is not known", lambda b: b.update(wheels={})),
    "a key that targets do not have": ("moed is not known", lambda b: b["targets"]["dev"].update(moed="development")),
    "a mode that there is not": ("mode is none of", lambda b: b["targets"]["dev"].update(mode="dev")),
    "a pause status that there is not": (
        "trigger_pause_status is none of",
        lambda b: b["targets"]["staging"]["presets"].update(trigger_pause_status="OFF"),
    ),
    "a field that is missing": ("job_id is missing", lambda b: questions(b)["task"]["run_job_task"].pop("job_id")),
    "an alert without a schedule": ("schedule is missing", lambda b: alert(b).pop("schedule")),
    "a schedule without a time zone": ("timezone_id is missing", lambda b: job(b)["schedule"].pop("timezone_id")),
    "a grant to nobody": ("principal is missing", lambda b: schema(b)["grants"][0].update(principal="")),
    "a grant of nothing": ("privileges is missing", lambda b: schema(b)["grants"][0].update(privileges=[])),
    "a task key with a space": ("task_key cannot be", lambda b: task(b, 2).update(task_key="re fresh")),
    "a look-up beside a default": (
        "a default and a look-up",
        lambda b: b["variables"]["warehouse_id"].update(default="0123"),
    ),
    "a look-up of what there is not": (
        "cannot be looked up",
        lambda b: b["variables"]["warehouse_id"].update(lookup={"warehous": "Serverless Starter Warehouse"}),
    ),
    "a variable that can be half overridden": (
        "can be half overridden",
        lambda b: b["variables"].update(
            spot={"type": "complex", "default": {"first": 1, "bid": 2}, "description": "Spot."}
        ),
    ),
    "a value for no variable": ("there is no variable catalogue", lambda b: told(b, "dev").update(catalogue="main")),
    "a permission for two": (
        "a permission has one level",
        lambda b: b["targets"]["prod"]["permissions"][1].update(user_name="me@example.com"),
    ),
    # Production is safe.
    "a table that prod takes from elsewhere": (
        "prod: the client asks for",
        lambda b: b["variables"]["source_table"].update(default="samples.nyctaxi.trips"),
    ),
    "a target that prod takes from elsewhere": (
        "prod: the client asks for",
        lambda b: b["variables"]["target"].update(default="fare_amount"),
    ),
    "a catalog that newer workspaces lack": (
        "dev: the client asks for nothing",
        lambda b: b["variables"]["catalog"].update(default="main"),
    ),
    "an address that prod takes from elsewhere": (
        "prod: the client asks for",
        lambda b: b["variables"]["notification_email"].update(default="${workspace.current_user.userName}"),
    ),
    "a principal that prod takes from elsewhere": (
        "prod: the client asks for",
        lambda b: b["variables"]["service_principal"].update(default="${workspace.current_user.userName}"),
    ),
    "everybody reads": ("everybody in the account", lambda b: told(b, "dev").update(readers="account users")),
    "a group reads what is tried": ("somebody else than", lambda b: told(b, "dev").update(readers="analysts")),
    "results that can be destroyed": ("can be destroyed", lambda b: schema(b).pop("lifecycle")),
    "results of prod that can be destroyed": ("can be destroyed", lambda b: told(b, "prod").update(keep_results=False)),
    "a schema that the jobs cannot write to": ("identity lacks", lambda b: schema(b)["grants"].pop()),
    "a model that the jobs cannot register": (
        "identity lacks",
        lambda b: b["resources"]["registered_models"]["best_model"].pop("grants"),
    ),
    "a volume that the jobs cannot write to": (
        "identity lacks",
        lambda b: b["resources"]["volumes"]["payloads"].pop("grants"),
    ),
    "a name with its target twice": (
        "is named staging_bakeoff_staging",
        lambda b: told(b, "staging").update(schema="bakeoff_staging"),
    ),
    "alerts each hour": (
        "does not run once a day",
        lambda b: b["variables"]["alert_schedule"].update(default="0 0 * * * ?"),
    ),
    "alerts before the job has ended": (
        "before the job has ended",
        lambda b: b["variables"]["alert_schedule"].update(default="0 0 5 * * ?"),
    ),
    "alerts at two times": (
        "at different times",
        lambda b: alert(b)["schedule"].update(quartz_cron_schedule="0 30 9 * * ?"),
    ),
    "a schedule that runs in staging": (
        "runs in staging",
        lambda b: b["targets"]["staging"]["presets"].pop("trigger_pause_status"),
    ),
    "a cluster that is one variable": (
        "loses what a target does not repeat",
        lambda b: b["variables"]["clusters"]["default"][0].update(new_cluster="${var.subscribers}"),
    ),
    "a node type that cannot be set": (
        "does not take node_type",
        lambda b: cluster(b).update(node_type_id="i3.xlarge"),
    ),
    "workers that cannot be set": ("does not take workers", lambda b: cluster(b).update(num_workers=2)),
    "a policy that cannot be set": ("does not take policy_id", lambda b: cluster(b).pop("policy_id")),
    "spot instances that cannot be set": (
        "does not take azure_attributes",
        lambda b: cluster(b).pop("azure_attributes"),
    ),
    "a budget that cannot be set": ("no budget policy", lambda b: kind(b, "serverless").update(budget_policy_id="")),
    # What the jobs run on.
    "a value of compute that stands for nothing": (
        "${var.compute_standard} leads nowhere",
        lambda b: b["variables"].pop("compute_standard"),
    ),
    "a kind of compute that says nothing about wheels": (
        "${var.compute_serverless.libraries} leads nowhere",
        lambda b: kind(b, "serverless").pop("libraries"),
    ),
    "an ML runtime in standard mode": (
        "no ML runtime in standard",
        lambda b: kind(b, "standard").update(runtime="18.x-cpu-ml-scala2.13"),
    ),
    "Spark properties in standard mode": (
        "standard access mode refuses",
        lambda b: cluster(b).update(spark_conf={"spark.executorEnv.A": "1"}),
    ),
    "a cluster beside an environment": (
        "either a cluster or an environment",
        lambda b: kind(b, "serverless").update(job_clusters="${var.clusters}"),
    ),
    "an environment beside a cluster": (
        "either a cluster or an environment",
        lambda b: kind(b, "classic").update(environments=kind(b, "serverless")["environments"]),
    ),
    "libraries beside an environment": (
        "libraries, which there are on clusters alone",
        lambda b: kind(b, "serverless").update(libraries=kind(b, "classic")["libraries"]),
    ),
    "a cluster of another name": (
        "a cluster that is not there",
        lambda b: kind(b, "standard").update(job_cluster_key="big"),
    ),
    # Several tables.
    "questions that are no JSON": ("is no JSON", lambda b: b["variables"]["questions"].update(default="a.b.c, y")),
    "a question without a target": (
        "asks {'source': 'a.b.c'}",
        lambda b: b["variables"]["questions"].update(default='[{"source": "a.b.c"}]'),
    ),
    "a question that is asked twice": (
        "is run twice",
        lambda b: b["variables"]["questions"].update(
            default='[{"source": "a", "target": "y"}, {"target": "y", "source": "a"}]'
        ),
    ),
    "a parameter that the other job has not": (
        "parameters that it has not: sorce",
        lambda b: questions(b)["task"]["run_job_task"]["job_parameters"].update(sorce="{{input.source}}"),
    ),
    "runs of one name": (
        "have the same name each time",
        lambda b: [arguments(b).remove("{{job.run_id}}"), task(b, 1)["sql_task"]["parameters"].pop("run_id")],
    ),
}
"""Each thing that was wrong once, or easily would be: what is said where it is undone, and how it is."""


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_broken_is_found(loaded: dict[str, Any], what: str) -> None:
    broken = copy.deepcopy(loaded)
    BREAKS[what](broken)
    assert problems(broken) != []


@pytest.mark.parametrize("what", UNDONE)
def test_what_is_undone_is_named(loaded: dict[str, Any], what: str) -> None:
    said, undo = UNDONE[what]
    broken = copy.deepcopy(loaded)
    undo(broken)
    assert [problem for problem in problems(broken) if said in problem] != []

"""The rules of the command line client that need no workspace: what `databricks bundle validate --strict` refuses.

They are written down here as far as they concern the kinds of resources that the bundle has. That each field is known
and has a value of the right kind is checked by Databricks' own classes, in bundle_checks.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.specifiers import SpecifierSet

from support.bundle import ROOT

_KEYS = {
    "": "artifacts bundle experimental include permissions presets python resources run_as scripts sync targets "
    "variables workspace",
    "bundle": "cluster_id databricks_cli_version deployment engine git name uuid",
    "sync": "exclude include paths",
    "presets": "artifacts_dynamic_version jobs_max_concurrent_runs name_prefix pipelines_development "
    "source_linked_deployment tags trigger_pause_status",
    "target": "artifacts bundle cluster_id default git mode permissions presets resources run_as sync variables "
    "workspace",
    "workspace": "artifact_path auth_type client_id file_path host profile resource_path root_path state_path",
    "variable": "default description lookup type",
    "artifact": "build dynamic_version executable files path type",
}
"""The keys of each part; others are not known."""

_LOOKUPS = {
    "alert",
    "cluster",
    "cluster_policy",
    "dashboard",
    "instance_pool",
    "job",
    "metastore",
    "query",
    "warehouse",
}
_LOOKUPS |= {"notification_destination", "pipeline", "service_principal"}
_CHOICES = {
    "mode": {"development", "production"},
    "engine": {"direct", "terraform"},
    "trigger_pause_status": {"PAUSED", "UNPAUSED"},
    "level": {"CAN_MANAGE", "CAN_MANAGE_RUN", "CAN_RUN", "CAN_VIEW"},
}

_REQUIRED = {
    "schemas.*": "catalog_name name",
    "volumes.*": "catalog_name name schema_name",
    "registered_models.*": "catalog_name name schema_name",
    "experiments.*": "name",
    "dashboards.*": "display_name warehouse_id",
    "alerts.*": "display_name evaluation query_text schedule warehouse_id",
    "alerts.*.schedule": "quartz_cron_schedule timezone_id",
    "evaluation": "comparison_operator source",
    "source": "name",
    "jobs.*": "name tasks",
    "jobs.*.schedule": "quartz_cron_expression timezone_id",
    "table_update": "table_names",
    "queue": "enabled",
    "rules": "metric op value",
    "parameters": "default name",
    "tasks": "task_key",
    "depends_on": "task_key",
    "for_each_task": "inputs task",
    "task": "task_key",
    "run_job_task": "job_id",
    "sql_task": "warehouse_id",
    "file": "path",
    "notebook_task": "notebook_path",
    "python_wheel_task": "entry_point package_name",
    "dashboard_task": "dashboard_id",
    "job_clusters": "job_cluster_key new_cluster",
    "new_cluster": "spark_version",
    "environments": "environment_key",
    "grants": "principal privileges",
}
"""What a part of a resource has to have, by where it stands or by the last name on the way to it."""

_RUN_JOB_OLD = (
    "dbt_commands jar_params notebook_params python_named_params python_params spark_submit_params sql_params"
)
_DEPRECATED = {
    "email_notifications": "no_alert_for_skipped_runs",
    "spec": "client",
    "gcp_attributes": "use_preemptible_executors",
    "init_scripts": "dbfs",
    "libraries": "egg",
    "tasks": "dbt_cloud_task spark_submit_task",
    "run_job_task": _RUN_JOB_OLD,
    "spark_jar_task": "jar_uri run_as_repl",
    "alerts.*": "run_as_user_name",
}
"""Fields that are deprecated, by the same."""

_PATTERNS = {
    "task_key": r"[\w-]{1,100}",
    "job_cluster_key": r"[\w-]{1,100}|\$\{.*\}",
    "environment_key": r"[\w-]{1,100}|\$\{.*\}",
    "pause_status": r"PAUSED|UNPAUSED",
    "timezone_id": r"[A-Z]\w+(/\w+)*|\$\{.*\}",
}


def broken_rules(bundle: Mapping[str, Any]) -> list[str]:
    """Every rule of the client's that the bundle breaks, with the place."""
    checks = (repeated_keys, unknown_keys, wrong_fields, wrong_alert_files, wrong_variables, wrong_client, wrong_sync)
    return [problem for check in (*checks, wrong_permissions) for problem in check(bundle)]


def repeated_keys(bundle: Mapping[str, Any]) -> Iterator[str]:
    """A key is used once over all kinds of resources, scripts included."""
    keys = Counter(key for named in bundle["resources"].values() for key in named)
    keys.update(list(bundle.get("scripts", ())))
    for key, times in keys.items():
        if times > 1:
            yield f"{times} resources or scripts have the key {key}"
        if not re.fullmatch(r"\w[\w-]*", key):
            yield f"{key} is no key"


def unknown_keys(bundle: Mapping[str, Any]) -> Iterator[str]:
    parts: list[tuple[str, str, Any]] = [("", "the bundle", bundle)]
    parts += [(name, name, bundle.get(name, {})) for name in ("bundle", "sync", "presets", "workspace")]
    for name, target in bundle["targets"].items():
        parts += [("target", name, target)]
        parts += [(part, f"{name}.{part}", target.get(part, {})) for part in ("presets", "workspace", "sync")]
    parts += [("variable", f"variables.{name}", told) for name, told in bundle["variables"].items()]
    parts += [("artifact", f"artifacts.{name}", told) for name, told in bundle.get("artifacts", {}).items()]
    for kind, place, part in parts:
        for key in set(part) - set(_KEYS[kind].split()):
            yield f"{place}: {key} is not known"
        for key, choices in _CHOICES.items():
            if key in part and part[key] not in choices:
                yield f"{place}: {key} is none of {', '.join(sorted(choices))}"


def wrong_fields(bundle: Mapping[str, Any]) -> Iterator[str]:
    """Fields of resources that are missing, deprecated or in the wrong form."""
    for kind, named in bundle["resources"].items():
        for name, resource in named.items():
            for place, key, part in _parts(resource, f"{kind}.*", kind):
                where = f"{kind}.{name} ({place})"
                for field in _told(_REQUIRED, place, key):
                    if part.get(field) in (None, [], {}) or (part[field] == "" and field != "default"):
                        yield f"{where}: {field} is missing"
                for field in set(_told(_DEPRECATED, place, key)) & set(part):
                    yield f"{where}: {field} is deprecated"
                for field, pattern in _PATTERNS.items():
                    if field in part and not re.fullmatch(pattern, str(part[field])):
                        yield f"{where}: {field} cannot be {part[field]}"


def _parts(value: Any, place: str, key: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every mapping in a resource, with where it is and the last name on the way to it."""
    if isinstance(value, dict):
        yield place, key, value
        for name, part in value.items():
            if not (name == "parameters" and isinstance(part, dict)) and name not in {"job_parameters", "tags"}:
                yield from _parts(part, f"{place}.{name}", name)
    elif isinstance(value, list):
        for part in value:
            yield from _parts(part, place, key)


def _told(table: Mapping[str, str], place: str, key: str) -> Iterable[str]:
    return table.get(place, table.get(key, "")).split()


def wrong_alert_files(bundle: Mapping[str, Any]) -> Iterator[str]:
    """The client recommends one alert for each file, which ends in .alert.yml."""
    files = Counter(resource["__file__"] for resource in bundle["resources"].get("alerts", {}).values())
    for file, alerts in files.items():
        if alerts > 1:
            yield f"{file} has {alerts} alerts"
        if not file.endswith(".alert.yml"):
            yield f"{file} is no name for a file with an alert"


def wrong_variables(bundle: Mapping[str, Any]) -> Iterator[str]:
    for name, told in bundle["variables"].items():
        if {"default", "lookup"} <= set(told):
            yield f"the variable {name} has a default and a look-up"
        if "lookup" in told and (len(told["lookup"]) != 1 or not set(told["lookup"]) <= _LOOKUPS):
            yield f"the variable {name} looks up what cannot be looked up"
        values = [told.get("default"), *(_values(target).get(name) for target in bundle["targets"].values())]
        for value in values:
            # A reference is of the type of what it leads to.
            is_open = value is None or (isinstance(value, str) and value.startswith("${"))
            if isinstance(value, (list, dict)) != (told.get("type") == "complex") and not is_open:
                yield f"the variable {name} is not of its type"
        # A target that sets one key of it empties the others. Nobody sets what the values of `compute` stand for.
        default = told.get("default")
        if isinstance(default, dict) and len(default) > 1 and not name.startswith("compute_"):
            yield f"the variable {name} can be half overridden: make a variable of each key"
    for target, told in bundle["targets"].items():
        for name in set(_values(told)) - set(bundle["variables"]):
            yield f"{target}: there is no variable {name}"


def _values(target: Mapping[str, Any]) -> Mapping[str, Any]:
    return target.get("variables") or {}


def wrong_client(bundle: Mapping[str, Any]) -> Iterator[str]:
    """The client has to be one that deploys directly, and that leaves out what is empty."""
    told = bundle["bundle"]
    if told.get("engine") != "direct":
        yield "the engine is not named: Terraform has to be downloaded, and is deprecated"
    admitted = SpecifierSet(told.get("databricks_cli_version", "").replace(" ", ""))
    if "1.9.0" in admitted or "1.13.0" not in admitted:
        yield "clients before 1.10.0 send a policy_id that is empty, and the workspace refuses it"


def wrong_sync(bundle: Mapping[str, Any]) -> Iterator[str]:
    """What goes up is what tasks and people open in the workspace; the code is in the wheel."""
    told = bundle.get("sync", {})
    paths = {path.rstrip("/") for path in told.get("paths", ["."])}
    if lacking := {"notebooks", "src/sql", "src/dashboards"} - paths:
        yield f"sync.paths lacks what people and tasks open: {', '.join(sorted(lacking))}"
    for kept in ("src/bakeoff", "tests", "docs", "benchmarks", "requirements"):
        if paths & {".", kept, kept.partition("/")[0]}:
            yield f"sync.paths holds {kept}, which nothing opens there"
    for path in paths:
        if not (ROOT / path).is_dir():
            yield f"sync.paths: there is no folder {path}"


def wrong_permissions(bundle: Mapping[str, Any]) -> Iterator[str]:
    who = {"user_name", "group_name", "service_principal_name"}
    for name, target in bundle["targets"].items():
        for part in target.get("permissions", ()):
            if len(who & set(part)) != 1 or part.get("level") not in _CHOICES["level"]:
                yield f"{name}: a permission has one level and is for one user, group or principal"
        if len(who & set(target.get("run_as", {"user_name": ""}))) != 1:
            yield f"{name}: run_as names one user or one principal"

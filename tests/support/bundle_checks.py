"""What has to hold of the bundle, as functions that say what is wrong; the tests of the tests break it on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import product
from typing import Any

import click

from bakeoff.cli.app import cli
from bakeoff.config import RunConfig
from bakeoff.errors import BakeoffError
from support.bundle import (
    COMPUTES,
    ROOT,
    TARGETS,
    Unresolved,
    references,
    resolved,
    tasks,
    wheel_arguments,
)
from support.bundle_compute import each_compute, wrong_wheel_tasks
from support.bundle_loops import wrong_loops
from support.bundle_rules import broken_rules
from support.bundle_safety import clusters_out_of_reach, dangers

NOT_FROM_THE_JOB = {"home", "engine"}
"""Options of a run that jobs leave as they are."""

_BUILT_INTO = (ROOT / "dist", ROOT / "dist" / "cluster", ROOT / "dist" / "serverless")


def problems(bundle: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with the bundle."""
    if broken := broken_rules(bundle):  # the client goes no further either
        return broken
    checks = (unresolved, unused, misnamed_files, wrong_models, wrong_wheel_tasks, wrong_sql_tasks, wrong_parameters)
    checks = (*checks, wrong_arguments, wrong_loops, wrong_targets, wrong_schedules, risky, dangers)
    checks = (*checks, clusters_out_of_reach)
    return [problem for check in checks for problem in check(bundle)]


def unresolved(bundle: Mapping[str, Any]) -> Iterator[str]:
    for target, compute in product(TARGETS, COMPUTES):
        try:
            filled = resolved(bundle, target, {"compute": compute})
        except Unresolved as error:
            yield f"{target}, {compute}: ${{{error}}} leads nowhere"
        else:
            if "${" in json.dumps(filled):
                yield f"{target}, {compute}: a reference is left"
    for name, resource in _all(bundle):
        text = json.dumps(resource)
        if re.search(r"\$\{(?![^}]*\})", text) or re.search(r"\{\{(?![^}]*\}\})", text):
            yield f"{name}: a brace is missing"


def unused(bundle: Mapping[str, Any]) -> Iterator[str]:
    used = set(references({key: part for key, part in bundle.items() if key != "variables"}))
    used |= set(references([told.get("default") for told in bundle["variables"].values()]))
    used |= set(references([target.get("variables") for target in bundle["targets"].values()]))
    used = {".".join(path.split(".")[:2]) for path in used}
    for name, told in bundle["variables"].items():
        if f"var.{name}" not in used:
            yield f"the variable {name} is not used"
        if not told.get("description", "").endswith("."):
            yield f"the variable {name} is not described"


def misnamed_files(bundle: Mapping[str, Any]) -> Iterator[str]:
    for pattern in bundle["include"]:
        if not list(ROOT.glob(pattern)):
            yield f"nothing is at {pattern}"
    files = [(name, (ROOT / resource["__file__"]).parent, resource) for name, resource in _all(bundle)]
    for compute, made in each_compute(bundle):  # a path is relative to the file that it is written in
        files.append((f"compute_{compute}", ROOT / "resources", made["variables"]["chosen"]))
    for name, folder, resource in files:
        for path in _paths(resource):
            if path.endswith(".whl"):
                if (folder / path).resolve().parent not in {
                    ROOT / "dist" / part for part in ("", "cluster", "serverless")
                }:
                    yield f"{name}: wheels are built into dist, and not where {path} is"
            elif not (folder / path).is_file():
                yield f"{name}: there is no file {path}"


def _paths(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _paths(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from _paths(part, key)
    elif key in {"file_path", "path", "whl", "notebook_path"} or (key == "dependencies" and value.endswith(".whl")):
        yield value


def wrong_models(bundle: Mapping[str, Any]) -> Iterator[str]:
    """What the classes that Databricks generates from its API do not take."""
    from databricks.bundles.alerts import Alert
    from databricks.bundles.dashboards import Dashboard
    from databricks.bundles.experiments import MlflowExperiment
    from databricks.bundles.jobs import Job
    from databricks.bundles.registered_models import RegisteredModel
    from databricks.bundles.schemas import Schema
    from databricks.bundles.volumes import Volume

    classes: dict[str, Any] = {
        "jobs": Job,
        "schemas": Schema,
        "volumes": Volume,
        "alerts": Alert,
        "dashboards": Dashboard,
        "experiments": MlflowExperiment,
        "registered_models": RegisteredModel,
    }
    for target, compute in product(TARGETS, COMPUTES):
        try:
            filled = resolved(bundle, target, {"compute": compute})["resources"]
        except Unresolved:
            return  # said already
        for kind, named in filled.items():
            for name, resource in named.items():
                try:
                    classes[kind].from_dict(resource)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is what is wrong
                    yield f"{kind}.{name}: {error}"


def wrong_parameters(bundle: Mapping[str, Any]) -> Iterator[str]:
    """Job parameters that lead nowhere, and values that the platform does not know."""
    for name, job in bundle["resources"]["jobs"].items():
        declared = {part["name"] for part in job.get("parameters", ())}
        text = json.dumps(job["tasks"])
        asked = set(re.findall(r"\{\{job\.parameters\.(.*?)\}\}", text))
        for parameter in sorted(declared ^ asked):
            yield f"{name}: the job parameter {parameter} is not both declared and used"
        known = {"job.run_id", *(f"job.parameters.{p}" for p in asked)}
        for other in set(re.findall(r"\{\{((?!input\.).*?)\}\}", text)) - known:
            yield f"{name}: {{{{{other}}}}} is not known"


def wrong_arguments(bundle: Mapping[str, Any]) -> Iterator[str]:
    """What the command line does not take."""
    for target, compute in product(TARGETS, COMPUTES):
        try:
            jobs = resolved(bundle, target, {"compute": compute})["resources"]["jobs"]
        except Unresolved:
            return
        for name, job in jobs.items():
            if not any("python_wheel_task" in task for task in tasks(job)):
                continue
            try:
                told = parsed(wheel_arguments(job))
            except (click.ClickException, BakeoffError, AssertionError) as error:
                yield f"{name}: {error}"
                continue
            missing = {option.name for option in fields(RunConfig)} - told - NOT_FROM_THE_JOB
            if name == "bakeoff" and missing:
                yield f"{name}: the job says nothing about {', '.join(sorted(missing))}"


NOT_FOR_THE_RUN = {"config_file", "as_json", "quiet", "verbose"}
"""Options of the command line that say how to show a run, and nothing about it."""


def parsed(arguments: list[str]) -> set[str]:
    """The options that a command line names, once the real parser and the real checks have taken it."""
    command, *rest = arguments
    assert command in cli.commands, f"there is no command {command}"
    context = cli.commands[command].make_context(command, rest)
    options = {key: value for key, value in context.params.items() if key not in NOT_FOR_THE_RUN}
    if command == "run":
        RunConfig.from_sources(options, context.params["config_file"])
    return {key for key, value in options.items() if value not in (None, ())}


def wrong_sql_tasks(bundle: Mapping[str, Any]) -> Iterator[str]:
    for name, job in bundle["resources"]["jobs"].items():
        for task in tasks(job):
            if "sql_task" not in task:
                continue
            file = (ROOT / job["__file__"]).parent / task["sql_task"]["file"]["path"]
            if file.is_file() and set(task["sql_task"]["parameters"]) != sql_parameters(file.read_text()):
                yield f"{name}.{task['task_key']}: its parameters are not those of {file.name}"


def sql_parameters(query: str) -> set[str]:
    """The named parameters of a query."""
    code = re.sub(r"--.*", "", query)
    return set(re.findall(r"(?<![:\w]):([A-Za-z_]\w*)", re.sub(r"'[^']*'", "''", code)))


def wrong_targets(bundle: Mapping[str, Any]) -> Iterator[str]:
    targets = bundle["targets"]
    if [name for name, told in targets.items() if told.get("default")] != ["dev"]:
        yield "dev is to be the default target"
    if set(targets) != set(TARGETS) or targets["dev"]["mode"] != "development":
        yield "the targets are dev (development mode), staging and prod"
    for name in {"staging", "prod"} & set(targets):
        told = targets[name]
        if told.get("mode") != "production":
            yield f"{name} is not in production mode"
        if not told.get("workspace", {}).get("root_path"):
            yield f"{name} has no root_path"
        if len(told.get("run_as", {})) != 1:
            yield f"{name} has no run_as"
        if not told.get("permissions"):
            yield f"{name} has no permissions"
        if any(part.get("embed_credentials") for part in bundle["resources"].get("dashboards", {}).values()):
            yield "a dashboard that embeds credentials cannot be deployed with run_as"


def wrong_schedules(bundle: Mapping[str, Any]) -> Iterator[str]:
    for kind, named in bundle["resources"].items():
        for name, part in named.items():
            schedule = part.get("schedule", {})
            cron = schedule.get("quartz_cron_expression") or schedule.get("quartz_cron_schedule")
            if "pause_status" in schedule:
                yield f"{kind}.{name}: with a pause status of its own, development mode does not pause it"
            if cron and not cron.startswith("${") and len(cron.split()) not in {6, 7}:
                yield f"{kind}.{name}: {cron} is no Quartz expression"


def risky(bundle: Mapping[str, Any]) -> Iterator[str]:
    """Hosts, ids and secrets, which have no place in a bundle."""
    text = json.dumps({key: part for key, part in bundle.items() if key != "resources"}) + json.dumps(
        bundle["resources"]
    )
    for pattern in (r"https?://", r"\bdapi[0-9a-f]{8}", r'"host"', r"(?i)(password|secret|token)", r"\b[0-9a-f]{16}\b"):
        if found := re.search(pattern, text):
            yield f"{found.group()} has no place in a bundle"


def _all(bundle: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for kind, named in bundle["resources"].items():
        for name, resource in named.items():
            yield f"{kind}.{name}", resource

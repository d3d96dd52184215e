"""The bundle as the command line client would see it, as far as that can be known without a workspace."""

from __future__ import annotations

import copy
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TARGETS = ("dev", "staging", "prod")
COMPUTES = ("classic", "standard", "serverless")
"""The values of the variable `compute`."""
RUNTIME_PYTHON = {"15.4": "3.11", "16.4": "3.12", "17.3": "3.12", "18.x": "3.12", "19.x": "3.12"}
"""What the release notes of the Databricks Runtimes say."""
ENVIRONMENT_PYTHON = {"2": "3.11", **dict.fromkeys("3456", "3.12")}
"""... and those of the serverless environments."""

_EVERYWHERE = {"catalog": "main"}
_SHARED = {
    **_EVERYWHERE,
    "service_principal": "00000000-aaaa-bbbb-cccc-000000000000",
    "notification_email": "team@example.com",
    "readers": "analysts",
}
ANSWERS: dict[str, dict[str, str]] = {
    "dev": _EVERYWHERE,
    "staging": _SHARED,
    "prod": {**_SHARED, "source_table": "sales.orders.lines", "target": "returned"},
}
"""What the client asks for in each target, since nothing says it, and what it is told here."""

CATALOG, SOURCE = "spark_catalog", "spark_catalog.default.bundle_patients"
"""Where tests have the job's tables, and the table that it learns from."""


@dataclass(frozen=True)
class Filled:
    """A schema with the results of three runs: two that finished, and one in which no model survived.

    Attributes:
        spark: a session of its own, in which the schema is the current one, with the strict SQL of a warehouse.
        said: what the first run printed.
    """

    spark: Any
    schema: str
    home: Path
    said: str
    resources: dict[str, Any]


_REFERENCE = re.compile(r"\$\{([^${}]*)\}")
"""Matches a reference with no other inside of it, which the client resolves first."""
_KNOWN = {
    "bundle.name": "bakeoff",
    "bundle.git.commit": "c0ffee",
    "workspace.current_user.userName": "somebody@example.com",
}


def load(*more: Mapping[str, Any]) -> dict[str, Any]:
    """databricks.yml with what it includes; resources are merged by kind and name, variables by name.

    Args:
        more: what further files hold, which are included too.
    """
    bundle: dict[str, Any] = yaml.safe_load((ROOT / "databricks.yml").read_text())
    resources: dict[str, dict[str, Any]] = {}
    for pattern in bundle["include"]:
        for file in sorted(ROOT.glob(pattern)):
            told = yaml.safe_load(file.read_text())
            for name, variable in told.get("variables", {}).items():
                assert name not in bundle["variables"], f"the variable {name} is there twice"
                bundle["variables"][name] = variable
            for kind, named in told.get("resources", {}).items():
                for name, resource in named.items():
                    assert name not in resources.setdefault(kind, {}), f"{kind}.{name} is there twice"
                    resources[kind][name] = {**resource, "__file__": file.relative_to(ROOT).as_posix()}
    # Whoever uses the bundle writes their values here, and the tests are not about those.
    for target, told in bundle["targets"].items():
        own = told.get("variables") or {}
        told["variables"] = {name: value for name, value in own.items() if name not in ANSWERS.get(target, {})}
    whole = {**bundle, "resources": resources}
    for part in more:
        whole = merged(whole, part)
    return whole


_KEYS = {"job_clusters": "job_cluster_key", "tasks": "task_key", "parameters": "name", "grants": "principal"}
"""Lists that are merged by a key of their elements; others are put one after the other."""


def merged(there: Any, more: Any, name: str = "") -> Any:
    """A part of the bundle with what a target or another file says besides, as the client merges them."""
    if isinstance(there, dict) and isinstance(more, dict):
        extra = {key: merged(there.get(key), value, key) for key, value in more.items()}
        return {**there, **extra}
    if not (isinstance(there, list) and isinstance(more, list)):
        assert there is None or isinstance(there, list | dict) == isinstance(more, list | dict), (
            f"{name}: the client cannot merge {there} with {more}"
        )
        return copy.deepcopy(more)
    if (key := _KEYS.get(name)) is None:
        return [*there, *more]
    found = {part[key]: part for part in there}
    for part in more:
        found[part[key]] = merged(found.get(part[key]), part)
    return list(found.values())


def build_commands(bundle: Mapping[str, Any], **variables: str) -> list[list[str]]:
    """The commands that build the wheels, one after the other, each as its words."""
    text: str = _Lookup(bundle, "prod", variables).fill(bundle["artifacts"]["wheel"]["build"])
    commands = [command.split() for command in text.split("&&")]
    assert {command[0] for command in commands} == {"uv"}
    return commands


class Unresolved(Exception):  # noqa: N818 - it is what it says
    """A reference that leads nowhere."""


def resolved(bundle: Mapping[str, Any], target: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The resources and the target's settings with every reference filled in, as for a deployment."""
    lookup = _Lookup(bundle, target, variables or {})
    told = {key: part for key, part in bundle["targets"][target].items() if key not in {"variables", "resources"}}
    return {
        "resources": _paused(_without_empty(lookup.fill(lookup.resources)), bundle["targets"][target]),
        "target": lookup.fill(told),
        "variables": {name: lookup.find(f"var.{name}") for name in bundle["variables"]},
    }


def asked(bundle: Mapping[str, Any], target: str) -> set[str]:
    """The variables that nothing gives a value, so that the client asks for them."""
    given = set(bundle["targets"][target].get("variables") or {})
    return {name for name, told in bundle["variables"].items() if not {"default", "lookup"} & set(told)} - given


def _without_empty(value: Any, key: str = "") -> Any:
    """A part of the resources without texts that are empty and without nulls, which the client does not send."""
    if key in {"parameters", "job_parameters", "tags", "spark_env_vars"}:  # what they mean is not the client's business
        return value
    if isinstance(value, dict):
        return {name: _without_empty(part, name) for name, part in value.items() if part not in ("", None)}
    return [_without_empty(part) for part in value] if isinstance(value, list) else value


def _preset(resources: dict[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """The resources with the prefix that the client gives their names in a target."""
    told = target.get("presets") or {}
    in_development = target.get("mode") == "development"
    short_name = str(_KNOWN["workspace.current_user.userName"]).partition("@")[0]
    prefix = told.get("name_prefix") or (f"[dev {short_name}] " if in_development else "")
    plain = re.sub(r"\W+", "_", prefix.strip(" [")) if prefix else ""
    named = {"jobs": "name", "dashboards": "display_name", "alerts": "display_name"}
    named |= dict.fromkeys(("schemas", "registered_models", "experiments"), "name")
    for kind, group in resources.items():
        for resource in group.values():
            if kind in named and named[kind] in resource:
                folder, slash, name = "", "", str(resource[named[kind]])
                if kind == "experiments":
                    folder, slash, name = name.rpartition("/")
                front = plain if kind in {"schemas", "registered_models"} else prefix
                resource[named[kind]] = f"{folder}{slash}{front}{name}"
    return resources


def _paused(resources: dict[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """The resources with the pause status that the client gives whatever starts them in a target."""
    in_development = target.get("mode") == "development"
    paused = (target.get("presets") or {}).get("trigger_pause_status") or ("PAUSED" if in_development else None)
    for resource in [*resources.get("jobs", {}).values(), *resources.get("alerts", {}).values()]:
        for trigger in ("schedule", "trigger", "continuous"):
            if paused and trigger in resource:
                resource[trigger].setdefault("pause_status", paused)
    return resources


class _Lookup:
    def __init__(self, bundle: Mapping[str, Any], target: str, variables: Mapping[str, Any]) -> None:
        self._bundle = bundle
        self._target = target
        told = bundle["targets"][target]
        self._variables = {**ANSWERS[target], **(told.get("variables") or {}), **variables}
        there = merged(copy.deepcopy(bundle["resources"]), told.get("resources") or {})
        self.resources = _preset(there, told)

    def fill(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.fill(part) for key, part in value.items() if key != "__file__"}
        if isinstance(value, list):
            return [self.fill(part) for part in value]
        if not isinstance(value, str):
            return value
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return self.find(whole.group(1))
        filled = _REFERENCE.sub(lambda found: str(self.find(found.group(1))), value)
        return filled if filled == value else self.fill(filled)

    def find(self, path: str) -> Any:
        if path == "bundle.target":
            return self._target
        if path in _KNOWN:
            return _KNOWN[path]
        kind, _, rest = path.partition(".")
        if kind == "var":
            return self._variable(rest)
        if kind == "resources":
            return self._resource(rest)
        raise Unresolved(path)

    def _variable(self, path: str) -> Any:
        name, *keys = path.split(".")
        told = self._bundle["variables"].get(name)
        if name in self._variables:
            value = self._variables[name]
        elif told is not None and "lookup" in told:
            value = f"id-of-{'-'.join(told['lookup'].values())}"
        elif told is not None and "default" in told:
            value = told["default"]
        else:
            raise Unresolved(f"var.{name}")
        for n, key in enumerate(keys):
            while isinstance(value, str) and (inner := _REFERENCE.search(value)) and inner.group() != value:
                value = _REFERENCE.sub(lambda found: str(self.find(found.group(1))), value)
            if isinstance(value, str) and (whole := _REFERENCE.fullmatch(value)):
                return self.find(".".join([whole.group(1), *keys[n:]]))  # only what is asked for is filled in
            if not isinstance(value, dict) or key not in value:
                raise Unresolved(f"var.{path}")
            value = value[key]
        return self.fill(value)

    def _resource(self, path: str) -> Any:
        kind, name, attribute = path.split(".")
        resource = self.resources.get(kind, {}).get(name)
        if resource is None or (attribute != "id" and attribute not in resource):
            raise Unresolved(f"resources.{path}")
        if attribute == "id":
            return job_id(self.resources[kind], name) if kind == "jobs" else f"id-of-{name}"
        return self.fill(resource[attribute])


def references(value: Any) -> Iterator[str]:
    """Every reference in a part of the bundle."""
    if isinstance(value, dict):
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)
    elif isinstance(value, str):
        yield from _REFERENCE.findall(value)
        inner = "${var.compute}"
        if inner in value and value != inner:  # one inside of another
            for compute in COMPUTES:
                yield from references(value.replace(inner, compute))


def job_id(jobs: Mapping[str, Any], name: str) -> int:
    """The id that a job is given here; those of other resources are texts."""
    return 1000 + sorted(jobs).index(name)


def tasks(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tasks of a job; of one that is run for each element of a list, the one that is run."""
    return [task["for_each_task"]["task"] if "for_each_task" in task else task for task in job["tasks"]]


def wheel_arguments(job: Mapping[str, Any], **more: Any) -> list[str]:
    """The command line of a job's wheel task, as Databricks fills it in when the job is started with its defaults.

    Args:
        job: resolved.
        more: job parameters that are given when the job is started, and ``run_id``.
    """
    values = {f"job.parameters.{part['name']}": str(part["default"]) for part in job.get("parameters", ())}
    values["job.run_id"] = str(more.pop("run_id", "1234567890"))
    for name, value in more.items():
        assert f"job.parameters.{name}" in values, f"the job has no parameter {name}"
        values[f"job.parameters.{name}"] = str(value)
    (task,) = (task for task in tasks(job) if "python_wheel_task" in task)
    # What is not known is passed on as it is, as the platform does.
    return [
        re.sub(r"\{\{(.*?)\}\}", lambda found: values.get(found.group(1), found.group(0)), part)
        for part in task["python_wheel_task"]["parameters"]
    ]


def project() -> dict[str, Any]:
    """What pyproject.toml says about the project."""
    reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")  # pytest brings the latter
    found: dict[str, Any] = reader.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found

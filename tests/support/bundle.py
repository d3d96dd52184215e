"""The bundle as the command line client would see it, as far as that can be known without a workspace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TARGETS = ("dev", "staging", "prod")
RUNTIME_PYTHON = {"15.4": "3.11", "16.4": "3.12", "17.3": "3.12"}
"""What the release notes of the Databricks Runtimes say."""
ENVIRONMENT_PYTHON = {"2": "3.11", "3": "3.12", "4": "3.12"}
"""... and those of the serverless environments."""

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


_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_KNOWN = {
    "bundle.name": "bakeoff",
    "bundle.git.commit": "c0ffee",
    "workspace.current_user.userName": "somebody@example.com",
}


def load() -> dict[str, Any]:
    """databricks.yml with what it includes; resources are merged by kind and name."""
    bundle = yaml.safe_load((ROOT / "databricks.yml").read_text())
    resources: dict[str, dict[str, Any]] = {}
    for pattern in bundle["include"]:
        for file in sorted(ROOT.glob(pattern)):
            for kind, named in yaml.safe_load(file.read_text())["resources"].items():
                for name, resource in named.items():
                    assert name not in resources.setdefault(kind, {}), f"{kind}.{name} is there twice"
                    resources[kind][name] = {**resource, "__file__": file.relative_to(ROOT).as_posix()}
    return {**bundle, "resources": resources}


class Unresolved(Exception):  # noqa: N818 - it is what it says
    """A reference that leads nowhere."""


def resolved(bundle: Mapping[str, Any], target: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The resources and the target's settings with every reference filled in, as for a deployment."""
    lookup = _Lookup(bundle, target, variables or {})
    return {
        "resources": lookup.fill(bundle["resources"]),
        "target": lookup.fill({k: v for k, v in bundle["targets"][target].items() if k != "variables"}),
        "variables": {name: lookup.find(f"var.{name}") for name in bundle["variables"]},
    }


class _Lookup:
    def __init__(self, bundle: Mapping[str, Any], target: str, variables: Mapping[str, Any]) -> None:
        self._bundle = bundle
        self._target = target
        self._variables = {**(bundle["targets"][target].get("variables") or {}), **variables}

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
        return _REFERENCE.sub(lambda found: str(self.find(found.group(1))), value)

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

    def _variable(self, name: str) -> Any:
        if name in self._variables:
            return self.fill(self._variables[name])
        told = self._bundle["variables"].get(name)
        if told is None or not {"default", "lookup"} & set(told):
            raise Unresolved(f"var.{name}")
        return self.fill(told["default"]) if "default" in told else f"id-of-{'-'.join(told['lookup'].values())}"

    def _resource(self, path: str) -> Any:
        kind, name, attribute = path.split(".")
        resource = self._bundle["resources"].get(kind, {}).get(name)
        if resource is None or (attribute != "id" and attribute not in resource):
            raise Unresolved(f"resources.{path}")
        return f"id-of-{name}" if attribute == "id" else self.fill(resource[attribute])


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


def wheel_arguments(job: Mapping[str, Any], **more: Any) -> list[str]:
    """The command line of a job's wheel task, as Databricks fills it in when the job is started with its defaults.

    Args:
        job: resolved.
        more: job parameters that are given when the job is started, and ``run_id``.
    """
    values = {f"job.parameters.{part['name']}": str(part["default"]) for part in job["parameters"]}
    values["job.run_id"] = str(more.pop("run_id", "1234567890"))
    for name, value in more.items():
        assert f"job.parameters.{name}" in values, f"the job has no parameter {name}"
        values[f"job.parameters.{name}"] = str(value)
    (task,) = (task for task in job["tasks"] if "python_wheel_task" in task)
    # What is not known is passed on as it is, as the platform does.
    return [
        re.sub(r"\{\{(.*?)\}\}", lambda found: values.get(found.group(1), found.group(0)), part)
        for part in task["python_wheel_task"]["parameters"]
    ]

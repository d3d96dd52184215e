"""What has to hold of what the jobs run on, with each value of the variable `compute`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.specifiers import SpecifierSet

from support.bundle import COMPUTES, ENVIRONMENT_PYTHON, RUNTIME_PYTHON, Unresolved, project, resolved, tasks


def wrong_wheel_tasks(bundle: Mapping[str, Any]) -> Iterator[str]:
    wanted = project()
    admitted = SpecifierSet(wanted["requires-python"])
    for compute, made in each_compute(bundle):
        for name, job in made["resources"]["jobs"].items():
            known = {part["task_key"] for part in job["tasks"]}
            for task in tasks(job):
                where = f"{name}.{task['task_key']}, {compute}:"
                if not task.get("timeout_seconds"):
                    yield f"{where} it has no timeout"
                if not {part["task_key"] for part in task.get("depends_on", ())} <= known:
                    yield f"{where} it waits for a task that is not there"
                wheel = task.get("python_wheel_task")
                if wheel and (wheel["package_name"] != wanted["name"] or wheel["entry_point"] not in wanted["scripts"]):
                    yield f"{where} it names a package or entry point that the wheel has not"
                yield from (f"{where} {problem}" for problem in _wrong_place(job, task))
        for python in _pythons(made):
            if python not in admitted:
                yield f"{compute}: Python {python} is not admitted by requires-python"


def _wrong_place(job: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with where a task runs, and with its wheels, which pip installs in their order."""
    clusters = {part["job_cluster_key"]: part["new_cluster"] for part in job.get("job_clusters", ())}
    environments = {part["environment_key"]: part["spec"] for part in job.get("environments", ())}
    cluster, environment = task.get("job_cluster_key"), task.get("environment_key")
    if cluster not in {None, *clusters}:
        yield "it runs on a cluster that is not there"
    if environment not in {None, *environments}:
        yield "it runs in an environment that is not there"
    if "python_wheel_task" not in task:
        return
    if (cluster is None) is (environment is None) or bool(clusters) is bool(environments):
        yield "it and its job have either a cluster or an environment"
    kind, wheels = "cluster", [part["whl"] for part in task.get("libraries", ())]
    if environment in environments:
        if wheels:
            yield "it has libraries, which there are on clusters alone"
        kind, wheels = "serverless", environments[environment]["dependencies"]
    if wheels != [f"../dist/{kind}/pycaret_core-*.whl", "../dist/*.whl"]:
        yield f"pycaret-core's wheel for a {kind} comes first, and then Bakeoff's"
    yield from _wrong_cluster(clusters.get(cluster))


def _wrong_cluster(cluster: Any) -> Iterator[str]:
    """What standard access mode refuses."""
    if isinstance(cluster, dict) and cluster["data_security_mode"] == "DATA_SECURITY_MODE_STANDARD":
        if "-ml-" in cluster["spark_version"]:
            yield "there is no ML runtime in standard access mode"
        if "spark_conf" in cluster:
            yield "it sets Spark properties, some of which standard access mode refuses"


def _pythons(made: Mapping[str, Any]) -> Iterator[str]:
    for job in made["resources"]["jobs"].values():
        for part in job.get("job_clusters", ()):
            if not isinstance(part["new_cluster"], dict):
                continue  # said elsewhere
            runtime = part["new_cluster"]["spark_version"]
            yield RUNTIME_PYTHON.get("".join(re.findall(r"^\d+\.(?:\d+|x)", runtime)), f"of {runtime}")
        for environment in job.get("environments", ()):
            version = environment["spec"]["environment_version"]
            yield ENVIRONMENT_PYTHON.get(version, f"of environment {version}")


def each_compute(bundle: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The bundle as it is deployed to prod, with each value of the variable `compute`."""
    for compute in COMPUTES:
        try:
            yield compute, resolved(bundle, "prod", {"compute": compute})
        except Unresolved:
            return  # said elsewhere

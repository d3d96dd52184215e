"""What keeps results, people's data and money safe, in each target as it would be deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from support.bundle import ANSWERS, COMPUTES, TARGETS, Unresolved, asked, resolved

_JOB_NEEDS = {
    "schemas": {"USE_SCHEMA", "SELECT", "MODIFY", "CREATE_TABLE", "CREATE_MODEL", "EXECUTE"},
    "volumes": {"READ_VOLUME", "WRITE_VOLUME"},
    "registered_models": {"EXECUTE", "APPLY_TAG", "MANAGE"},
}
"""What the identity of the jobs has to be granted, since whoever deploys is the owner."""


def dangers(bundle: Mapping[str, Any]) -> list[str]:
    """Everything that is not safe in a target."""
    problems = []
    for target in TARGETS:
        problems += _not_asked(bundle, target)
        try:
            made = resolved(bundle, target)
        except Unresolved:
            continue  # said elsewhere
        for check in (_lost_results, _missing_grants, _shared_trials, _doubled_names, _dear_alerts, _running_triggers):
            problems += [f"{target}: {problem}" for problem in check(made, target)]
    return problems


def _not_asked(bundle: Mapping[str, Any], target: str) -> Iterator[str]:
    """Nothing that prod has to be told is taken from somewhere else, nor is more asked for than has to be."""
    if (open_ones := asked(bundle, target)) != set(ANSWERS[target]):
        yield f"{target}: the client asks for {', '.join(sorted(open_ones)) or 'nothing'}"


def _lost_results(made: Mapping[str, Any], target: str) -> Iterator[str]:
    """Neither `bundle destroy` nor another catalog or schema deletes the results of prod; elsewhere they do."""
    for name, schema in made["resources"]["schemas"].items():
        if schema.get("lifecycle", {}).get("prevent_destroy", False) is not (target == "prod"):
            yield f"schemas.{name} can be destroyed in prod, or nowhere"


def _missing_grants(made: Mapping[str, Any], _target: str) -> Iterator[str]:
    who = made["variables"]["service_principal"]
    for kind, needed in _JOB_NEEDS.items():
        for name, resource in made["resources"][kind].items():
            lists = [part["privileges"] for part in resource.get("grants", ()) if part["principal"] == who]
            if missing := needed - {privilege for privileges in lists for privilege in privileges}:
                yield f"{kind}.{name}: the jobs' identity lacks {', '.join(sorted(missing))}"


def _shared_trials(made: Mapping[str, Any], target: str) -> Iterator[str]:
    """Trials hold messages that can quote data: in dev nobody else reads them, and nowhere everybody does."""
    known = {made["variables"]["readers"], made["variables"]["service_principal"]}
    for name, schema in made["resources"]["schemas"].items():
        if not {part["principal"] for part in schema["grants"]} <= known:
            yield f"schemas.{name} is granted to others than readers and the jobs' identity"
    if made["variables"]["readers"] == "account users":
        yield "everybody in the account reads the results"
    if target == "dev" and len(known) > 1:
        yield "somebody else than the deployer reads what is tried in dev"


def _doubled_names(made: Mapping[str, Any], target: str) -> Iterator[str]:
    for kind in ("schemas", "registered_models"):
        for name, resource in made["resources"][kind].items():
            if resource["name"].count(target) > 1:
                yield f"{kind}.{name} is named {resource['name']}"


def _dear_alerts(made: Mapping[str, Any], _target: str) -> Iterator[str]:
    """Each look at the tables starts the warehouse: once a day, all at a time, when the job of that day has ended."""
    job = made["resources"]["jobs"]["bakeoff"]
    starts, zone = _minutes(job["schedule"]["quartz_cron_expression"]), job["schedule"]["timezone_id"]
    times = set()
    for name, alert in made["resources"]["alerts"].items():
        at = _minutes(alert["schedule"]["quartz_cron_schedule"])
        times.add(at)
        if at is None or starts is None:
            yield f"alerts.{name} or the job does not run once a day"
        elif at < starts + job["timeout_seconds"] / 60 or alert["schedule"]["timezone_id"] != zone:
            yield f"alerts.{name} looks before the job has ended"
    if len(times) > 1:
        yield "the alerts look at different times"


def _minutes(cron: str) -> int | None:
    """The minute of the day at which a Quartz expression fires, where it does once a day."""
    _, minute, hour, day, month, weekday = cron.split()[:6]
    daily = (day, month, weekday) in {("*", "*", "?"), ("?", "*", "*")}
    return int(hour) * 60 + int(minute) if daily and hour.isdigit() and minute.isdigit() else None


def _running_triggers(made: Mapping[str, Any], target: str) -> Iterator[str]:
    """Only in prod does anything start by itself."""
    for kind in ("jobs", "alerts"):
        for name, resource in made["resources"][kind].items():
            for trigger in ("schedule", "trigger", "continuous"):
                if trigger in resource and (resource[trigger].get("pause_status") == "PAUSED") is (target == "prod"):
                    yield f"{kind}.{name}: its {trigger} is paused in prod, or runs in {target}"


_SET = {"runtime": "spark_version", "node_type": "node_type_id", "workers": "num_workers", "policy_id": "policy_id"}
_SET |= {attributes: attributes for attributes in ("aws_attributes", "azure_attributes", "gcp_attributes")}
"""Variables for other clouds, runtimes and policies, each with the field of a cluster that takes it."""


def clusters_out_of_reach(bundle: Mapping[str, Any]) -> Iterator[str]:
    """A plain variable reaches each cluster, and the budget policy what runs without one."""
    told = {variable: f"my-{variable}" for variable in (*_SET, "budget_policy_id")}
    for compute in COMPUTES:
        try:
            jobs = resolved(bundle, "prod", {**told, "compute": compute})["resources"]["jobs"]
        except Unresolved:
            return  # said elsewhere
        for name, job in jobs.items():
            for part in job.get("job_clusters", ()):
                if not isinstance(part["new_cluster"], dict):
                    yield f"{name}: a cluster that is one variable loses what a target does not repeat"
                    continue
                for variable, key in _SET.items():
                    if part["new_cluster"].get(key) != told[variable]:
                        yield f"{name}: the cluster of {compute} does not take {variable}"
            if job.get("environments") and job.get("budget_policy_id") != told["budget_policy_id"]:
                yield f"{name}: serverless compute is charged to no budget policy"

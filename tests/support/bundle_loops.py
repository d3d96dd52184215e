"""What has to hold of a task that is run for each element of a list, and of a task that runs another job."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from support.bundle import TARGETS, Unresolved, job_id, resolved, tasks


def wrong_loops(bundle: Mapping[str, Any]) -> Iterator[str]:
    for target in TARGETS:
        try:
            jobs = resolved(bundle, target)["resources"]["jobs"]
        except Unresolved:
            return  # said elsewhere
        for name, job in jobs.items():
            for outer, task in zip(job["tasks"], tasks(job), strict=True):
                where = f"{name}.{task['task_key']}"
                asked = set(re.findall(r"\{\{input\.(\w+)\}\}", json.dumps(task)))
                if "for_each_task" in outer:
                    problems = _wrong_inputs(outer["for_each_task"]["inputs"], asked)
                else:
                    problems = [f"asks for {key} of no list" for key in sorted(asked)]
                yield from (f"{where} {problem}" for problem in [*problems, *_wrong_call(task, jobs, asked)])


def _wrong_inputs(inputs: str, asked: set[str]) -> list[str]:
    try:
        questions = json.loads(inputs)
    except ValueError as error:
        return [f"is run for each of what is no JSON: {error}"]
    if not isinstance(questions, list) or not all(isinstance(question, dict) for question in questions):
        return ["is run for each of what is no list of objects"]
    problems = [f"asks {question} for {sorted(asked)}" for question in questions if set(question) != asked]
    if len({json.dumps(question, sort_keys=True) for question in questions}) < len(questions):
        problems.append("is run twice for the same")
    return problems


def _wrong_call(task: Mapping[str, Any], jobs: Mapping[str, Any], asked: set[str]) -> Iterator[str]:
    if "run_job_task" in task:
        ids = {job_id(jobs, name): job for name, job in jobs.items()}
        called = ids.get(task["run_job_task"]["job_id"])
        if called is None:
            yield "runs a job that is not there"
            return
        known = {part["name"] for part in called.get("parameters", ())}
        if unknown := set(task["run_job_task"].get("job_parameters", {})) - known:
            yield f"gives a job parameters that it has not: {', '.join(sorted(unknown))}"
        # A run of the job is a run of its own, since the id of the job's run names it.
        if "{{job.run_id}}" not in json.dumps(called["tasks"]):
            yield "runs a job whose runs have the same name each time"
    elif asked and "run-id" in (text := json.dumps(task)) and not re.search(r'--run-id", "[^"]*\{\{input\.', text):
        yield "gives each of its runs the same run id"

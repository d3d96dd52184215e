"""The commands that README, docs and the examples for CI show work as they are typed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from support import bundle
from support.bundle import ROOT
from support.bundle_checks import problems
from support.bundle_commands import Command, said, wrong_commands

PAGES = {"README.md": 3, "docs/databricks.md": 12}
"""How many commands each has at least."""
EXAMPLES = {"docs/examples/github.yml": 5, "docs/examples/azure-devops.yml": 5}


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    return bundle.load()


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_shows_works_as_typed(loaded: dict[str, Any], name: str) -> None:
    page = (ROOT / name).read_text()
    assert sum(language == "bash" for language, _ in said(page)) >= PAGES[name]
    assert wrong_commands(loaded, page) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_an_example_for_ci_runs_works_as_typed(loaded: dict[str, Any], name: str) -> None:
    lines = re.findall(r"(?:run|script): (databricks [^|\n]*)", (ROOT / name).read_text())
    assert len(lines) >= EXAMPLES[name]
    for target in ("staging", "prod"):  # the values are in databricks.yml, as the docs say
        loaded = bundle.merged(loaded, {"targets": {target: {"variables": bundle.ANSWERS[target]}}})
    lines = [re.sub(r"\$\{\{ \w+\.target \}\}", "staging", line) for line in lines]
    assert wrong_commands(loaded, "```bash\n" + "\n".join(lines) + "\n```\n") == []


WRONG = {
    'databricks bundle run bakeoff --var catalog=a --params source=a.b.c,target=y,include="lr,rf"': "formatted as key=",
    "databricks bundle run bakeof --var catalog=a": "no resource bakeof",
    "databricks bundle run overview --var catalog=a": "no resource overview",
    "databricks bundle run bakeoff --var catalog=a --params sorce=a.b.c": "no parameter sorce",
    "databricks bundle run bakeoff --var catalog=a --params fold=three": "fold",
    "databricks bundle run bakeoff --var catalog=a --param fold=3": "no option --param",
    "databricks bundle run bakeoff --var catalog=a --only chek": "no task chek",
    "databricks bundle run bakeoff": "required variable catalog",
    "databricks bundle deploy --var catalog": "formatted as key=",
    "databricks bundle deploy --var catalog=a,colour=red": "no variable colour",
    "databricks bundle deploy --var catalog=a --target production": "no target production",
    "databricks bundle deploy --var catalog=a,compute=serverles": "does not exist: ${var.compute_serverles}",
    "databricks bundle deploy --target prod --var catalog=a": "required variable notification_email, readers",
    "databricks bundle deploy --var 'catalog=a,subscribers=me'": "complex",
    "databricks bundle open leaderboard --var catalog=a": "no resource leaderboard",
    "databricks bundle delete --var catalog=a": "no such command",
    "export BUNDLE_VAR_catalog=a": "new shell",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_command_that_would_not_work_is_found(loaded: dict[str, Any], line: str) -> None:
    (problem,) = wrong_commands(loaded, f"```bash\n{line}\n```\n")
    assert WRONG[line] in problem


def test_values_are_taken_apart_as_the_client_does() -> None:
    command = Command.of("""databricks bundle run bakeoff --params 'source=a.b.c,target=y,"include=lr,rf"'""")
    assert command.pairs("params") == {"source": "a.b.c", "target": "y", "include": "lr,rf"}
    assert Command.of("databricks bundle run bakeoff --params include=lr,rf").pairs("params") == {"include": "lr,rf"}
    assert Command.of("databricks bundle deploy --var a=1,b=2 --var=c=x=y").pairs("var") == {
        "a": "1",
        "b": "2",
        "c": "x=y",
    }


@pytest.mark.parametrize("number", range(5))
def test_what_the_docs_say_to_put_into_a_target_keeps_the_rest(loaded: dict[str, Any], number: int) -> None:
    page = (ROOT / "docs" / "databricks.md").read_text()
    block = [yaml.safe_load(text) for kind, text in said(page) if kind == "yaml"][number]
    before = bundle.resolved(loaded, "prod")["resources"]
    whole = bundle.merged(loaded, block)
    after = bundle.resolved(whole, "prod")["resources"]
    assert after != before or "variables" in block["targets"]["prod"]
    (cluster,), (was,) = (made["jobs"]["bakeoff"]["job_clusters"] for made in (after, before))
    assert set(was["new_cluster"]) <= set(cluster["new_cluster"])
    for key in ("spark_version", "data_security_mode", "spark_env_vars"):
        assert cluster["new_cluster"][key] == was["new_cluster"][key]
    assert [problem for problem in problems(whole) if "asks for" not in problem and "is not used" not in problem] == []


def test_what_the_docs_say_of_compute_changes_what_the_jobs_run_on(loaded: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "databricks.md").read_text()
    *_, block = (yaml.safe_load(text) for kind, text in said(page) if kind == "yaml")
    assert block == {"targets": {"prod": {"variables": {"compute": "standard"}}}}
    jobs = bundle.resolved(bundle.merged(loaded, block), "prod")["resources"]["jobs"]
    for name in ("bakeoff", "bakeoff_score"):
        (cluster,) = (part["new_cluster"] for part in jobs[name]["job_clusters"])
        assert cluster["data_security_mode"] == "DATA_SECURITY_MODE_STANDARD"


def example(name: str) -> tuple[str, dict[str, Any]]:
    text = (ROOT / "docs" / "examples" / name).read_text()
    told: dict[str, Any] = yaml.safe_load(text)
    return text, told


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_for_ci_deploys_the_same_whatever_variables_are_set(name: str) -> None:
    text, _ = example(name.rpartition("/")[2])
    assert "BUNDLE_VAR" not in text
    assert "--var" not in text
    from_outside = set(re.findall(r"\bvars\.(\w+)|\$\((DATABRICKS_\w+)\)", text))
    assert {part for pair in from_outside for part in pair if part} <= {"DATABRICKS_HOST", "DATABRICKS_CLIENT_ID"}


def test_the_example_for_github_takes_actions_that_cannot_change() -> None:
    text, told = example("github.yml")
    actions = re.findall(r"uses: (\S+)", text)
    assert len(actions) > 5
    assert [action for action in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []
    assert "databricks bundle plan" in str(told["jobs"]["plan"]["steps"])
    assert "pull_request" in told["jobs"]["plan"]["if"]
    for target in ("staging", "prod"):
        job = told["jobs"][target]
        assert job["concurrency"] == {"group": f"bundle-{target}", "cancel-in-progress": False}
        assert next(step["run"] for step in job["steps"] if "run" in step).endswith(f"bundle deploy --target {target}")


def test_the_example_for_azure_devops_deploys_to_a_target_one_at_a_time() -> None:
    _, told = example("azure-devops.yml")
    assert told["lockBehavior"] == "sequential"
    stages = {stage["stage"]: stage for stage in told["stages"]}
    assert "PullRequest" in stages["plan"]["condition"]
    assert "databricks bundle plan" in str(stages["plan"])
    for target in ("staging", "prod"):
        (job,) = stages[target]["jobs"]
        assert job["environment"] == f"bakeoff-{target}"  # which has the lock
        steps = job["strategy"]["runOnce"]["deploy"]["steps"]
        commands = [step for step in steps if step.get("script", "").startswith("databricks")]
        assert commands[0]["script"] == f"databricks bundle deploy --target {target}"
        assert all(step["env"] == {"SYSTEM_ACCESSTOKEN": "$(System.AccessToken)"} for step in commands)

"""The commands that the pages show, taken apart as the shell and the command line client would take them apart."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import click
import yaml

from bakeoff.errors import BakeoffError
from support.bundle import Unresolved, asked, merged, resolved, tasks, wheel_arguments
from support.bundle_checks import parsed

_GLOBAL = {"target": True, "profile": True, "output": True, "debug": False}
_OPTIONS: dict[str, dict[str, bool]] = {
    "auth login": {"host": True},
    "bundle validate": {"var": True, "strict": False},
    "bundle plan": {"var": True, "select": True, "force": False},
    "bundle deploy": {"var": True, "select": True, "force": False, "force-lock": False, "auto-approve": False},
    "bundle run": {"var": True, "params": True, "only": True, "no-wait": False, "restart": False},
    "bundle open": {"var": True, "force-pull": False},
    "bundle summary": {"var": True, "force-pull": False},
    "bundle destroy": {"var": True, "auto-approve": False, "force-lock": False},
    "bundle deployment bind": {"var": True, "auto-approve": False, "force-lock": False},
    "bundle deployment unbind": {"var": True, "force-lock": False},
    "bundle generate dashboard": {"var": True, "resource": True, "force": False},
}
"""What each command takes, and whether a value follows."""


class Wrong(Exception):  # noqa: N818 - it is what it says
    """What the shell or the client would say."""


@dataclass
class Command:
    """A command line of the client's."""

    name: str
    places: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, line: str) -> Command:
        """A command as it is typed, with something in the place of <what everybody has to fill in>."""
        words = shlex.split(re.sub(r"<[^<>]*>", "filled-in", line), comments=True)
        name = next((name for name in _OPTIONS if words[1 : 1 + len(name.split())] == name.split()), None)
        if words[0] != "databricks" or name is None:
            raise Wrong(f"there is no such command: {line}")
        command = cls(name)
        rest = iter(words[1 + len(name.split()) :])
        known = {**_GLOBAL, **_OPTIONS[name]}
        for word in rest:
            option, sign, value = word.partition("=")
            option = {"-t": "--target", "-p": "--profile", "-o": "--output"}.get(option, option)
            if not option.startswith("-"):
                command.places.append(word)
                continue
            if option[2:] not in known:
                raise Wrong(f"{name} has no option {option}")
            if known[option[2:]] and not sign:
                value = next(rest)
            command.options.setdefault(option[2:], []).append(value)
        return command

    def pairs(self, option: str) -> dict[str, str]:
        """The names and values that an option gives, by the client's rules of commas, quotes and equals signs."""
        found = {}
        for value in self.options.get(option, ()):
            # With one equals sign --params is not taken apart; --var always is.
            parts = [value.strip('"')] if option == "params" and value.count("=") == 1 else next(csv.reader([value]))
            for part in parts:
                name, sign, content = part.partition("=")
                if not sign:
                    raise Wrong(f"--{option} {value}: {part} must be formatted as key=value")
                found[name] = content
        return found

    @property
    def target(self) -> str:
        """The target that it is about."""
        return self.options.get("target", ["dev"])[-1]


def said(page: str) -> Iterator[tuple[str, str]]:
    """The code of a page, from top to bottom, each with its language: commands and the YAML between them."""
    for block, inline in re.findall(r"^(```\w+\n.*?)^```|`(databricks [^`]+)`", page, re.MULTILINE | re.DOTALL):
        language, _, text = block.removeprefix("```").partition("\n")
        if inline:
            yield "text", inline
        elif language == "bash":
            yield from (("bash", line) for line in text.splitlines() if line.startswith(("databricks", "export")))
        elif language == "yaml":
            yield "yaml", text


def wrong_commands(bundle: Mapping[str, Any], page: str) -> list[str]:
    """What would go wrong for somebody who types what a page shows, from top to bottom."""
    problems: list[str] = []
    whole: Any = bundle
    for language, text in said(page):
        if language == "yaml":
            told = yaml.safe_load(text)
            whole = merged(whole, told) if "targets" in told else whole
        elif text.startswith("export"):
            problems.append(f"{text}: a new shell does not know what is exported")
        elif text.startswith(("databricks bundle ", "databricks auth ")):
            try:
                _check(whole, Command.of(text), complete=language == "bash")
            except Wrong as error:
                problems.append(f"{text}: {error}")
    return problems


def _check(bundle: Mapping[str, Any], command: Command, *, complete: bool) -> None:
    if not command.name.startswith("bundle"):
        return
    if command.target not in bundle["targets"]:
        raise Wrong(f"there is no target {command.target}")
    variables = _variables_of(bundle, command)
    missing = asked(bundle, command.target) - set(variables)
    if complete and missing:
        raise Wrong(f"no value assigned to required variable {', '.join(sorted(missing))}")
    try:
        made = resolved(bundle, command.target, variables)
    except Unresolved as error:
        raise Wrong(f"reference does not exist: ${{{error}}}") from error
    keys = {key: kind for kind, named in bundle["resources"].items() for key in named}
    if command.name in {"bundle run", "bundle open"} or "bind" in command.name:
        key = command.places[0] if command.places else ""
        if key not in keys or (command.name == "bundle run" and keys[key] != "jobs"):
            raise Wrong(f"there is no resource {key} for it")
    if command.name == "bundle run":
        _check_run(made["resources"]["jobs"][command.places[0]], command)


def _variables_of(bundle: Mapping[str, Any], command: Command) -> dict[str, str]:
    """The values that a command gives to variables, each of which is there and takes a plain value."""
    variables = command.pairs("var")
    for name in variables:
        if name not in bundle["variables"]:
            raise Wrong(f"there is no variable {name}")
        if bundle["variables"][name].get("type") == "complex":
            raise Wrong(f"{name} is complex and cannot be given by --var")
    return variables


def _check_run(job: Mapping[str, Any], command: Command) -> None:
    parameters = command.pairs("params")
    if unknown := set(parameters) - {part["name"] for part in job.get("parameters", ())}:
        raise Wrong(f"the job has no parameter {', '.join(sorted(unknown))}")
    for keys in command.options.get("only", ()):
        if unknown := {key.strip("+") for key in keys.split(",")} - {task["task_key"] for task in job["tasks"]}:
            raise Wrong(f"the job has no task {', '.join(sorted(unknown))}")
    if any("python_wheel_task" in task for task in tasks(job)):
        try:
            parsed(wheel_arguments(job, **parameters))
        except (click.ClickException, BakeoffError) as error:
            raise Wrong(str(error)) from error

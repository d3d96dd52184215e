"""The commands that README, docs and the help show are taken by the real parsers."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from bakeoff.cli.app import cli
from support.bundle_checks import parsed
from support.doc_examples import ROOT, blocks, blocks_of, commands, inline

IN_HELP = [
    (name, line.strip())
    for name, command in cli.commands.items()
    for line in (command.epilog or "").splitlines()
    if line.strip().startswith("bakeoff ")
]
SHOWN = [
    *((str(block), words) for block in blocks("bash") for words in commands(block.text, "bakeoff")),
    *((f"bakeoff {name} --help", words) for name, line in IN_HELP for words in commands(line, "bakeoff")),
]
MENTIONED = sorted({(page, line) for page, line in inline("bakeoff")})
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the files that commands name for options."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bakeoff.yml").write_text(next(block.text for block in blocks("yaml") if "source: data" in block.text))
    (tmp_path / "setup.json").write_text(json.dumps({"normalize": True}))


def test_there_are_commands_to_look_at() -> None:
    assert len(SHOWN) > 60
    assert len(IN_HELP) > 20
    assert len(MENTIONED) > 20
    assert {words[0] for _, words in SHOWN if words} >= set(cli.commands)


@pytest.mark.parametrize(("where", "words"), SHOWN, ids=lambda part: part if isinstance(part, str) else " ".join(part))
@pytest.mark.usefixtures("here")
def test_a_command_is_taken_as_it_is_shown(where: str, words: list[str]) -> None:
    takes_command(words)


def takes_command(words: list[str]) -> None:
    """Have the command line's parser, and the check of a run's options, take what stands behind ``bakeoff``."""
    if not words or words[0] in {"--help", "--version"}:
        return
    if words[-1] in {"--help", "-h"}:
        assert words[0] in cli.commands
        return
    parsed(words)


@pytest.mark.parametrize(("page", "line"), MENTIONED)
def test_a_command_that_a_sentence_mentions_is_there(page: str, line: str) -> None:
    for words in commands(line, "bakeoff"):
        mentions_command(words)


def mentions_command(words: list[str]) -> None:
    """Look whether a command is there, and the options that it is mentioned with."""
    if not words or words[0].startswith("-"):
        takes_command(words)
        return
    assert words[0] in cli.commands
    there = {name for option in cli.commands[words[0]].params for name in option.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= there | {"--help"}


@pytest.mark.parametrize("line", ["bakeoff result", "bakeoff run --folds", "bakeoff --verbose"])
def test_a_command_that_is_not_there_is_found(line: str) -> None:
    with pytest.raises((click.ClickException, AssertionError)):
        mentions_command(*commands(line, "bakeoff"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("bakeoff run --source a.csv --target y --folds 5", "No such option '--folds'"),
        ("bakeoff run --source a.csv", "--target is missing"),
        ("bakeoff run --source a.csv --target y --fold few", "--fold must be a number"),
        ("bakeoff result wine-1", "no command result"),
        ("bakeoff check --source a.csv --target y --json | jq . && bakeoff check --sort", "'--sort'"),
    ],
)
def test_a_command_that_would_be_refused_is_found(line: str, says: str) -> None:
    *_, words = commands(line, "bakeoff")
    with pytest.raises((click.ClickException, AssertionError, ValueError), match=re.escape(says)):
        takes_command(words)


def test_a_script_is_taken_apart_as_the_shell_does() -> None:
    script = """bakeoff run --sep ';' --decimal ,   # a comment; bakeoff no
bakeoff sql "SELECT 'a|b'
             FROM x" > out.csv && .venv/bin/bakeoff runs \\
  --json | jq '.x | select(.y)'
"""
    assert commands(script, "bakeoff") == [
        ["run", "--sep", ";", "--decimal", ","],
        ["sql", "SELECT 'a|b'\n             FROM x"],
        ["runs", "--json"],
    ]
    for line in script.splitlines()[:1]:
        assert commands(line, "bakeoff")[0] == shlex.split(line, comments=True)[1:]


def test_blocks_are_found_with_the_reason_why_they_are_not_run() -> None:
    page = "a\n```sql\nSELECT 1\n```\n<!-- not run: needs a workspace -->\n\n  ```python\n  x\n  ```\n```text\n```\n"
    found = [(block.line, block.language, block.text, block.not_run) for block in blocks_of("page", page)]
    assert found == [(2, "sql", "SELECT 1", ""), (7, "python", "  x", "needs a workspace"), (10, "text", "", "")]
    with pytest.raises(ValueError, match="page:1: the block does not end"):
        list(blocks_of("page", "```python\nx"))


@pytest.mark.parametrize("block", blocks("bash"), ids=str)
def test_what_is_to_be_made_is_in_the_makefile(block: object) -> None:
    for words in commands(block.text, "make"):
        assert {word for word in words if "=" not in word} <= TARGETS

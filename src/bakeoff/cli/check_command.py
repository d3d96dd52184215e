"""The command that reads and judges a table, without training anything."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakeoff.cli.common import answering, examples, loudness, print_json, tell
from bakeoff.cli.run_commands import log_to_stderr, run
from bakeoff.config import READING_OPTIONS, RunConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.source import Finding, SourceTable

_OPTIONS = (*READING_OPTIONS, "config_file", "home")
"""The options of `bakeoff run` that decide what is read, and where Spark keeps its files."""


@click.command(
    params=[option for option in run.params if option.name in _OPTIONS],
    epilog=examples(
        "bakeoff check --source customers.csv --target churned",
        "bakeoff check --source main.sales.orders --target amount --task regression",
        "bakeoff check --source data.csv --target y --json > findings.json",
        "bakeoff check --source data.csv --target y --strict && bakeoff run --source data.csv --target y",
    ),
)
@click.option("--strict", is_flag=True, help="Exit with 1 where something is suspicious.")
@loudness
def check(config_file: Path | None, strict: bool, as_json: bool, quiet: bool, verbose: int, **options: Any) -> None:
    """Read a table and judge it, without training: what was taken for what, changed, left out or looks suspicious.

    Suspicious are columns that give the target away, ids, constants, copies of columns and rows, dates in the future,
    and rows that change from first to last. What is found is no error: the exit code is 0, unless --strict is given.
    """
    log_to_stderr(verbose)
    with answering(as_json=as_json):
        config = RunConfig.from_sources(options, config_file)
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            source = _judged_source(config)
    if as_json:
        print_json(as_object(source, config))
    else:
        _show(source, config, quiet=quiet)
    if strict and any(finding.is_suspicious for finding in source.findings):
        click.get_current_context().exit(1)


def _judged_source(config: RunConfig) -> SourceTable:
    """Read the table, in a Spark session only where it needs one, and judge it."""
    from bakeoff.cli.common import starting_spark
    from bakeoff.source import load_source, why_spark
    from bakeoff.source.judgement import judged

    reason = why_spark(config.source, config.source_version)
    if reason is None:
        return judged(load_source(config), config)
    from bakeoff.spark.session import open_session, require_spark

    require_spark(reason)
    with starting_spark(), open_session(None, config.home) as (spark, _):
        return judged(load_source(config, spark), config)


def as_object(source: SourceTable, config: RunConfig) -> dict[str, Any]:
    """Return what was read and noticed as an object for ``json.dumps``."""
    from bakeoff.report.data_profile import columns_of

    return {
        "source": source.name,
        "source_version": source.version,
        "kind": source.kind,
        "target": config.target,
        "task": source.task,
        "n_rows": source.frame.shape[0],
        "n_columns": source.frame.shape[1],
        "data_digest": source.digest,
        "columns": [asdict(column) for column in columns_of(source.frame)],
        "findings": [finding.as_object() for finding in source.findings],
    }


def _show(source: SourceTable, config: RunConfig, *, quiet: bool) -> None:
    """Print the columns, the findings, and what to type next."""
    from rich.console import Console

    from bakeoff._utils.redaction import redact_text
    from bakeoff._utils.text import counted
    from bakeoff.cli.formatting import print_frame
    from bakeoff.report.reproduce import command

    rows, columns = source.frame.shape
    if not quiet:
        size = f"{counted(rows, 'row')}, {counted(columns, 'column')}"
        tell(f"{source.name}: {size}, {source.task.replace('_', ' ')} of {config.target!r}.")
        print_frame(Console(highlight=False), _columns_frame(source, config))
    for heading, findings in _by_kind(source.findings):
        tell(heading, *(f"- {finding.sentence}" for finding in findings), "")
    if not source.findings:
        tell("Nothing was changed or left out, and nothing looks suspicious.", "")
    if not quiet:
        tell("Next:", f"  {redact_text(command(json.loads(config.to_json())))}")


def _columns_frame(source: SourceTable, config: RunConfig) -> Any:
    """Return a row for each column: what it was taken for, its gaps and values, and what was noticed about it."""
    import pandas as pd

    from bakeoff.report.data_profile import columns_of

    noticed: dict[str, list[str]] = {}
    for finding in source.findings:
        for name in finding.columns:
            noticed.setdefault(name, []).append(finding.kind.value)
    rows = []
    for name, column in zip(source.frame.columns, columns_of(source.frame), strict=False):
        kinds = list(dict.fromkeys(noticed.pop(str(name), [])))
        role = ["target"] if name == config.target else []
        rows.append(
            {
                "column": column.name,
                "taken for": column.type,
                "missing": column.missing,
                "distinct": column.distinct,
                "values": column.values,  # noqa: PD011 - no array
                "": ", ".join(role + [kind for kind in kinds if kind != "task"]),
            }
        )
    for name, kinds in noticed.items():
        if "left out" in kinds:
            rows.append({"column": name, "taken for": "", "missing": "", "distinct": "", "values": "", "": "left out"})
    return pd.DataFrame(rows)


def _by_kind(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """Return the findings under a heading for each kind, the most important first."""
    groups: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: -finding.importance):
        groups.setdefault(finding.kind.value, []).append(finding)
    return [(kind.capitalize(), group) for kind, group in groups.items()]

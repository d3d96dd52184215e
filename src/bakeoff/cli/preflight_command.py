"""The command that says whether a run can be carried out here, and if not, what to type."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakeoff.cli.common import answering, examples, loudness, print_json, starting_spark, tell
from bakeoff.cli.run_commands import log_to_stderr, run
from bakeoff.config import RunConfig
from bakeoff.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.job.ground_request import GroundRequest
    from bakeoff.job.preflight_rows import Check

_OPTIONS = ("engine", "home", "catalog", "schema", "payload_dir", "source", "source_version", "config_file")
"""The options of `bakeoff run` that decide where it takes place."""


@click.command(
    params=[option for option in run.params if option.name in _OPTIONS],
    epilog=examples(
        "bakeoff preflight",
        "bakeoff preflight --engine spark",
        "bakeoff preflight --catalog main --schema bakeoff --payload-dir /Volumes/main/bakeoff/payloads",
        "bakeoff preflight --quiet && bakeoff run --source data.csv --target y",
    ),
)
@loudness
def preflight(config_file: Path | None, as_json: bool, quiet: bool, verbose: int, **options: Any) -> None:
    """Say whether a run can be carried out here: what is there, what is needed, what to type where it is missing.

    Looked at are the compute, Python, libraries, Spark and its workers, folders, tables and MLflow. A small task runs
    on a worker, and nothing is trained. With --quiet only what is missing is shown; if anything is, the exit code is 2.
    """
    log_to_stderr(verbose)
    with answering(as_json=as_json):
        request = _request(options, config_file)
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            rows = _looked_at(request)
    missing = [row for row in rows if not row.is_ok]
    if as_json:
        print_json(as_object(rows))
    else:
        _show(missing if quiet else rows)
    sys.stdout.flush()  # a job's log has what comes next from stderr, which does not wait
    if missing:
        names = ", ".join(row.what for row in missing)
        raise ClusterError(
            f"A run cannot be carried out here as asked, and the table says what to do about it: {names}."
        )
    if not quiet and not as_json:
        tell("A run can be carried out here.")


def _request(options: dict[str, Any], file: Path | None) -> GroundRequest:
    """Return what was asked for; a file of options is checked as `bakeoff run` would check it."""
    from bakeoff.job.ground_request import GroundRequest

    if file is None:
        return GroundRequest.from_options(options)
    config = RunConfig.from_sources(options, file)
    return GroundRequest.from_options({name: getattr(config, name) for name in _OPTIONS if name != "config_file"})


def _looked_at(request: GroundRequest) -> list[Check]:
    from bakeoff.job.preflight_table import preflight as look

    return look(request, waiting=starting_spark)


def as_object(rows: Sequence[Check]) -> dict[str, Any]:
    """Return the rows as an object for ``json.dumps``."""
    from bakeoff._utils.redaction import redact

    status = "ok" if all(row.is_ok for row in rows) else "missing"
    found: dict[str, Any] = redact({"status": status, "checks": [row.as_object() for row in rows]})
    return found


def _show(rows: Sequence[Check]) -> None:
    """Print the rows as one table, each with what to type where what is there is not enough."""
    from rich.console import Console

    from bakeoff._utils.redaction import redact_text
    from bakeoff.cli.formatting import print_folded

    if not rows:
        return
    content = [
        {"": row.what, "found": redact_text(row.found), "needed": row.needed, "to do": redact_text(row.advice or "ok")}
        for row in rows
    ]
    print_folded(Console(highlight=False), content, whole={"", "needed"})

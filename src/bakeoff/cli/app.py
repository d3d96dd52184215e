"""The ``bakeoff`` command, and its exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from bakeoff import __version__
from bakeoff._utils.disk import nearest_folder
from bakeoff._utils.own_process import claim_process, end_quickly_with, prepare_quick_end
from bakeoff._utils.platform import on_databricks
from bakeoff._utils.redaction import redact_text
from bakeoff._utils.text import one_line
from bakeoff.cli.check_command import check
from bakeoff.cli.common import tell
from bakeoff.cli.preflight_command import preflight
from bakeoff.cli.query_commands import leaderboard, report, runs, sql, ui
from bakeoff.cli.run_commands import demo, resume, run
from bakeoff.cli.score_command import score
from bakeoff.cli.streams import forgiving_output
from bakeoff.cli.sync_command import sync
from bakeoff.errors import BakeoffError, ConfigError, EngineLostError, RunInterruptedError
from bakeoff.spark.scratch import shared_folder


class _Commands(click.Group):
    """A command group that turns Bakeoff's errors into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            _check_home_folder()
            return super().invoke(ctx)
        except BakeoffError as error:
            message = redact_text(str(error))
            with suppress(OSError):  # the terminal may be what is gone
                tell(
                    message if isinstance(error, RunInterruptedError | EngineLostError) else f"Error: {message}",
                    err=True,
                )
            ctx.exit(error.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bakeoff")
def cli() -> None:
    """Compare every model that PyCaret knows on one table, on Spark.

    Start with `bakeoff demo`, then run it on your own table: `bakeoff run --source data.csv --target y`.
    """


for _command in (run, resume, demo, check, preflight, runs, leaderboard, report, score, sql, sync, ui):
    cli.add_command(_command)


_WORKING = ("run", "resume", "demo", "sync")
"""Commands whose work counts as done even if their output cannot be printed."""


def _print_usage_error(error: click.ClickException) -> int:
    """Print what click refuses in one sentence, such as an unknown option, and return the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "bakeoff"
    said = one_line(redact_text(error.format_message())).rstrip(".")
    tell(f"Error: {said}. (`{command} --help` says what there is.)", err=True)
    return error.exit_code


def _check_home_folder() -> None:
    """Check that the user has a home folder, without which MLflow cannot be imported.

    Raises:
        ConfigError: the user has none.
    """
    try:
        Path.home()
    except RuntimeError as error:
        raise ConfigError(
            "This user has no home folder on this machine, as in some containers: set HOME to a folder to write to."
        ) from error


def _place_matplotlib_cache() -> None:
    """Name a folder for Matplotlib's cache if its usual place is not writable, of which it would warn at length."""
    if os.environ.get("MPLCONFIGDIR"):
        return
    with suppress(RuntimeError):  # the user has no home folder
        usual = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config").absolute()
        if os.access(nearest_folder(usual), os.W_OK | os.X_OK):
            return
    with suppress(OSError):
        os.environ["MPLCONFIGDIR"] = str(shared_folder() / "matplotlib")


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; the entry point of the wheel and of ``python -m bakeoff``.

    Returns normally after a success, because a job on Databricks takes ``sys.exit(0)`` for a failure.

    Args:
        args: arguments of the command line; by default those of this process.

    Raises:
        SystemExit: with 2 for a mistake in the request, 1 for a run that failed or a result that could not be printed,
            75 for a run that lost its engine and can be continued, 130, 143 or 129 for a run that was ended by Ctrl-C,
            SIGTERM or SIGHUP.
    """
    arguments = list(sys.argv[1:] if args is None else args)
    is_own = args is None and not on_databricks()  # there the process goes on when the job has ended
    if is_own:
        claim_process()
        prepare_quick_end()
    # PyCaret writes a log into the working directory from the moment it is imported; a job has its own.
    os.environ.setdefault("PYCARET_CUSTOM_LOGGING_PATH", os.devnull)
    _place_matplotlib_cache()
    with forgiving_output() as out:
        try:
            code = cli.main(args=arguments, prog_name="bakeoff", standalone_mode=False)
        except click.ClickException as error:
            code = _print_usage_error(error)
        out.flush()
        if out.problem is not None:
            tell(f"What was to be printed could not be written: {out.problem.strerror or out.problem}.", err=True)
            code = code or (0 if arguments[:1] and arguments[0] in _WORKING else 1)
    if is_own:
        end_quickly_with(code if isinstance(code, int) else 0)
    if isinstance(code, int) and code != 0:
        sys.exit(code)

"""Parsers for single options, from text, numbers and lists.

A value that cannot be used raises an error whose sentence names the option.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bakeoff._utils.platform import expanded
from bakeoff._utils.text import one_line
from bakeoff.errors import ConfigError, one_of

TASKS = ("classification", "regression", "time_series")
ENGINES = ("spark", "native")
ISOLATIONS = ("auto", "process", "none")

SETUP_OWNED = {
    "data": "--source",
    "data_func": "--source",
    "test_data": "--source for all rows and 'train_size' for the share to train on",
    "target": "--target",
    "index": "--time-col for a time series, or 'ignore_features' to leave a column out",
    "fold": "--fold",
    "fh": "--fh",
    "session_id": "--seed",
    "experiment_name": "--experiment",
    "log_experiment": "--experiment (Bakeoff logs to MLflow itself)",
    "log_plots": "--experiment (Bakeoff logs plots itself)",
    "log_data": "--experiment (Bakeoff logs the data set itself)",
    "log_profile": "--experiment (Bakeoff logs to MLflow itself)",
    "experiment_custom_tags": "--run-id to tell runs apart",
    "html": "nothing (Bakeoff shows its own progress)",
    "verbose": "nothing (Bakeoff shows its own progress)",
    "profile": "nothing (a profile needs somebody to look at it)",
    "profile_kwargs": "nothing (a profile needs somebody to look at it)",
    "system_log": "nothing (Bakeoff keeps its own log)",
}
"""Arguments of PyCaret's ``setup()`` that Bakeoff sets itself, and what to use instead."""

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\$\{.*?\}", re.DOTALL)
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_NAME_PART = re.compile(r"[^\s./\\`]+")
_MAX_SEED = 2**32 - 1


def parse_setup(text: str, folder: Path | None = None) -> dict[str, Any]:
    """Parse arguments for PyCaret's ``setup()`` from JSON or from ``@file`` (JSON, or YAML by its extension).

    Args:
        text: the JSON itself, or ``@`` and a path.
        folder: folder that a relative path starts from; the working directory by default.

    Raises:
        ConfigError: The file cannot be read, or the text names no arguments.

    Example:
        >>> parse_setup('{"normalize": true}')
        {'normalize': True}
    """
    text = text.strip()
    if not text:
        return {}
    origin = "--setup"
    path = expanded(text[1:].strip(), "--setup") if text.startswith("@") else None
    if path is not None:
        path = path if folder is None else folder / path
        origin = f"--setup {path}"
        text = read_text(path, "--setup")
    try:
        arguments = yaml.safe_load(text) if path is not None and path.suffix in {".yml", ".yaml"} else json.loads(text)
    except (ValueError, yaml.YAMLError) as error:
        hint = "" if path is not None else """: write it as '{"normalize": true}', or as @file.json"""
        raise ConfigError(f"{origin} cannot be read ({one_line(error)}){hint}.") from error
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise ConfigError(
            f"""{origin} must name arguments of setup(), as in '{{"normalize": true}}', not {arguments!r}."""
        )
    return arguments


def flag(name: str) -> str:
    """Return the command-line flag of an option.

    Example:
        >>> flag("n_select")
        '--n-select'
    """
    return "--" + name.replace("_", "-")


def given(value: Any) -> Any:
    """Return the value, or ``None`` for one that counts as not given: blank text and empty collections."""
    if isinstance(value, str):
        value = value.strip()
    return None if value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value) else value


def refuse_placeholder(name: str, value: Any) -> None:
    """Raise a `ConfigError` if a value holds a placeholder that the job's definition should have filled in."""
    if isinstance(value, str) and (match := _PLACEHOLDER.search(value)):
        raise ConfigError(
            f"{flag(name)} still holds {match.group()}, which nobody filled in: "
            "check the parameter's name where the job is defined, or give a value."
        )
    if isinstance(value, Mapping):
        for part in value.items():
            refuse_placeholder(name, part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            refuse_placeholder(name, part)


def _parse_text(option: str, value: Any) -> str:
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ConfigError(f"{option} must be text, not {value!r}: put it in quotes.")
    return str(value)


def _parse_path(option: str, value: Any) -> Path:
    return expanded(_parse_text(option, value), option)


def _parse_texts(option: str, value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    split = [piece.strip() for part in parts for piece in _parse_text(option, part).split(",")]
    return tuple(dict.fromkeys(piece for piece in split if piece))


def _parse_task(option: str, value: Any) -> str:
    task = _parse_text(option, value).lower().replace("-", "_")
    if task not in TASKS:
        raise ConfigError(one_of(value, TASKS, "task"))
    return task


def _parse_number(option: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN
        raise ConfigError(f"{option} must be a number, not {value!r}.")
    return number


def _parse_whole(minimum: int, maximum: int | None = None) -> Callable[[str, Any], int]:
    def parse(option: str, value: Any) -> int:
        number = _parse_number(option, value)
        if number != int(number) or number < minimum or (maximum is not None and number > maximum):
            limit = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
            raise ConfigError(f"{option} must be a whole number, {limit}, not {value!r}.")
        return int(value) if isinstance(value, (int, str)) and str(value).strip().isdigit() else int(number)

    return parse


def _parse_minutes(option: str, value: Any) -> float:
    minutes = _parse_number(option, value)
    if minutes <= 0:
        raise ConfigError(f"{option} must be more than 0, not {value!r}: leave it out to run without a limit.")
    return minutes


def _parse_margin(option: str, value: Any) -> float:
    margin = _parse_number(option, value)
    if margin < 0:
        raise ConfigError(f"{option} must be at least 0, not {value!r}: a new model never replaces a better one.")
    return margin


def _parse_lift(option: str, value: Any) -> float:
    lift = _parse_number(option, value)
    if lift < 0:
        raise ConfigError(f"{option} must be at least 0, not {value!r}: a champion is better than the dummy.")
    return lift


def _parse_engine(option: str, value: Any) -> str:
    engine = _parse_text(option, value).lower()
    if engine not in ENGINES:
        raise ConfigError(one_of(value, ENGINES, "engine"))
    return engine


def _parse_timeout(option: str, value: Any) -> float:
    seconds = _parse_number(option, value)
    if seconds < 0:
        raise ConfigError(f"{option} must be at least 0 seconds, not {value!r}: 0 is no limit.")
    return seconds


def _parse_megabytes(option: str, value: Any) -> float:
    megabytes = _parse_number(option, value)
    if megabytes <= 0:
        raise ConfigError(f"{option} must be more than 0, not {value!r}: leave it out for no limit.")
    return megabytes


def _parse_isolation(option: str, value: Any) -> str:
    isolation = _parse_text(option, value).lower()
    if isolation not in ISOLATIONS:
        raise ConfigError(one_of(value, ISOLATIONS, "isolation"))
    return isolation


def _parse_horizon(option: str, value: Any) -> int | tuple[int, ...]:
    parts = list(value) if isinstance(value, (list, tuple)) else str(value).split(",")
    steps = tuple(_parse_whole(1)(option, part) for part in parts if given(part) is not None)
    if not steps:
        raise ConfigError(
            f"{option} must be a number of steps or the steps themselves, as in 12 or 1,2,3, not {value!r}."
        )
    is_list = isinstance(value, (list, tuple)) or "," in str(value)
    return tuple(sorted(set(steps))) if is_list else steps[0]


def _parse_run_id(option: str, value: Any) -> str:
    name = _parse_text(option, value)
    if not _RUN_ID.fullmatch(name):
        raise ConfigError(
            f"{option} {name!r} cannot name a run: use up to 100 letters, digits, '-', '_' and '.', starting with one "
            "of the first two."
        )
    return name


def _parse_name_part(option: str, value: Any) -> str:
    name = _parse_text(option, value)
    if not _NAME_PART.fullmatch(name):
        raise ConfigError(f"{option} {name!r} must be one name, without dots, slashes, spaces or backticks.")
    return name


def _parse_setup_option(option: str, value: Any) -> dict[str, Any]:
    arguments = parse_setup(value) if isinstance(value, str) else value
    if not isinstance(arguments, Mapping):
        raise ConfigError(f"{option} must name arguments of setup(), not {value!r}.")
    refuse_placeholder("setup", arguments)
    for name in arguments:
        if name in SETUP_OWNED:
            raise ConfigError(
                f"{option} cannot set {name!r}, which Bakeoff sets itself: use {SETUP_OWNED[name]} instead."
            )
    return dict(arguments)


REQUIRED = {
    "source": "give a table's name, or a path to a csv, parquet or Delta file",
    "target": "name the column to predict",
}
"""Options without a default, with the hint that an error about a missing one ends with."""
PARSERS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("source", "target", "sort", "experiment", "register_model", "time_col"), _parse_text),
    **dict.fromkeys(("include", "exclude", "order_by"), _parse_texts),
    **dict.fromkeys(("n_select", "batch_size"), _parse_whole(1)),
    **dict.fromkeys(("catalog", "schema"), _parse_name_part),
    "task": _parse_task,
    "fold": _parse_whole(2),
    "budget_minutes": _parse_minutes,
    "champion_margin": _parse_margin,
    "min_value": _parse_number,
    "min_lift": _parse_lift,
    "engine": _parse_engine,
    "seed": _parse_whole(0, _MAX_SEED),
    "setup": _parse_setup_option,
    "run_id": _parse_run_id,
    "home": _parse_path,
    "max_rows": _parse_whole(2),
    "source_version": _parse_whole(0),
    "fh": _parse_horizon,
    "trial_timeout": _parse_timeout,
    "trial_memory_mb": _parse_megabytes,
    "max_retries": _parse_whole(0),
    "n_slots": _parse_whole(1),
    "isolation": _parse_isolation,
}
"""Function that reads each option's value; called with the flag, for the error's sentence, and the value."""


def read_text(path: Path, option: str) -> str:
    """Return the text of a file that an option names.

    Raises:
        ConfigError: The file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise ConfigError(f"{option} {path} cannot be read ({reason}): check the path (from {Path.cwd()}).") from error

"""Parsers for single options, from text, numbers and lists.

A value that cannot be used raises an error whose sentence names the option.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bakeoff._setup_option import parse_setup
from bakeoff._utils.platform import expanded
from bakeoff.errors import ConfigError, one_of

TASKS = ("classification", "regression", "time_series")
ENGINES = ("spark", "native")
ISOLATIONS = ("auto", "process", "none")
KEEP_PREDICTIONS = ("auto", "yes", "no")
BLENDS = ("off", "offer", "on")

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
_STEPS = re.compile(r"(\d+)\s*-\s*(\d+)")
_MAX_STEPS = 10_000
_NAME_PART = re.compile(r"[^\s./\\`]+")
_MAX_SEED = 2**32 - 1
_MAX_EXPERIMENT, _MAX_MODEL = 250, 250
"""Greatest lengths of names that any of MLflow's stores takes."""
_SHOWN = 40
"""Number of characters that an error shows of a name that is too long."""


def flag(name: str) -> str:
    """Return the command-line flag of an option.

    Example:
        >>> flag("n_select")
        '--n-select'
    """
    return "--" + name.replace("_", "-")


def given(value: Any) -> Any:
    """Return the value, or ``None`` for one that counts as not given: blank text and empty collections."""
    if isinstance(value, str) and value != "\t":  # which is a separator
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


def _parse_home(option: str, value: Any) -> Path:
    path = _parse_path(option, value)
    if "?" in str(path):
        raise ConfigError(
            f"{option} {path} has a question mark, which no address of MLflow's database can have: name another."
        )
    return path


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


def _parse_word(words: tuple[str, ...], truth: Mapping[bool, str]) -> Callable[[str, Any], str]:
    """Return a parser for one of some words, which reads what YAML makes of yes, no, on and off, too."""

    def parse(option: str, value: Any) -> str:
        word = truth[value] if isinstance(value, bool) else str(value).lower()
        if word not in words:
            raise ConfigError(f"{option} must be {', '.join(words[:-1])} or {words[-1]}, not {value!r}.")
        return word

    return parse


def _parse_share(option: str, value: Any) -> float:
    share = _parse_number(option, value)
    if not 0 < share < 1:
        raise ConfigError(f"{option} must be a share of the rows between 0 and 1, as in 0.2, not {value!r}.")
    return share


def _parse_horizon(option: str, value: Any) -> int | tuple[int, ...]:
    parts = list(value) if isinstance(value, (list, tuple)) else str(value).strip("[]() ").split(",")
    steps = tuple(step for part in parts if given(part) is not None for step in _parse_steps(option, part))
    if not steps:
        raise ConfigError(
            f"{option} must be a number of steps or the steps themselves, as in 12, 1,2,3 or 4-6, not {value!r}."
        )
    is_list = isinstance(value, (list, tuple)) or re.search(r"[,\[(]|\d\s*-", str(value)) is not None
    return tuple(sorted(set(steps))) if is_list else steps[0]


def _parse_steps(option: str, part: Any) -> tuple[int, ...]:
    """Read one step ahead, or the steps from one to another."""
    ends = _STEPS.fullmatch(part.strip()) if isinstance(part, str) else None
    if ends is None:
        return (_parse_whole(1)(option, part),)
    first, last = _parse_whole(1)(option, ends.group(1)), _parse_whole(1)(option, ends.group(2))
    if last < first or last - first > _MAX_STEPS:
        raise ConfigError(f"{option} must go from a nearer step to a farther one, as in 4-6, not {part!r}.")
    return tuple(range(first, last + 1))


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


def _parse_experiment(option: str, value: Any) -> str:
    name = _parse_text(option, value)
    if len(name) > _MAX_EXPERIMENT or not name.isprintable():
        raise ConfigError(
            f"{option} {name[:_SHOWN]!r} cannot name an experiment: use up to {_MAX_EXPERIMENT} characters that can be "
            "printed."
        )
    return name


def _parse_model_name(option: str, value: Any) -> str:
    """Refuse what MLflow's registries refuse after everything else has been done."""
    name = _parse_text(option, value)
    bad = [character for character in "/:" if character in name]
    if bad:
        better = re.sub("[/:]+", "-", name).strip("-") or "best-model"
        raise ConfigError(
            f"{option} {name!r} cannot name a registered model, since MLflow takes no {' and no '.join(map(repr, bad))}"
            f" in it: use {better!r}, or in Unity Catalog catalog.schema.{better}."
        )
    if len(name) > _MAX_MODEL or not name.isprintable() or not name.strip("."):
        raise ConfigError(
            f"{option} {name[:_SHOWN]!r} cannot name a registered model: use up to {_MAX_MODEL} characters that can be "
            "printed."
        )
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
    # Lists of pandas and numpy become plain ones, which are saved and compared whole.
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in arguments.items()}


def _parse_sep(option: str, value: Any) -> str:
    text = _parse_text(option, value)
    sep = _SEPARATORS.get(text.lower(), text)
    if sep.isalnum() or any(character in "\"'\n\r" for character in sep):
        raise ConfigError(
            f"{option} must be what stands between two columns, such as ';' or one of the words "
            f"{', '.join(word for word in _SEPARATORS if word.isalpha())}, not {value!r}."
        )
    return sep


def _parse_decimal(option: str, value: Any) -> str:
    mark = {"comma": ",", "point": "."}.get(_parse_text(option, value).lower(), str(value))
    if mark not in {",", "."}:
        raise ConfigError(f"{option} must be ',' or '.', not {value!r}.")
    return mark


def _parse_encoding(option: str, value: Any) -> str:
    encoding = _parse_text(option, value)
    try:
        "".encode(encoding)
    except LookupError as error:
        raise ConfigError(
            f"{option} {encoding} is no encoding of text: name one such as utf-8, cp1252, latin-1 or utf-16."
        ) from error
    return encoding


def _parse_gaps(option: str, value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    return _parse_texts(option, [str(part) if isinstance(part, float) else part for part in parts])


def _parse_header(option: str, value: Any) -> str:
    text = {"true": "yes", "false": "no"}.get(str(value).lower(), str(value).lower())
    if text not in {"yes", "no"} and not (text.isdigit() and int(text) > 0):
        raise ConfigError(
            f"{option} must be yes, no, or the number of the line that holds the names of the columns (the first is "
            f"1), not {value!r}."
        )
    return text


_SEPARATORS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "pipe": "|",
    "blank": " ",
    "blanks": " ",
    "space": " ",
    "\\t": "\t",
}
REQUIRED = {
    "source": "give a table's name, or a path to a file, a folder of files or a Delta table",
    "target": "name the column to predict",
}
"""Options without a default, with the hint that an error about a missing one ends with."""
PARSERS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("source", "target", "sort", "time_col"), _parse_text),
    **dict.fromkeys(("include", "exclude", "order_by"), _parse_texts),
    **dict.fromkeys(("n_select", "batch_size"), _parse_whole(1)),
    **dict.fromkeys(("catalog", "schema"), _parse_name_part),
    "experiment": _parse_experiment,
    "register_model": _parse_model_name,
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
    "home": _parse_home,
    "max_rows": _parse_whole(2),
    "source_version": _parse_whole(0),
    "fh": _parse_horizon,
    "trial_timeout": _parse_timeout,
    "trial_memory_mb": _parse_megabytes,
    "max_retries": _parse_whole(0),
    "n_slots": _parse_whole(1),
    "isolation": _parse_isolation,
    "keep_predictions": _parse_word(KEEP_PREDICTIONS, {True: "yes", False: "no"}),
    "blend": _parse_word(BLENDS, {True: "on", False: "off"}),
    "holdout": _parse_share,
    "sep": _parse_sep,
    "decimal": _parse_decimal,
    "encoding": _parse_encoding,
    "na_values": _parse_gaps,
    "header": _parse_header,
}
"""Function that reads each option's value; called with the flag, for the error's sentence, and the value."""

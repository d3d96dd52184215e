"""Arguments of PyCaret's ``setup()`` as text: JSON, or a file of JSON or YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bakeoff._options.values import refuse_placeholder
from bakeoff._utils.platform import expanded
from bakeoff._utils.text import one_line
from bakeoff.errors import ConfigError

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
        raise ConfigError(f"{origin} cannot be read ({one_line(error)}): {_how_to_write(text, path)}.") from error
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise ConfigError(
            f"{origin} must name arguments of setup() and their values, not {arguments!r}: {_how_to_write(text, path)}."
        )
    return arguments


def parse_setup_option(option: str, value: Any) -> dict[str, Any]:
    """Return arguments of ``setup()`` that are the user's to set."""
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


def _how_to_write(text: str, path: Path | None) -> str:
    """Return how arguments of setup() are written; for JSON that has lost its quotes, also what it was."""
    example = """as '{"normalize": true}'"""
    if path is not None:
        return f"write it {example}"
    meant = _with_quotes(text)
    lost = f", here '{meant}' (its quotes were lost on the way)" if meant else ""
    return f"write it {example}{lost}, or put it into a file and give @file.json"


def _with_quotes(text: str) -> str | None:
    """Return text that is JSON but for its quotes as JSON; ``None`` for other text.

    Example:
        >>> _with_quotes("{normalize:true,fold_strategy:timeseries}")
        '{"normalize": true, "fold_strategy": "timeseries"}'
    """
    if not text.startswith("{") or re.search(r"[\"']", text):
        return None
    words = re.sub(r"[^\s{}\[\],:][^{}\[\],:]*", lambda found: _as_json(found.group().strip()), text)
    try:
        return json.dumps(json.loads(words))
    except ValueError:
        return None


def _as_json(word: str) -> str:
    try:
        json.loads(word)
    except ValueError:
        return json.dumps(word)
    return word


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

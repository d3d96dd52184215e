"""Names that runs, tables, experiments and registered models can have."""

from __future__ import annotations

import re
from typing import Any

from bakeoff._options.values import parse_text
from bakeoff.errors import ConfigError

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_NAME_PART = re.compile(r"[^\s./\\`]+")
_MAX_EXPERIMENT, _MAX_MODEL = 250, 250
"""Greatest lengths of names that any of MLflow's stores takes."""
_SHOWN = 40
"""Number of characters that an error shows of a name that is too long."""


def parse_run_id(option: str, value: Any) -> str:
    """Return the id of a run, which names folders, files and tags."""
    name = parse_text(option, value)
    if not _RUN_ID.fullmatch(name):
        raise ConfigError(
            f"{option} {name!r} cannot name a run: use up to 100 letters, digits, '-', '_' and '.', starting with one "
            "of the first two."
        )
    return name


def parse_name_part(option: str, value: Any) -> str:
    """Return one part of a table's name."""
    name = parse_text(option, value)
    if not _NAME_PART.fullmatch(name):
        raise ConfigError(f"{option} {name!r} must be one name, without dots, slashes, spaces or backticks.")
    return name


def parse_experiment(option: str, value: Any) -> str:
    """Return the name of an MLflow experiment."""
    name = parse_text(option, value)
    if len(name) > _MAX_EXPERIMENT or not name.isprintable():
        raise ConfigError(
            f"{option} {name[:_SHOWN]!r} cannot name an experiment: use up to {_MAX_EXPERIMENT} characters that can be "
            "printed."
        )
    return name


def parse_model_name(option: str, value: Any) -> str:
    """Refuse what MLflow's registries refuse after everything else has been done."""
    name = parse_text(option, value)
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

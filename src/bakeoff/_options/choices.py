"""Options whose value is one of a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bakeoff._options.values import parse_text
from bakeoff.errors import ConfigError, one_of

TASKS = ("classification", "regression", "time_series")
AUTO = "auto"
"""The engine of a run that names none: what the run needs."""
ENGINES = (AUTO, "spark", "local", "native")
ISOLATIONS = ("auto", "process", "none")
PORTFOLIOS = ("small",)
KEEP_PREDICTIONS = ("auto", "yes", "no")
BLENDS = ("off", "offer", "on")


def parse_task(option: str, value: Any) -> str:
    """Return the task in PyCaret's spelling."""
    task = parse_text(option, value).lower().replace("-", "_")
    if task not in TASKS:
        raise ConfigError(one_of(value, TASKS, "task"))
    return task


def parse_engine(option: str, value: Any) -> str:
    """Return the engine's word."""
    engine = parse_text(option, value).lower()
    if engine not in ENGINES:
        raise ConfigError(one_of(value, ENGINES, "engine"))
    return engine


def parse_isolation(option: str, value: Any) -> str:
    """Return the word for where models are fitted."""
    isolation = parse_text(option, value).lower()
    if isolation not in ISOLATIONS:
        raise ConfigError(one_of(value, ISOLATIONS, "isolation"))
    return isolation


def parse_portfolio(option: str, value: Any) -> str | None:
    """Return the size of a portfolio; ``None`` for ``no``."""
    word = parse_text(option, value).lower()
    if word in {"no", "off", "none"}:
        return None
    if word not in PORTFOLIOS:
        raise ConfigError(one_of(value, (*PORTFOLIOS, "no"), "portfolio"))
    return word


def parse_word(words: tuple[str, ...], truth: Mapping[bool, str]) -> Callable[[str, Any], str]:
    """Return a parser for one of some words, which reads what YAML makes of yes, no, on and off, too."""

    def parse(option: str, value: Any) -> str:
        word = truth[value] if isinstance(value, bool) else str(value).lower()
        if word not in words:
            raise ConfigError(f"{option} must be {', '.join(words[:-1])} or {words[-1]}, not {value!r}.")
        return word

    return parse

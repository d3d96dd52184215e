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
PORTFOLIOS = ("small", "large")
KEEP_PREDICTIONS = ("auto", "yes", "no", "table")
CALIBRATIONS = ("off", "auto", "isotonic", "sigmoid")
BLENDS = ("off", "offer", "on")


def parse_choice(words: tuple[str, ...], what: str) -> Callable[[str, Any], str]:
    """Return a parser for one of some words, in any case and with ``-`` for ``_``.

    Args:
        words: the words.
        what: what they are, for the error.
    """

    def parse(option: str, value: Any) -> str:
        word = parse_text(option, value).lower().replace("-", "_")
        if word not in words:
            raise ConfigError(one_of(value, words, what))
        return word

    return parse


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

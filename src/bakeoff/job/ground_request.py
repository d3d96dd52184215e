"""Request for the place of a run and of its results, apart from the question that it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bakeoff._options.choices import AUTO
from bakeoff._options.parsers import PARSERS
from bakeoff._options.values import flag, given, refuse_placeholder


@dataclass(frozen=True)
class GroundRequest:
    """The options of a run that say where it takes place; their meaning is that of `bakeoff.RunConfig`."""

    engine: str = AUTO
    home: Path = Path(".bakeoff")
    catalog: str | None = None
    schema: str | None = None
    payload_dir: Path | None = None
    source: str | None = None
    source_version: int | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> GroundRequest:
        """Return a request made from options as they come; empty ones count as not given.

        Raises:
            ConfigError: An option has a value that cannot be used.

        Example:
            >>> GroundRequest.from_options({"engine": "local", "schema": ""}).engine
            'local'
        """
        told = {}
        for option in fields(cls):
            value = given(options.get(option.name))
            refuse_placeholder(option.name, value)
            if value is not None:
                told[option.name] = PARSERS[option.name](flag(option.name), value)
        return cls(**told)

"""The name by which this program was started, for commands that a person is to type next."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

_NAME = "bakeoff"
_COMMAND = re.compile(rf"(^ *|`){_NAME}(?= [a-z])", re.MULTILINE)
"""The start of a command: at the beginning of a line, or between backquotes."""


def as_typed(text: str) -> str:
    """Return a text with its commands as they have to be typed here: with the path where `bakeoff` is not on the PATH.

    Example:
        >>> as_typed("There is no run 'one': `bakeoff runs` lists the runs.")
        "There is no run 'one': `bakeoff runs` lists the runs."
    """
    name = program(sys.argv[0])
    return text if name == _NAME else _COMMAND.sub(lambda found: found.group(1) + name, text)


@functools.cache
def program(started: str) -> str:
    """Return what to type to start this program.

    Args:
        started: what it was started as, ``sys.argv[0]``: a script, or the module's ``__main__.py``.
    """
    script = Path(started)
    if script.name == "__main__.py" and script.parent.name == _NAME:
        return f"{_shortest(Path(sys.executable))} -m {_NAME}"
    if script.stem != _NAME or not script.is_file():
        return _NAME  # called from another program, such as a job on Databricks
    return _shortest(script)


def _shortest(script: Path) -> str:
    """Return the name of a script that the PATH leads to, or else its path, relative where it is below this folder."""
    found = shutil.which(script.name)
    if found is not None and Path(found).samefile(script):
        return script.name
    path = Path(os.path.abspath(script))  # noqa: PTH100 - links are not resolved: they may be the environment
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))

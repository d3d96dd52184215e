"""Suppression of the output of models: LightGBM prints a line for each tree that could not grow."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO


@contextlib.contextmanager
def hushed() -> Iterator[TextIO]:
    """Suppress all output of this process and of those that it starts, except what is written to the yielded stream."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    try:
        with os.fdopen(os.dup(kept[0]), "w", buffering=1) as voice:
            yield voice
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, stream in zip((1, 2), kept, strict=True):
            os.dup2(stream, number)
            os.close(stream)
        os.close(nowhere)

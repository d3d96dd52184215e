"""Import of PyCaret's log without the file that it opens in the working folder."""

from __future__ import annotations

import importlib
import os
import sys

_LOG = "pycaret.internal.logging"
_PATH = "PYCARET_CUSTOM_LOGGING_PATH"


def import_log_without_file() -> None:
    """Import PyCaret's log where nobody has yet, so that a job leaves no ``logs.log`` in the folder it is started in.

    A path that the user has named is kept to, and what the user's own code sets up afterwards logs as PyCaret does.
    """
    if _LOG in sys.modules or _PATH in os.environ:
        return
    os.environ[_PATH] = os.devnull
    try:
        importlib.import_module(_LOG)
    finally:
        del os.environ[_PATH]

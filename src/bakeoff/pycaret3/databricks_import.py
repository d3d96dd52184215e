"""PyCaret's display in a process of Databricks that has no notebook behind it."""

import importlib
import importlib.util
import sys

_DATABRICKS = "dbruntime"
_DISPLAY = "dbruntime.display"


def import_display_without_kernel() -> None:
    """Let PyCaret be imported in jobs and on workers of Databricks.

    Where PyCaret's display finds Databricks' own, it asks the notebook's kernel for something when it is imported,
    and fails where there is no kernel. So it is imported once while that module is hidden, and takes the process for a
    terminal. Anywhere else nothing is done or imported.
    """
    if not _on_databricks() or _has_kernel():
        return
    there = sys.modules.get(_DISPLAY)
    sys.modules[_DISPLAY] = None  # type: ignore[assignment]  # which is how Python is told that there is no such module
    try:
        importlib.import_module("pycaret.internal.display")
    finally:
        del sys.modules[_DISPLAY]
        if there is not None:
            sys.modules[_DISPLAY] = there


def _on_databricks() -> bool:
    return _DATABRICKS in sys.modules or importlib.util.find_spec(_DATABRICKS) is not None


def _has_kernel() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None

"""Import of PyCaret's display in Databricks processes without a notebook."""

import importlib
import importlib.util
import sys

_DATABRICKS = "dbruntime"
_DISPLAY = "dbruntime.display"


def import_display_without_kernel() -> None:
    """Let PyCaret be imported in jobs and on workers of Databricks.

    If PyCaret's display finds Databricks' own display module, it queries the notebook's kernel on import, and fails if
    there is none. So it is imported once while that module is hidden, and takes the process for a terminal. Elsewhere
    this function does nothing.
    """
    if not _on_databricks() or _has_kernel():
        return
    hidden_module = sys.modules.get(_DISPLAY)
    sys.modules[_DISPLAY] = None  # type: ignore[assignment]  # makes Python treat it as not installed
    try:
        importlib.import_module("pycaret.internal.display")
    finally:
        del sys.modules[_DISPLAY]
        if hidden_module is not None:
            sys.modules[_DISPLAY] = hidden_module


def _on_databricks() -> bool:
    return _DATABRICKS in sys.modules or importlib.util.find_spec(_DATABRICKS) is not None


def _has_kernel() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None

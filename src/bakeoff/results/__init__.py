"""Where results are written to and read from: the journal, Delta and MLflow.

Users know ``bakeoff.results(run_id)`` as a function. A package has one attribute of a name, and importing a module from
this folder makes that one the folder: so the folder can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, run_id: str | None = None, **where: Any) -> Any:
        """Read back what a run found, see `bakeoff.run_results.results`."""
        from bakeoff.run_results import results

        return results(run_id, **where)


sys.modules[__name__].__class__ = _Callable

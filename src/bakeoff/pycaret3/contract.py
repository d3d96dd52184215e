"""The few classes of PyCaret's that the backend is built from."""

from pycaret.internal.display import CommonDisplay
from pycaret.internal.parallel.parallel_backend import ParallelBackend

__all__ = ["CommonDisplay", "ParallelBackend"]

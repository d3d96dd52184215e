"""The classes of PyCaret that the backend and the display are built on."""

from pycaret.internal.display import CommonDisplay
from pycaret.internal.display.display_backend import detect_backend
from pycaret.internal.parallel.parallel_backend import ParallelBackend

__all__ = ["CommonDisplay", "ParallelBackend", "detect_backend"]

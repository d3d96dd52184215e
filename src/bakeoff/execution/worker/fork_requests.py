"""Requests of a driver to the process that forks the workers of the engine ``local``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Load:
    """Request: read the experiment, whose bytes follow. The reply is why that failed, or an empty text.

    Attributes:
        digest: the name of the experiment from now on.
        folder: the folder in which workers leave transformed folds for each other; ``None`` for none.
        import_path: where the driver finds modules.
    """

    digest: str
    folder: Path | None
    import_path: tuple[str, ...]


@dataclass(frozen=True)
class Fork:
    """Request: fork a worker for an experiment; its end of a pipe follows.

    The reply is its process id, or a text that says why there is none.

    Attributes:
        digest: the name of the experiment.
    """

    digest: str


@dataclass(frozen=True)
class End:
    """Request: end a worker with all that it has started.

    The reply is its exit code, or the signal as a negative number; ``None`` if there is no such worker.

    Attributes:
        pid: the process id of the worker.
    """

    pid: int


@dataclass(frozen=True)
class Forget:
    """Request: free an experiment. There is no reply.

    Attributes:
        digest: the name of the experiment.
    """

    digest: str


Request = Load | Fork | End | Forget
"""A request; the process answers one after the other."""

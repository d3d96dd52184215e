"""The interface of engines, and functions that several engines share."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff.comparison.limits import Isolation
from bakeoff.errors import WorkerError
from bakeoff.execution.worker.task import Refit, RunTrials, Work
from bakeoff.spark.liveness import why_lost

if TYPE_CHECKING:
    from bakeoff.pycaret3.frozen import FrozenExperiment

_LOG = logging.getLogger(__name__)

JOIN_SECONDS = 60.0
"""Seconds that the end of a comparison waits for work that still runs on an engine, or is being started there."""


class Engine(Protocol):
    """An engine, opened for one run.

    Attributes:
        name: the name of the kind of engine.
        isolation: how its workers get a process in which models can be fitted and killed.
        grows: whether its number of slots can change during a run.
        ahead: how many jobs may wait inside the engine, beyond those that its slots run.
        patience: seconds after which an idle worker is about to be ended; ``None`` for an engine that ends none.
        starts_cold: whether its workers have to be started, and to import PyCaret, before the first trial.
        own_slots: how many of its slots use the cores of the machine that this process is on.
        worker_mb: megabytes that a worker may take, where the platform has a limit; ``None`` where none is known.
    """

    name: str
    isolation: Isolation
    grows: bool
    ahead: int
    patience: float | None

    @property
    def worker_mb(self) -> float | None:
        """The megabytes that a worker may take, or ``None``."""

    @property
    def starts_cold(self) -> bool:
        """Whether no worker is known to be ready for a trial at once."""

    @property
    def own_slots(self) -> int:
        """The number of tasks that run at once on this machine's cores, according to the session."""

    @property
    def slots(self) -> int:
        """The number of tasks that can run at once."""

    def publish(self, frozen: FrozenExperiment) -> str:
        """Make the experiment available to the workers; return the digest that `Work` names it by."""

    def run(self, work: Work, description: str) -> Any:
        """Run one piece of work and return its answer; called from slot threads."""

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Make a thread for a slot, with the context that the engine needs in threads."""

    def why_lost(self, error: BaseException | None = None) -> str | None:
        """Return why nothing can run any more, or ``None`` while the engine works.

        Called regularly, and with each error.
        """

    def cancel(self) -> None:
        """Stop the running work."""

    def close(self) -> None:
        """Free the published experiment. The engine itself belongs to the caller and stays as it is."""


SPARK_PATIENCE = 35.0
"""Seconds after which idle workers are kept alive: Spark ends Python workers that were idle for a minute, and new ones
have to import PyCaret again."""


class PlainThreads:
    """Base class of engines with plain threads and a fixed number of slots."""

    grows = False
    starts_cold = False
    own_slots = 0
    worker_mb: float | None = None

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Make a plain thread."""
        return threading.Thread(target=target, name=name, daemon=True)

    def why_lost(self, error: BaseException | None = None) -> str | None:
        """Return why nothing can be written to the driver's disk, if the error says so."""
        return why_lost(None, error)


_RPC = "fugue.rpc."
_NO_SERVER = {f"{_RPC}server": "fugue.rpc.base.NativeRPCServer"}
"""The setting for Fugue's server without a port. It is explicit since settings of Fugue and Spark may name another."""


def without_rpc(conf: Mapping[str, Any] | None) -> dict[str, Any]:
    """Remove the settings of Fugue's RPC server, which every single task would start on the same port.

    PyCaret's documentation has users pass them for ``display_remote``, which does not need them here.

    Example:
        >>> without_rpc({"fugue.rpc.flask_server.port": "3333", "fugue.workflow.concurrency": 1})
        {'fugue.workflow.concurrency': 1, 'fugue.rpc.server': 'fugue.rpc.base.NativeRPCServer'}
    """
    settings = dict(conf or {})
    if dropped := sorted(name for name in settings if str(name).startswith(_RPC)):
        _LOG.debug("Not needed, and left out: %s. Progress opens no port.", ", ".join(dropped))
    return {**{name: value for name, value in settings.items() if name not in dropped}, **_NO_SERVER}


def describe(work: RunTrials | Refit, run_name: str) -> str:
    """Return the description of a job for Spark's UI.

    Example:
        >>> from bakeoff.comparison.trial import Trial
        >>> describe(RunTrials("d", (Trial("lr", 0), Trial("nb", 0))), "run 7")
        'Bakeoff run 7: lr, nb on fold 0'
    """
    if isinstance(work, Refit):
        return f"Bakeoff {run_name}: refit {work.model_id}"
    models = ", ".join(dict.fromkeys(trial.model_id for trial in work.trials))
    folds = ", ".join(str(fold) for fold in dict.fromkeys(trial.fold for trial in work.trials))
    return f"Bakeoff {run_name}: {models} on fold {folds}"


_LOST_TASK = re.compile(
    r"Lost task [^\n]*?\(([^()]*executor[^()]*)\): (?:[\w.]+\.)?(.+?)(?=\n\s+at |\n+Driver stack|\Z)", re.DOTALL
)
_SHOWN = 2_000
"""Characters that are kept of an error message."""


def worker_error(error: Exception) -> WorkerError:
    """Reduce the exception for a lost task to its cause, without the pages of Java around it.

    Example:
        >>> said = "Aborted: Lost task 0.0 in stage 2.0 (TID 2) (10.0.0.7 executor 1): a.b.SparkException: exited"
        >>> str(worker_error(RuntimeError(said)))
        'SparkException: exited (10.0.0.7 executor 1)'
        >>> str(worker_error(RuntimeError("gone")))
        'RuntimeError: gone'
    """
    if isinstance(error, WorkerError):
        return error
    lost = _LOST_TASK.search(str(error))
    if lost is None:
        return WorkerError(f"{type(error).__name__}: {error}"[:_SHOWN])
    return WorkerError(f"{lost[2].strip()[-_SHOWN:]} ({lost[1]})")

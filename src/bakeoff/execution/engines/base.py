"""What an engine is, and which one stands behind what the user named or passed."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import fugue.api as fa

from bakeoff.errors import WorkerError
from bakeoff.execution.worker.task import ANSWER_SCHEMA, Call, Work, answer
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.spark.liveness import why_lost

_LOG = logging.getLogger(__name__)

JOIN_SECONDS = 60.0
"""How long the end of a comparison waits for what still runs on an engine, or is being started there."""


class Engine(Protocol):
    """A kind of engine, opened for one run.

    Attributes:
        host: how its workers get a process in which models can be fitted and killed: they ``"fork"`` one, which costs
            next to nothing, or ``"start"`` one, which takes some seconds.
        grows: whether it is worth asking again for its slots while a run is on.
        ahead: how many jobs may wait inside the engine, beyond those that its slots run.
        patience: seconds after which it is about to end a worker that is idle; ``None`` where it never does that.
        starts_cold: whether its workers have to be started, and to import PyCaret, before they can run a first trial.
        own_slots: how many of its slots use the cores of the machine that this process is on.
    """

    name: str
    host: str
    grows: bool
    ahead: int
    patience: float | None

    @property
    def starts_cold(self) -> bool:
        """Whether nothing is known of workers that would be ready for a trial at once."""

    @property
    def own_slots(self) -> int:
        """How many tasks run on this machine's cores at once, by what the session says of itself."""

    @property
    def slots(self) -> int:
        """How many tasks can run at once."""

    def publish(self, frozen: FrozenExperiment) -> str:
        """Make the experiment available to the workers; returns the digest that `Work` names it by."""

    def run(self, work: Work, description: str) -> Any:
        """Run one piece of work and return what it answered; called from slot threads."""

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """A thread for a slot, with what the engine wants threads to carry."""

    def why_lost(self, error: BaseException | None = None) -> str | None:
        """Why nothing can run there any more, asked now and then and about each error; ``None`` while something can."""

    def cancel(self) -> None:
        """Stop the work that is running."""

    def close(self) -> None:
        """Free what was published. The engine itself belongs to somebody else and stays as it is."""


SPARK_PATIENCE = 35.0
"""Spark ends Python workers that had nothing to do for a minute, and the next ones have to import PyCaret again."""


class PlainThreads:
    """An engine whose slots need nothing of the thread that they run on, and stay as many as they are."""

    grows = False
    starts_cold = False
    own_slots = 0

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """A plain thread."""
        return threading.Thread(target=target, name=name, daemon=True)

    def why_lost(self, error: BaseException | None = None) -> str | None:
        """Why the driver's disk takes nothing, where the error says so."""
        return why_lost(None, error)


_RPC = "fugue.rpc."
_NO_SERVER = {f"{_RPC}server": "fugue.rpc.base.NativeRPCServer"}
"""Fugue's server that opens no port. It is named, since Fugue's own settings and Spark's may name another one, too."""


def without_rpc(conf: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings without those of Fugue's RPC server, which every single task would start on the same port.

    PyCaret's documentation has users pass them for ``display_remote``. Nothing that is shown here comes that way.

    Example:
        >>> without_rpc({"fugue.rpc.flask_server.port": "3333", "fugue.workflow.concurrency": 1})
        {'fugue.workflow.concurrency': 1, 'fugue.rpc.server': 'fugue.rpc.base.NativeRPCServer'}
    """
    told = dict(conf or {})
    if dropped := sorted(name for name in told if str(name).startswith(_RPC)):
        _LOG.debug("Not needed, and left out: %s. Progress opens no port.", ", ".join(dropped))
    return {**{name: value for name, value in told.items() if name not in dropped}, **_NO_SERVER}


def describe(work: Work, run_name: str) -> str:
    """What a job is called in Spark's UI.

    Example:
        >>> from bakeoff.comparison.trial import Trial
        >>> describe(Work("d", trials=(Trial("lr", 0), Trial("nb", 0))), "run 7")
        'Bakeoff run 7: lr, nb on fold 0'
    """
    if work.refit is not None:
        return f"Bakeoff {run_name}: refit {work.refit}"
    models = ", ".join(dict.fromkeys(trial.model_id for trial in work.trials))
    folds = ", ".join(str(fold) for fold in dict.fromkeys(trial.fold for trial in work.trials))
    return f"Bakeoff {run_name}: {models} on fold {folds}"


_LOST_TASK = re.compile(
    r"Lost task [^\n]*?\(([^()]*executor[^()]*)\): (?:[\w.]+\.)?(.+?)(?=\n\s+at |\n+Driver stack|\Z)", re.DOTALL
)
_SHOWN = 2_000


def worker_error(error: Exception) -> WorkerError:
    """What an engine raised where it lost a task, without the pages of Java around it.

    Example:
        >>> said = "Aborted: Lost task 0.0 in stage 2.0 (TID 2) (10.0.0.7 executor 1): a.b.SparkException: exited"
        >>> str(worker_error(RuntimeError(said)))
        'SparkException: exited (10.0.0.7 executor 1)'
        >>> str(worker_error(RuntimeError("gone")))
        'RuntimeError: gone'
    """
    lost = _LOST_TASK.search(str(error))
    if lost is None:
        return WorkerError(f"{type(error).__name__}: {error}"[:_SHOWN])
    return WorkerError(f"{lost[2].strip()[-_SHOWN:]} ({lost[1]})")


def map_one_row(frame: Any, work: Work | None, delivery: Any, engine: Any, *, as_local: bool = True) -> Any:
    """Map `bakeoff.execution.worker.task.answer` over a frame of one row: one task on any engine of Fugue's.

    Args:
        frame: has one row, and one partition.
        work: what to do; ``None`` where the task will know.
        delivery: how a worker gets at the payload.
        engine: Fugue's.
        as_local: have it run now; otherwise it runs when, and as often as, somebody asks for the answer.
    """
    return fa.transform(
        frame,
        answer,
        schema=ANSWER_SCHEMA,
        params={"call": Call(work, delivery)},
        engine=engine,
        as_fugue=True,
        as_local=as_local,
    )

"""The function that runs a task on a worker, and the description of its work.

The answer is bytes in chunks, so that a large model never makes a row that is too big for the engine.
"""

import base64
import os
import pickle
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.limits import Isolation, TrialLimits
from bakeoff.comparison.trial import NOT_RUN, WORKER_LOST, Outcome, Status, Trial, failed_outcomes
from bakeoff.execution.isolation.requests import Ask, Ended, failure
from bakeoff.execution.worker.bootstrap import settle_in
from bakeoff.execution.worker.payload import Delivery, digest_of, host_of, runner_of

if TYPE_CHECKING:  # a worker is set up before it imports PyCaret
    from bakeoff.pycaret3.runners.base import TrialRunner

CHUNK_BYTES = 32 * 1024 * 1024
"""Most bytes in a row of an answer; Spark Connect refuses messages beyond 128 MB."""

ANSWER_SCHEMA = "part:long,answer:binary"
"""The columns of an answer, as Fugue and Spark both read them."""

WORK_PROPERTY = "bakeoff.work"
"""The property of a Spark job that holds the work of its task."""


@dataclass(frozen=True)
class _Task:
    """Base class of all kinds of work.

    Attributes:
        digest: the digest of the payload.
        limits: limits of the trials, as they are enforced on the engine.
        estimators: pickled estimators of models that the payload does not have, by model id.
    """

    digest: str
    limits: TrialLimits = field(default_factory=TrialLimits, kw_only=True)
    estimators: Mapping[str, bytes] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class RunTrials(_Task):
    """Work: run trials, one after the other. The answer is their outcomes.

    Attributes:
        trials: the trials, in the order to run them in. Those that have not ended when the limit of ``seconds`` has
            passed are cancelled; without a process that can be killed, those that have not started.
        attempt: number of the attempt; 1 for the first.
    """

    trials: tuple[Trial, ...]
    attempt: int = 1


@dataclass(frozen=True)
class Refit(_Task):
    """Work: fit a model on all training rows. The answer is a `Refitted`.

    Attributes:
        model_id: the id of the model.
        attempt: number of the attempt; 1 for the first.
    """

    model_id: str
    attempt: int = 1


@dataclass(frozen=True)
class Probe(_Task):
    """Work: read the payload. The answer is its digest, by which the driver knows that this way of delivery works."""


@dataclass(frozen=True)
class WarmUp(_Task):
    """Work: read the payload, if that has not been done. The engine also sees that this worker is needed."""


Work = RunTrials | Refit | Probe | WarmUp
"""The work of one task."""

_COMPUTED = threading.Event()
"""Set once models were fitted in this process itself: their libraries may have threads, so it cannot be forked."""
_ONE_AT_A_TIME = threading.RLock()
"""Allows one trial at a time, also if an engine has threads: PyCaret and numpy have state global to the process."""


@dataclass(frozen=True)
class Call:
    """A piece of work with the delivery of its payload, as an argument that passes through Fugue.

    Fugue copies the arguments of a mapped function, and hashes them item by item, byte by byte, to name them. This one
    is not copied (the driver does not know a copied broadcast), and brings its own name.

    Attributes:
        work: the work to do; ``None`` if it is a property of Spark's task, so that one plan serves all tasks.
        delivery: how to get the payload.
        name: a unique name.
    """

    work: Work | None
    delivery: Any
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __uuid__(self) -> str:
        return self.name

    def __deepcopy__(self, memo: dict[int, Any]) -> "Call":
        return self


def answer(rows: list[list[Any]], call: Any) -> list[list[Any]]:
    """Do the work and return its pickled answer in rows of ``(part, answer)``.

    This is the function that Fugue maps over a frame of one row, and Spark Connect by `AnswerBatches`. Failures of
    models are part of the answer; an exception raised here is a failure of Bakeoff or of the worker itself.
    """
    del rows  # one row, to make one task
    settle_in()
    result = perform(call.work or work_of_task(), call.delivery)
    content = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
    starts = range(0, len(content), CHUNK_BYTES)
    return [[part, content[start : start + CHUNK_BYTES]] for part, start in enumerate(starts)]


@dataclass(frozen=True)
class AnswerBatches:
    """`answer` as the function that Spark itself maps over the Arrow batches of a frame of one row."""

    work: Work
    delivery: Delivery

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Do the work, and yield its answer in batches of one row."""
        import pyarrow as pa

        for _ in batches:
            pass  # Spark wants its input to be read
        for part, content in answer([], Call(self.work, self.delivery)):
            yield pa.RecordBatch.from_pydict({"part": pa.array([part], pa.int64()), "answer": [content]})


def as_property(work: Work) -> str:
    """Serialize a piece of work to the text that `work_of_task` reads.

    Example:
        >>> as_property(WarmUp("d")).isascii()
        True
    """
    return base64.b64encode(pickle.dumps(work, protocol=pickle.HIGHEST_PROTOCOL)).decode()


def work_of_task() -> Work:
    """Return the work in the property of the Spark task that runs in this process.

    Raises:
        RuntimeError: The task has no such property.
    """
    from pyspark import TaskContext

    context = TaskContext.get()
    text = None if context is None else context.getLocalProperty(WORK_PROPERTY)
    if text is None:
        raise RuntimeError(f"This task has no property {WORK_PROPERTY}.")
    work: Work = pickle.loads(base64.b64decode(text))
    return work


def perform(work: Work, delivery: Delivery) -> Any:
    """Do the work, and return the answer that its class describes; ``None`` for a warm-up."""
    started = time.monotonic()
    if isinstance(work, Probe):
        return digest_of(delivery.read())
    if isinstance(work, WarmUp):
        with _ONE_AT_A_TIME:
            _get_ready(work, delivery)
        return None
    engine_attempts = _engine_attempts()
    attempt = work.attempt + engine_attempts
    is_group = isinstance(work, RunTrials) and len(work.trials) > 1
    if engine_attempts and (is_group or attempt > 1 + work.limits.max_retries):
        return _not_again(work, attempt)
    with _ONE_AT_A_TIME:
        if isinstance(work, Refit):
            return _refit(work, delivery)
        return [_run(trial, replace(work, attempt=attempt), delivery, started) for trial in work.trials]


def _get_ready(work: WarmUp, delivery: Delivery) -> None:
    if work.limits.in_worker:
        runner_of(work.digest, delivery.read)
    else:
        _host(work, delivery)


def _not_again(work: RunTrials | Refit, attempt: int) -> Any:
    """Answer work that the engine itself has retried too often as lost, so that the driver decides about it."""
    message = f"The worker was lost {attempt - 1} times."
    if isinstance(work, Refit):
        return failure(Ask(refit=work.model_id), Ended(Status.CRASHED, WORKER_LOST, message), 0.0)
    return failed_outcomes(work.trials, Status.CRASHED, WORKER_LOST, message, attempt - 1)


def _run(trial: Trial, work: RunTrials, delivery: Delivery, started: float) -> Outcome:
    limits = work.limits.left(time.monotonic() - started)
    if limits.seconds is not None and limits.seconds <= 0:
        why = "The run's time was over before this trial could start."
        return failed_outcomes([trial], Status.CANCELLED, NOT_RUN, why, work.attempt)[0]
    if limits.in_worker:
        _COMPUTED.set()
        return _runner(work, delivery).run(trial, work.attempt)
    mine = {model_id: content for model_id, content in work.estimators.items() if model_id == trial.model_id}
    ask = Ask(trial=trial, attempt=work.attempt, limits=limits, estimators=mine)
    outcome: Outcome = _host(work, delivery).answer(ask)
    return outcome


def _refit(work: Refit, delivery: Delivery) -> Any:
    if work.limits.in_worker:
        _COMPUTED.set()
        return _runner(work, delivery).refit(work.model_id)
    return _host(work, delivery).answer(Ask(refit=work.model_id, limits=work.limits, estimators=work.estimators))


def _runner(work: RunTrials | Refit, delivery: Delivery) -> "TrialRunner":
    runner = runner_of(work.digest, delivery.read)
    runner.admit(work.estimators)
    return runner


def _host(work: Work, delivery: Delivery) -> Any:
    can_fork = hasattr(os, "fork") and not _COMPUTED.is_set()
    is_forked = work.limits.isolation is Isolation.FORKED and can_fork
    return host_of(work.digest, delivery.read, fork=is_forked)


def _engine_attempts() -> int:
    """Return how many times Spark has tried this task before, on workers that were lost."""
    if "pyspark" not in sys.modules:
        return 0
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else int(context.attemptNumber())


def join(rows: Sequence[Sequence[Any]]) -> Any:
    """Join the rows of an answer, and unpickle it."""
    return pickle.loads(b"".join(bytes(row[1]) for row in sorted(rows, key=lambda row: row[0])))

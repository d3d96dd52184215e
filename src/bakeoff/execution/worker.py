"""What runs on a worker: one task in, its answer out.

The answer is bytes in chunks, so that a large model never makes a row that is too big for the engine.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.comparison.trial import Trial
from bakeoff.execution.payload import Delivery, runner_of

CHUNK_BYTES = 32 * 1024 * 1024
"""Rows of an answer hold at most so many bytes; Spark Connect refuses messages beyond 128 MB."""

ANSWER_SCHEMA = "part:long,answer:binary"


@dataclass(frozen=True)
class Work:
    """What a worker is asked to do: trials to run, or one model to refit on all training rows."""

    digest: str
    trials: tuple[Trial, ...] = ()
    refit: str | None = None
    attempt: int = 1


def answer(rows: list[list[Any]], work: bytes, delivery: Any) -> list[list[Any]]:
    """Do the work and return its pickled answer in rows of ``(part, answer)``.

    This is the function that Fugue maps over a frame of one row. Failures of models are part of the answer; what is
    raised here is a failure of Bakeoff or of the worker itself.
    """
    del rows  # one row, there to make one task
    what: Work = pickle.loads(work)
    result = perform(what, delivery)
    content = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
    starts = range(0, len(content), CHUNK_BYTES)
    return [[part, content[start : start + CHUNK_BYTES]] for part, start in enumerate(starts)]


def perform(work: Work, delivery: Delivery) -> Any:
    """The outcomes of the trials, or the refitted model."""
    runner = runner_of(work.digest, delivery.read)
    if work.refit is not None:
        return runner.refit(work.refit)
    return [runner.run(trial, work.attempt) for trial in work.trials]


def join(rows: Sequence[Sequence[Any]]) -> Any:
    """Put an answer's rows together again."""
    return pickle.loads(b"".join(bytes(row[1]) for row in sorted(rows, key=lambda row: row[0])))

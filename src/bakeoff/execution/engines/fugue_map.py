"""One task on any engine of Fugue's: a function mapped over a frame of one row."""

from __future__ import annotations

from typing import Any

import fugue.api as fa

from bakeoff.execution.worker.task import ANSWER_SCHEMA, Call, Work, answer


def map_one_row(frame: Any, work: Work | None, delivery: Any, engine: Any, *, as_local: bool = True) -> Any:
    """Map `bakeoff.execution.worker.task.answer` over a frame of one row: one task on any engine of Fugue's.

    Args:
        frame: a frame with one row in one partition.
        work: the work to do; ``None`` if a property of the task will name it.
        delivery: how a worker gets the payload.
        engine: the execution engine of Fugue.
        as_local: run now; otherwise the task runs each time the answer is read.
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

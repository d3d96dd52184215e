"""Requests to a process in which models are fitted, and the answer where it gave none."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.trial import Outcome, Refitted, Status, Trial, failed_outcomes

_SHOWN_CHARACTERS = 4_000
"""Characters of a child's output that are kept with a failure."""
_CRASH_MARKS = ("Current thread 0x", "Fatal Python error")
"""What faulthandler prints above the stack of the thread that has crashed, and where Python has no stack of it."""
_TIMEOUT_MARKS = ("\nThread 0x",)
"""What faulthandler prints above each thread's stack at a timeout; the last is the oldest thread, which runs trials."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request for one trial or refit.

    Attributes:
        trial: the trial to run; ``None`` to refit.
        refit: the id of the model to fit on all training rows.
        attempt: number of the attempt; 1 for the first.
        limits: limits of this trial or refit. When its ``timeout`` has passed it is ended as timed out, when its
            ``seconds`` have passed the run is over, and it is cancelled.
        estimators: pickled estimators that the experiment was sent without, by model id.
    """

    trial: Trial | None = None
    refit: str | None = None
    attempt: int = 1
    limits: TrialLimits = field(default_factory=TrialLimits)
    estimators: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """Why a child was ended, or how it ended by itself.

    Attributes:
        status: status of the outcome.
        kind: error type of the outcome.
        said: error message of the outcome; empty for a process that ended by itself, until that is described.
    """

    status: Status
    kind: str
    said: str


def failure(ask: Ask, ended: Ended, seconds: float, output: str = "") -> Outcome | Refitted:
    """Make the answer to a request whose process gave none.

    Args:
        ask: the request.
        ended: why there is no answer.
        seconds: seconds that it took.
        output: the output of the process.

    Returns:
        A failed outcome, or for a refit a failed refit.
    """
    shown = f"The last that its process said:\n{_last_words(output, ended.status)}" if output.strip() else None
    if ask.trial is None:
        again = ended.status in (Status.CRASHED, Status.OOM)
        return Refitted(str(ask.refit), None, seconds, ended.kind, ended.said, shown, again)
    (outcome,) = failed_outcomes([ask.trial], ended.status, ended.kind, ended.said, ask.attempt)
    return replace(outcome, fit_seconds=seconds, traceback=shown, host=socket.gethostname())


def _last_words(output: str, status: Status = Status.CRASHED) -> str:
    r"""Return the end of a process's output, or the start of the Python stack that tells why it ended.

    Python prints the innermost frame first, so the outer frames can be left out.

    Example:
        >>> _last_words("hello, Fatal Python error: Aborted" + "x" * 9_000)[:20], _last_words("x" * 9_000 + "end")[-4:]
        ('hello, Fatal Python ', 'xend')
        >>> _last_words("Timeout (0:00:01)!\nThread 0x7f (most recent call first):" + "x" * 9_000, Status.TIMEOUT)[:18]
        'Timeout (0:00:01)!'
    """
    for mark in _TIMEOUT_MARKS if status is Status.TIMEOUT else _CRASH_MARKS:
        found = output.rfind(mark)
        if found >= 0:
            start = max(0, found - _SHOWN_CHARACTERS // 4)
            return output[start : start + _SHOWN_CHARACTERS]
    return output[-_SHOWN_CHARACTERS:]

"""The outcomes of a job: redacted, then durable in the run's journal, before anybody hears of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from bakeoff._utils.redaction import redact
from bakeoff.comparison.trial import Outcome
from bakeoff.spark.liveness import SessionWatch
from bakeoff.storage.claims import Hold
from bakeoff.storage.journal import Journal


@dataclass(frozen=True)
class JournalStore:
    """The outcomes of a run in its journal, with what earlier runs of the same table tell about costs.

    Attributes:
        journal: the journal of the run.
        hold: the right of this process to work on the run, checked before each outcome is written.
        session: watched for its end, after each outcome is written.
        done: outcomes of earlier attempts.
        history: seconds of a trial by model id, once they are read from earlier runs.
        secrets: values to redact in messages, besides those that are recognised by their form.
    """

    journal: Journal
    hold: Hold
    session: SessionWatch
    done: tuple[Outcome, ...]
    history: Future[Mapping[str, float]]
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    def finished(self) -> Sequence[Outcome]:
        """Return the outcomes of earlier attempts."""
        return self.done

    def record(self, outcome: Outcome) -> Outcome:
        """Redact an outcome and write it to the journal.

        Raises:
            RunConflictError: Another process has taken the run over.
            EngineLostError: The session is gone.
            OSError: The journal cannot be written.
        """
        clean = redact_outcome(outcome, self.secrets)
        self.hold.check()
        self.journal.append(clean)
        self.session.check()
        return clean

    def expected_seconds(self, model_id: str) -> float | None:
        """Return the seconds of a trial in the last run of the same table; ``None`` until that has been read."""
        return self.history.result().get(model_id) if self.history.done() else None


def redact_outcome(outcome: Outcome, known: Collection[str] = ()) -> Outcome:
    """Return the outcome with secrets redacted in its messages and its traceback.

    Args:
        outcome: the outcome of a trial.
        known: secrets to redact besides those that are recognised by their form.
    """
    if outcome.error_message is None and outcome.traceback is None and not outcome.metric_errors:
        return outcome
    return replace(
        outcome,
        metric_errors=redact(outcome.metric_errors, known),
        error_message=redact(outcome.error_message, known),
        traceback=redact(outcome.traceback, known),
    )

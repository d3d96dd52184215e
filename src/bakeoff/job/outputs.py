"""The outputs of a run: result tables, journal and MLflow, opened one after the other."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bakeoff._utils.redaction import redact_text
from bakeoff.comparison.events import Listener
from bakeoff.comparison.losses import lost_with_the_ground
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.job.beginning import first_record, head_of, secrets_of
from bakeoff.job.ground import Ground
from bakeoff.job.output_checks import check_outputs, check_same_question, table_target
from bakeoff.job.result import Say
from bakeoff.job.trial_store import JournalStore
from bakeoff.source import SourceTable
from bakeoff.storage.claims import Claim, Hold, claim_run
from bakeoff.storage.history import start_looking
from bakeoff.storage.journal import Journal
from bakeoff.storage.lease import Lease
from bakeoff.storage.location import run_folder
from bakeoff.storage.open_results import result_tables
from bakeoff.storage.prediction_files import PredictionFiles
from bakeoff.storage.result_tables import ComparedTable, ResultTables
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.run_file import NAME, write_run_file
from bakeoff.storage.table_listener import TableListener

if TYPE_CHECKING:
    from bakeoff.tracking.mlflow_listener import MlflowListener
    from bakeoff.tracking.outbox import Head


@dataclass(frozen=True)
class RunOutputs:
    """Outputs of a run, opened and known to be writable.

    Attributes:
        record: the row of the run, as it is known at its beginning.
        tables: the result tables.
        store: writes outcomes to the journal.
        live: listener that writes to the tables.
        tracking: listener that logs to MLflow.
        predictions: what the models predict, on disk.
        secrets: values to redact in messages.
    """

    record: RunRecord
    tables: ResultTables
    store: JournalStore
    live: TableListener
    tracking: MlflowListener
    predictions: PredictionFiles
    secrets: frozenset[str] = frozenset()

    @property
    def listeners(self) -> Sequence[Listener]:
        """The listeners that write down what they hear."""
        return [self.live, self.tracking]

    @property
    def hold(self) -> Hold:
        """Right of this process to work on the run, until it is released."""
        return self.store.hold

    @property
    def done(self) -> tuple[Outcome, ...]:
        """Outcomes of earlier attempts that need not run again."""
        return self.store.done

    @property
    def mlflow_url(self) -> str | None:
        """Address of the run's page in MLflow; ``None`` if there is none, or if MLflow has not answered yet."""
        url = self.tracking.tracked.url if self.tracking.tracked else None
        return redact_text(url) if url else None


def open_outputs(config: RunConfig, ground: Ground, source: SourceTable, say: Say) -> RunOutputs:
    """Check that the results can be written, and open the outputs.

    Args:
        config: what was asked for.
        ground: what the run stands on, with the session for its tables if they need one.
        source: the table to compare on.
        say: called with messages for the user.

    Raises:
        ConfigError: the options do not name a usable output.
        RunConflictError: the run id belongs to a different question, or another process works on it.
        StorageError: a folder cannot be written to.
        TablesError: the tables cannot be created or written.
        TrackingError: MLflow cannot be used.
    """
    tables = result_tables(table_target(config), ground.spark, say)
    check_outputs(config, tables, source)
    lease = Lease.take(run_folder(config.home, config.run_id), config.run_id, say)
    try:
        return _Opening(config, ground, tables, source, lease, say).open()
    except BaseException:
        lease.release()
        raise


@dataclass(frozen=True)
class _Opening:
    """The opening of the outputs of a run whose lease this process holds."""

    config: RunConfig
    ground: Ground
    tables: ResultTables
    source: SourceTable
    lease: Lease
    say: Say

    def open(self) -> RunOutputs:
        """Open the outputs; from the run's file on, a run that is cut off can be resumed."""
        config, tables, source = self.config, self.tables, self.source
        earlier = check_same_question(config, tables, source)
        config.use_name()
        with _importing("mlflow"):
            tables.create(predictions=config.keep_predictions == "table")
        history = start_looking(tables, ComparedTable(source.name, config.target, source.task, len(source.frame)))
        record = first_record(config, source, self.ground.choice, self.lease.holder, earlier or time.time())
        head = head_of(config, source, record, self.ground)
        write_run_file(run_folder(config.home, config.run_id), record)
        claim, tracking = self._claim_and_track(record, head, is_new=earlier is None)
        record = replace(record, **tracking.ids)
        hold = Hold(self.lease, claim)
        try:
            folder = run_folder(config.home, config.run_id)
            journal, predictions = Journal(folder / "journal"), PredictionFiles(folder / "predictions")
            written = journal.read()
            entered = bool(earlier is not None or claim or written)
            stored = tables.trials(config.run_id) if entered else []
            done = _finished_before(config.run_id, [*stored, *written], self.say)
            live = TableListener(tables, record, journal, entered=entered, check=hold.check)
            secrets = secrets_of(config)
            store = JournalStore(journal, hold, self.ground.watch(), done, history, secrets)
        except BaseException:
            hold.release()
            raise
        return RunOutputs(record, tables, store, live, tracking, predictions, secrets)

    def _claim_and_track(self, record: RunRecord, head: Head, *, is_new: bool) -> tuple[Claim | None, MlflowListener]:
        """Claim the run in a metastore and open it in MLflow; if the user has to mend something, take both back."""
        from bakeoff.tracking.mlflow_listener import open_mlflow_listener

        config, tables, claim = self.config, self.tables, None
        try:
            if tables.location.in_metastore:
                claim = claim_run(tables, record, self.lease.holder, self.say)
            return claim, open_mlflow_listener(config.home, head, self.say)
        except UserError:
            if claim:
                claim.give_back(forget=is_new)
            if is_new:
                (run_folder(config.home, config.run_id) / NAME).unlink()
            raise


def _finished_before(run_id: str, outcomes: Sequence[Outcome], say: Say) -> tuple[Outcome, ...]:
    """Return the outcomes of earlier attempts, given the oldest first, that need not run again."""
    # A trial that was cancelled in one attempt and finished in another is finished, in the table or in the journal.
    ended = {outcome.trial: outcome for outcome in outcomes if outcome.status is not Status.CANCELLED}
    lost = lost_with_the_ground(tuple(ended.values()))
    done = tuple(outcome for trial, outcome in ended.items() if trial not in lost)
    if lost:
        say(f"Run {run_id}: {len(lost)} trials were lost because what they ran on was gone, and run again.")
    if done:
        say(f"Run {run_id} goes on: {len(done)} of its trials are finished already.")
    return done


@contextmanager
def _importing(module: str) -> Iterator[None]:
    """Import a heavy module on a thread while the block waits for Java."""
    thread = threading.Thread(target=importlib.import_module, args=(module,), name=f"bakeoff-import-{module}")
    thread.start()
    try:
        yield
    finally:
        thread.join()

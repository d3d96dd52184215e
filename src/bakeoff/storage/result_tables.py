"""The port through which results are stored and read, whatever stores them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Outcome
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ComparedTable:
    """A table that models are compared on, by what makes the costs of two runs alike.

    Attributes:
        source: name of the table, as in ``runs``.
        target: name of the column that is predicted.
        task: kind of experiment.
        n_rows: current number of rows.
    """

    source: str
    target: str
    task: str
    n_rows: int


class ResultReader(Protocol):
    """The result tables at one location, as far as they are read. Plain values come out."""

    @property
    def location(self) -> ResultsLocation:
        """Location of the tables."""

    def exists(self) -> bool:
        """Whether there are results at the location."""

    def require(self) -> None:
        """Make sure that there are results at the location.

        Raises:
            TablesError: there are none yet.
        """

    def run(self, run_id: str) -> RunRecord | None:
        """Return the row of a run; ``None`` if there is none."""

    def newest_run(self) -> RunRecord | None:
        """Return the row of the run that started last; ``None`` if there is none."""

    def runs(self) -> list[RunRecord]:
        """Return the rows of all runs."""

    def trials(self, run_id: str) -> list[Outcome]:
        """Return the stored outcomes of a run, one for each trial. Infinite values come back as NaN."""

    def leaderboard(self, run_id: str) -> list[dict[str, Any]]:
        """Return the rows of a run's leaderboard, in the order of their rank."""

    def trial_seconds(self, table: ComparedTable) -> dict[str, float]:
        """Estimate the seconds of a trial of each model from the last finished run of the same table.

        Returns:
            Seconds by model id, scaled to the current number of rows; empty if there is no such run.
        """

    def read(self, name: str) -> pd.DataFrame:
        """Return a table or a view by its plain name, ``trials`` with each trial once.

        Raises:
            ConfigError: there is no such table or view.
            TablesError: there are no results at the location yet.
        """


class ResultTables(ResultReader, Protocol):
    """The result tables at one location.

    Plain values go in and out, so that an adapter is all that knows what stores them. Writing the same again changes
    nothing; other processes may write to the same tables at the same time.
    """

    def check(self) -> None:
        """Check, without writing anything, that the tables can be created at their location.

        Missing rights inside an existing schema show only when they are used, so `create` must also be called before
        any model is trained.

        Raises:
            StorageError: the folder cannot be written to, or its disk has no room left.
            TablesError: the catalog does not exist, or the user may not use it.
        """

    def create(self, *, predictions: bool = False) -> None:
        """Create what does not exist yet of tables, views and their schema.

        Tables of an earlier version get the new columns. Another job may do the same at the same time.

        Args:
            predictions: whether the table ``predictions`` is needed, too.

        Raises:
            StorageError: the folder cannot be written to, or its disk has no room left.
            TablesError: the tables cannot be created, or other tables have their names.
        """

    def enter_run(self, run: RunRecord) -> None:
        """Add the row of a run that is not in the table yet; cheaper than `upsert_run`."""

    def upsert_run(self, run: RunRecord) -> None:
        """Add the row of a run, or replace the existing one."""

    def replace_holder(self, run: RunRecord, expected: str | None) -> None:
        """Enter a run's holder and that it is running, provided that the row still names the expected holder.

        Args:
            run: the run with its holder.
            expected: the holder that was read before; ``None`` if the row named none.
        """

    def renew_holder(self, run_id: str, holder: str) -> bool:
        """Renew the heartbeat of a run's holder.

        Returns:
            Whether the row still names it: it does not after another process took the run over.
        """

    def release_holder(self, run_id: str, holder: str, *, forget: bool) -> None:
        """Mark a run that its holder did not begin after all as interrupted.

        Args:
            run_id: id of the run.
            holder: the holder, as it was entered; another one stays.
            forget: whether to remove the row instead, which was entered for this holder.
        """

    def append_trials(self, run_id: str, plan: Plan, segment: str, outcomes: Sequence[Outcome]) -> None:
        """Append the outcomes of a journal segment, whose trials are not in the table yet.

        Args:
            run_id: id of the run.
            plan: what is compared.
            segment: digest of the segment, by which appending it again differs from appending another one.
            outcomes: its outcomes.
        """

    def merge_trials(self, run_id: str, plan: Plan, outcomes: Sequence[Outcome]) -> None:
        """Add outcomes of trials that may be in the table already, from an earlier attempt or another process.

        An existing row stays if it has scores, or if the new outcome is a cancelled trial.
        """

    def upsert_leaderboard(
        self, run_id: str, rows: Sequence[Row], primary_metric: str, mlflow_run_ids: Mapping[str, str]
    ) -> None:
        """Add the models of a run's leaderboard, or replace the existing rows.

        Args:
            run_id: id of the run.
            rows: its ranked models.
            primary_metric: key of the metric that they are ranked by.
            mlflow_run_ids: ids of the models' MLflow runs by model id, as far as they have one.
        """

    def write_profile(self, run_id: str, rows: Sequence[Mapping[str, Any]], *, again: bool) -> None:
        """Write the profile of the rows that a run's best model learned from.

        Args:
            run_id: id of the run.
            rows: rows of ``profiles``, without the run id.
            again: whether an earlier attempt of the run may have written a profile, which is then deleted.
        """

    def write_predictions(self, run_id: str, batches: Iterable[Sequence[Mapping[str, Any]]], *, again: bool) -> None:
        """Write what the models of a run predicted, in one commit for each batch.

        Args:
            run_id: id of the run.
            batches: rows of ``predictions``, without the run id.
            again: whether an earlier attempt of the run may have written predictions, which are then deleted.
        """

    def fill_mlflow_ids(self, run: RunRecord, model_run_ids: Mapping[str, str]) -> None:
        """Enter the MLflow ids and the promotion that were unknown when a run ended. Existing values stay.

        Args:
            run: the run with its MLflow ids and its promotion.
            model_run_ids: ids of the models' MLflow runs by model id.
        """

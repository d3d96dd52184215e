"""The reading half of the result tables: the same queries for every adapter that understands Spark's SQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from bakeoff.comparison.trial import Outcome
from bakeoff.errors import ConfigError, TablesError, one_of
from bakeoff.storage import delta_sql
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.result_tables import ComparedTable
from bakeoff.storage.rows import RunRecord, outcome_of, run_of
from bakeoff.storage.schema import PREDICTIONS, RUNS, TABLES, TRIALS, VIEWS, Table


class TableQueries(ABC):
    """The methods of `ResultReader` as queries, for adapters that say how a query is run.

    Attributes:
        location: location of the tables.
    """

    location: ResultsLocation

    @abstractmethod
    def _has(self, table: Table) -> bool:
        """Whether a table exists."""

    @abstractmethod
    def _columns(self, table: Table) -> Sequence[str]:
        """Return the columns of an existing table; one of an earlier version has fewer."""

    @abstractmethod
    def _rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Run a query with parameters, and return its rows."""

    def exists(self) -> bool:
        """Whether there are results at the location."""
        return self._has(RUNS)

    def require(self) -> None:
        """Make sure that there are results; see `ResultReader.require`."""
        if not self.exists():
            raise TablesError(
                f"There are no results in {self.location.place} yet: run a comparison, or say where they are."
            )

    def run(self, run_id: str) -> RunRecord | None:
        """Return the row of a run; ``None`` if there is none."""
        return next(iter(self._runs("WHERE run_id = :run_id", run_id=run_id)), None)

    def newest_run(self) -> RunRecord | None:
        """Return the row of the run that started last; ``None`` if there is none."""
        return next(iter(self._runs("ORDER BY started_at DESC LIMIT 1")), None)

    def runs(self) -> list[RunRecord]:
        """Return the rows of all runs."""
        return self._runs()

    def trials(self, run_id: str) -> list[Outcome]:
        """Return the stored outcomes of a run, one for each trial; infinite values are NaN."""
        if not self._has(TRIALS):
            return []
        return [outcome_of(row) for row in self._rows(delta_sql.trials(self.location), run_id=run_id)]

    def leaderboard(self, run_id: str) -> list[dict[str, Any]]:
        """Return the rows of a run's leaderboard, in the order of their rank."""
        return self._rows(delta_sql.leaderboard(self.location), run_id=run_id) if self.exists() else []

    def trial_seconds(self, table: ComparedTable) -> dict[str, float]:
        """Estimate the seconds of a trial of each model; see `ResultReader.trial_seconds`."""
        if not self._has(RUNS) or not self._has(TRIALS):
            return {}
        values = {"source": table.source, "target": table.target, "task": table.task, "n_rows": table.n_rows}
        found = self._rows(delta_sql.trial_seconds(self.location), **values)
        return {row["model_id"]: float(row["seconds"]) for row in found if row["seconds"]}

    def _query(self, name: str) -> str:
        """Return the query behind a table or a view.

        Raises:
            ConfigError: there is no such table or view.
            TablesError: there are no results at the location yet.
        """
        if name not in {*TABLES, *VIEWS, PREDICTIONS.name}:
            raise ConfigError(one_of(name, [*TABLES, PREDICTIONS.name, *VIEWS], "table"))
        self.require()
        if name == PREDICTIONS.name and not self._has(PREDICTIONS):
            place = self.location.place
            raise TablesError(f"There are no predictions in {place}: a run with --keep-predictions table writes them.")
        return delta_sql.queries(self.location)[name]

    def _runs(self, which: str = "", **values: Any) -> list[RunRecord]:
        """Return rows of ``runs``.

        Args:
            which: conditions in SQL, after ``FROM``.
            **values: their parameters.
        """
        if not self.exists():
            return []
        query = delta_sql.runs(self.location, self._columns(RUNS))
        return [run_of(row) for row in self._rows(f"{query} {which}", **values)]

"""The result tables in a local folder, written without Spark: delta-rs makes the commits."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bakeoff._utils.disk import disk_trouble
from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.errors import StorageError
from bakeoff.storage import folder_ddl
from bakeoff.storage.commits import LOST_A_RACE, NOT_ALLOWED, commit, reason_of
from bakeoff.storage.disk import check_folder
from bakeoff.storage.folder_reader import FolderReader
from bakeoff.storage.journal import last_of_each
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord, leaderboard_row, run_row, to_timestamp, trial_row
from bakeoff.storage.run_status import RunStatus
from bakeoff.storage.schema import LEADERBOARD, PREDICTIONS, PROFILES, RUNS, TABLES, TRIALS, Table
from bakeoff.storage.table_errors import unusable
from bakeoff.storage.upgrades import explaining_creation

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

_Made = TypeVar("_Made")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Merge:
    """Effect of a merge on the rows of a run that it is given.

    Attributes:
        table: the table.
        columns: the columns of an existing row that are replaced.
        only: condition under which they are, in SQL, over the existing row (``t``) and the given one (``s``).
        adds: whether rows whose key does not exist are added.
    """

    table: Table
    columns: Sequence[str]
    only: str | None = None
    adds: bool = False


class FolderTables(FolderReader):
    """`ResultTables` in a local folder.

    Args:
        location: location of the tables, in a folder.
        say: called with a sentence for the user when the tables of an earlier version were changed.
    """

    def __init__(self, location: ResultsLocation, say: Callable[[str], None] = _LOG.info) -> None:
        super().__init__(location)
        self._say = say

    def check(self) -> None:
        """Check that the tables can be created; see `ResultTables.check`."""
        check_folder(self._home, "folder of the tables")
        if odd := folder_ddl.unusable_in(self._home):
            raise StorageError(
                f"The folder of the tables {self._folder} has {odd} in its name, with which only Spark can write to "
                "tables: name another --home."
            )

    def create(self, *, predictions: bool = False) -> None:
        """Create what does not exist yet; see `ResultTables.create`."""
        with explaining_creation(self.location):
            if not all(map(self._is_current, TABLES.values())):
                self.check()
                self._in_turn(self._ensure_all)
            if predictions and not self._is_current(PREDICTIONS):
                self._in_turn(lambda: self._ensure(PREDICTIONS))

    def enter_run(self, run: RunRecord) -> None:
        """Add the row of a run that is not in the table yet; cheaper than a merge."""
        self._append(RUNS, f"{run.run_id}-entered", [run_row(run)])

    def upsert_run(self, run: RunRecord) -> None:
        """Add the row of a run, or replace the existing one."""
        self._merge(_upsert(RUNS), run.run_id, [run_row(run)])

    def replace_holder(self, run: RunRecord, expected: str | None) -> None:
        """Enter a run's holder if the row still names the expected one; see `ResultTables.replace_holder`."""
        row = {"holder": run.holder, "heartbeat_at": _now(), "status": str(RunStatus.RUNNING), "finished_at": None}
        only = "t.holder IS NULL" if expected is None else f"t.holder = {_text(expected)}"
        self._update_run(run.run_id, row, only)

    def renew_holder(self, run_id: str, holder: str) -> bool:
        """Renew the heartbeat of a run's holder; see `ResultTables.renew_holder`."""
        return self._update_run(run_id, {"heartbeat_at": _now()}, f"t.holder = {_text(holder)}") > 0

    def release_holder(self, run_id: str, holder: str, *, forget: bool) -> None:
        """Take a holder out of a run's row, or remove the row; see `ResultTables.release_holder`."""
        if forget:
            self._delete(RUNS, f"run_id = {_text(run_id)} AND holder = {_text(holder)}")
        else:
            row = {"holder": None, "status": str(RunStatus.INTERRUPTED)}
            self._update_run(run_id, row, f"t.holder = {_text(holder)}")

    def append_trials(self, run_id: str, plan: Plan, segment: str, outcomes: Sequence[Outcome]) -> None:
        """Append the outcomes of a journal segment; see `ResultTables.append_trials`."""
        rows = [trial_row(run_id, plan, outcome) for outcome in outcomes]
        if rows:
            self._append(TRIALS, f"{run_id}-{segment}", rows)

    def merge_trials(self, run_id: str, plan: Plan, outcomes: Sequence[Outcome]) -> None:
        """Add outcomes of trials that may be in the table already; see `ResultTables.merge_trials`."""
        better = f"t.status <> '{Status.OK}' AND s.status <> '{Status.CANCELLED}'"
        rows = [trial_row(run_id, plan, outcome) for outcome in last_of_each(outcomes)]
        self._merge(replace(_upsert(TRIALS), only=better), run_id, rows)

    def upsert_leaderboard(
        self, run_id: str, rows: Sequence[Row], primary_metric: str, mlflow_run_ids: Mapping[str, str]
    ) -> None:
        """Add or replace the models of a run's leaderboard; see `ResultTables.upsert_leaderboard`."""
        values = [leaderboard_row(run_id, row, primary_metric, mlflow_run_ids.get(row.model_id)) for row in rows]
        self._merge(_upsert(LEADERBOARD), run_id, values)

    def write_profile(self, run_id: str, rows: Sequence[Mapping[str, Any]], *, again: bool) -> None:
        """Write the profile of a run's training rows; see `ResultTables.write_profile`."""
        if again:
            self._delete(PROFILES, f"run_id = {_text(run_id)}")
        # A profile that was deleted is to be written again, so its commit has a name of its own.
        content = f"{run_id}-profile-{uuid.uuid4().hex}"
        self._append(PROFILES, content, [{"run_id": run_id, **row} for row in rows])

    def write_predictions(self, run_id: str, batches: Iterable[Sequence[Mapping[str, Any]]], *, again: bool) -> None:
        """Write what the models of a run predicted; see `ResultTables.write_predictions`."""
        if again:
            self._delete(PREDICTIONS, f"run_id = {_text(run_id)}")
        for rows in batches:
            content = f"{run_id}-predictions-{uuid.uuid4().hex}"  # as of a profile
            self._append(PREDICTIONS, content, [{"run_id": run_id, **row} for row in rows])

    def fill_mlflow_ids(self, run: RunRecord, model_run_ids: Mapping[str, str]) -> None:
        """Enter MLflow's ids where there are none yet; see `ResultTables.fill_mlflow_ids`."""
        if run.mlflow_run_id:
            ids = {"mlflow_experiment_id": run.mlflow_experiment_id, "mlflow_run_id": run.mlflow_run_id}
            self._update_run(run.run_id, ids, "t.mlflow_run_id IS NULL")
        if run.promotion:
            self._update_run(run.run_id, {"promotion": run.promotion}, "t.promotion IS NULL")
        models = [{"model_id": model, "mlflow_run_id": value} for model, value in model_run_ids.items()]
        unknown = _Merge(LEADERBOARD, ("mlflow_run_id",), "t.mlflow_run_id IS NULL")
        self._merge(unknown, run.run_id, models)

    @property
    def _home(self) -> Path:
        assert self.location.path is not None  # noqa: S101 - a reader is made for folders only
        return self.location.path

    def _append(self, table: Table, content: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows in one commit that is named by their content; a later one of the same name changes nothing."""
        app_id = f"bakeoff-{content}"

        def append(opened: DeltaTable) -> None:
            from deltalake import write_deltalake

            if opened.transaction_version(app_id) is None:
                write_deltalake(opened, _as_arrow(opened, rows), mode="append", commit_properties=_first_only(app_id))

        self._commit(table, append)

    def _update_run(self, run_id: str, row: Mapping[str, Any], only: str) -> int:
        """Replace some columns of a run's row if a condition is met; return whether it was as a number of rows."""
        return self._merge(_Merge(RUNS, tuple(row), only), run_id, [row])

    def _merge(self, merge: _Merge, run_id: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Merge rows of a run on the key of a table.

        Returns:
            Number of existing rows that were changed.
        """
        if not rows:
            return 0
        # The run id is a condition of its own to let delta-rs skip files.
        same = [f"t.run_id = {_text(run_id)}", *(f"t.{key} = s.{key}" for key in merge.table.key)]

        def run(opened: DeltaTable) -> int:
            source = _as_arrow(opened, [{**row, "run_id": run_id} for row in rows])
            merger = opened.merge(
                source, " AND ".join(same), source_alias="s", target_alias="t", commit_properties=_first_only()
            )
            merger = merger.when_matched_update({name: f"s.{name}" for name in merge.columns}, predicate=merge.only)
            if merge.adds:
                merger = merger.when_not_matched_insert({name: f"s.{name}" for name in source.column_names})
            return int(merger.execute()["num_target_rows_updated"])

        return self._commit(merge.table, run)

    def _delete(self, table: Table, condition: str) -> None:
        self._commit(table, lambda opened: opened.delete(condition, commit_properties=_first_only()))

    def _commit(self, table: Table, action: Callable[[DeltaTable], _Made]) -> _Made:
        """Commit to a table in turn with others, from its newest version.

        Raises:
            TablesError: only Spark can write the table.
        """

        def attempt() -> _Made:
            opened = self._opened(table)
            if folder_ddl.is_clustered(opened):
                self._ensure_all()
                opened = self._opened(table)
            if not folder_ddl.is_writable(opened):
                raise unusable(self.location, table.name, "it has a feature of Delta that only Spark can write")
            with self._naming_trouble(table):
                return action(opened)

        return self._in_turn(attempt)

    @contextmanager
    def _naming_trouble(self, table: Table) -> Iterator[None]:
        """Raise what delta-rs says of a broken table as one sentence.

        Raises:
            TablesError: the table cannot be used.
        """
        from deltalake.exceptions import DeltaError

        try:
            yield
        except DeltaError as error:
            reason = reason_of(error)
            if LOST_A_RACE.search(reason) or NOT_ALLOWED.search(reason) or disk_trouble(error):
                raise
            raise unusable(self.location, table.name, reason) from error

    def _in_turn(self, action: Callable[[], _Made]) -> _Made:
        return commit(self._home, action)

    def _opened(self, table: Table) -> DeltaTable:
        from deltalake import DeltaTable

        with self._naming_trouble(table):
            return DeltaTable(str(self._folder / table.name))

    def _is_made(self, table: Table) -> bool:
        """Whether a table has a commit: a process may have died before its first one."""
        from deltalake import DeltaTable

        return self._has(table) and DeltaTable.is_deltatable(str(self._folder / table.name))

    def _is_current(self, table: Table) -> bool:
        """Whether a table exists and needs no upgrade; whatever is wrong with it is raised when it is upgraded."""
        return self._is_made(table) and not self._outstanding(table, self._opened(table))

    def _outstanding(self, table: Table, opened: DeltaTable) -> folder_ddl.Actions:
        return folder_ddl.outstanding(opened, table, self.location.name(table.name))

    def _ensure_all(self) -> None:
        """Create the tables that do not exist, and upgrade the others; the lock is held."""
        was_clustered = [self._ensure(table) for table in TABLES.values()]
        if any(was_clustered):
            self._say(
                f"The tables in {self.location.place} are an earlier version's: they can be written without Spark from "
                "now on, and have the same rows and history."
            )

    def _ensure(self, table: Table) -> bool:
        """Create or upgrade a table.

        Returns:
            Whether it was clustered, as Spark made it for an earlier version.
        """
        folder = self._folder / table.name
        if not self._is_made(table):
            folder_ddl.make(folder, table)
            return False
        opened = self._opened(table)
        if not folder_ddl.is_writable(opened) or not (actions := self._outstanding(table, opened)):
            return False
        _LOG.info("%s is an earlier version's and is upgraded.", self.location.name(table.name))
        folder_ddl.upgrade(folder, opened, actions)
        return folder_ddl.is_clustered(opened)


def _upsert(table: Table) -> _Merge:
    """Return the merge that adds rows, or replaces all other columns of those that exist."""
    columns = tuple(column.name for column in table.columns if column.name not in table.key)
    return _Merge(table, columns, adds=True)


def _as_arrow(opened: DeltaTable, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows with the columns of a table, which can be a later version's and have more; these are NULL."""
    import pyarrow as pa

    # Columns that a merge does not need are NULL, too; what must not be NULL in the table, the commit checks.
    schema = pa.schema([field.with_nullable(True) for field in pa.schema(opened.schema().to_arrow())])  # noqa: FBT003
    plain = [{name: _items(value) for name, value in row.items()} for row in rows]
    return pa.Table.from_pylist(plain, schema=schema)


def _items(value: Any) -> Any:
    return list(value.items()) if isinstance(value, Mapping) else value


def _first_only(app_id: str | None = None) -> CommitProperties:
    """Return the properties of a commit that fails if another one came first, so that it is made from what is there."""
    from deltalake import CommitProperties, Transaction

    transactions = [Transaction(app_id, 1)] if app_id else None
    return CommitProperties(app_transactions=transactions, max_commit_retries=0)


def _text(value: str) -> str:
    """Return a text as a literal of SQL; there are no escapes but that of the quote."""
    return "'" + value.replace("'", "''") + "'"


def _now() -> Any:
    return to_timestamp(time.time())

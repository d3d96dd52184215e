"""What is said where tables in a folder cannot be written to, without Spark."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakeoff.comparison.leaderboard import rank
from bakeoff.errors import StorageError, TablesError
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
from support.broken_tables import be_foreign, break_first_commit, lose_data, lose_first_commit
from support.stored_runs import OLD, PLAN, store_runs


@pytest.fixture
def tables(tmp_path: Path) -> FolderTables:
    made = FolderTables(ResultsLocation(path=tmp_path / "tables"))
    store_runs(made)
    return made


@pytest.mark.parametrize("harm", [lose_data, lose_first_commit, break_first_commit, be_foreign])
def test_a_broken_table_is_said_in_one_sentence(tables: FolderTables, harm: Callable[[Path], None]) -> None:
    assert tables.location.path is not None
    harm(tables.location.path / "leaderboard")
    with pytest.raises(TablesError) as raised:
        tables.upsert_leaderboard("old", rank(PLAN, OLD).rows, "auc", {})
    assert str(raised.value).startswith(f"The table {tables.location.name('leaderboard')} cannot be used (")
    assert "\n" not in str(raised.value)


def test_where_a_table_was_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(TablesError, match=r"runs` cannot be used \("):
        FolderTables(ResultsLocation(path=tmp_path)).renew_holder("r", "me")


def test_a_file_system_without_links_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StorageError, match=r"has no hard links.*: name another --home\.$"):
        FolderTables(ResultsLocation(path=tmp_path)).create()
    assert not list(tmp_path.glob("*/*"))

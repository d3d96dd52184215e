"""A database that MLflow cannot use is a sentence within seconds; one that is locked is waited for."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bakeoff.errors import TrackingError
from bakeoff.tracking import messages
from bakeoff.tracking.client import client_to_log_with, make_client
from bakeoff.tracking.database import BUSY_SECONDS, DatabaseBusyError, check_free, check_tracking
from bakeoff.tracking.mlflow_listener import open_mlflow_listener
from bakeoff.tracking.outbox import Head, read_spool
from support.waiting import until

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process holds the database."""
    other = subprocess.Popen(
        [sys.executable, "-c", LOCK, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert other.stdout.readline() == "locked\n"
    try:
        yield
    finally:
        other.communicate()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)


@pytest.fixture
def home(tmp_path: Path, template: Path) -> Path:
    shutil.copy(template, tmp_path / "mlflow.db")
    return tmp_path


def be_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def break_pages(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.seek(3 * 4096)
        stream.write(os.urandom(40 * 4096))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (be_a_folder, "is a folder: move it away"),
        (lambda file: file.write_bytes(os.urandom(50_000)), r"cannot be used \(file is not a database\)"),
        (lambda file: file.write_text("no database\n" * 200), r"cannot be used \(file is not a database\)"),
        (break_pages, "cannot be used"),
    ],
)
@pytest.mark.parametrize("option", ["--home", "MLFLOW_TRACKING_URI"])
def test_a_file_that_is_no_database_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], object], says: str, option: str
) -> None:
    harm(home / "mlflow.db")
    if option == "MLFLOW_TRACKING_URI":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    with pytest.raises(TrackingError, match=says) as raised:
        client_to_log_with(home)
    assert option in str(raised.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_database_of_somebody_else_is_refused(home: Path) -> None:
    (home / "mlflow.db").chmod(0o444)
    with pytest.raises(TrackingError, match="cannot be read and written by this user"):
        check_tracking(home)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("postgresql+psycopg://me:secret@host/db", r"needs the Python package 'psycopg'.*'psycopg\[binary\]'"),
        ("mysql+nosuchdriver://me:secret@host/db", "names no database that can be used"),
        ("sqlite:////dev/null/x/mlflow.db", "/dev/null is no folder"),
    ],
)
def test_a_database_that_cannot_be_asked_is_refused_without_its_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, says: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match=says) as raised:
        check_tracking(tmp_path)
    assert "secret" not in str(raised.value)


def test_a_database_that_is_fine_or_not_there_yet_passes_and_is_left_alone(home: Path, tmp_path: Path) -> None:
    before = (home / "mlflow.db").read_bytes()
    check_tracking(home)
    assert (home / "mlflow.db").read_bytes() == before
    check_tracking(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_locked_database_is_no_mistake_and_is_noticed(home: Path) -> None:
    with locked(home / "mlflow.db"):
        check_tracking(home)
        with pytest.raises(DatabaseBusyError, match="locked"):
            check_free(f"sqlite:///{home / 'mlflow.db'}")
    check_free(f"sqlite:///{home / 'mlflow.db'}")


@pytest.mark.parametrize("when", ["at the start", "in the middle"])
def test_what_a_locked_database_does_not_take_is_kept_and_sent_when_it_is_free(
    home: Path, capfd: pytest.CaptureFixture[str], when: str
) -> None:
    head, said = Head("one", "bakeoff"), []
    if when == "at the start":
        with locked(home / "mlflow.db"):
            began = time.monotonic()
            channel = open_mlflow_listener(home, head, said.append)
            assert time.monotonic() - began < 10 * BUSY_SECONDS
            assert channel.tracked is None
            channel.put(messages.of_end("FINISHED"))
            [attempt] = read_spool(home / "runs" / "one" / "mlflow")
        [sentence] = said
        assert "cannot be reached (OperationalError: database is locked)" in sentence
    else:
        channel = open_mlflow_listener(home, head, said.append)
        with locked(home / "mlflow.db"):
            channel.put(messages.of_end("FINISHED"))
            until(lambda: channel.sender.failures > 0, patience=60)
            [attempt] = read_spool(home / "runs" / "one" / "mlflow")
        assert said == []
    assert attempt.messages[-1]["kind"] == "close"
    assert channel.close("FINISHED") == []
    client = make_client(home)
    experiment = client.get_experiment_by_name("bakeoff")
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert "Traceback" not in capfd.readouterr().err


def test_a_check_does_not_make_the_database(tmp_path: Path) -> None:
    check_free(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(f"file:{tmp_path / 'mlflow.db'}?mode=ro", uri=True).execute("SELECT 1")

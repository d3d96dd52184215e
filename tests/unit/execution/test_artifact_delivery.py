"""An artifact of a Connect session is found wherever the platform has put it."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from bakeoff.execution.worker import payload
from bakeoff.execution.worker.fold_cache import shelf_of
from bakeoff.execution.worker.payload import KEPT_PAYLOADS, ArtifactDelivery


@pytest.fixture
def spark_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the application's files, as a worker of Spark's has it."""
    from pyspark import SparkFiles

    folder = tmp_path / "userFiles"
    folder.mkdir()
    monkeypatch.setattr(SparkFiles, "getRootDirectory", lambda: str(folder))
    return folder


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a session's artifacts, as a sandbox has it."""
    monkeypatch.setattr(payload, "SANDBOX_ARTIFACTS", tmp_path / "artifacts")
    monkeypatch.setenv("DB_SESSION_UUID", "123")
    return tmp_path / "artifacts" / "123"


def test_among_the_files_of_spark(spark_files: Path) -> None:
    (spark_files / "a.pkl").write_bytes(b"content")
    assert ArtifactDelivery("a.pkl").read() == b"content"


@pytest.mark.parametrize("kind", ["files", "archives"])
def test_in_the_folder_of_a_sandbox(sandbox: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    from pyspark import SparkFiles

    monkeypatch.setattr(SparkFiles, "getRootDirectory", lambda: None)  # as where there is no application
    (sandbox / kind).mkdir(parents=True)
    (sandbox / kind / "a.pkl").write_bytes(b"content")
    assert ArtifactDelivery("a.pkl").read() == b"content"


def test_among_the_files_of_spark_where_the_sandbox_has_none(sandbox: Path, spark_files: Path) -> None:
    (spark_files / "a.pkl").write_bytes(b"content")
    assert ArtifactDelivery("a.pkl").read() == b"content"


def test_where_the_task_of_a_newer_runtime_says(
    sandbox: Path, tmp_path: Path, spark_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark import TaskContext

    task = types.SimpleNamespace(artifactDir=lambda: str(tmp_path / "named"))
    monkeypatch.setattr(TaskContext, "get", lambda: task)
    unpacked = tmp_path / "named" / "archives" / "a.tar.gz"
    unpacked.mkdir(parents=True)
    (unpacked / "a.pkl").write_bytes(b"content")
    assert ArtifactDelivery("a.tar.gz/a.pkl").read() == b"content"


def test_nowhere_is_said_with_all_places(sandbox: Path, spark_files: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{sandbox}/files.*{spark_files}"):
        ArtifactDelivery("a.pkl").read()


def test_a_sandbox_has_no_disk_for_the_folds_of_others(
    sandbox: Path, spark_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.worker", types.ModuleType("pyspark.worker"))
    assert shelf_of("abc", KEPT_PAYLOADS) is None
    assert list(spark_files.iterdir()) == []
    monkeypatch.delenv("DB_SESSION_UUID")
    assert shelf_of("abc", KEPT_PAYLOADS) is not None

"""Folders that cannot be used, and what an error says of a disk."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from bakeoff._options.setup_option import parse_setup
from bakeoff._utils import disk as disks
from bakeoff.cli.query_commands import runs
from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError, StorageError, StorageLostError, TablesError
from bakeoff.job.early_end import explaining
from bakeoff.scoring.destination import read_destination
from bakeoff.source import is_local_file, load_source
from bakeoff.storage import disk


def test_a_folder_that_can_be_made_is_fine_and_is_not_made(tmp_path: Path) -> None:
    disk.check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "x", "x/y"])
def test_a_file_is_no_home(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=r"file is no folder: name another --home\."):
        disk.check_folder(tmp_path / "file" / below)


def test_a_device_is_no_home() -> None:
    with pytest.raises(StorageError, match=r"The home /dev/null/x cannot be made: /dev/null is no folder"):
        disk.check_folder(Path("/dev/null/x"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_no_home(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(StorageError, match="is not yours to write to"):
            disk.check_folder(tmp_path / "home")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_a_disk_without_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda _: SimpleNamespace(total=2**30, free=2**20))
    with pytest.raises(StorageError, match=r"1 MB are free, and a run needs at least 20 MB"):
        disk.check_folder(tmp_path)
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "spark"))
    with pytest.raises(StorageError, match="SPARK_LOCAL_DIRS"):
        disk.check_local_folders()


@pytest.mark.parametrize("free", [0, 2**20])
def test_the_disk_that_is_full_is_named_and_not_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    spilled = tmp_path / "spark"
    spilled.mkdir()
    usage = {spilled: SimpleNamespace(total=2**30, free=free)}
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda each: usage.get(each, SimpleNamespace(total=1, free=2**30)))
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(spilled))
    error = RuntimeError("java.io.IOException: No space left on device")
    assert disks.disk_trouble(error, tmp_path) == f"There is no room left on the disk of {spilled}"


def test_a_mount_that_does_not_tell_its_size_is_not_taken_for_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda _: SimpleNamespace(total=0, free=0))
    disk.check_folder(tmp_path)


JAVA = "An error occurred while calling o1.save\n: java.io.IOException: No space left on device\n\tat java.base/..."


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no room left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no room left"),
        (OSError(errno.EROFS, "Read-only file system"), "is read-only"),
        (OSError(errno.EIO, "Input/output error", "/data/x"), r"The disk of /data/x fails \(Input/output error\)"),
        (RuntimeError(JAVA), "no room left"),
        (RuntimeError("sqlite3.OperationalError: database or disk is full"), "no room left"),
    ],
)
@pytest.mark.parametrize("around", [None, ValueError("around it")])
def test_an_error_of_the_disk_ends_a_run_with_the_command_that_goes_on(
    tmp_path: Path, error: Exception, says: str, around: Exception | None
) -> None:
    config = RunConfig("data.csv", "y", home=tmp_path, run_id="mine")
    if around is not None:
        around.__cause__ = error
    with pytest.raises(StorageLostError, match=says) as raised, explaining(config):
        raise around or error
    said = str(raised.value)
    assert f"safe in {tmp_path / 'runs' / 'mine'}" in said
    assert f"`bakeoff resume mine --home {tmp_path}` goes on" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "error", [ValueError("no such model"), FileNotFoundError(errno.ENOENT, "gone", "x"), TablesError("no")]
)
def test_other_errors_stay_what_they_are(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, explaining(RunConfig("data.csv", "y", home=tmp_path)):
        raise error
    assert raised.value is error


def test_the_home_of_nobody_is_a_mistake_in_the_option() -> None:
    with pytest.raises(ConfigError, match=r"--home ~no-such-user/x names the home folder of a user who has none"):
        RunConfig.from_sources({"source": "data.csv", "target": "y", "home": "~no-such-user/x"})


@pytest.mark.parametrize(
    ("option", "reads"),
    [
        ("--source", lambda: load_source(RunConfig("~no-such-user/x.csv", "y"), None)),
        ("--source", lambda: is_local_file("~no-such-user/x")),
        ("--setup", lambda: parse_setup("@~no-such-user/x")),
        ("--to", lambda: read_destination("~no-such-user/x.csv", Path(), has_metastore=False)),
        ("--to", lambda: read_destination("~no-such-user/x", Path(), has_metastore=False)),
        ("--home", lambda: runs.main(["--home", "~no-such-user/x"], standalone_mode=False)),
    ],
)
def test_each_option_that_names_the_home_of_nobody_is_named(option: str, reads: Callable[[], object]) -> None:
    with pytest.raises(ConfigError, match=rf"^{option} ~no-such-user/\S+ names the home folder of a user who has none"):
        reads()

"""Whole runs on a disk that gives out: what has finished stays, and the run goes on when there is room."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.small_disk import NEEDS_MOUNT, can_mount, on_small_disk

ASKED = ("--target", "target", "--include", "lr,nb,dt,dummy", "--fold", "5", "--run-id", "r")
MEGABYTES = 60
BAKEOFF = f"{sys.executable} -W ignore -m bakeoff"

# The disk is filled, or becomes read-only, when the run is in the tables and its first trial in the journal.
INTERRUPTED = """
    {bakeoff} run --source {source} {asked} --home $DISK/home > {here}/run.log 2>&1 & run=$!
    cd $DISK; there() {{ [ -s home/runs/r/journal/000001.open ] && [ -e home/tables/runs/_delta_log/*1.json ]; }}
    until there; do sleep 0.05; kill -0 $run || break; done; cd /
    {breaks}
    wait $run; echo "code $?"
    {mends}
    {bakeoff} resume r --home $DISK/home --json > {here}/resumed.json 2> {here}/resume.log; echo "code $?"
"""


@pytest.fixture(scope="module")
def uninterrupted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a run that nothing happened to."""
    home = tmp_path_factory.mktemp("uninterrupted")
    command = [*BAKEOFF.split(), "run", "--source", str(source), *ASKED, "--home", str(home), "--json"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    (home / "result.json").write_text(ended.stdout)
    return home


def ranking(told: str) -> list[dict[str, object]]:
    """The leaderboard of a run's JSON, without what the clock says."""
    timed = {"fit_seconds", "metrics"}
    return [
        {**{key: value for key, value in row.items() if key not in timed}, **row["metrics"], "tt_sec": None}
        for row in json.loads(told)["leaderboard"]
    ]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not can_mount(), reason=NEEDS_MOUNT)
@pytest.mark.parametrize(
    ("breaks", "mends", "says"),
    [
        ("cat /dev/zero > $DISK/filler 2> /dev/null", "rm $DISK/filler", "There is no room left on the disk of"),
        # A disk on which a file is open for writing refuses to become read-only, so another view of it is put on top.
        ("mount --bind $DISK $DISK; mount -o remount,bind,ro $DISK", "umount $DISK", "is read-only"),
    ],
)
def test_a_disk_that_gives_out_in_the_middle_costs_nothing_that_had_finished(  # noqa: PLR0917 - fixtures
    source: Path, uninterrupted: Path, tmp_path: Path, breaks: str, mends: str, says: str
) -> None:
    script = INTERRUPTED.format(
        bakeoff=BAKEOFF, source=source, asked=" ".join(ASKED), here=tmp_path, breaks=breaks, mends=mends
    )
    codes = on_small_disk(tmp_path / "disk", MEGABYTES, script)
    said = (tmp_path / "run.log").read_text()
    last = said.strip().splitlines()[-1]
    assert "code 75\ncode 0" in codes, said + (tmp_path / "resume.log").read_text()
    assert says in last
    assert "-m bakeoff resume r --home" in last
    assert "Traceback" not in said
    assert ranking((tmp_path / "resumed.json").read_text()) == ranking((uninterrupted / "result.json").read_text())


@pytest.mark.skipif(not can_mount(), reason=NEEDS_MOUNT)
@pytest.mark.parametrize(
    ("megabytes", "before", "says"),
    [
        (3, "", "3 MB are free, and a run needs at least 20 MB"),
        (60, "mount -o remount,ro $DISK;", "is on a disk that is read-only"),
    ],
)
def test_a_disk_without_room_or_right_is_named_before_anything_is_trained(
    source: Path, tmp_path: Path, megabytes: int, before: str, says: str
) -> None:
    command = f'{before} {BAKEOFF} run --source {source} {" ".join(ASKED)} --home $DISK/home; echo "code $?"'
    said = on_small_disk(tmp_path / "disk", megabytes, command)
    *_, last, code = said.strip().splitlines()
    assert code == "code 2"
    assert last.startswith(("Error: The home", "Error: There is no room"))
    assert says in last
    assert "Traceback" not in said


def without_privileges(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that may write only where its user's rights say so, also as root."""
    return subprocess.run(
        ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner", *BAKEOFF.split(), *command],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def give_away(folder: Path) -> None:
    """Let a folder and all in it be another user's, which everybody may read."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.chown(path, 65534, 65534)


NEEDS_ROOT = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="giving a folder to another user needs root",
)


@NEEDS_ROOT
@pytest.mark.parametrize("home", ["theirs", "theirs/home", "theirs/file"])
def test_a_home_of_somebody_else_is_refused(source: Path, tmp_path: Path, home: str) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").touch()
    give_away(tmp_path / "theirs")
    refused = without_privileges("run", "--source", str(source), *ASKED, "--home", str(tmp_path / home))
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    last = refused.stderr.strip().splitlines()[-1]
    assert ("is no folder" if home.endswith("file") else "is not yours to write to") in last


@pytest.mark.slow
@pytest.mark.timeout(1800)
@NEEDS_ROOT
def test_reading_needs_no_right_to_write(source: Path, uninterrupted: Path, tmp_path: Path) -> None:
    home = tmp_path / "theirs"
    shutil.copytree(uninterrupted, home)
    give_away(home)
    before = sorted(path.relative_to(home) for path in home.rglob("*"))
    for command, shows in (
        (("runs",), "finished"),
        (("leaderboard",), "has the best Accuracy"),
        (("sql", "SELECT count(*) AS n FROM trials"), "20"),
        (("report", "--output", str(tmp_path / "mine.html")), "mine.html"),
    ):
        read = without_privileges(*command, "--home", str(home), HOME=str(home))
        assert (read.returncode, shows in read.stdout) == (0, True), read.stdout + read.stderr
        assert "Traceback" not in read.stderr
        assert "Matplotlib" not in read.stderr
    refused = without_privileges("report", "--home", str(home))
    assert refused.returncode == 2
    assert "name a file with --output report.html" in refused.stderr
    assert sorted(path.relative_to(home) for path in home.rglob("*")) == before

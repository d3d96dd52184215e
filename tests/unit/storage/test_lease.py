"""One process at a time works on a run, and the run of one that is gone is free."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakeoff.errors import RunConflictError
from bakeoff.storage import lease as module
from bakeoff.storage.lease import FOLDER, Holder, Lease, holder_of
from support.waiting import until

TAKES = """
import sys, time
from pathlib import Path
from bakeoff.errors import RunConflictError
from bakeoff.storage.lease import Lease
while not Path(sys.argv[2]).exists():
    time.sleep(0.001)
try:
    Lease.take(Path(sys.argv[1]), "r")
except RunConflictError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
print("has it", flush=True)
time.sleep(60)
"""


def process(folder: Path, go: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TAKES, str(folder), str(go)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def write(folder: Path, holder: Holder) -> Path:
    file = folder / FOLDER / "000001.json"
    file.parent.mkdir(parents=True)
    file.write_text(holder.to_json())
    return file


def elsewhere(age: float) -> Holder:
    return replace(Holder.me(), host="other", machine="another", beat=time.time() - age)


def test_of_five_processes_at_once_one_has_the_run_and_a_sixth_gets_it_when_that_is_killed(tmp_path: Path) -> None:
    go = tmp_path / "go"
    five = [process(tmp_path, go) for _ in range(5)]
    go.touch()
    said = {each.pid: each.stdout.readline() for each in five if each.stdout}
    (has_it,) = [each for each in five if said[each.pid] == "has it\n"]
    others = [each for each in five if each is not has_it]
    assert {each.wait(60) for each in others} == {2}
    for each in others:
        assert said[each.pid].startswith(f"Run r is going on: process {has_it.pid} on ")
    has_it.send_signal(signal.SIGKILL)
    sixth = process(tmp_path, go)  # the one that was killed is not even reaped
    assert sixth.stdout is not None
    assert sixth.stdout.readline() == "has it\n"
    for each in (has_it, sixth):
        each.kill()
        each.wait()
    for each in five:
        assert each.stdout is not None
        each.stdout.close()
    sixth.stdout.close()


def test_a_second_one_in_the_same_process_hears_who_has_it(tmp_path: Path) -> None:
    first = Lease.take(tmp_path, "r")
    with pytest.raises(RunConflictError, match=rf"Run r is going on: process {os.getpid()} on \S+ has it since"):
        Lease.take(tmp_path, "r")
    first.release()
    first.release()
    assert list(tmp_path.iterdir()) == []
    Lease.take(tmp_path, "r").release()


def test_a_holder_on_another_machine_counts_as_gone_when_it_has_been_silent_for_long(tmp_path: Path) -> None:
    file = write(tmp_path, elsewhere(age=1.0))
    assert holder_of(tmp_path) is not None
    with pytest.raises(RunConflictError, match="on other has it"):
        Lease.take(tmp_path, "r")
    file.write_text(elsewhere(age=60.0).to_json())
    assert holder_of(tmp_path) is None
    Lease.take(tmp_path, "r").release()


@pytest.mark.parametrize("comes_back", [True, False])
def test_one_that_is_late_gets_the_time_to_say_that_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, comes_back: bool
) -> None:
    file = write(tmp_path, elsewhere(age=15.0))
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        file.write_text(elsewhere(age=0.0 if comes_back else 15.0 + 2 * len(naps)).to_json())

    monkeypatch.setattr(module.time, "sleep", sleep)
    said: list[str] = []
    if comes_back:
        with pytest.raises(RunConflictError, match="on other has it"):
            Lease.take(tmp_path, "r", said.append)
    else:
        Lease.take(tmp_path, "r", said.append).release()
    assert len(said) == 1
    assert "Looking whether process" in said[0]


def test_a_holder_sees_that_its_run_was_taken_over(tmp_path: Path) -> None:
    mine = Lease.take(tmp_path, "r")
    mine.check()
    [first] = tmp_path.rglob("000001.json")
    later = first.with_name("000002.json")
    later.write_text(elsewhere(age=0.0).to_json())
    with pytest.raises(RunConflictError, match="on other has it"):
        mine.check()
    mine.release()
    assert later.exists()


def test_a_holder_renews_its_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    mine = Lease.take(tmp_path, "r")

    def beat() -> Any:
        there = holder_of(tmp_path)
        return there.beat if there else 0.0

    until(lambda: beat() > mine.holder.beat)
    mine.release()


def test_a_process_with_the_number_of_one_that_is_gone_is_another(tmp_path: Path) -> None:
    write(tmp_path, replace(Holder.me(), began=Holder.me().began - 100.0))
    assert holder_of(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", '{"host": 1}', "[]"])
def test_a_lease_that_cannot_be_read_is_nobodys(content: str, tmp_path: Path) -> None:
    write(tmp_path, Holder.me()).write_text(content)
    assert holder_of(tmp_path) is None
    Lease.take(tmp_path, "r").release()

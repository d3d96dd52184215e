"""Output that nobody can read: what a command says is lost, what it does is not."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bakeoff.cli.app import main
from bakeoff.cli.streams import Output
from support.datasets import breast_cancer

HELP = f"{sys.executable} -m bakeoff --help"

linux_only = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)


@linux_only
def test_an_answer_that_cannot_be_written_is_a_failure_in_one_line() -> None:
    ended = shell(f"{HELP} > /dev/full")
    assert ended.returncode == 1
    assert ended.stderr == "What was to be printed could not be written: No space left on device.\n"


@pytest.mark.parametrize("end", [">&-", "2>&-", ">&- 2>&- <&-", "2>/dev/null | head -1", "| true"])
def test_whoever_does_not_want_to_hear_it_gets_no_failure(end: str) -> None:
    ended = shell(f"{HELP} {end}")
    assert ended.returncode == 0
    assert ended.stderr == ""


@linux_only
def test_nothing_can_be_said_of_stderr_and_nothing_fails() -> None:
    ended = shell(f"{sys.executable} -m bakeoff run --source nowhere.csv --target y 2>/dev/full")
    assert (ended.returncode, ended.stdout) == (2, "")


@linux_only
@pytest.mark.slow
def test_a_run_ends_well_where_its_ranking_cannot_be_written(
    tmp_path: Path, spark: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    breast_cancer(80).to_csv("good.csv", index=False)
    asked = ["run", "--source", "good.csv", "--target", "target", "--include", "nb", "--fold", "2", "--run-id", "r"]
    # Each with a stream of its own, because one that has failed leads nowhere afterwards.
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        main(asked)
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as stopped:
            main(["leaderboard", "r"])
    monkeypatch.undo()
    assert stopped.value.code == 1
    assert capsys.readouterr().err.count("could not be written: No space left on device.") == 2
    monkeypatch.chdir(tmp_path)
    main(["leaderboard", "r", "--json"])
    assert '"nb"' in capsys.readouterr().out


class Broken(io.StringIO):
    """A stream whose writes fail."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str) -> int:
        raise self._error


def test_the_first_problem_is_kept_and_a_reader_that_has_left_is_none() -> None:
    full, left = Output(Broken(OSError(28, "No space left on device"))), Output(Broken(BrokenPipeError()))
    for output in (full, left):
        output.writelines(["one", "two"])
        output.flush()
    assert full.problem is not None
    assert left.problem is None

"""A function applied to several items by this process and one that is forked from it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from bakeoff._utils import shared_map as module
from bakeoff._utils.shared_map import shared_map
from support.waiting import until

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")
LONG = "x" * 300_000
"""More than a pipe holds."""


@pytest.fixture
def _forking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "can_fork", lambda: True)


def test_a_process_of_the_users_is_not_forked() -> None:
    assert shared_map(lambda item: (item, os.getpid()), [1, 2]) == [(1, os.getpid()), (2, os.getpid())]


@linux
@pytest.mark.usefixtures("_forking")
def test_both_processes_take_part_and_the_results_are_in_order() -> None:
    def work(item: int) -> tuple[int, int, str]:
        time.sleep(0.05)
        return item, os.getpid(), LONG

    results = shared_map(work, range(20))
    assert [item for item, _, _ in results] == list(range(20))
    assert len({pid for _, pid, _ in results}) == 2
    assert all(text == LONG for _, _, text in results)


@linux
@pytest.mark.usefixtures("_forking")
@pytest.mark.parametrize("fault", ["dies", "raises", "sends what cannot be pickled"])
def test_what_goes_wrong_in_the_other_process_is_done_in_this_one(fault: str, tmp_path: Path) -> None:
    parent = os.getpid()

    def work(item: int) -> object:
        if os.getpid() == parent:
            until((tmp_path / "tried").exists)
            return item
        (tmp_path / "tried").touch()
        if fault == "dies":
            os._exit(9)
        if fault == "raises":
            raise ValueError(fault)
        return lambda: None

    assert shared_map(work, range(10)) == list(range(10))
    assert (tmp_path / "tried").exists()


@linux
@pytest.mark.usefixtures("_forking")
def test_a_process_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.5)
    parent = os.getpid()

    def work(item: int) -> int:
        if os.getpid() != parent:
            time.sleep(600)
        time.sleep(0.05)
        return item

    assert shared_map(work, range(6)) == list(range(6))


@linux
@pytest.mark.usefixtures("_forking")
def test_an_error_in_this_process_is_raised_and_the_other_process_is_ended() -> None:
    parent = os.getpid()

    def work(item: int) -> int:
        if os.getpid() == parent:
            raise ValueError(str(item))
        time.sleep(600)
        return item

    before = psutil.Process().children()
    with pytest.raises(ValueError, match=r"\d"):
        shared_map(work, range(6))
    assert psutil.Process().children() == before

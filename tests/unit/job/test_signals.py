"""The first signal is a note, the second one is as if nobody had listened, and handlers are put back."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.errors import RunInterruptedError
from bakeoff.job.signals import SIGNALS, interruptible


@pytest.fixture
def handlers() -> Iterator[dict[signal.Signals, Any]]:
    before = {each: signal.getsignal(each) for each in SIGNALS}
    yield before
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_a_note_and_handlers_are_put_back(number: signal.Signals, handlers: Any) -> None:
    with interruptible() as interruption:
        assert not interruption()
        interruption.check("r")
        signal.raise_signal(number)
        assert interruption()
        with pytest.raises(RunInterruptedError, match=f"ended by {number.name} before it began: nothing") as caught:
            interruption.check("r")
        assert caught.value.exit_code == 128 + number
    assert {each: signal.getsignal(each) for each in SIGNALS} == handlers


def test_it_is_said_how_to_go_on() -> None:
    with interruptible() as interruption:
        signal.raise_signal(signal.SIGTERM)
    board = Leaderboard((), (Outcome("lr", 0), Outcome("lr", 1, Status.FAILED), Outcome("lr", 2, Status.CANCELLED)))
    error = interruption.error("r", board, "bakeoff resume r")
    assert str(error) == (
        "Run r was ended by SIGTERM with 2 of 3 trials finished, which are kept: `bakeoff resume r` goes on."
    )
    assert error.exit_code == 143


def test_a_second_ctrl_c_is_as_always(handlers: Any) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with interruptible():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_came_meanwhile_is_out_of_the_way(handlers: Any) -> None:
    heard: list[int] = []
    with interruptible() as interruption:
        signal.signal(signal.SIGINT, lambda number, _: heard.append(number))  # as a new Spark context does
        interruption.listen()
        signal.raise_signal(signal.SIGINT)
        assert interruption.by is signal.SIGINT
    assert heard == []
    assert {each: signal.getsignal(each) for each in SIGNALS} == handlers


def test_a_signal_that_is_ignored_stays_ignored(handlers: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert not interruption()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_on_another_thread_nothing_is_touched(handlers: Any) -> None:
    seen: list[Any] = []

    def work() -> None:
        with interruptible() as interruption:
            seen.append(({each: signal.getsignal(each) for each in SIGNALS}, interruption()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(handlers, False)]


def test_a_process_of_ours_ends_at_once_with_the_second_ctrl_c() -> None:
    code = (
        "import signal; from bakeoff.job.signals import ending_at_once, interruptible\n"
        "with ending_at_once(), interruptible() as interruption:\n"
        "    signal.raise_signal(signal.SIGINT); print(interruption.by.name, flush=True)\n"
        "    try: signal.raise_signal(signal.SIGINT)\n"
        "    finally: print('too long')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "SIGINT\n")

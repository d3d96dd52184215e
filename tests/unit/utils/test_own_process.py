"""Processes of Bakeoff's own: they end at once, and lose nothing by it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from bakeoff._utils.own_process import is_own_process, uncollected

PROGRAM = """
import atexit, os, sys, threading, time
from bakeoff._utils.own_process import claim_process, end_quickly_with, prepare_quick_end

claim_process()
prepare_quick_end()

class Whole:
    def __del__(self):
        print("taken apart", flush=True)

whole = Whole()
atexit.register(print, "registered")
threading.Thread(target=lambda: (time.sleep(0.3), print("thread"))).start()
{more}
print("end of the program")
"""


def ended(more: str) -> tuple[int, list[str]]:
    """Run the program with further lines; return its exit code and what it has printed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(more=more)], capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("code", [0, 75])
def test_a_process_that_ends_quickly_keeps_its_code_its_output_its_threads_and_its_registered_functions(
    code: int,
) -> None:
    assert ended(f"end_quickly_with({code})") == (code, ["end of the program", "thread", "registered"])


def test_a_process_that_fails_ends_as_any_other() -> None:
    code, lines = ended("raise SystemExit(4)")
    assert (code, lines) == (4, ["thread", "registered", "taken apart"])


def test_a_process_that_is_forked_from_it_ends_as_any_other() -> None:
    code, lines = ended(
        "end_quickly_with(0)\npid = os.fork()\nif pid == 0: sys.exit(9)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    assert code == 0
    assert "9" in lines


def test_garbage_is_looked_for_again_after_the_block_and_no_object_of_the_user_is_left_out() -> None:
    assert not is_own_process()
    frozen = gc.get_freeze_count()
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_this_process_is_not_claimed_by_running_a_command_in_it() -> None:
    from bakeoff.cli.app import main

    with pytest.raises(SystemExit):
        main(["--no-such-option"])
    assert not is_own_process()
    assert os.getpid()

from __future__ import annotations

import io
import sys
import threading
from contextlib import redirect_stdout

import pytest

from bakeoff.pycaret3.runners.quiet import hushed


def say(text: str) -> None:
    """Print as a program does: to what is stdout by then."""
    if sys.stdout is not None:
        sys.stdout.write(f"{text}\n")


def on_another_thread(text: str) -> None:
    thread = threading.Thread(target=say, args=(text,))
    thread.start()
    thread.join()


def test_only_this_thread_is_not_heard() -> None:
    seen = io.StringIO()
    with redirect_stdout(seen):
        say("before")
        with hushed():
            say("this thread")
            sys.stdout.writelines(["so", "are", "lines"])
            sys.stdout.flush()
            on_another_thread("another thread")
        say("after")
    assert seen.getvalue() == "before\nanother thread\nafter\n"


def test_a_stream_that_was_kept_works_afterwards() -> None:
    seen = io.StringIO()
    with redirect_stdout(seen):
        with hushed():
            kept = sys.stdout
        kept.write("kept\n")
    assert seen.getvalue() == "kept\n"


def test_bytes_are_not_heard_either(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with hushed():
        sys.stdout.buffer.write(b"bytes")
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b""


def test_a_process_without_streams_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with hushed():
        say("nowhere")
        on_another_thread("nowhere either")
    assert sys.stdout is None

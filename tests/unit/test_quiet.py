from __future__ import annotations

import io
import sys
import threading
from contextlib import redirect_stdout

import pytest

from bakeoff.pycaret3.quiet import hushed


def on_another_thread(what: object) -> None:
    thread = threading.Thread(target=print, args=(what,))
    thread.start()
    thread.join()


def test_only_this_thread_is_not_heard() -> None:
    seen = io.StringIO()
    with redirect_stdout(seen):
        print("before")
        with hushed():
            print("this thread")
            sys.stdout.writelines(["so", "are", "lines"])
            sys.stdout.flush()
            on_another_thread("another thread")
        print("after")
    assert seen.getvalue() == "before\nanother thread\nafter\n"


def test_a_stream_that_was_kept_works_afterwards() -> None:
    seen = io.StringIO()
    with redirect_stdout(seen):
        with hushed():
            kept = sys.stdout
        print("kept", file=kept)
    assert seen.getvalue() == "kept\n"


def test_bytes_are_not_heard_either(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with hushed():
        sys.stdout.buffer.write(b"bytes")
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b""


def test_a_process_without_streams_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with hushed():
        print("nowhere")
        on_another_thread("nowhere either")
    assert sys.stdout is None

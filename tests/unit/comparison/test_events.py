"""Listeners hear everything in order, each behind its own queue, and can hurt nobody."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from bakeoff.comparison.events import Announcer, TaskStarted
from bakeoff.comparison.trial import Trial

PATIENCE = 10.0  # seconds for what takes milliseconds, on a machine that is busy


def events(n):
    return [TaskStarted((Trial("lr", fold),)) for fold in range(n)]


class Notes:
    """Remembers what it hears and on which threads."""

    def __init__(self):
        self.heard, self.threads = [], set()

    def handle(self, event):
        self.heard.append(event)
        self.threads.add(threading.get_ident())


class Broken(Notes):
    """Fails on every other event."""

    def handle(self, event):
        super().handle(event)
        if len(self.heard) % 2:
            raise ConnectionError(f"no server for {len(self.heard)}")


class Stuck(Notes):
    """Does not come back from its first event until it is let go."""

    def __init__(self):
        super().__init__()
        self.reached, self.release = threading.Event(), threading.Event()

    def handle(self, event):
        self.reached.set()
        self.release.wait(PATIENCE)
        super().handle(event)


@pytest.fixture
def stuck():
    made = [Stuck() for _ in range(3)]
    yield made
    for listener in made:
        listener.release.set()


def tell(announcer, told):
    for event in told:
        announcer.tell(event)


def test_every_listener_hears_every_event_in_order_on_one_thread_of_its_own():
    listeners, told = [Notes(), Notes()], events(200)
    announcer = Announcer(listeners)
    tell(announcer, told)
    assert announcer.close(PATIENCE) == []
    assert [listener.heard for listener in listeners] == [told, told]
    first, second = (listener.threads for listener in listeners)
    assert len(first) == len(second) == 1
    assert len(first | second | {threading.get_ident()}) == 3


def test_closing_waits_for_what_is_queued(stuck):
    announcer, told = Announcer(stuck[:1]), events(5)
    tell(announcer, told)
    threading.Timer(0.05, stuck[0].release.set).start()
    assert announcer.close(PATIENCE) == []
    assert stuck[0].heard == told


def test_a_listener_that_raises_hears_the_next_event_and_is_reported(caplog):
    broken, notes, told = Broken(), Notes(), events(4)
    announcer = Announcer([broken, notes])
    with caplog.at_level(logging.WARNING, logger="bakeoff"):
        tell(announcer, told)
        problems = announcer.close(PATIENCE)
    assert problems == ["Broken: ConnectionError: no server for 1", "Broken: ConnectionError: no server for 3"]
    assert broken.heard == notes.heard == told
    assert [record.getMessage() for record in caplog.records] == [
        f"Broken could not handle TaskStarted: no server for {n}" for n in (1, 3)
    ]


def test_a_listener_that_hangs_holds_up_nobody_and_is_reported(stuck):
    notes, told = Notes(), events(50)
    announcer = Announcer([stuck[0], notes])
    tell(announcer, told[:1])
    assert stuck[0].reached.wait(PATIENCE)
    tell(announcer, told[1:])
    assert announcer.close(timeout=0.05) == ["Stuck has not caught up."]
    # Closing waited for the one that hangs, so the other has its own thread to thank for having heard everything.
    assert wait_until(lambda: notes.heard == told)


def test_the_limit_is_for_all_listeners_together(stuck):
    announcer = Announcer(stuck)
    tell(announcer, events(1))
    started = time.monotonic()
    problems = announcer.close(timeout=0.3)
    assert problems == ["Stuck has not caught up."] * 3
    assert 0.25 < time.monotonic() - started < 0.85


def test_nobody_listening_is_fine():
    announcer = Announcer([])
    tell(announcer, events(1))
    assert announcer.close(0.0) == []


def wait_until(condition):
    limit = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < limit:
        time.sleep(0.005)
    return condition()

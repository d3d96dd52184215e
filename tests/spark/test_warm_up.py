"""Workers can be made ready before there is anything to do for them."""

from __future__ import annotations

from bakeoff import warm_up
from bakeoff.spark.session import DAEMON


def test_workers_have_imported_pycaret_afterwards(spark):
    def has_pycaret(frames):  # inside of the test, so that it travels by value
        import sys

        for frame in frames:
            yield frame.assign(id=int("pycaret" in sys.modules))

    thread = warm_up(spark)
    thread.join(120)
    assert not thread.is_alive()
    ready = spark.range(0, 2, 1, 2).mapInPandas(has_pycaret, "id long").collect()
    assert [row.id for row in ready] == [1, 1]


def test_workers_of_a_local_session_are_forked_with_pycaret(spark):
    def look(frames):  # inside of the test, so that it travels by value
        import os
        from pathlib import Path

        for frame in frames:
            yield frame.assign(said=Path(f"/proc/{os.getppid()}/cmdline").read_text().replace("\0", " "))

    (row,) = spark.range(0, 1, 1, 1).mapInPandas(look, "id long, said string").collect()
    assert DAEMON in row.said


def test_a_session_that_is_gone_is_nobodys_problem():
    class Gone:
        @property
        def conf(self):
            raise ConnectionError("Java is gone")

    thread = warm_up(Gone())
    thread.join(60)
    assert not thread.is_alive()


def test_without_a_session_there_is_nothing_to_warm_up():
    assert not warm_up(None).is_alive()

"""The executors of the scheduler's tests."""

from __future__ import annotations

import pytest

from support.executors import Workers


@pytest.fixture
def workers():
    """Makes executors, and ends their threads after the test."""
    made = []

    def make(slots=2, script=None):
        made.append(Workers(slots, script))
        return made[-1]

    yield make
    for each in made:
        each.close()

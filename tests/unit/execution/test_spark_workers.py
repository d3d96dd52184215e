"""Where the workers of a Connect session are, by what its client says of its server."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bakeoff._utils.platform import usable_cores
from bakeoff.execution.engines.spark_workers import own_slots


class Session:
    """A Connect session with this client."""

    __module__ = "pyspark.sql.connect.session"

    def __init__(self, client: object) -> None:
        self.client = client


class OwnChannel:
    """A client whose channel names no host, as PySpark 4 lets platforms have it."""

    @property
    def host(self) -> str:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("client", "slots"),
    [
        (SimpleNamespace(host="localhost"), usable_cores()),
        (SimpleNamespace(host="compute.example.com"), 0),
        (SimpleNamespace(), 0),
        (OwnChannel(), 0),
    ],
)
def test_workers_are_on_this_machine_only_if_their_server_says_so(client: object, slots: int) -> None:
    assert own_slots(Session(client)) == slots

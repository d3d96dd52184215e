"""Trial times in earlier runs of the same table, from which the next run is planned."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import Future

from bakeoff.storage.result_tables import ComparedTable, ResultReader

_LOG = logging.getLogger(__name__)


def start_looking(tables: ResultReader, table: ComparedTable) -> Future[Mapping[str, float]]:
    """Start `ResultReader.trial_seconds` on a thread.

    Reading takes more than a second, which is a third of the shortest runs. So a run does not wait for the thread, and
    cuts its first tasks without these times; a line of the log says when they have arrived.

    Returns:
        Future of the seconds by model id; empty if a table cannot be read.
    """
    found: Future[Mapping[str, float]] = Future()

    def look() -> None:
        seconds: dict[str, float] = {}
        try:
            seconds = tables.trial_seconds(table)
            _LOG.info("The times of %d models are known from an earlier run of %s.", len(seconds), table.source)
        except Exception as error:  # noqa: BLE001 - a run is planned less well without, and that is all
            _LOG.info("Earlier runs cannot be read: %s", error)
        found.set_result(seconds)

    threading.Thread(target=look, name="bakeoff-history", daemon=True).start()
    return found

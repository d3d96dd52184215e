"""Trial times in earlier runs of the same table, from which the next run is planned."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from bakeoff.storage.result_tables import ComparedTable, ResultTables

_LOG = logging.getLogger(__name__)


def start_looking(tables: ResultTables, table: ComparedTable) -> Mapping[str, float]:
    """Start `ResultTables.trial_seconds` on a thread.

    Reading takes more than a second, which is a third of the shortest runs. So a run does not wait for the thread, and
    cuts its first tasks without these times. If a table cannot be read, the mapping stays empty.

    Returns:
        Mapping that the thread fills, empty until then.
    """
    found: dict[str, float] = {}

    def look() -> None:
        try:
            found.update(tables.trial_seconds(table))
        except Exception as error:  # noqa: BLE001 - a run is planned less well without, and that is all
            _LOG.info("Earlier runs cannot be read: %s", error)

    threading.Thread(target=look, name="bakeoff-history", daemon=True).start()
    return found

"""The engine for a Spark Connect session, as on Databricks' standard and serverless compute.

Nothing here touches ``sparkContext``, ``.rdd`` or ``persist``, which such a session does not have. Nor does Fugue take
part, which knows no Connect session of PySpark 4: tasks are mapped by Spark's own ``mapInArrow``, in every version.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from pathlib import Path
from typing import Any

from bakeoff.comparison.limits import Isolation
from bakeoff.errors import ClusterError, ConfigError
from bakeoff.execution.engines.artifacts import send_artifact
from bakeoff.execution.engines.base import SPARK_PATIENCE, PlainThreads
from bakeoff.execution.engines.spark_workers import are_warm, note_warm, own_slots
from bakeoff.execution.worker.payload import Delivery, FileDelivery, InlineDelivery, Payload
from bakeoff.execution.worker.task import ANSWER_SCHEMA, AnswerBatches, Probe, Work, join
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.spark.kind import is_serverless
from bakeoff.spark.liveness import SERVER_GONE, ServerWatch, why_lost

_LOG = logging.getLogger(__name__)

SERVERLESS_MB = 1024.0
"""What serverless compute gives a Python function on a worker, for its memory and its disk together, in megabytes."""
INLINE_BYTES = 4 * 1024 * 1024
"""Largest payload, in bytes, that is sent inside the plan, and so again with every task."""


class ConnectEngine(PlainThreads):
    """The engine that runs tasks as queries of one task.

    The payload is sent through ``payload_dir`` if that is given and workers can read it, else as an artifact of the
    session, else inside the plan. One task tries each way.

    Args:
        spark: a session of Spark Connect.
        payload_dir: a folder that driver and workers share.
    """

    name = "connect"
    ahead = 1
    patience: float | None = SPARK_PATIENCE
    isolation = Isolation.FORKED

    def __init__(self, spark: Any, payload_dir: str | Path | None) -> None:
        self._spark = spark
        self._payload_dir = None if payload_dir is None else Path(payload_dir)
        self._tag = f"bakeoff-{uuid.uuid4().hex}"
        # Tags belong to threads here; with the caller's own tags, the caller can interrupt these queries, too.
        self._tags = (*sorted(spark.getTags()), self._tag)
        self._watch = ServerWatch(spark)
        self.worker_mb = SERVERLESS_MB if is_serverless(spark) else None
        self._delivery: Delivery | None = None
        self._written: Path | None = None

    @property
    def slots(self) -> int:
        """The number of tasks that Spark makes of a range: its default parallelism, which Connect does not expose."""
        # In SQL, because the Python function asks the process, not the session, which kind of Spark this is.
        ids = self._spark.range(1000).selectExpr("spark_partition_id() AS id").distinct()
        return max(1, int(ids.count()))

    @property
    def starts_cold(self) -> bool:  # type: ignore[override]  # a constant in other engines
        """Whether no worker of this session is known to be ready."""
        return not are_warm(self._spark)

    @property
    def own_slots(self) -> int:  # type: ignore[override]  # a constant in other engines
        """The number of slots on this machine: its cores if the server is on it, else 0."""
        return own_slots(self._spark)

    def publish(self, frozen: FrozenExperiment) -> str:
        """Send the pickled experiment by a way that workers can read.

        Raises:
            ConfigError: ``payload_dir`` cannot be written to.
            ClusterError: The session has no way to send the experiment to workers, or cannot run tasks.
        """
        payload = Payload.of(frozen)
        self._delivery = self.deliver(payload)
        return payload.digest

    def run(self, work: Work, description: str) -> Any:
        """Run the work as one query of one task."""
        del description  # Connect has no descriptions
        for tag in self._tags:
            self._spark.addTag(tag)
        answered = self._map(work, self._delivery)
        note_warm(self._spark)
        return answered

    def why_lost(self, error: BaseException | None = None) -> str | None:
        """Return why the session is gone, if it is."""
        return why_lost(self._spark, error) or (SERVER_GONE if error is None and self._watch.is_gone() else None)

    def cancel(self) -> None:
        """Interrupt the queries that carry the tag of this engine."""
        self._spark.interruptTag(self._tag)

    def close(self) -> None:
        """Remove the payload's file. An artifact cannot be removed; it lives as long as the session."""
        if self._written is not None:
            self._written.unlink(missing_ok=True)

    def _map(self, work: Work, delivery: Any) -> Any:
        one_task = self._spark.range(0, 1, 1, 1)
        return join(one_task.mapInArrow(AnswerBatches(work, delivery), ANSWER_SCHEMA).collect())

    def deliver(self, payload: Payload) -> Delivery:
        """Return the first way by which a task could read the payload.

        Raises:
            ConfigError: ``payload_dir`` cannot be written to.
            ClusterError: There is no such way.
        """
        why_no_file: Exception | None = None
        if self._payload_dir is not None:
            file = self._file(payload, self._payload_dir)
            if (why_no_file := self._arrives(payload, file)) is None:
                return file
            _LOG.warning("A task could not read payload_dir %s: %s", self._payload_dir, _first_line(why_no_file))
            self.close()
        artifact = self._by_artifact(payload)
        if artifact is not None:
            return artifact
        if len(payload.content) <= INLINE_BYTES:
            inline = InlineDelivery(payload.content)
            if (error := self._arrives(payload, inline)) is not None:
                raise ClusterError(
                    f"No task can run on this session ({_first_line(error)}): Bakeoff and PyCaret have to be "
                    "installed on its workers."
                ) from error
            return inline
        size = f"The experiment takes {len(payload.content) / 1e6:.0f} MB, and this Spark Connect session gives workers"
        if why_no_file is not None:
            raise ClusterError(
                f"{size} no files, nor can they read payload_dir {self._payload_dir} ({_first_line(why_no_file)}): "
                "choose a folder that workers share with the driver."
            ) from why_no_file
        raise ClusterError(
            f"{size} no files: set payload_dir to a folder that driver and workers share, such as a Unity Catalog "
            "volume."
        )

    def _file(self, payload: Payload, folder: Path) -> FileDelivery:
        """Write the payload to a file in the folder that the caller named.

        Raises:
            ConfigError: The folder cannot be written to.
        """
        path = folder / f"bakeoff-{payload.digest}-{uuid.uuid4().hex[:8]}.pkl"
        part = path.with_suffix(".part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._written = path
            part.write_bytes(payload.content)
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise ConfigError(f"payload_dir {folder} cannot be written to ({error}): choose another folder.") from error
        return FileDelivery(str(path))

    def _by_artifact(self, payload: Payload) -> Delivery | None:
        """Return the first form of an artifact in which a task has found the payload."""
        for delivery in send_artifact(self._spark, payload.digest, payload.content):
            if self._arrives(payload, delivery) is None:
                return delivery
        return None

    def _arrives(self, payload: Payload, delivery: Delivery) -> Exception | None:
        """Let one task try to read the payload; return the error, if any."""
        try:
            digest = self._map(Probe(payload.digest), delivery)
        except Exception as error:  # noqa: BLE001 - after any error this way cannot be used
            return error
        return None if digest == payload.digest else ValueError("Another payload was read.")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]:.200}" if lines else type(error).__name__

"""The engine for Dask: one future for each task, the payload kept by a plugin on every worker."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import CancelledError
from typing import Any

import pandas as pd
from dask.dataframe import from_pandas
from distributed import Client, Future, WorkerPlugin, get_worker
from fugue.execution.factory import make_execution_engine

from bakeoff._utils.platform import usable_cores
from bakeoff.comparison.limits import Isolation
from bakeoff.execution.engines.base import PlainThreads
from bakeoff.execution.engines.fugue_map import map_one_row
from bakeoff.execution.worker.payload import Payload, forget_runner, interrupt_host
from bakeoff.execution.worker.task import Work, join
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.spark.liveness import why_lost

_CLOSED = ("closing", "closed")
_CUT_OFF = "connecting"
"""States of a client."""


class PayloadPlugin(WorkerPlugin):
    """A plugin that brings the payload to each worker once, also to later ones, and frees it after the run."""

    content: bytes

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.content = content

    def teardown(self, worker: Any) -> None:
        """Free what the worker keeps for the payload."""
        del worker
        forget_runner(str(self.name))


class DaskDelivery:
    """The payload in the plugin of a worker."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self) -> bytes:
        """Return the bytes from the worker's plugin."""
        plugin = get_worker().plugins[self._name]
        assert isinstance(plugin, PayloadPlugin)  # noqa: S101 - the name is ours
        return plugin.content


class DaskEngine(PlainThreads):
    """The engine that runs tasks on the workers of a Dask client.

    A slot is a worker *process*: PyCaret scores one model at a time in a process, however many threads it has. Each
    task is sent to a process that runs no other of this comparison, and Dask may move it if that process goes away.

    Args:
        client: the client whose workers to use; ``None`` for the current client, or a local cluster for this run.
        conf: settings for Fugue's execution engine.
    """

    name = "dask"
    ahead = 0
    patience: float | None = None
    isolation = Isolation.SPAWNED

    def __init__(self, client: Any, conf: Mapping[str, Any]) -> None:
        self._own: Any = None
        if client is None:
            client = _current_client()
        if client is None:
            client = self._own = _local_client()
        self._client = client
        self._engine = make_execution_engine(client, dict(conf))
        self._processes = len(set(client.run(_process).values()))
        self._futures: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._delivery: DaskDelivery | None = None
        self._plugin: str | None = None

    @property
    def slots(self) -> int:
        """The number of worker processes."""
        return max(1, self._processes)

    def publish(self, frozen: FrozenExperiment) -> str:
        """Give the payload to every worker."""
        payload = Payload.of(frozen)
        # Two runs may send the same payload; each removes only its own.
        self._plugin = f"bakeoff-{payload.digest}-{uuid.uuid4().hex[:8]}"
        self._client.register_plugin(PayloadPlugin(self._plugin, payload.content))
        self._delivery = DaskDelivery(self._plugin)
        return self._plugin  # not the digest, which the runner of the other run has too

    def run(self, work: Work, description: str) -> Any:
        """Run the work as one future.

        Dask gives it to an idle worker, and there is one for each slot. No worker is named: a task that prefers a
        worker is never restarted if that worker dies and comes back under another address.
        """
        with self._client.as_current():
            # A row of its own: tasks on the same row would all be sent to the worker that holds it. And one partition,
            # because Fugue would derive it from the number of workers, which is 0 while they are being replaced.
            row = from_pandas(pd.DataFrame({"task": [uuid.uuid4().hex]}), npartitions=1)  # type: ignore[no-untyped-call]
            frame = map_one_row(row, work, self._delivery, self._engine, as_local=False)
            future = self._client.compute(frame.native)
            with self._lock:
                self._futures.add(future)
            try:
                answered = future.result()
            except CancelledError as error:
                raise RuntimeError(f"{description} was cancelled.") from error
            finally:
                with self._lock:
                    self._futures.discard(future)
        return join(answered.to_numpy().tolist())

    def why_lost(self, error: BaseException | None = None) -> str | None:
        """Return why the cluster is gone, if it is: a client that has lost its scheduler has lost all futures, too."""
        gone = _CLOSED if error is None else (*_CLOSED, _CUT_OFF)
        return "The Dask cluster is gone" if self._client.status in gone else why_lost(None, error)

    def cancel(self) -> None:
        """Cancel the futures. A trial in a worker's own process runs to its end, and its answer is dropped."""
        with self._lock:
            running = list(self._futures)
        if running:
            self._client.cancel(running, force=True)
            self._client.run(interrupt_host, self._plugin)

    def close(self) -> None:
        """Remove the payload, and close the cluster if this engine has started it."""
        # A client that is cut off would wait half a minute for a scheduler.
        if self._plugin is not None and self._client.status not in (*_CLOSED, _CUT_OFF):
            self._client.unregister_worker_plugin(self._plugin)
            self._plugin = None
        if self._own is not None:
            self._own.close()
            self._own.cluster.close()


def _local_client() -> Any:
    """Start a cluster on this machine's cores, on the loopback interface and without a dashboard."""
    make: Any = Client  # Dask is typed in parts only
    return make(n_workers=usable_cores(), threads_per_worker=1, dashboard_address=None)


def _current_client() -> Any:
    known: Any = Client
    try:
        return known.current()
    except ValueError:
        return None


def _process() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()

"""Delivery of the experiment to the workers: sent once, and kept by the hash of its content while a worker lives."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff._utils import pickling
from bakeoff._utils.platform import sandbox_session
from bakeoff.execution.isolation.forked import ForkedRunner
from bakeoff.execution.isolation.spawned import SpawnedRunner
from bakeoff.execution.worker.fold_cache import shelf_of

if TYPE_CHECKING:  # a worker is set up before it imports PyCaret
    from bakeoff.pycaret3.frozen import FrozenExperiment
    from bakeoff.pycaret3.runners.base import TrialRunner

KEPT_PAYLOADS = 2
"""Number of the newest payloads whose runners a worker keeps, and whose caches a machine: two runs may take turns on
one cluster."""


class Delivery(Protocol):
    """The way of the payload to a worker; this object itself is sent with every task, so it is small."""

    def read(self) -> bytes:
        """Return the payload's bytes; called on the worker."""


@dataclass(frozen=True)
class Payload:
    """A pickled experiment and the hash of its content."""

    digest: str
    content: bytes

    @classmethod
    def of(cls, frozen: FrozenExperiment) -> Payload:
        """Pickle an experiment."""
        content = pickling.dumps(frozen)
        return cls(digest_of(content), content)


def digest_of(content: bytes) -> str:
    """Return the hash of a payload's content, by which it is named."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class BroadcastDelivery:
    """The payload as a Spark broadcast: it crosses the network once for each executor."""

    broadcast: Any

    def read(self) -> bytes:
        """Return the bytes from the executor's copy of the broadcast."""
        content: bytes = self.broadcast.value
        return content


@dataclass(frozen=True)
class FileDelivery:
    """The payload as a file in a folder that driver and workers share."""

    path: str

    def read(self) -> bytes:
        """Return the bytes of the file."""
        return Path(self.path).read_bytes()


@dataclass(frozen=True)
class ArtifactDelivery:
    """The payload as a file that a Spark Connect session has sent to its workers.

    Spark has it among the files of the application; in the sandboxes of Databricks' standard and serverless compute it
    is in a folder of the session instead.
    """

    name: str

    def read(self) -> bytes:
        """Return the bytes of the worker's copy.

        Raises:
            FileNotFoundError: It is in none of the places in which platforms put artifacts.
        """
        places = [*_places_of_a_sandbox(), *_places_of_spark()]
        for place in places:
            with contextlib.suppress(OSError):
                return (place / self.name).read_bytes()
        raise FileNotFoundError(f"{self.name} is in none of {', '.join(map(str, places))}.")


SANDBOX_ARTIFACTS = Path("/local_disk0/.ephemeral_nfs/artifacts")
"""The folder in which a sandbox finds the artifacts of each session."""


def _places_of_a_sandbox() -> list[Path]:
    """Return the folders of the session's artifacts: where a newer runtime says, and where others have them."""
    session = sandbox_session()
    if session is None:
        return []
    named = []
    with contextlib.suppress(Exception):  # not in Spark's own
        from pyspark import TaskContext

        named = [Path(TaskContext.get().artifactDir())]
    return [root / kind for root in (*named, SANDBOX_ARTIFACTS / session) for kind in ("files", "archives")]


def _places_of_spark() -> list[Path]:
    with contextlib.suppress(Exception):  # a sandbox may have nothing of the kind
        from pyspark import SparkFiles

        return [Path(SparkFiles.getRootDirectory())]
    return []


@dataclass(frozen=True)
class InlineDelivery:
    """The payload itself, sent with every task."""

    content: bytes

    def read(self) -> bytes:
        """Return the bytes that were sent with the task."""
        return self.content


@dataclass(frozen=True)
class HeldDelivery:
    """The payload in a process that holds it; it is pickled only for a process beside this one."""

    frozen: FrozenExperiment

    def read(self) -> bytes:
        """Pickle the experiment."""
        return pickling.dumps(self.frozen)


_KEPT: OrderedDict[str, TrialRunner] = OrderedDict()
"""The runners of this process, by the digest of their payload; the most recently used is the last.

A Python worker of Spark serves one task after the other and lives on between them: runners and hosts are the only state
that a process keeps, and they can always be made again from the payload.
"""
_HOSTS: OrderedDict[tuple[str, bool], ForkedRunner | SpawnedRunner] = OrderedDict()
"""The hosts of killable trials of this process, by the digest of their payload and whether they are forked."""


def runner_of(digest: str, read: Callable[[], bytes]) -> TrialRunner:
    """Return this process's runner for a payload, which is read only the first time.

    Args:
        digest: the digest of the payload.
        read: returns the bytes of the payload.
    """
    if digest not in _KEPT:
        from bakeoff.pycaret3.runners.factory import runner_for

        frozen = pickle.loads(read())
        keep_runner(digest, runner_for(frozen, shelf_of(digest, KEPT_PAYLOADS)))
    _KEPT.move_to_end(digest)
    return _KEPT[digest]


def keep_runner(digest: str, runner: TrialRunner) -> None:
    """Keep a runner in this process, in place of the least recently used one."""
    _KEPT[digest] = runner
    while len(_KEPT) > KEPT_PAYLOADS:
        _KEPT.popitem(last=False)


def host_of(digest: str, read: Callable[[], bytes], *, fork: bool) -> ForkedRunner | SpawnedRunner:
    """Return this process's host of killable trials for a payload.

    Args:
        digest: the digest of the payload.
        read: returns the bytes of the payload.
        fork: whether trials run in a fork of this process, or in a process started beside it.
    """
    key = (digest, fork)
    if key not in _HOSTS:
        if fork:
            runner = runner_of(digest, read)
            runner.import_models()
            # PySpark collects garbage after every task: a tenth of a second, if it has to look through all of PyCaret.
            # A later payload adds little, which may become garbage.
            if not gc.get_freeze_count():
                gc.freeze()
            _HOSTS[key] = ForkedRunner(runner)
        else:
            keep_host(digest, SpawnedRunner(read()))
    _HOSTS.move_to_end(key)
    while len(_HOSTS) > KEPT_PAYLOADS:
        _HOSTS.popitem(last=False)[1].close()
    return _HOSTS[key]


def keep_host(digest: str, host: SpawnedRunner) -> None:
    """Keep a host beside this process for a payload that it has, or will get."""
    _HOSTS[digest, False] = host


def interrupt_host(digest: str) -> None:
    """End the trial that a host beside this process runs for a payload; called while another thread waits for it."""
    host = _HOSTS.get((digest, False))
    if isinstance(host, SpawnedRunner):
        host.interrupt()


def forget_runner(digest: str) -> None:
    """Free what this process keeps for a payload."""
    _KEPT.pop(digest, None)
    for fork in (True, False):
        host = _HOSTS.pop((digest, fork), None)
        if host is not None:
            host.close()

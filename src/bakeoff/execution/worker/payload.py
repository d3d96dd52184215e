"""The experiment on its way to the workers: sent once, kept by content for as long as a worker lives."""

from __future__ import annotations

import gc
import hashlib
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff._utils import pickling
from bakeoff.execution.isolation.forked import ForkedRunner
from bakeoff.execution.isolation.spawned import SpawnedRunner
from bakeoff.execution.worker.fold_cache import shelf_of

if TYPE_CHECKING:  # a worker settles in before it imports PyCaret
    from bakeoff.pycaret3.frozen import FrozenExperiment
    from bakeoff.pycaret3.runners.base import TrialRunner

KEPT_PAYLOADS = 2
"""A worker keeps the runners of so many payloads, and a machine their shelves, the newest ones: two runs may take turns
on one cluster."""


class Delivery(Protocol):
    """How the payload's bytes reach a worker; this object itself travels with every task, so it is small."""

    def read(self) -> bytes:
        """The payload's bytes, on the worker."""


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
    """The name of a payload: the hash of its content."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class BroadcastDelivery:
    """The payload as a Spark broadcast: it crosses the network once for each executor."""

    broadcast: Any

    def read(self) -> bytes:
        """The bytes, from the executor's copy of the broadcast."""
        content: bytes = self.broadcast.value
        return content


@dataclass(frozen=True)
class FileDelivery:
    """The payload as a file in a folder that driver and workers share."""

    path: str

    def read(self) -> bytes:
        """The bytes of the file."""
        return Path(self.path).read_bytes()


@dataclass(frozen=True)
class ArtifactDelivery:
    """The payload as a file that a Spark Connect session has sent to its workers."""

    name: str

    def read(self) -> bytes:
        """The bytes of the worker's copy."""
        from pyspark import SparkFiles

        return Path(SparkFiles.get(self.name)).read_bytes()


@dataclass(frozen=True)
class InlineDelivery:
    """The payload itself, sent along with every task."""

    content: bytes

    def read(self) -> bytes:
        """The bytes that came along."""
        return self.content


_KEPT: OrderedDict[str, TrialRunner] = OrderedDict()
_HOSTS: OrderedDict[tuple[str, bool], ForkedRunner | SpawnedRunner] = OrderedDict()
# A Python worker of Spark serves one task after the other and lives on between them: these are the only things that
# a process remembers, and they can always be made again from the payload.


def runner_of(digest: str, read: Callable[[], bytes]) -> TrialRunner:
    """This process's runner for a payload; the payload is read only the first time."""
    if digest not in _KEPT:
        from bakeoff.pycaret3.runners.factory import runner_for

        runner = runner_for(pickle.loads(read()))
        runner.shelf = shelf_of(digest, KEPT_PAYLOADS)
        keep_runner(digest, runner)
    _KEPT.move_to_end(digest)
    return _KEPT[digest]


def keep_runner(digest: str, runner: TrialRunner) -> None:
    """Remember a runner in this process, in the place of the one that was used least recently."""
    _KEPT[digest] = runner
    while len(_KEPT) > KEPT_PAYLOADS:
        _KEPT.popitem(last=False)


def host_of(digest: str, read: Callable[[], bytes], *, fork: bool) -> ForkedRunner | SpawnedRunner:
    """This process's host of killable trials for a payload: forked from this process, or started beside it."""
    key = (digest, fork)
    if key not in _HOSTS:
        if fork:
            runner = runner_of(digest, read)
            runner.import_models()
            # PySpark collects garbage after every task: a tenth of a second, if it has to look through all of PyCaret.
            # What a later payload adds is little, and may become garbage.
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
    """Remember a host beside this process for a payload that it has, or will be given."""
    _HOSTS[digest, False] = host


def interrupt_host(digest: str) -> None:
    """End what a host beside this process is doing for a payload; called while another thread waits for it."""
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

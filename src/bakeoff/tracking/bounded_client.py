"""An MLflow client with short time limits, which also shows how long a call has been waiting.

MLflow's own limits are 120 seconds for a call, and seven tries. They are environment variables, which belong to the
process, and are read at each call through objects of `mlflow.environment_variables`. This module overrides a few of
these objects on the thread of a call of Bakeoff's; every other thread reads the original values, and the environment
is unchanged. On Databricks MLflow leaves its calls to an SDK with limits of its own, which nothing here shortens: there
only the time that a run waits for them is bounded (`bakeoff.tracking.mlflow_listener`).
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import environment_variables
from mlflow.exceptions import MlflowException

from bakeoff.tracking.database import check_free

CALL_SECONDS = 10
"""Limit of a call, in seconds. A server that takes longer is treated as one that is down."""
UPLOAD_SECONDS = 120
"""Limit of a call that uploads files, in seconds."""
USUAL_SECONDS = 0.5
"""Usual seconds of a call; an answer that takes longer uses up the time that a run may wait."""
_BYTES_PER_SECOND = 1_000_000
_REGISTERING = "create_model_version"
"""Method that waits until the registry has copied the model."""
_REGISTERING_SECONDS = 60.0
_UPLOADS = frozenset({"log_artifact", "log_artifacts", "log_model_artifacts", _REGISTERING})
_VARIABLES = (
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT",  # MLflow 3 prints two lines for each run that ends
)
"""MLflow's variables that are overridden during a call."""
_MAKING_SECONDS = 120.0
"""Usual seconds of the first call if it has to create a database."""
_DATABASE_LOG = "mlflow.store.db.utils"
_TRY_AGAIN = frozenset({408, 429})
_SERVER_ERRORS = 500
_HERE = threading.local()
_LOCK = threading.Lock()


class AbandonedError(Exception):
    """A call that was not made, because nobody waits for it any more."""


@dataclass
class _Watch:
    overdue_at: float | None = None
    uploading: bool = False
    abandoned: bool = False


class BoundedClient:
    """Proxy of an `MlflowClient` whose calls have time limits.

    Args:
        client: the client that makes the calls.
        seconds: limit of a call, in seconds.
    """

    def __init__(self, client: Any, seconds: int = CALL_SECONDS) -> None:
        self._client = client
        self._seconds = seconds
        self._watch = _Watch()

    @property
    def overdue(self) -> bool:
        """Whether the current call takes longer than usual."""
        overdue_at = self._watch.overdue_at
        return overdue_at is not None and time.monotonic() > overdue_at

    @property
    def uploading(self) -> bool:
        """Whether the current call uploads files, registers a model, or creates a database."""
        return self._watch.uploading

    def abandon(self) -> None:
        """Make no further calls; a call that is under way is not interrupted."""
        self._watch.abandoned = True

    def beside(self, client: Any) -> BoundedClient:
        """Return a proxy of another client whose calls are watched together with those of this one."""
        if isinstance(client, BoundedClient):
            return client
        other = BoundedClient(client, self._seconds)
        other._watch = self._watch
        return other

    def __getattr__(self, name: str) -> Any:
        if name == "tracking_uri":
            return self._client.tracking_uri
        # The client may be created only now, which opens a database; if MLflow has to create the file, that takes time.
        local = self._client.tracking_uri.startswith("sqlite")
        with self._watched(_MAKING_SECONDS if local else USUAL_SECONDS, self._seconds, uploading=local):
            found = getattr(self._client, name)
        return self._bounded(name, found) if callable(found) else found

    def _bounded(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._watch.abandoned:
                raise AbandonedError(f"{name} was not called.")
            usual, limit = _allowance(name, args, self._seconds)
            with self._watched(usual, limit, uploading=name in _UPLOADS):
                check_free(self._client.tracking_uri)  # MLflow would wait 20 seconds for a lock
                return method(*args, **kwargs)

        return call

    @contextlib.contextmanager
    def _watched(self, usual: float, limit: int, *, uploading: bool = False) -> Iterator[None]:
        """Apply the limits to the block, and record when it becomes overdue.

        Args:
            usual: seconds after which the call counts as overdue.
            limit: limit of each HTTP call, in seconds.
            uploading: whether it uploads files, registers a model, or creates a database.
        """
        self._watch.uploading = uploading
        self._watch.overdue_at = time.monotonic() + usual
        try:
            with short_limits(limit):
                yield
        finally:
            self._watch.overdue_at, self._watch.uploading = None, False


@contextlib.contextmanager
def short_limits(seconds: int) -> Iterator[None]:
    """Let MLflow try HTTP calls of this thread once only, with a time limit in seconds.

    A call that creates something and is repeated because its answer was late would create it twice.
    """
    _listen()
    before = getattr(_HERE, "limits", {})
    _HERE.limits = dict(zip(_VARIABLES, (seconds, 0, True), strict=True))
    try:
        yield
    finally:
        _HERE.limits = before


def unavailable(error: BaseException) -> bool:
    """Whether an error means that MLflow could not be reached or is temporarily unable to answer, not that it refused.

    Example:
        >>> unavailable(ConnectionRefusedError()), unavailable(PermissionError())
        (True, False)
    """
    causes = list(_causes(error))
    if any(isinstance(each, OSError) and isinstance(each, ValueError) for each in causes):
        return False  # raised by requests for an invalid address
    for each in causes:
        status = getattr(getattr(each, "response", None), "status_code", None)
        if isinstance(status, int):
            return status >= _SERVER_ERRORS or status in _TRY_AGAIN
    if isinstance(error, MlflowException):
        if any(_is_disk_error(each) for each in causes):
            return False
        status = error.get_http_status_code()
        return status >= _SERVER_ERRORS or status in _TRY_AGAIN
    if type(error).__name__ == "OperationalError":  # SQLAlchemy's, which not every MLflow brings along
        return True
    return isinstance(error, OSError) and not _is_disk_error(error)


def without_login(text: object) -> str:
    """Return the text with user names and passwords removed from its addresses.

    Example:
        >>> without_login("http://me:secret@host:5000/x")
        'http://host:5000/x'
    """
    return re.sub(r"(?<=://)[^/@\s]+@", "", str(text))


def reason(error: BaseException) -> str:
    r"""Return the reason why a call failed, as one short line.

    Example:
        >>> print(reason(ValueError("a\n  b")))
        ValueError: a b
    """
    deepest = list(_causes(error))[-1] if unavailable(error) else error
    text = " ".join(without_login(deepest).split())
    limit = 200
    return f"{type(deepest).__name__}: {text[:limit]}{'...' if len(text) > limit else ''}"


def _listen() -> None:
    """Override MLflow's variables for threads that have limits of their own; done once for a process."""
    with _LOCK:
        logging.getLogger(_DATABASE_LOG).addFilter(_is_of_another_thread)  # the same filter is added only once
        for name in _VARIABLES:
            variable = getattr(environment_variables, name, None)
            if variable is not None and not getattr(variable.get, "asks_bakeoff", False):
                variable.get = _overridden(name, variable.get)


def _is_of_another_thread(_: logging.LogRecord) -> bool:
    """Whether a record is not from a call of Bakeoff's, whose errors are reported in a sentence, not as a traceback."""
    return not getattr(_HERE, "limits", {})


def _overridden(name: str, original: Callable[[], Any]) -> Callable[[], Any]:
    def get() -> Any:
        limits = getattr(_HERE, "limits", {})
        return limits[name] if name in limits else original()

    get.asks_bakeoff = True  # type: ignore[attr-defined]
    return get


def _allowance(name: str, args: tuple[Any, ...], seconds: int) -> tuple[float, int]:
    """Return the usual seconds of a call, and its limit in seconds."""
    if name == _REGISTERING:
        return _REGISTERING_SECONDS, seconds
    if name in _UPLOADS:
        size = sum(_size(Path(arg)) for arg in args[1:2])
        return USUAL_SECONDS + size / _BYTES_PER_SECOND, UPLOAD_SECONDS
    return USUAL_SECONDS, seconds


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its chain of causes, the outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


def _is_disk_error(error: BaseException) -> bool:
    kinds = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
    return isinstance(error, kinds)

"""Clients for the MLflow that runs are logged to: the one that the environment names, else SQLite under ``home``.

Nothing here changes MLflow's process-wide tracking or registry URI: every caller gets a client of its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from bakeoff.errors import TrackingError
from bakeoff.tracking.addresses import database_file, local_tracking_uri, named_by_environment
from bakeoff.tracking.bounded_client import reason
from bakeoff.tracking.database import DeferredClient, check_tracking, is_database
from bakeoff.tracking.empty_database import copy_kept, keep

REMOTE = ("http:", "https:", "databricks")
"""Beginnings of the addresses of an MLflow server."""
_UNITY_CATALOG = "databricks-uc"
_NAME_PARTS = 3
_LOGGING = threading.Lock()
"""Lock on the process-wide logging configuration, which only one thread at a time may change temporarily."""


def artifact_root(home: Path) -> Path:
    """Return the folder under ``home`` for the artifacts of local runs."""
    return home.absolute() / "artifacts"


def experiment_location(home: Path) -> str | None:
    """Return the artifact location of a new experiment, as a URI; ``None`` leaves it to the tracking server."""
    return None if named_by_environment() else artifact_root(home).as_uri()


def is_remote(uri: str) -> bool:
    """Whether an address names an MLflow or a database that is reached over a network.

    Example:
        >>> is_remote("http://host:5000"), is_remote("postgresql://host/db"), is_remote("sqlite:////tmp/mlflow.db")
        (True, True, False)
    """
    return uri.startswith(REMOTE) or (is_database(uri) and not uri.startswith("sqlite"))


def make_client(home: Path) -> MlflowClient:
    """Return a client for the MLflow that runs are logged to.

    The first call for a ``home`` creates the SQLite file; for the first of a user, MLflow runs seconds of migrations.

    Raises:
        TrackingError: this version of MLflow cannot use the existing SQLite file.
    """
    return MlflowClient() if named_by_environment() else _local_client(home)


def client_to_log_with(home: Path) -> Any:
    """Return a client for a run to log with, after the checks of MLflow that take no time.

    A database is opened at the client's first call, because it may be busy now.

    Raises:
        TrackingError: The MLflow that is named, or the database under ``home``, cannot be used.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "") if named_by_environment() else local_tracking_uri(home)
    if is_database(uri):
        check_tracking(home)
        return DeferredClient(uri, lambda: make_client(home))
    try:
        return MlflowClient()
    except MlflowException as error:
        raise TrackingError(
            f"MLFLOW_TRACKING_URI names no MLflow ({reason(error)}): correct it, or unset it."
        ) from error


def client_for(home: Path, tracking_uri: str) -> MlflowClient:
    """Return a client for the MLflow that a run was logged to, whatever the environment names now.

    The stored address has no login. So if it is a server and the environment names a server, the latter is used.

    Args:
        home: folder of runs.
        tracking_uri: stored address.

    Raises:
        TrackingError: this version of MLflow cannot use the SQLite file under ``home``.
    """
    if tracking_uri.startswith(REMOTE):
        server_named = (
            os.environ.get("MLFLOW_TRACKING_URI", "").startswith(REMOTE) or "DATABRICKS_RUNTIME_VERSION" in os.environ
        )
        return MlflowClient() if server_named else MlflowClient(tracking_uri=tracking_uri)
    if tracking_uri.endswith(f"/{database_file(home).name}") and database_file(home).exists():
        return _local_client(home)  # the home may have been moved
    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def _local_client(home: Path) -> MlflowClient:
    uri = local_tracking_uri(home)
    with quiet_migrations():
        if not database_file(home).exists():
            make_database(database_file(home))
        try:
            return MlflowClient(tracking_uri=uri, registry_uri=uri)
        except MlflowException as error:
            raise TrackingError(
                f"The MLflow database {database_file(home)} does not fit this version of MLflow: bring it up to date "
                f"with `mlflow db upgrade {uri}`, or choose another home."
            ) from error


def make_registry_client(client: MlflowClient, name: str) -> MlflowClient:
    """Return a client for the registry that a model of this name belongs to.

    On Databricks a name of three parts belongs to Unity Catalog, which MLflow 2 uses only if it is named.
    """
    if os.environ.get("DATABRICKS_RUNTIME_VERSION") and in_unity_catalog(name):
        return MlflowClient(tracking_uri=client.tracking_uri, registry_uri=_UNITY_CATALOG)
    return client


def in_unity_catalog(name: str) -> bool:
    """Whether a registered model's name has a catalog and a schema.

    Example:
        >>> in_unity_catalog("main.bakeoff.best_model"), in_unity_catalog("best_model")
        (True, False)
    """
    return name.count(".") == _NAME_PARTS - 1


def quoted(value: str) -> str:
    """Quote a value for MLflow's filter language, which has two kinds of quotes and no escapes.

    Example:
        >>> print(quoted("ab"), quoted("it's"))
        'ab' "it's"
    """
    return f'"{value}"' if "'" in value else f"'{value}'"


def context_tags() -> dict[str, str]:
    """Return the tags of MLflow's fluent API for the user and the program, notebook or job that starts a run.

    A client does not set them, and the pages of MLflow and Databricks would lack them.
    """
    try:
        from mlflow.tracking.context.registry import resolve_tags
    except ImportError:  # it is no part of MLflow's documented API
        return {}
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # else a machine without git gets pages about it
    return {key: str(value) for key, value in resolve_tags().items()}


def all_runs(client: Any, experiments: list[str], query: str) -> list[Run]:
    """Return all runs that a query finds, from all pages of its result."""
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs(experiments, query, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def make_database(database: Path) -> None:
    """Copy an empty database, or migrate an empty file, in a temporary folder and move it into place in one step.

    Two jobs that start at once on a new ``home`` would otherwise migrate the same file at the same time.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".mlflow-", dir=database.parent))
    try:
        fresh = aside / database.name
        if not copy_kept(fresh):
            _release(MlflowClient(tracking_uri=f"sqlite:///{fresh.as_posix()}"))
            keep(fresh)
        try:
            os.link(fresh, database)
        except FileExistsError:
            pass  # another job was first, and its file is as good
        except OSError:
            fresh.replace(database)  # a file system without hard links
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _release(client: MlflowClient) -> None:
    """Close the connections of a client that is no longer used; MLflow would keep them until the process ends."""
    store = client._tracking_client.store  # noqa: SLF001 - MLflow has no public way to close one
    engine = getattr(store, "engine", None)
    if engine is not None:
        engine.dispose()


@contextlib.contextmanager
def quiet_migrations() -> Iterator[None]:
    """Hide the log of the migrations from the user, and restore the root logger.

    MLflow 2's migrations load a logging configuration of their own, which replaces the root logger's handlers.
    """
    root = logging.getLogger()
    with _LOGGING:
        level, handlers, disabled = root.level, list(root.handlers), root.manager.disable
        logging.disable(max(logging.INFO, disabled))
        try:
            yield
        finally:
            logging.disable(disabled)
            root.setLevel(level)
            root.handlers[:] = handlers

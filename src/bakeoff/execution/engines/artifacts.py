"""Bytes on their way to the workers of a Spark Connect session as an artifact: as a file, else in an archive."""

from __future__ import annotations

import io
import logging
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bakeoff.execution.worker.payload import ArtifactDelivery

_LOG = logging.getLogger(__name__)


def send_artifact(spark: Any, digest: str, content: bytes) -> Iterator[ArtifactDelivery]:
    """Send bytes in one form after the other, for as long as the caller asks for another.

    Platforms differ in which of them workers find, and where; MLflow sends models to Databricks' in archives.

    Args:
        spark: a session of Spark Connect.
        digest: the digest of the bytes, by which they are named.
        content: the bytes.

    Yields:
        The way in which a worker would find them, which nobody has tried.
    """
    name = f"bakeoff-{digest}.pkl"
    _send(spark, name, content, file=True)
    yield ArtifactDelivery(name)
    packed = f"bakeoff-{digest}.tar.gz"
    _send(spark, packed, _archived(name, content), archive=True)
    yield ArtifactDelivery(f"{packed}/{name}")  # archives are unpacked into a folder of their name


def _send(spark: Any, name: str, content: bytes, **kind: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        try:
            spark.addArtifact(str(path), **kind)
        except Exception as error:  # noqa: BLE001 - there are many ways to forbid artifacts
            # One way: the session has been sent the same artifact before, which workers then find.
            _LOG.info("The session did not take %s as an artifact: %s", name, error)


def _archived(name: str, content: bytes) -> bytes:
    """Return an archive with one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()

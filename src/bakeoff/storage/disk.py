"""Checks, before anything is computed, that folders can be written to and that their disks have room."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bakeoff._utils.disk import ROOM_NEEDED, free_bytes, is_full, is_read_only, nearest_folder, spark_folders
from bakeoff.errors import StorageError


def check_folder(folder: Path, what: str = "home") -> None:
    """Check, without writing anything, that files can be written to a folder that exists or can be created.

    Args:
        folder: The folder.
        what: Noun for the folder in messages to the user.

    Raises:
        StorageError: The folder cannot be written to, or its disk has no room left.
    """
    folder = folder.absolute()
    existing = nearest_folder(folder)
    subject = f"The {what} {folder}" if existing == folder else f"The {what} {folder} cannot be made: {existing}"
    if not existing.is_dir():
        raise StorageError(f"{subject} is no folder: name another --home.")
    if is_read_only(existing):
        raise StorageError(f"{subject} is on a disk that is read-only: name another --home.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise StorageError(f"{subject} is not yours to write to: name another --home, or ask for the right to.")
    check_room(existing, what, "name another --home")


def check_room(folder: Path, what: str, instead: str) -> None:
    """Check that the disk of a folder has enough room for a run to begin.

    Args:
        folder: The folder.
        what: Noun for the folder in messages to the user.
        instead: What else the user can do, as the end of a sentence.

    Raises:
        StorageError: The disk has less than `ROOM_NEEDED` left.
    """
    if is_full(folder):
        free = _megabytes(free_bytes(folder) or 0)
        raise StorageError(
            f"There is no room on the disk of the {what} {folder}: {free} are free, and a run needs at least "
            f"{_megabytes(ROOM_NEEDED)}. Make room, or {instead}."
        )


def check_local_folders() -> None:
    """Check that the disks have room where Python and Spark spill what does not fit into memory.

    Raises:
        StorageError: A disk has less than `ROOM_NEEDED` left, or there is no temporary folder.
    """
    for folder in spark_folders():
        check_room(nearest_folder(folder), "folder SPARK_LOCAL_DIRS", "name another")
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise StorageError(
            "There is no temporary folder that can be written to, or no room in it: make room, or name one in TMPDIR."
        ) from error
    check_room(folder, "temporary folder", "name another in TMPDIR")


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB"

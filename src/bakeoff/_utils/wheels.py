"""Wheels, packed from files; only the standard library is needed."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import zipfile
from collections.abc import Mapping
from pathlib import Path

_OF_THE_INSTALLATION = {"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json"}
"""Files of a distribution's metadata that belong to one installation, or are made anew."""
_ENDING = "-py3-none-any.whl"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of all files, so that equal contents make equal wheels."""


def pack(files: Mapping[str, bytes], stem: str, folder: Path) -> Path:
    """Write a wheel, with a record of its files.

    Args:
        files: contents by path inside the wheel.
        stem: name and version of the distribution as files name them, such as ``pycaret_core-3.5.0``.
        folder: an existing folder.

    Returns:
        The path of the wheel.
    """
    record = f"{stem}.dist-info/RECORD"
    lines = []
    path = folder / f"{stem}{_ENDING}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(content)}")
            wheel.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
        wheel.writestr(zipfile.ZipInfo(record, _EPOCH), "\n".join([*lines, f"{record},,", ""]))
    return path


def belongs_in_a_wheel(name: str) -> bool:
    """Whether a file of a distribution goes into its wheel as it is.

    Example:
        >>> [belongs_in_a_wheel(name) for name in ("a/b.py", "a/__pycache__/b.pyc", "a-1.dist-info/RECORD", "../bin/a")]
        [True, False, False, False]
    """
    path = Path(name)
    is_made_anew = path.parent.name.endswith(".dist-info") and path.name in _OF_THE_INSTALLATION
    return ".." not in path.parts and path.suffix != ".pyc" and not is_made_anew


def wheel_name(name: str) -> str:
    """Return the file name of the wheel that `repack` writes of an installed distribution."""
    return f"{name.replace('-', '_')}-{importlib.metadata.version(name)}{_ENDING}"


def repack(name: str, folder: Path) -> Path:
    """Write the wheel of an installed distribution of pure Python.

    Args:
        name: name of the distribution.
        folder: an existing folder.

    Raises:
        FileNotFoundError: Its files are not known, or are not there.
    """
    found = importlib.metadata.distribution(name)
    paths = [path for path in found.files or () if belongs_in_a_wheel(path.as_posix())]
    if not paths:
        raise FileNotFoundError(f"The files of {name} are not known.")
    files = {path.as_posix(): Path(str(path.locate())).read_bytes() for path in paths}
    return pack(files, wheel_name(name).removesuffix(_ENDING), folder)

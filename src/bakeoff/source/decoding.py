"""Unpack a file and tell the encoding of its text, by what is in it and not by how it is called."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from bakeoff.errors import SourceError

PLAIN = "utf-8"
"""Encoding of files that need no word about it."""
_HEAD = 1 << 20
"""Number of bytes at the beginning of a file by which it is judged."""
_PACKED: dict[bytes, str] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"PK\x03\x04": "zip",
}
_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_UNUSUAL = re.compile(
    r"[\u0192\u2020\u2021\u02c6\u2030\u2039\u02dc\u203a\xa6\xac\xad\xaf\xb6\xb8\xd0\xde\xf0\xf7\xfe\xff]"
    r"|[\xa3\xa5\xb3\xb9]\w|\w[\xa3\xa5\xb3\xb9]"
)
"""Characters that hardly occur in western languages."""
_LETTERS = re.compile(r"[^\W\d_]+")
_LEGACY = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "koi8_r", "cp932", "gb18030", "big5", "euc_kr", "euc_jp")
_FEW = 4
"""Number of characters beyond ASCII from which a legacy encoding can be guessed at all."""
_TOLERANT = 0.5
"""Share of strange characters up to which an encoding is a candidate: tables are no prose."""
_ENOUGH = 20_000
"""Number of bytes by which it is guessed."""


@contextmanager
def unpacked(file: Path | io.BytesIO, name: str) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacked if it is compressed (gzip, bz2, xz, zstd, lz4, or a zip with one file).

    Raises:
        SourceError: It is an archive of several files.
    """
    with ExitStack() as open_files:
        stream: Any = open_files.enter_context(file.open("rb")) if isinstance(file, Path) else file
        stream.seek(0)
        start = stream.read(8)
        stream.seek(0)
        kind = next((kind for magic, kind in _PACKED.items() if start.startswith(magic)), None)
        if kind == "zip":
            archive = open_files.enter_context(zipfile.ZipFile(stream))
            stream = open_files.enter_context(archive.open(_only_member(archive, name)))
        elif kind in {"zstd", "lz4"}:
            import pyarrow as pa

            stream = io.BytesIO(pa.CompressedInputStream(stream, kind).read())
        elif kind is not None:
            openers: dict[str, Callable[[Any], Any]] = {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}
            stream = open_files.enter_context(openers[kind](stream))
        yield stream


def _only_member(archive: zipfile.ZipFile, name: str) -> str:
    members = [each for each in archive.namelist() if not each.endswith("/") and not each.startswith("__MACOSX/")]
    if len(members) != 1:
        some = ", ".join(members[:5]) + (", ..." if len(members) > 5 else "")  # noqa: PLR2004
        raise SourceError(
            f"{name} is an archive of {len(members)} files ({some}): unpack it, and name one file or their folder."
        )
    return members[0]


def head_of(stream: IO[bytes]) -> tuple[bytes, bool]:
    """Read the beginning of a file up to the end of a line; also return whether that is all of it."""
    head = stream.read(_HEAD)
    if len(head) < _HEAD:
        return head, True
    end = max(head.rfind(b"\n"), head.rfind(b"\r"))
    return (head[: end + 1], False) if end > 0 else (head + stream.read(), True)


def encoding_of(content: bytes, name: str) -> str:
    """Tell the encoding of a text: by its mark, its zeros, or its characters.

    Args:
        content: the text, or its beginning, up to the end of a line.
        name: name of the file, as part of errors.

    Raises:
        SourceError: It is not UTF-8, and cannot be told.

    Example:
        >>> encoding_of("Größe".encode(), "a"), encoding_of("Größe;Länge".encode("cp1252"), "a")
        ('utf-8', 'cp1252')
    """
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return PLAIN if encoding == "utf-8-sig" else encoding  # pandas takes that mark away
    if wide := _wide(content):
        return wide
    try:
        content.decode(PLAIN)
    except UnicodeDecodeError as error:
        if error.start > len(content) - 4 and error.reason == "unexpected end of data":
            return PLAIN
        return _legacy(content, name)
    return PLAIN


def _wide(content: bytes) -> str | None:
    """Return UTF-16 without a mark, if every other byte is nearly always zero."""
    some = content[:4000]
    if some.count(0) < len(some) / 4:
        return None
    even, odd = some[0::2].count(0), some[1::2].count(0)
    if min(even, odd) * 10 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _legacy(content: bytes, name: str) -> str:
    lines = [line for line in content.splitlines() if not line.isascii()]
    text = b"\n".join(lines)[:_ENOUGH]
    if _reads_as_western(text):
        return "cp1252"
    if sum(byte > 127 for byte in text) >= _FEW:  # noqa: PLR2004 - the last of ASCII
        from charset_normalizer import from_bytes

        for candidates in (list(_LEGACY), None):
            best = from_bytes(text, cp_isolation=candidates, threshold=_TOLERANT).best()
            if best is not None:
                return str(best.encoding)
    raise SourceError(
        f"{name} cannot be read as csv: it is not UTF-8, and its encoding cannot be told from so few characters. "
        "Name it with --encoding, such as --encoding cp1252."
    )


def _reads_as_western(text: bytes) -> bool:
    """Whether a text makes sense in the encoding of western Windows: usual letters, not too many of them in a row."""
    try:
        decoded = text.decode("cp1252")
    except UnicodeDecodeError:
        return False
    words = [word for word in _LETTERS.findall(decoded) if not word.isascii()]
    special = sum(character > "\x7f" for word in words for character in word)
    beyond_ascii = sum(character > "\x7f" for character in decoded)
    unusual = len(_UNUSUAL.findall(decoded))
    return unusual * 20 <= beyond_ascii and special * 2 <= sum(map(len, words))

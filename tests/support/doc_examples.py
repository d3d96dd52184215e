"""The code that README and docs show: blocks, and commands and queries in the middle of a sentence."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^ *```(.*)$")
_NOT_RUN = re.compile(r"^ *<!-- not run: (.+) -->$")
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_SHELL = re.compile(
    r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|(?:(?<=\s)|^)(?P<comment>\#[^\n]*)|(?P<end>\n|[|&]{1,2}|;|>{1,2})|[^'"\\\n|&;>\#]+|.""",
    re.DOTALL | re.MULTILINE,
)
"""A piece of a shell script: something quoted, a comment, the end of a command, or anything else."""


@dataclass(frozen=True)
class Example:
    """A block of code in a page.

    Attributes:
        page: the page, from the root of the repository.
        line: the line that the block begins in.
        language: what stands behind the fence.
        text: the code.
        not_run: why it cannot be run here, as the comment above the block says; empty if it can.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> Iterator[Example]:
    """Yield the blocks of a page, and raise a ``ValueError`` for one that does not end."""
    opened: tuple[int, str, str] | None = None
    code: list[str] = []
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and opened is None:
            told = _NOT_RUN.match(before)
            opened, code = (number, fence.group(1).strip(), told.group(1) if told else ""), []
        elif fence and opened is not None:
            yield Example(page, opened[0], opened[1], "\n".join(code), opened[2])
            opened, before = None, ""
        elif opened is not None:
            code.append(line)
        elif line.strip():
            before = line
    if opened is not None:
        raise ValueError(f"{page}:{opened[0]}: the block does not end")


def blocks(*languages: str) -> list[Example]:
    """Return the blocks of all pages that are in one of some languages."""
    return [
        block
        for page in PAGES
        for block in blocks_of(page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8"))
        if block.language in languages
    ]


def prose_of(text: str) -> str:
    """Return a page without its blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def inline(start: str) -> list[tuple[str, str]]:
    """Return the pieces of code in the sentences of all pages that begin with a word, each with its page."""
    return [
        (page.relative_to(ROOT).as_posix(), " ".join(piece.split()))
        for page in PAGES
        for piece in _INLINE.findall(prose_of(page.read_text(encoding="utf-8")))
        if piece.split()[:1] == [start]
    ]


def commands(script: str, program: str) -> list[list[str]]:
    """Return the words behind a program's name in each of its calls in a shell script."""
    calls, call = [], ""
    for piece in _SHELL.finditer(script):
        if piece.lastgroup == "end":
            calls.append(call)
            call = ""
        elif piece.lastgroup is None:
            call += piece.group().replace("\\\n", " ")
    words = [shlex.split(call) for call in (*calls, call)]
    return [rest for first, *rest in filter(None, words) if first.rpartition("/")[2] == program]

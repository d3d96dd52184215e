"""Whatever the encoding of the output is, a command says what it has to say."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from bakeoff._utils.text import print_text
from bakeoff.cli.streams import Output


def written(encoding: str, text: str) -> str:
    """What arrives in a stream of this encoding."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    out = Output(stream)
    out.write(text)
    out.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", "0.9 ± 0.1 → Tür"), ("ascii", "0.9 +/- 0.1 -> T?r"), ("cp1252", "0.9 ± 0.1 -> Tür")],
)
def test_what_an_encoding_lacks_is_spelled_otherwise(encoding: str, expected: str) -> None:
    assert written(encoding, "0.9 ± 0.1 → Tür") == expected


def test_tables_and_messages_come_through_an_ascii_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Console(file=Output(stream), width=60).print("[bold]0.9 ± 0.1[/bold] in Köln…")  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdout", stream)
    print_text("Reading straße.csv")
    stream.flush()
    assert raw.getvalue().decode() == "0.9 +/- 0.1 in K?ln...\nReading stra?e.csv\n"

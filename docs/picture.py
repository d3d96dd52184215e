"""Draw docs/demo.svg: the end of a real `bakeoff demo`, as a terminal shows it.

Usage: python docs/picture.py FOLDER, where FOLDER is an empty folder for the demo's results.
"""

from __future__ import annotations

import os
import pty
import re
import sys
from io import BytesIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

WIDTH = 118


def record(folder: Path) -> str:
    """Run the demo under a pseudo-terminal and return what was on it after the progress bar had gone."""
    seen = BytesIO()

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 4096)
        seen.write(data)
        return data

    os.environ.update(COLUMNS=str(WIDTH), LINES="50", TERM="xterm-256color")
    os.chdir(folder)
    pty.spawn([sys.executable, "-m", "bakeoff", "demo"], read)
    text = seen.getvalue().decode().replace("\r\n", "\n")
    # The progress bar redraws itself; what counts begins after it was taken away.
    return re.sub(r"\x1b\[\?25[lh]|\x1b\[\d*[AK]|\r", "", text[text.rindex("\x1b[?25h") :])


def main() -> None:
    """Write the picture beside this file."""
    here = Path(__file__).parent.resolve()
    folder = Path(sys.argv[1]).resolve()
    text = record(folder).replace(str(folder), "~/project").strip("\n")
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(Text("$ bakeoff demo", style="bold"))
    console.print(Text.from_ansi(text))
    # No fonts from elsewhere: the picture is whole without a network.
    plain = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="bakeoff demo", code_format=plain.replace("Fira Code", "Menlo, Consolas"))
    (here / "demo.svg").write_text(svg)


if __name__ == "__main__":
    main()

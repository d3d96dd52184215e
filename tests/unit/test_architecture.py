"""Who may import what. The shape of the house is kept by these rules, not by good intentions."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import bakeoff

ROOT = Path(bakeoff.__file__).parent
HEAVY = {"pycaret", "pyspark", "fugue", "mlflow", "delta", "sklearn"}
LAYERS = (
    {"errors"},
    {"_utils"},
    {"comparison", "spark"},
    {"_options"},
    {"config", "pycaret3", "session", "storage"},
    {"execution", "progress", "report", "source", "tracking"},
    {"fugue_backend", "runs"},
    {"run_results", "scoring"},
    {"job"},
    {"cli"},
    {"__main__"},
)
"""Lowest first: a package or root module imports from layers below its own and from nowhere else but itself."""


class Import(NamedTuple):
    """One imported name: where it stands and what it is, as in ``bakeoff.errors.UserError``."""

    file: str
    line: int
    name: str

    def within(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


@cache
def trees() -> dict[str, ast.Module]:
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}


def imports_of(file: str, tree: ast.AST) -> Iterator[Import]:
    package = ["bakeoff", *Path(file).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*parent, *([node.module] if node.module else [])])
            yield from (Import(file, node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            first = node.args[0] if node.args else None
            if called in {"import_module", "__import__"} and isinstance(first, ast.Constant):
                yield Import(file, node.lineno, str(first.value))


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for file, tree in trees().items() for found in imports_of(file, tree))


def in_package(package: str) -> list[Import]:
    return [found for found in imports() if found.file.startswith(f"{package}/")]


def test_the_rules_see_the_code() -> None:
    assert {"errors.py", "comparison/plan.py", "spark/session.py"} <= set(trees())
    assert any(found.within("bakeoff.comparison.trial") for found in in_package("comparison"))
    assert any(found.within("pycaret") for found in in_package("pycaret3"))
    code = "from . import errors\nfrom ..errors import UserError\nimport a.b\nimportlib.import_module('c.d')"
    seen = [found.name for found in imports_of("comparison/x.py", ast.parse(code))]
    assert seen == ["bakeoff.comparison.errors", "bakeoff.errors.UserError", "a.b", "c.d"]


def test_the_core_knows_no_framework_and_nothing_else_of_ours() -> None:
    core = in_package("comparison")
    assert [found for found in core if found.within(*HEAVY)] == []
    ours = [found for found in core if found.within("bakeoff")]
    assert [found for found in ours if not found.within("bakeoff.comparison", "bakeoff.errors")] == []


def test_only_one_package_touches_pycaret() -> None:
    outside = [found for found in imports() if not found.file.startswith("pycaret3/")]
    assert [found for found in outside if found.within("pycaret")] == []


def room_of(name: str) -> str:
    """The package or root module of a dotted name or a file, as in ``comparison`` or ``errors``."""
    return name.removeprefix("bakeoff.").replace("/", ".").removesuffix(".py").split(".")[0]


def test_every_package_has_a_layer() -> None:
    rooms = {room_of(file) for file in trees()} - {"__init__"}
    assert rooms <= set().union(*LAYERS)


def test_no_import_runs_up_or_sideways() -> None:
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    wrong = [
        found
        for found in imports()
        if found.name.startswith("bakeoff.")
        and found.file != "__init__.py"
        and room_of(found.name) in level
        and room_of(found.name) != room_of(found.file)
        and level[room_of(found.name)] >= level[room_of(found.file)]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    files = {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in trees()}
    targets: dict[str, set[str]] = {module: set() for module in files}
    for found in imports():
        source = found.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        name = found.name.removeprefix("bakeoff.")
        target = name if name in files else name.rpartition(".")[0]
        if found.name.startswith("bakeoff.") and target in files and target != source:
            targets[source].add(target)
    while leaves := {module for module, needs in targets.items() if not needs & targets.keys()}:
        targets = {module: needs for module, needs in targets.items() if module not in leaves}
    assert targets == {}


@pytest.mark.parametrize(
    ("package", "foreign"),
    [
        ("pycaret3", ("pyspark", "fugue", "mlflow", "delta")),
        ("execution", ("mlflow", "delta")),
        ("storage", ("fugue", "mlflow", "pycaret")),
        ("tracking", ("fugue", "delta", "pycaret")),
    ],
)
def test_each_package_keeps_to_its_own(package: str, foreign: tuple[str, ...]) -> None:
    assert [found for found in in_package(package) if found.within(*foreign)] == []


@pytest.mark.parametrize("framework", ["fugue", "delta"])
def test_a_framework_has_one_home(framework: str) -> None:
    homes = {found.file.split("/")[0] for found in imports() if found.within(framework)}
    assert homes <= {"fugue": {"execution"}, "delta": {"spark", "storage"}}[framework]


def test_only_one_module_makes_sessions() -> None:
    makers = {
        file
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"builder", "getOrCreate"})
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"SparkSession", "SparkContext"}
        )
    }
    assert makers == {"spark/session.py"}


@pytest.mark.parametrize(
    ("module", "light"),
    [
        ("bakeoff", {"yaml", "pandas", "numpy"}),
        ("bakeoff.cli", {"pandas", "numpy", "rich", "plotly", "matplotlib"}),
        ("bakeoff.job.main", {"plotly", "matplotlib"}),
    ],
)
def test_importing_the_package_takes_in_nothing_heavy(module: str, light: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert "bakeoff" in loaded
    assert loaded & {"pycaret", "mlflow", "pyspark", "sklearn", "fugue", *light} == set()


def modules_on(page: str) -> set[str]:
    """The modules that a tree of files names, with the folders that they are indented below."""
    folders: list[str] = []
    found = set()
    for line in page.splitlines():
        names = re.match(r"( *)((?:\w+(?:\.\w+|/)(?: |$))*)", line)
        assert names is not None
        depth = len(names.group(1)) // 2 - 1
        for name in names.group(2).split():
            if name.endswith("/"):
                folders[depth:] = [name]
            elif name.endswith(".py"):
                found.add("".join([*folders[:depth], name]))
    return found


def test_the_page_on_the_architecture_names_every_module() -> None:
    page = (ROOT.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    house = page.partition("\nsrc/bakeoff/\n")[2].partition("\n```")[0]
    modules = {file for file in trees() if Path(file).name not in {"__init__.py", "__main__.py"}}
    assert modules_on(house) == modules

"""What the docs say of the code is true, every link leads somewhere, and the reference is complete."""

from __future__ import annotations

import html
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bakeoff
from bakeoff import errors
from bakeoff.comparison import events
from bakeoff.storage.schema import PREDICTIONS, TABLES, VIEWS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as `make docs` builds it: strictly, so that a dead link or an unknown name fails."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    built = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder


def public_names() -> set[str]:
    """Every name that users may import."""
    return {
        *(f"bakeoff.{name}" for name in bakeoff.__all__ if name != "__version__"),
        *(f"bakeoff.errors.{name}" for name in dir(errors) if name.endswith("Error")),
        *(f"bakeoff.comparison.events.{kind.__name__}" for kind in events.Event.__args__),
        "bakeoff.comparison.events.Listener",
    }


def anchors_of(page: Path) -> set[str]:
    """What a link may name in a page: its headings, as GitHub and the site call them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_test_that_the_docs_name_is_there() -> None:
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text())}
    files = list((ROOT / "tests").rglob("test_*.py"))
    there = {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}
    assert named
    assert named <= there


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
        target = page.parent / link if link else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), f"{link}#{anchor}"


def test_the_reference_has_every_public_name_and_says_what_it_is(site: Path) -> None:
    pages = "".join(page.read_text() for page in (site / "reference").glob("*.html"))
    anchors = set(re.findall(r'id="(bakeoff\.[\w.]+)"', pages))
    text = words(html.unescape(re.sub(r"<[^>]+>", "", pages)))
    for name in public_names():
        assert name in anchors
        assert words(first_line(name)) in text, name


def first_line(name: str) -> str:
    """What a public name's docstring begins with."""
    module, _, attribute = name.rpartition(".")
    return str(inspect.getdoc(getattr(importlib.import_module(module), attribute))).splitlines()[0]


def words(text: str) -> str:
    """Text without its markup."""
    return " ".join(re.findall(r"\w+", text))


def test_every_page_is_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text()
    docs = ROOT / "docs"
    pages = {page.relative_to(docs).with_suffix(".html").as_posix() for page in PAGES if page.is_relative_to(docs)}
    assert pages <= set(re.findall(r'href="([\w/.-]+\.html)"', home))


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert not re.findall(r'<(?:script|img|iframe|source)[^>]*\ssrc="(?:https?:)?//[^"]*"', text), page.name
        assert not re.findall(r'<link[^>]*\shref="(?:https?:)?//[^"]*"', text), page.name


def test_the_tables_have_the_columns_that_their_page_lists() -> None:
    page = (ROOT / "docs" / "reference" / "tables.md").read_text()
    for table in (*TABLES.values(), PREDICTIONS):
        _, _, section = page.partition(f"## `{table.name}`\n")
        listed = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)
        assert listed == [(column.name, column.type, column.comment) for column in table.columns]
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \|$", page, re.MULTILINE) == list(VIEWS)


def test_each_known_defect_of_the_stock_backend_is_dealt_with() -> None:
    table = (ROOT / "docs" / "backend.md").read_text().partition("## Known defects")[2]
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(range(1, 35))

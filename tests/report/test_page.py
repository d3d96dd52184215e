"""The report in a real browser: whole, quiet, alone, and readable on a phone."""

from __future__ import annotations

import re

import pytest

from bakeoff.report.page import INTERACTIVE, LOOK, PAGE, PLOTS, render, write
from support.browser import chromium, find_chromium
from support.facts_factory import facts

SECTIONS = ["leaderboard", "better", "folds", "cost", "best", "time", "failures", "data", "again"]
KINDS = {
    "classification-25-failures": ("classification", 25, 4),
    "classification-all-lost": ("classification", 3, 4),
    "regression-1": ("regression", 1, 0),
    "time_series-4-failures": ("time_series", 4, 2, 3),
}
ALL_KINDS = {
    f"{task}-{n_models}{'-failures' if n_failed else ''}": (task, n_models, n_failed)
    for task in ("classification", "regression", "time_series")
    for n_models in (1, 25)
    for n_failed in (0, 1 if n_models == 1 else 4)
} | KINDS


class Pages:
    """A folder of reports, each made when it is asked for."""

    def __init__(self, folder):
        self._folder = folder

    def __truediv__(self, name):
        file = self._folder / name
        if not file.exists():
            file.write_text(render(facts(*ALL_KINDS[file.stem])), encoding="utf-8")
        return file


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return Pages(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")
def browser():
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with chromium(path) as page:
        yield page


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize(
    "name", [name if name in KINDS else pytest.param(name, marks=pytest.mark.slow) for name in ALL_KINDS]
)
def test_a_page_is_whole_and_quiet_and_asks_for_nothing(pages, browser, name, width):
    file = pages / f"{name}.html"
    browser.said.clear()
    browser.loaded.clear()
    browser.open(file.as_uri(), width=width, dark=width == 390)
    assert browser.ask("[...document.querySelectorAll('main > section')].map(each => each.id)") == SECTIONS
    assert browser.said == []
    assert [url for url in browser.loaded if not url.startswith(("file:", "data:"))] == []
    assert browser.loaded.count(file.as_uri()) == 1
    # Nothing makes the page wider than the window; wide tables scroll in their own boxes.
    assert browser.ask("document.documentElement.scrollWidth") <= width
    # Every section shows something, and of each chart exactly the drawing for this width is seen.
    assert browser.ask("[...document.querySelectorAll('main > section')].every(s => s.innerText.trim().length > 20)")
    visible = browser.ask("[...document.querySelectorAll('figure')].map(f => [...f.querySelectorAll('svg')]"
                          ".filter(s => s.getBoundingClientRect().width > 200).length)")  # fmt: skip
    assert visible
    assert set(visible) == {1}
    # Letters in charts are as large as a phone needs.
    sizes = browser.ask("[...document.querySelectorAll('figure svg text')].map(t => t.getBoundingClientRect().height)"
                        ".filter(h => h > 0)")  # fmt: skip
    assert min(sizes) >= 9


def test_a_page_can_be_used_without_seeing_it(pages, browser):
    browser.open((pages / "classification-25-failures.html").as_uri(), width=1400)
    assert browser.ask("document.documentElement.lang") == "en"
    assert browser.ask("document.title").endswith("for sold of shop.csv")
    assert browser.ask("[...document.querySelectorAll('[role=img]')].every(e => e.ariaLabel.length > 30)")
    assert browser.ask(
        "[...document.querySelectorAll('figure')].every(f => f.querySelectorAll('details table tbody tr').length)"
    )
    assert browser.ask("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size"
                       " === document.querySelectorAll('[id]').length")  # fmt: skip
    assert browser.ask("[...document.querySelectorAll('a[href^=\"#\"]')].every(a => document.querySelector(a.hash))")


CONTRAST = """
(() => {
  const shine = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
    .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
  const behind = e => { while (e) { const c = getComputedStyle(e).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)') return c; e = e.parentElement; } return 'rgb(255, 255, 255)'; };
  const ratio = (a, b) => {
    const [x, y] = [shine(a), shine(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const html = [...document.querySelectorAll('body *:not(svg *)')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => e.getBoundingClientRect().height > 0)
    .map(e => ratio(getComputedStyle(e).color, behind(e)));
  return Math.min(...html);
})()
"""


@pytest.mark.parametrize("dark", [False, True])
def test_letters_stand_out_in_light_and_dark(pages, browser, dark):
    """WCAG 2.1 asks for a contrast of 4.5 to 1."""
    browser.open((pages / "classification-25-failures.html").as_uri(), width=1400, dark=dark)
    assert browser.ask(CONTRAST) >= 4.5
    paper = browser.ask("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) < 150) == dark


def test_what_models_and_tables_say_is_text(pages, browser):
    browser.open((pages / "classification-25-failures.html").as_uri(), width=1400)
    assert browser.ask("document.querySelectorAll('script').length") == 0
    assert browser.ask("document.querySelectorAll('td b, svg b').length") == 0
    assert "<script>alert(1)</script> no way" in browser.ask("document.querySelector('#failures').innerText")
    assert "Gradient <b>Boosting</b> & Friends 1" in browser.ask("document.querySelector('#leaderboard').innerText")
    assert "$x_1^2$" in browser.ask("document.querySelector('#folds figure').textContent")


def test_a_folder_holds_the_page_its_pictures_and_what_no_table_has(tmp_path):
    known = facts("regression", 3)
    file = write(known, tmp_path / "run")
    assert file == tmp_path / "run" / PAGE
    pictures = {path.stem: path.read_bytes() for path in (file.parent / PLOTS).glob("*.png")}
    assert set(pictures) == {
        "advantage",
        "folds",
        "cost",
        "predictions",
        "residuals",
        "importance",
        "timeline",
        "target",
    }
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())
    text = (file.parent / PLOTS / INTERACTIVE).read_text(encoding="utf-8")
    assert text.count("Plotly.newPlot") >= 4
    assert not re.search(r"<(script|link)[^>]+(src|href)=", text)
    assert (file.parent / LOOK).exists()
    assert file.stat().st_size < 1_000_000

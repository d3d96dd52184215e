"""Write the report: one self-contained HTML file, and its charts as separate files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakeoff.report import drawing, interactive
from bakeoff.report.blocks import Section, kind_of
from bakeoff.report.facts import Facts
from bakeoff.report.ranking_sections import figures, sections
from bakeoff.report.sentences import answer, headline, question, took

PAGE, LOOK, PLOTS, INTERACTIVE = "report.html", "report.json", "plots", "plots.html"
"""Names of the page, the diagnostics beside it, the folder of charts, and the interactive charts in that folder."""


def render(facts: Facts) -> str:
    """Return the report as HTML without scripts or external resources, in light and dark colours."""
    return _html(facts, sections(facts))


def write(facts: Facts, folder: Path) -> Path:
    """Write the report, its charts, and the diagnostics that no table holds.

    Args:
        facts: the run.
        folder: folder to write to; it is made if it does not exist.

    Returns:
        The path of the report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = write_page(facts, folder)
    write_charts(facts, folder)
    return file


def write_charts(facts: Facts, folder: Path) -> None:
    """Write the charts and the diagnostics, without the page."""
    plots = folder / PLOTS
    plots.mkdir(parents=True, exist_ok=True)
    (folder / LOOK).write_text(facts.look.to_json(), encoding="utf-8")
    for figure in figures(sections(facts)):
        (plots / f"{figure.chart.name}.png").write_bytes(drawing.png(figure.chart))
    (plots / INTERACTIVE).write_text(interactive.page(facts), encoding="utf-8")


def write_page(facts: Facts, folder: Path) -> Path:
    """Write the page alone, into a folder that exists, and return its path."""
    (folder / PAGE).write_text(render(facts), encoding="utf-8")
    return folder / PAGE


def _html(facts: Facts, page: Sequence[Section]) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bakeoff.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["kind"] = kind_of
    environment.globals["wide"] = _svg_renderer(drawing.WIDE)
    environment.globals["narrow"] = _svg_renderer(drawing.NARROW)
    run = facts.run
    ended = run.finished_at or max((outcome.finished_at for outcome in facts.board.outcomes), default=0.0)
    return environment.get_template("page.html").render(
        title=headline(facts),
        question=question(facts),
        answer=answer(facts),
        facts=facts,
        sections=page,
        ended=f"{dt.datetime.fromtimestamp(ended, dt.timezone.utc):%Y-%m-%d %H:%M} UTC" if ended else "",
        took=took(facts.summary),
    )


def _svg_renderer(width: float) -> Any:
    import markupsafe

    # The SVG is safe: matplotlib escapes the texts in it.
    return lambda chart: markupsafe.Markup(drawing.svg(chart, width))  # noqa: S704

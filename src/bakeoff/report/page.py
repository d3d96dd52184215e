"""Write the report: one self-contained HTML file, and its charts as separate files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from bakeoff._utils.shared_map import shared_map
from bakeoff.report import drawing, interactive
from bakeoff.report.blocks import kind_of
from bakeoff.report.facts import Facts
from bakeoff.report.ranking_sections import figures, sections
from bakeoff.report.sentences import answer, headline, question, took

PAGE, LOOK, PLOTS, INTERACTIVE = "report.html", "report.json", "plots", "plots.html"
"""Names of the page, the diagnostics beside it, the folder of charts, and the interactive charts in that folder."""
Drawings = Mapping[str, drawing.Drawing]
"""The charts of a run, drawn, by name."""


def render(facts: Facts) -> str:
    """Return the report as HTML without scripts or external resources, in light and dark colours."""
    return _html(facts, draw_charts(facts))


def write(facts: Facts, folder: Path) -> Path:
    """Write the report, its charts, and the diagnostics that no table holds.

    Args:
        facts: the run.
        folder: folder to write to; it is made if it does not exist.

    Returns:
        The path of the report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawings = draw_charts(facts)
    file = write_page(facts, folder, drawings)
    write_charts(facts, folder, drawings)
    return file


def draw_charts(facts: Facts) -> Drawings:
    """Draw all charts of a run, for `write_charts` and `write_page`."""
    drawn = [figure.chart for figure in figures(sections(facts))]
    return dict(zip((chart.name for chart in drawn), shared_map(drawing.draw, drawn), strict=True))


def write_charts(facts: Facts, folder: Path, drawings: Drawings) -> None:
    """Write the charts and the diagnostics, without the page."""
    plots = folder / PLOTS
    plots.mkdir(parents=True, exist_ok=True)
    (folder / LOOK).write_text(facts.look.to_json(), encoding="utf-8")
    for name, drawn in drawings.items():
        (plots / f"{name}.png").write_bytes(drawn.png)
    (plots / INTERACTIVE).write_text(interactive.page(facts), encoding="utf-8")


def write_page(facts: Facts, folder: Path, drawings: Drawings) -> Path:
    """Write the page alone, into a folder that exists, and return its path."""
    (folder / PAGE).write_text(_html(facts, drawings), encoding="utf-8")
    return folder / PAGE


def _html(facts: Facts, drawings: Drawings) -> str:
    import jinja2
    import markupsafe

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bakeoff.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["kind"] = kind_of
    # The SVG is safe: matplotlib escapes the texts in it.
    environment.globals["wide"] = lambda chart: markupsafe.Markup(drawings[chart.name].wide)  # noqa: S704
    environment.globals["narrow"] = lambda chart: markupsafe.Markup(drawings[chart.name].narrow)  # noqa: S704
    run = facts.run
    ended = run.finished_at or max((outcome.finished_at for outcome in facts.board.outcomes), default=0.0)
    return environment.get_template("page.html").render(
        title=headline(facts),
        question=question(facts),
        answer=answer(facts),
        facts=facts,
        sections=sections(facts),
        ended=f"{dt.datetime.fromtimestamp(ended, dt.timezone.utc):%Y-%m-%d %H:%M} UTC" if ended else "",
        took=took(facts.summary),
    )

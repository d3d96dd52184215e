"""Draw interactive charts of a run with plotly."""

from __future__ import annotations

import html
from typing import Any

from bakeoff.comparison.leaderboard import FAILED, Row, fold_values
from bakeoff.comparison.trial import TT
from bakeoff.report import charts, drawing
from bakeoff.report.facts import Facts
from bakeoff.report.ranking_sections import pareto
from bakeoff.report.run_sections import earlier_timeline, last_timeline
from bakeoff.report.sentences import answer, headline

_TITLES = {"leaderboard": "Leaderboard", "folds": "Fold by fold", "cost": "Score against time", "timeline": "Slots"}


def plots(facts: Facts) -> dict[str, Any]:
    """Return plotly figures by name: ``leaderboard``, ``folds``, ``cost`` and ``timeline``."""
    makers = {"leaderboard": _leaderboard, "folds": _folds, "cost": _cost, "timeline": _timeline}
    return {name: _with_style(make(facts), _TITLES[name]) for name, make in makers.items()}


def page(facts: Facts) -> str:
    """Return an HTML page of all figures, with plotly in it, so that it works without a network."""
    parts = [
        figure.to_html(full_html=False, include_plotlyjs=position == 0, config={"displaylogo": False})
        for position, figure in enumerate(plots(facts).values())
    ]
    title = html.escape(headline(facts))
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body style="font-family:system-ui,sans-serif;margin:1rem"><p>{html.escape(answer(facts))}</p>'
        f"{''.join(parts)}</body></html>"
    )


def _scored_rows(facts: Facts) -> list[Row]:
    return [row for row in facts.board.rows if row.status != FAILED]


def _leaderboard(facts: Facts) -> Any:
    import plotly.graph_objects as go

    key, rows = facts.plan.sort_by, _scored_rows(facts)
    figure = go.Figure(
        go.Scatter(
            x=[row.primary_value for row in rows],
            y=[row.model_name for row in rows],
            error_x={"type": "data", "array": [row.stds[key] for row in rows], "color": drawing.MUTED, "thickness": 1},
            mode="markers",
            marker={"size": 11, "color": [charts.colour_of(facts, row.model_id) for row in rows]},
            customdata=[[row.rank, row.model_id, row.means[TT]] for row in rows],
            hovertemplate="%{customdata[0]}. %{y}<br>%{x:.4f}<br>%{customdata[2]:.3g} s<extra>%{customdata[1]}</extra>",
        )
    )
    figure.update_xaxes(title=f"{facts.metric}, mean ± std")
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(height=140 + 26 * len(rows))


def _folds(facts: Facts) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure()
    rows = _scored_rows(facts)
    for row in rows:
        outcomes = [outcome for outcome in facts.board.outcomes if outcome.model_id == row.model_id]
        scored_folds = [outcome.fold for outcome in outcomes if outcome.ok]
        figure.add_box(
            x=fold_values(outcomes, facts.plan.sort_by),
            name=row.model_name,
            boxpoints="all",
            pointpos=0,
            jitter=0,
            marker={"color": charts.colour_of(facts, row.model_id)},
            customdata=scored_folds,
            hovertemplate="fold %{customdata}: %{x:.4f}<extra></extra>",
        )
    figure.update_xaxes(title=facts.metric)
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(showlegend=False, height=140 + 30 * len(rows))


def _cost(facts: Facts) -> Any:
    import plotly.graph_objects as go

    rows = _scored_rows(facts)
    points = [(row.model_id, row.means[TT], row.primary_value) for row in rows]
    front = set(pareto(points, greater_is_better=facts.plan.greater_is_better))
    figure = go.Figure(
        go.Scatter(
            x=[x for _, x, _ in points],
            y=[y for *_, y in points],
            text=[model_id for model_id, *_ in points],
            mode="markers+text",
            textposition="top center",
            marker={
                "size": 12,
                "color": [charts.colour_of(facts, row.model_id) for row in rows],
                "line": {"width": [2 if row.model_id in front else 0 for row in rows], "color": drawing.INK},
            },
            hovertemplate="%{text}<br>%{y:.4f}<br>%{x:.3g} s a fold<extra></extra>",
        )
    )
    figure.update_xaxes(type="log", title="seconds a fold")
    figure.update_yaxes(title=facts.metric)
    return figure.update_layout(height=460)


def _timeline(facts: Facts) -> Any:
    import plotly.graph_objects as go

    lanes = last_timeline(facts).lanes or earlier_timeline(facts).lanes  # earlier attempts may have run all trials
    figure = go.Figure()
    colours = {"transform": drawing.THIRD, "fit": drawing.BEST, "score": drawing.TIED, "lost": drawing.BAD}
    for kind, colour in colours.items():
        bars = [(lane.name, bar) for lane in lanes for bar in lane.bars if bar.kind == kind]
        if bars:
            figure.add_bar(
                orientation="h",
                y=[name for name, _ in bars],
                base=[bar.start for _, bar in bars],
                x=[bar.seconds for _, bar in bars],
                name=kind,
                marker={"color": colour},
                customdata=[[bar.trial.model_id, bar.trial.fold, bar.seconds] for _, bar in bars],
                hovertemplate="%{customdata[0]}, fold %{customdata[1]}: %{customdata[2]:.3g} s",
            )
    figure.update_xaxes(title="seconds since the comparison began")
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(barmode="overlay", height=180 + 40 * len(lanes))


def _with_style(figure: Any, title: str) -> Any:
    margins = {"l": 10, "r": 10, "t": 50, "b": 40}
    return figure.update_layout(title=title, template="plotly_white", margin=margins).update_yaxes(automargin=True)

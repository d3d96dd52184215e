"""Charts of a run: its folds, costs, slots and leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bakeoff.report.drawing import (
    BAD,
    BEST,
    INK,
    MUTED,
    NARROW_BELOW,
    OTHER,
    PAPER,
    THIRD,
    TIED,
    Chart,
    add_legend,
    limit_ticks,
    truncate,
)
from bakeoff.report.facts import Facts
from bakeoff.report.sentences import seconds
from bakeoff.report.timeline import Lane

_WORK = (("transform", "prepare a fold", THIRD), ("fit", "fit", BEST), ("score", "score", TIED), ("lost", "lost", BAD))
"""Kind, label and colour of each bar of the timeline."""


def colour_of(facts: Facts, model_id: str) -> str:
    """Return the colour of a model: of the winner, of one that is tied with it, or of the others."""
    row = facts.row_of(model_id)
    if facts.board.best is not None and model_id == facts.board.best.model_id:
        return BEST
    return TIED if row.tied_with_best else OTHER


def folds(facts: Facts, models: Sequence[tuple[str, list[float]]]) -> Chart:
    """Return the chart of each model's scores by fold.

    Args:
        facts: the run.
        models: id and scores of each model, the best first.
    """

    def draw(axes: Any, width: float) -> None:
        for position, (model_id, values) in enumerate(models):
            colour = colour_of(facts, model_id)
            axes.plot([min(values), max(values)], [position] * 2, color=colour, linewidth=2, alpha=0.6)
            axes.scatter(values, [position] * len(values), color=colour, s=20, linewidths=0, alpha=0.85, zorder=3)
            mean = sum(values) / len(values)
            axes.plot([mean] * 2, [position - 0.33, position + 0.33], color=INK, linewidth=2, zorder=4)
        rows = [facts.row_of(model_id) for model_id, _ in models]
        axes.set_yticks(range(len(models)), [_row_label(row, width) for row in rows], color=INK)
        axes.set_ylim(len(models) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(facts.metric)
        limit_ticks(axes.xaxis, width)

    best, worst = models[0], models[-1]
    return Chart(
        "folds",
        f"{facts.metric} of each fold",
        f"A row of dots for each model, the best first: one dot a fold, a bar at the mean. {best[0]} lies between "
        f"{min(best[1]):.4f} and {max(best[1]):.4f}, {worst[0]} between {min(worst[1]):.4f} and {max(worst[1]):.4f}.",
        draw,
        height=0.9 + 0.27 * len(models),
    )


def cost(facts: Facts, points: Sequence[tuple[str, float, float]], front: Sequence[str]) -> Chart:
    """Return the chart of score against time, with the Pareto front.

    Args:
        facts: the run.
        points: id, seconds a fold and score of each model.
        front: ids of the models that no other beats in both time and score.
    """

    def draw(axes: Any, width: float) -> None:
        from matplotlib.ticker import LogLocator

        front_line = sorted((x, y) for model_id, x, y in points if model_id in front)
        axes.plot(*zip(*front_line, strict=True), color=MUTED, linewidth=1, linestyle="--", zorder=2)
        for model_id, x, y in points:
            on_front = model_id in front
            colour = colour_of(facts, model_id)
            axes.scatter(
                [x], [y], s=70 if on_front else 36, color=colour, edgecolors=INK if on_front else "none", zorder=3
            )
        axes.set_xscale("log")
        axes.set_xlabel("seconds a fold (fit and score)")
        axes.set_ylabel(facts.metric)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if width > NARROW_BELOW else (1, 3), numticks=12))
        axes.xaxis.set_minor_formatter(lambda *_: "")
        axes.margins(x=0.12, y=0.12)
        if len(points) > 2:  # noqa: PLR2004 - an outlier is half of two
            _clip_outliers(axes, [y for *_, y in points], greater_is_better=facts.plan.greater_is_better)
        front_first = sorted(points, key=lambda point: point[0] not in front)
        _label_points(axes, front_first if width > NARROW_BELOW else front_first[: len(front)], front, width)

    return Chart(
        "cost",
        f"{facts.metric} against time",
        f"{len(points)} models by their seconds a fold and their score. No model is both quicker and better than "
        f"those on the Pareto front: {', '.join(front)}.",
        draw,
        height=4.0,
        is_placed=True,
    )


def timeline(lanes: Sequence[Lane], wall: float, *, before: bool = False) -> Chart:
    """Return the chart of the work of each slot over time.

    Args:
        lanes: the slots.
        wall: seconds that the chart covers.
        before: whether it shows the earlier attempts of a run instead of the last one.
    """

    def draw(axes: Any, width: float) -> None:
        for position, lane in enumerate(lanes):
            for kind, _, colour in _WORK:
                spans = [(bar.start, bar.seconds) for bar in lane.bars if bar.kind == kind]
                axes.broken_barh(spans, (position - 0.36, 0.72), color=colour, linewidth=0.4, edgecolor=PAPER)
        axes.set_yticks(range(len(lanes)), [lane.name for lane in lanes], color=INK)
        axes.set_ylim(len(lanes) - 0.4, -0.6)
        axes.set_xlim(0, wall)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(f"seconds since the {'first of them' if before else 'comparison'} began")
        limit_ticks(axes.xaxis, width)
        kinds = {bar.kind for lane in lanes for bar in lane.bars}
        add_legend(axes, [(name, colour) for kind, name, colour in _WORK if kind in kinds], width)

    busy = sum(bar.seconds for lane in lanes for bar in lane.bars)
    return Chart(
        "timeline-before" if before else "timeline",
        "What the slots did before" if before else "What the slots did",
        f"{len(lanes)} slots over {seconds(wall)}, busy for {busy / max(wall * len(lanes), 1e-9):.0%} of that time.",
        draw,
        height=1.3 + 0.34 * len(lanes),
    )


def advantage(facts: Facts) -> Chart | None:
    """Return the chart of the winner's lead over each other model with its confidence interval, if it was tested."""
    verdict = facts.verdict
    if verdict is None or not verdict.pairs:
        return None
    pairs = verdict.pairs

    def draw(axes: Any, width: float) -> None:
        for position, pair in enumerate(pairs):
            colour = TIED if pair.tied else OTHER
            axes.errorbar(
                [pair.advantage], [position], xerr=[pair.half_width], color=colour, fmt="o", markersize=6, linewidth=2,
            )  # fmt: skip
        axes.axvline(0, color=INK, linewidth=1)
        rows = [facts.row_of(pair.model_id) for pair in pairs]
        axes.set_yticks(range(len(pairs)), [_row_label(row, width) for row in rows], color=INK)
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(f"lead of {verdict.winner} in {facts.metric}")
        limit_ticks(axes.xaxis, width)
        # The interval of the worst model would compress all others to a dot.
        ends = sorted(abs(pair.advantage) + pair.half_width for pair in pairs)
        limit = min(ends[-1], 3 * ends[len(ends) // 2]) * 1.08 or 1.0
        for position, pair in enumerate(pairs):
            if pair.advantage > limit:
                axes.annotate(
                    f"{pair.advantage:.3g} →", (limit, position), ha="right", va="center", color=MUTED, fontsize=9
                )
        axes.set_xlim(max(-limit, min(pair.advantage - pair.half_width for pair in pairs) * 1.1 - limit * 0.02), limit)

    tied = len(verdict.tied)
    return Chart(
        "advantage",
        f"Lead of {verdict.winner} over the others",
        f"The mean lead over each model with its 95% interval. {tied} of {len(pairs)} cannot be told apart.",
        draw,
        height=0.9 + 0.27 * len(pairs),
    )


def _row_label(row: Any, width: float) -> str:
    return truncate(row.model_name, 34) if width > NARROW_BELOW else truncate(row.model_id, 14)


def _label_points(axes: Any, points: Sequence[tuple[str, float, float]], bold: Sequence[str], width: float) -> None:
    """Label each point beside it, without covering other labels or points; leave out labels that do not fit.

    Args:
        axes: axes of the chart.
        points: id, x and y of each model; earlier ones are labelled first.
        bold: ids that are printed bold.
        width: width of the chart in inches.
    """
    size = 0.82 * width * 72, 0.75 * axes.figure.get_figheight() * 72
    positions = (axes.transScale + axes.transLimits).transform([(x, y) for _, x, y in points]) * size
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in positions]
    for (model_id, *point), (x, y) in zip(points, positions, strict=True):
        if not 0 <= y <= size[1]:
            continue
        length = 6.2 * len(model_id)
        offsets = ((7, 4), (7, -12), (-7 - length, 4), (-7 - length, -12), (-length / 2, 9), (-length / 2, -17))
        for right, up in offsets:
            box = (x + right, y + up, x + right + length, y + up + 10)
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                taken.append(box)
                weight = "bold" if model_id in bold else "normal"
                axes.annotate(
                    model_id,
                    point,
                    xytext=(right, up),
                    textcoords="offset points",
                    color=INK,
                    fontsize=9,
                    fontweight=weight,
                )
                break


def _clip_outliers(axes: Any, values: Sequence[float], *, greater_is_better: bool) -> None:
    """Clip the y-axis at the bad end, so that one outlier does not compress the other points."""
    ordered = sorted(values, reverse=greater_is_better)
    spread = abs(ordered[0] - ordered[len(ordered) // 2])
    limit = ordered[0] - 4 * spread if greater_is_better else ordered[0] + 4 * spread
    kept = [value for value in ordered if (value >= limit if greater_is_better else value <= limit)]
    if spread and len(kept) < len(ordered):
        margin = 0.1 * (max(kept) - min(kept))
        axes.set_ylim(min(kept) - margin, max(kept) + margin)
        side = "below" if greater_is_better else "above"
        n_clipped = len(ordered) - len(kept)
        axes.annotate(
            f"{n_clipped} more {side}", (0.99, 0.03 if greater_is_better else 0.93), xycoords="axes fraction",
            ha="right", color=MUTED, fontsize=9,
        )  # fmt: skip

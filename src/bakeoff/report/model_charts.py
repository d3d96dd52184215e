"""Draw the charts of one model: its predictions, the importance of its features, and the target it learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from bakeoff.comparison.model_diagnostics import (
    ClassificationDiagnostics,
    FeatureImportance,
    ForecastDiagnostics,
    ReliabilityCurve,
    RocCurve,
)
from bakeoff.report.diagnostics import ClassCounts, Histogram
from bakeoff.report.drawing import (  # fmt: skip
    BAD,
    BEST,
    INK,
    MUTED,
    NARROW_BELOW,
    PAPER,
    SECOND,
    THIRD,
    TIED,
    Chart,
    limit_ticks,
    truncate,
)
from bakeoff.report.facts import Facts

_DARK_SHARE = 0.45
"""Share of its row from which a box is dark enough for white text."""
_MAX_LEVEL_LABELS = 4
"""Number of labels from which on they are written at an angle."""


_RELIABILITY_COLOURS = (TIED, BEST)
"""Colours of the probabilities as fitted and as calibrated; those that are used have the stronger one."""


def confusion(best: ClassificationDiagnostics) -> Chart:
    """Return the confusion matrix: true classes by predicted ones."""
    labels, matrix = best.labels, best.matrix

    def draw(axes: Any, width: float) -> None:
        del width
        for i, row in enumerate(matrix):
            total = max(sum(row), 1)
            for j, number in enumerate(row):
                colour = BEST if i == j else BAD
                axes.add_patch(_box(j, i, colour, 0.85 * number / total))
                is_dark = number / total > _DARK_SHARE
                axes.text(j, i, f"{number:,}", ha="center", va="center", color=PAPER if is_dark else INK, fontsize=11)
        angle = 20 if len(labels) > _MAX_LEVEL_LABELS else 0
        axes.set_xticks(range(len(labels)), [truncate(label, 12) for label in labels], color=INK, rotation=angle)
        axes.set_yticks(range(len(labels)), [truncate(label, 12) for label in labels], color=INK)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.grid(visible=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")

    n_right = sum(matrix[i][i] for i in range(len(labels)))
    return Chart(
        "confusion",
        "Confusion matrix",
        f"{n_right} of {sum(map(sum, matrix))} rows that the model had not seen were put into the right class.",
        draw,
        height=max(3.2, 1.4 + 0.42 * len(labels)),
        square=True,
    )


def roc(curves: Sequence[RocCurve]) -> Chart:
    """Return the chart of ROC curves, one for each class."""

    def draw(axes: Any, width: float) -> None:
        del width
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        for curve, colour in zip(curves, _colours(len(curves)), strict=True):
            axes.plot(
                curve.x,
                curve.y,
                color=colour,
                linewidth=2,
                label=f"{truncate(curve.label, 14)} ({curve.auc:.3f})",
            )
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("true positive rate")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        legend = axes.legend(loc="lower right", frameon=False, fontsize=9, title="class (area)", labelcolor=INK)
        legend.get_title().set_color(MUTED)

    areas = ", ".join(f"{curve.label} {curve.auc:.3f}" for curve in curves)
    return Chart("roc", "ROC curve", f"Area under the curve by class: {areas}.", draw, height=3.6, square=True)


def reliability(curves: Sequence[ReliabilityCurve]) -> Chart:
    """Return the chart of how often rows are of a class, by the probability that they were given."""
    label = curves[0].label

    def draw(axes: Any, width: float) -> None:
        del width
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        for curve, colour in zip(curves, _RELIABILITY_COLOURS[-len(curves) :], strict=True):
            low, high = zip(*map(wilson_interval, curve.y, curve.counts), strict=True)
            axes.vlines(curve.x, low, high, color=colour, linewidth=1.2, alpha=0.55)
            axes.plot(curve.x, curve.y, color=colour, linewidth=2, marker="o", markersize=5, label=curve.name)
        axes.set_xlabel(f"probability of {truncate(label, 20)}" if label else "probability of the predicted class")
        axes.set_ylabel(f"share that is {truncate(label, 20)}" if label else "share that is right")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        if len(curves) > 1:
            axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=INK)

    what = f"the probability of {label}" if label else "the probability of the predicted class"
    errors = ", ".join(f"{curve.error:.3f}{f' {curve.name}' if len(curves) > 1 else ''}" for curve in curves)
    alt = f"Out of fold, {what} is off by {errors} in the mean; on the diagonal it is right."
    return Chart("reliability", "Reliability of the probabilities", alt, draw, height=3.6, square=True)


def wilson_interval(share: float, n_rows: int) -> tuple[float, float]:
    """Return the interval that the true share of rows is in with 95 % confidence, after Wilson.

    Example:
        >>> [round(end, 3) for end in wilson_interval(0.5, 100)], wilson_interval(0.0, 20)[0]
        ([0.404, 0.596], 0.0)
    """
    z = 1.96
    middle = (share + z * z / (2 * n_rows)) / (1 + z * z / n_rows)
    reach = z * math.sqrt(share * (1 - share) / n_rows + z * z / (4 * n_rows**2)) / (1 + z * z / n_rows)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def residuals(pairs: Sequence[tuple[float, float]], unit: str) -> Chart:
    """Return the chart of predicted against actual values.

    Args:
        pairs: actual and predicted value of each row.
        unit: name of the target.
    """
    actual, predicted = [actual for actual, _ in pairs], [predicted for _, predicted in pairs]

    def draw(axes: Any, width: float) -> None:
        del width
        low, high = min(*actual, *predicted), max(*actual, *predicted)
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle="--")
        axes.scatter(actual, predicted, s=18, color=BEST, alpha=0.55, linewidths=0)
        axes.set_xlabel(f"actual {truncate(unit, 30)}")
        axes.set_ylabel("predicted")

    return Chart(
        "predictions",
        "Predicted against actual",
        f"{len(actual)} rows that the model had not seen; on the diagonal the prediction is right.",
        draw,
        height=4.0,
        square=True,
    )


def errors(pairs: Sequence[tuple[float, float]]) -> Chart:
    """Return the histogram of the residuals.

    Args:
        pairs: actual and predicted value of each row.
    """
    differences = [predicted - actual for actual, predicted in pairs]

    def draw(axes: Any, width: float) -> None:
        axes.hist(differences, bins=24, color=BEST, edgecolor=PAPER, linewidth=0.6)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlabel("predicted minus actual")
        axes.set_ylabel("rows")
        axes.grid(axis="x", visible=False)
        limit_ticks(axes.xaxis, width)

    sizes = sorted(map(abs, differences))
    return Chart(
        "residuals", "Residuals", f"Half of the predictions are off by less than {sizes[len(sizes) // 2]:.4g}.", draw
    )


def forecast(best: ForecastDiagnostics, unit: str) -> Chart:
    """Return the chart of the latest history, the forecast and the actual values.

    Args:
        best: evaluation of the model.
        unit: name of the target.
    """
    times = [*best.history_when, *best.when]
    n_past = len(best.history)

    def draw(axes: Any, width: float) -> None:
        future = list(range(n_past, len(times)))
        joined = [n_past - 1, *future]
        axes.plot(range(n_past), best.history, color=MUTED, linewidth=1.6, label="history")
        axes.plot(joined, [best.history[-1], *best.actual], color=INK, linewidth=1.6, label="actual")
        axes.plot(future, best.predicted, color=BEST, linewidth=2.4, marker="o", markersize=4, label="forecast")
        step = max(1, len(times) // (8 if width > NARROW_BELOW else 4))
        axes.set_xticks(range(0, len(times), step), [times[i] for i in range(0, len(times), step)])
        axes.set_ylabel(truncate(unit, 30))
        axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=INK, ncols=3)
        axes.margins(y=0.18)

    return Chart(
        "forecast",
        "Forecast against actual",
        f"The forecast of {len(best.when)} steps from {best.when[0]} to {best.when[-1]}, and what came.",
        draw,
    )


def importance(measured: FeatureImportance) -> Chart:
    """Return the chart of the most important features."""
    features = measured.features

    def draw(axes: Any, width: float) -> None:
        axes.barh(range(len(features)), [value for _, value in features], color=BEST, height=0.66)
        limit = 30 if width > NARROW_BELOW else 18
        axes.set_yticks(range(len(features)), [truncate(name, limit) for name, _ in features], color=INK)
        axes.set_ylim(len(features) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.grid(axis="y", visible=False)
        limit_ticks(axes.xaxis, width)

    first = features[0]
    return Chart(
        "importance",
        "Feature importance",
        f"{first[0]} is first with {first[1]:.0%} of all; measured by {measured.measure}.",
        draw,
        height=0.7 + 0.26 * len(features),
    )


def target(facts: Facts, profile: ClassCounts | Histogram) -> Chart:
    """Return the chart of the target: the sizes of its classes, or a histogram of its numbers.

    Args:
        facts: the run.
        profile: profile of the target.
    """
    name = truncate(str(facts.run.target), 40)
    if isinstance(profile, ClassCounts):
        labels, counts = profile.labels, profile.counts

        def draw(axes: Any, width: float) -> None:
            axes.barh(range(len(labels)), counts, color=BEST, height=0.66)
            for position, number in enumerate(counts):
                share = number / max(facts.run.n_rows or 0, 1)
                axes.annotate(
                    f"{number:,} ({share:.0%})",
                    (number, position),
                    xytext=(5, 0),
                    va="center",
                    color=INK,
                    textcoords="offset points",
                    fontsize=9,
                )
            axes.set_yticks(range(len(labels)), [truncate(label, 20) for label in labels], color=INK)
            axes.set_ylim(len(labels) - 0.4, -0.6)
            axes.margins(x=0.2)
            axes.grid(axis="y", visible=False)
            limit_ticks(axes.xaxis, width)

        alt = f"{profile.n_classes} classes; the largest is {labels[0]} with {counts[0]:,} rows."
        return Chart("target", f"Classes of {name}", alt, draw, height=0.7 + 0.3 * len(labels))
    edges, counts = profile.edges, profile.counts

    def draw_histogram(axes: Any, width: float) -> None:
        sizes = [right - left for left, right in pairwise(edges)]
        axes.bar(edges[:-1], counts, width=sizes, align="edge", color=BEST, edgecolor=PAPER, linewidth=0.6)
        axes.set_ylabel("rows")
        axes.set_xlabel(name)
        axes.grid(axis="x", visible=False)
        limit_ticks(axes.xaxis, width)

    return Chart(
        "target",
        f"Values of {name}",
        f"A histogram of {name}, from {edges[0]:.4g} to {edges[-1]:.4g}.",
        draw_histogram,
        height=2.6,
    )


def _box(x: float, y: float, colour: str, alpha: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, alpha=alpha, linewidth=0)


def _colours(number: int) -> list[str]:
    colours = [BEST, SECOND, THIRD, BAD, TIED, MUTED]
    return [colours[i % len(colours)] for i in range(number)]

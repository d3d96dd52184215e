"""Charts of one model and of the data: what it predicts, what it makes of its features, what it learned from."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from bakeoff.report.charts import (  # fmt: skip
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
    cut,
    few_ticks,
)
from bakeoff.report.facts import Facts

_STRONG = 0.45
"""A box of this share of its row is dark enough for white letters."""
_MOST_FLAT = 4
"""With more labels than this they are written at an angle."""


def confusion(best: Mapping[str, Any]) -> Chart:
    """True classes by predicted ones."""
    labels, matrix = best["labels"], best["matrix"]

    def draw(axes: Any, width: float) -> None:
        del width
        for i, row in enumerate(matrix):
            total = max(sum(row), 1)
            for j, number in enumerate(row):
                colour = BEST if i == j else BAD
                axes.add_patch(_box(j, i, colour, 0.85 * number / total))
                strong = number / total > _STRONG
                axes.text(j, i, f"{number:,}", ha="center", va="center", color=PAPER if strong else INK, fontsize=11)
        angle = 20 if len(labels) > _MOST_FLAT else 0
        axes.set_xticks(range(len(labels)), [cut(label, 12) for label in labels], color=INK, rotation=angle)
        axes.set_yticks(range(len(labels)), [cut(label, 12) for label in labels], color=INK)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.grid(visible=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")

    right = sum(matrix[i][i] for i in range(len(labels)))
    return Chart(
        "confusion",
        "Confusion matrix",
        f"{right} of {sum(map(sum, matrix))} rows that the model had not seen were put into the right class.",
        draw,
        height=max(3.2, 1.4 + 0.42 * len(labels)),
        square=True,
    )


def roc(best: Mapping[str, Any]) -> Chart:
    """True positives against false ones."""
    curves = best["roc"]

    def draw(axes: Any, width: float) -> None:
        del width
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        for curve, colour in zip(curves, _cycle(len(curves)), strict=True):
            axes.plot(
                curve["x"],
                curve["y"],
                color=colour,
                linewidth=2,
                label=f"{cut(curve['label'], 14)} ({curve['auc']:.3f})",
            )
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("true positive rate")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        legend = axes.legend(loc="lower right", frameon=False, fontsize=9, title="class (area)", labelcolor=INK)
        legend.get_title().set_color(MUTED)

    areas = ", ".join(f"{curve['label']} {curve['auc']:.3f}" for curve in curves)
    return Chart("roc", "ROC curve", f"Area under the curve by class: {areas}.", draw, height=3.6, square=True)


def residuals(best: Mapping[str, Any], unit: str) -> Chart:
    """Predictions against what they should have been."""
    actual, predicted = best["actual"], best["predicted"]

    def draw(axes: Any, width: float) -> None:
        del width
        low, high = min(*actual, *predicted), max(*actual, *predicted)
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle="--")
        axes.scatter(actual, predicted, s=18, color=BEST, alpha=0.55, linewidths=0)
        axes.set_xlabel(f"actual {cut(unit, 30)}")
        axes.set_ylabel("predicted")

    return Chart(
        "predictions",
        "Predicted against actual",
        f"{len(actual)} rows that the model had not seen; on the diagonal the prediction is right.",
        draw,
        height=4.0,
        square=True,
    )


def errors(best: Mapping[str, Any]) -> Chart:
    """How far off the predictions are."""
    wrong = [predicted - actual for actual, predicted in zip(best["actual"], best["predicted"], strict=True)]

    def draw(axes: Any, width: float) -> None:
        axes.hist(wrong, bins=24, color=BEST, edgecolor=PAPER, linewidth=0.6)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlabel("predicted minus actual")
        axes.set_ylabel("rows")
        axes.grid(axis="x", visible=False)
        few_ticks(axes.xaxis, width)

    wide = sorted(map(abs, wrong))
    return Chart(
        "residuals", "Residuals", f"Half of the predictions are off by less than {wide[len(wide) // 2]:.4g}.", draw
    )


def forecast(best: Mapping[str, Any], unit: str) -> Chart:
    """The last of the history, the forecast, and what came."""
    when = [*best["history_when"], *best["when"]]
    past = len(best["history"])

    def draw(axes: Any, width: float) -> None:
        after = list(range(past, len(when)))
        joined = [past - 1, *after]
        axes.plot(range(past), best["history"], color=MUTED, linewidth=1.6, label="history")
        axes.plot(joined, [best["history"][-1], *best["actual"]], color=INK, linewidth=1.6, label="actual")
        axes.plot(after, best["predicted"], color=BEST, linewidth=2.4, marker="o", markersize=4, label="forecast")
        step = max(1, len(when) // (8 if width > NARROW_BELOW else 4))
        axes.set_xticks(range(0, len(when), step), [when[i] for i in range(0, len(when), step)])
        axes.set_ylabel(cut(unit, 30))
        axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=INK, ncols=3)
        axes.margins(y=0.18)

    return Chart(
        "forecast",
        "Forecast against actual",
        f"The forecast of {len(best['when'])} steps from {best['when'][0]} to {best['when'][-1]}, and what came.",
        draw,
    )


def importance(told: Mapping[str, Any]) -> Chart:
    """The features that the model makes most of."""
    features = told["features"]

    def draw(axes: Any, width: float) -> None:
        axes.barh(range(len(features)), [value for _, value in features], color=BEST, height=0.66)
        limit = 30 if width > NARROW_BELOW else 18
        axes.set_yticks(range(len(features)), [cut(name, limit) for name, _ in features], color=INK)
        axes.set_ylim(len(features) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.grid(axis="y", visible=False)
        few_ticks(axes.xaxis, width)

    first = features[0]
    return Chart(
        "importance",
        "Feature importance",
        f"{first[0]} is first with {first[1]:.0%} of all; measured by {told['measure']}.",
        draw,
        height=0.7 + 0.26 * len(features),
    )


def target(facts: Facts, told: Mapping[str, Any]) -> Chart:
    """The balance of the classes, or how a target of numbers is spread."""
    name = cut(str(facts.run.target), 40)
    if "labels" in told:
        labels, counts = told["labels"], told["counts"]

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
            axes.set_yticks(range(len(labels)), [cut(label, 20) for label in labels], color=INK)
            axes.set_ylim(len(labels) - 0.4, -0.6)
            axes.margins(x=0.2)
            axes.grid(axis="y", visible=False)
            few_ticks(axes.xaxis, width)

        said = f"{told['n_classes']} classes; the largest is {labels[0]} with {counts[0]:,} rows."
        return Chart("target", f"Classes of {name}", said, draw, height=0.7 + 0.3 * len(labels))
    edges, counts = told["edges"], told["counts"]

    def draw_histogram(axes: Any, width: float) -> None:
        sizes = [right - left for left, right in pairwise(edges)]
        axes.bar(edges[:-1], counts, width=sizes, align="edge", color=BEST, edgecolor=PAPER, linewidth=0.6)
        axes.set_ylabel("rows")
        axes.set_xlabel(name)
        axes.grid(axis="x", visible=False)
        few_ticks(axes.xaxis, width)

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


def _cycle(number: int) -> list[str]:
    colours = [BEST, SECOND, THIRD, BAD, TIED, MUTED]
    return [colours[i % len(colours)] for i in range(number)]

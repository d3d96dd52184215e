"""Make the sections of a report: those on the ranking, and the order of all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bakeoff._utils.text import counted, one_line
from bakeoff.comparison.leaderboard import FAILED, Row, fold_values
from bakeoff.comparison.significance import LEVEL
from bakeoff.comparison.trial import TT
from bakeoff.report import charts, run_sections
from bakeoff.report.blocks import Cell, Figure, Paragraph, Part, Section, Table, number, p_text
from bakeoff.report.facts import Facts
from bakeoff.report.sentences import blend_sentence, members_of, race, seconds
from bakeoff.report.tuning import tuning_section

_MANY_FOLDS = 10
"""Number of folds from which the test needs no warning."""
MAX_MODELS = 60
"""Number of models, the best ones, that a chart shows."""


def sections(facts: Facts) -> list[Section]:
    """Return all sections, in the order of the page."""
    return [
        _leaderboard(facts),
        _significance(facts),
        *([tuned] if (tuned := tuning_section(facts)) else []),
        _fold_scores(facts),
        _cost(facts),
        run_sections.best_model(facts),
        run_sections.time_spent(facts),
        run_sections.failures(facts),
        run_sections.data(facts),
        run_sections.reproduction(facts),
    ]


def figures(page: Sequence[Section]) -> list[Figure]:
    """Return all figures of a page."""
    return [part for section in page for part in section.parts if isinstance(part, Figure)]


def pareto(points: Sequence[tuple[str, float, float]], *, greater_is_better: bool) -> list[str]:
    """Return the models that no other beats in both time and score, the quickest first.

    Args:
        points: id, seconds and score of each model.
        greater_is_better: whether a greater score is better.

    Example:
        >>> pareto([("slow", 9.0, 0.9), ("quick", 1.0, 0.8), ("bad", 2.0, 0.7)], greater_is_better=True)
        ['quick', 'slow']
    """
    front: list[str] = []
    best = None
    sign = -1 if greater_is_better else 1
    for model_id, _, score in sorted(points, key=lambda point: (point[1], sign * point[2])):
        if best is None or (score > best if greater_is_better else score < best):
            front.append(model_id)
            best = score
    return front


def _leaderboard(facts: Facts) -> Section:
    key = facts.plan.sort_by
    others = [metric.key for metric in facts.plan.metrics if metric.key != key]
    scores = [row.primary_value for row in facts.board.rows if row.status != FAILED]
    rows: list[Sequence[Cell | str]] = []
    titles = [">#", "Model", f">{facts.metric} ± std", *(f">{facts.name_of(other)}" for other in others), ">TT (Sec)"]
    held = any(row.holdout_value is not None for row in facts.rows)
    titles += [">Hold-out"] if held else []
    for row in facts.rows:
        if row.status == FAILED:
            dashes = [Cell("-")] * (len(others) + 2 + held)
            rows.append([str(row.rank), Cell(row.model_name, below=_remarks(row, facts), kind="bad"), *dashes])
            continue
        score = Cell(
            f"{number(row.primary_value)} ± {number(row.stds[key])}",
            bar=_bar_length(row.primary_value, scores, greater_is_better=facts.plan.greater_is_better),
            kind=_kind(row, facts),
        )
        means = [number(row.means.get(other)) for other in others]
        name = Cell(row.model_name, below=_remarks(row, facts), kind=_kind(row, facts))
        place = "" if row is facts.offered else str(row.rank)
        last = [number(row.holdout_value) if row.holdout_value is not None else ""] if held else []
        rows.append([place, name, score, *means, number(row.means[TT]), *last])
    caption = "Means over the folds, the best first."
    if facts.verdict is not None and facts.verdict.tied:
        caption += " Tied: the folds cannot tell it apart from the best."
    if held:
        caption += f" Hold-out: {facts.metric} on the rows that nothing was chosen by, of the models that were fitted."
    parts: list[Part] = [Table(titles, rows, caption)]
    if facts.board.stopped:
        parts.append(Paragraph(race(facts)))
    if said := blend_sentence(facts):
        parts.append(Paragraph(said))
    return Section("leaderboard", "Leaderboard", parts)


def _remarks(row: Row, facts: Facts) -> str:
    remarks = [members_of(row) if row.members else row.model_id]
    if row.params:
        remarks.append(", ".join(f"{name} {_short(value)}" for name, value in json.loads(row.params).items()))
    if row.tied_with_best and row.rank > 1:
        remarks.append("tied")
    if facts.verdict is not None and row.model_id == facts.verdict.cheapest and row.rank > 1:
        remarks.append("nearly as good, and quicker")
    if shortfall := row.shortfall(facts.plan.n_folds):
        remarks.append(one_line(shortfall))
    return " · ".join(remarks)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _kind(row: Row, facts: Facts) -> str:
    if row.status == FAILED:
        return "bad"
    if facts.board.best is not None and row.model_id == facts.board.best.model_id:
        return "best"
    return "tied" if row.tied_with_best else "other"


def _bar_length(value: float, values: Sequence[float], *, greater_is_better: bool) -> float:
    """Return the length of a score's bar: from 0.04 for the worst score to 1 for the best, with outliers clipped.

    Args:
        value: the score.
        values: scores of all models.
        greater_is_better: whether a greater score is better.
    """
    ordered = sorted((score for score in values if score == score), reverse=greater_is_better)  # noqa: PLR0124 - NaN
    if value != value or not ordered:  # noqa: PLR0124
        return 0.0
    best, middle = ordered[0], ordered[len(ordered) // 2]
    if greater_is_better:
        worst = max(ordered[-1], best - 5 * (best - middle))
    else:
        worst = min(ordered[-1], best + 5 * (middle - best))
    if best == worst:
        return 1.0 if value == best else 0.04
    return min(1.0, max(0.04, (value - worst) / (best - worst)))


def _significance(facts: Facts) -> Section:
    verdict = facts.verdict
    chart = charts.advantage(facts)
    parts: list[Part] = []
    if verdict is None or chart is None:
        parts.append(
            Paragraph("There is no pair of models with scores on at least two folds, so nothing can be tested.")
        )
        return Section("better", "Is the winner better?", parts)
    rows = [
        [facts.row_of(pair.model_id).model_name, number(pair.advantage), f"± {number(pair.half_width)}",
         p_text(pair.p_value), p_text(pair.p_adjusted), "no" if pair.tied else "yes"]
        for pair in verdict.pairs
    ]  # fmt: skip
    table = Table(["Model", ">Lead", ">95% interval", ">p", ">p (Holm)", "Told apart"], rows)
    parts.append(Figure(chart, table, "Light blue: cannot be told apart. Intervals are for each pair alone."))
    limits = (
        "The winner and each other model are compared fold by fold, by the corrected resampled t-test (Nadeau and "
        f"Bengio 2003), with Holm's adjustment for {counted(len(verdict.pairs), 'pair')}, at {LEVEL:.0%}. A model that "
        "cannot be told apart may still be worse: with more folds or rows smaller differences show."
    )
    if verdict.n_folds < _MANY_FOLDS:
        limits += f" With {verdict.n_folds} folds only large and steady differences do."
    if facts.run.task_type == "time_series":
        limits += " Folds of a time series follow each other, so take this as a rule of thumb."
    parts.append(Paragraph(limits))
    return Section("better", "Is the winner better?", parts)


def _fold_scores(facts: Facts) -> Section:
    by_model = {row.model_id: _finite_fold_values(facts, row.model_id) for row in facts.board.rows}
    models = [(model_id, values) for model_id, values in by_model.items() if values][:MAX_MODELS]
    if not models:
        return Section("folds", "Fold by fold", [Paragraph("No fold was scored.")])
    titles = [f">{fold}" for fold in range(facts.plan.n_folds)]
    rows = []
    for model_id, values in by_model.items():
        if values:
            by_fold = {
                outcome.fold: outcome.fit_seconds + outcome.score_seconds
                if facts.plan.sort_by == TT
                else outcome.metrics.get(facts.plan.sort_by)
                for outcome in facts.board.outcomes
                if outcome.model_id == model_id and outcome.ok
            }
            cells = [number(by_fold.get(fold)) for fold in range(facts.plan.n_folds)]
            rows.append([facts.row_of(model_id).model_name, *cells])
    table = Table(["Model", *titles], rows, f"{facts.metric} by fold.")
    return Section("folds", "Fold by fold", [Figure(charts.folds(facts, models), table)])


def _finite_fold_values(facts: Facts, model_id: str) -> list[float]:
    outcomes = [outcome for outcome in facts.board.outcomes if outcome.model_id == model_id]
    values = fold_values(outcomes, facts.plan.sort_by)
    return [value for value in values if value == value and abs(value) != float("inf")]  # noqa: PLR0124 - NaN


def _cost(facts: Facts) -> Section:
    points = [
        (row.model_id, max(row.means[TT], 1e-4), row.primary_value)
        for row in facts.board.rows
        if row.status != FAILED and row.primary_value == row.primary_value
    ]
    if not points:
        return Section("cost", "Score against time", [Paragraph("No model has a score.")])
    front = pareto(points, greater_is_better=facts.plan.greater_is_better)
    rows = [
        [facts.row_of(model_id).model_name, seconds(spent), number(score), "yes" if model_id in front else ""]
        for model_id, spent, score in sorted(points, key=lambda point: point[1])
    ]
    table = Table(["Model", ">Time a fold", f">{facts.metric}", "On the front"], rows)
    winners = "those on the dashed line, the Pareto front" if len(front) > 1 else facts.row_of(front[0]).model_name
    note = f"No model is both quicker and better than {winners}."
    return Section("cost", "Score against time", [Figure(charts.cost(facts, points, front), table, note)])

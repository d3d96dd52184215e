"""The sections of a report, from the facts of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bakeoff.comparison.leaderboard import COMPLETE, FAILED, Row, fold_values
from bakeoff.comparison.significance import LEVEL
from bakeoff.comparison.trial import TT, Outcome, Status, Trial
from bakeoff.report import charts, recipe
from bakeoff.report.facts import Facts, counted, seconds
from bakeoff.report.parts import Cell, Code, Figure, Numbers, Part, Section, Table, Text
from bakeoff.report.timeline import Timeline, timeline
from bakeoff.text import one_line

MOST_BARS = 60
"""A chart names at most so many models, the best ones."""
_MOST_TRACEBACKS = 10
_MESSAGE = 300


def sections(facts: Facts) -> list[Section]:
    """All sections, in the order of the page."""
    return [
        _leaderboard(facts),
        _sure(facts),
        _spread(facts),
        _cost(facts),
        _best(facts),
        _time(facts),
        _failures(facts),
        _data(facts),
        _again(facts),
    ]


def figures(page: Sequence[Section]) -> list[Figure]:
    """All figures of a page."""
    return [part for section in page for part in section.parts if isinstance(part, Figure)]


def pareto(points: Sequence[tuple[str, float, float]], *, greater_is_better: bool) -> list[str]:
    """The models that no other beats in both time and score, the quickest first.

    Example:
        >>> pareto([("slow", 9.0, 0.9), ("quick", 1.0, 0.8), ("bad", 2.0, 0.7)], greater_is_better=True)
        ['quick', 'slow']
    """
    front: list[str] = []
    best = None
    for model_id, _, score in sorted(
        points, key=lambda point: (point[1], -point[2] if greater_is_better else point[2])
    ):
        if best is None or (score > best if greater_is_better else score < best):
            front.append(model_id)
            best = score
    return front


def time_of(facts: Facts) -> Timeline:
    """What the slots did."""
    waited = {Trial(str(model_id), int(fold)): float(spent) for model_id, fold, spent in facts.look.transforms}
    began = facts.summary.began_at or facts.look.began_at
    return timeline(facts.board.outcomes, began, facts.summary.wall_seconds, waited)


def _leaderboard(facts: Facts) -> Section:
    key = facts.plan.sort_by
    others = [metric.key for metric in facts.plan.metrics if metric.key != key]
    shown = [row.primary_value for row in facts.board.rows if row.status != FAILED]
    titles = [">#", "Model", f">{facts.metric} ± std", *(f">{facts.name_of(other)}" for other in others), ">TT (Sec)"]
    rows = []
    for row in facts.board.rows:
        if row.status == FAILED:
            gone = [Cell("–")] * (len(others) + 2)
            rows.append([str(row.rank), Cell(row.model_name, below=_state(row, facts), kind="bad"), *gone])
            continue
        score = Cell(
            f"{number(row.primary_value)} ± {number(row.stds[key])}",
            bar=_share(row.primary_value, shown, greater=facts.plan.greater_is_better),
            kind=_kind(row, facts),
        )
        means = [number(row.means.get(other)) for other in others]
        name = Cell(row.model_name, below=_state(row, facts), kind=_kind(row, facts))
        rows.append([str(row.rank), name, score, *means, number(row.means[TT])])
    return Section(
        "leaderboard", "Leaderboard", [Table(titles, rows, "Means over the folds, the best first.", wide=True)]
    )


def _state(row: Row, facts: Facts) -> str:
    said = [row.model_id]
    if row.tied_with_best and row.rank > 1:
        said.append("cannot be told apart from the best")
    if facts.verdict is not None and row.model_id == facts.verdict.cheapest and row.rank > 1:
        said.append("the quickest of these")
    if row.status == FAILED:
        said.append(f"failed: {one_line(row.error_type or 'no reason given')}")
    elif row.status != COMPLETE:
        said.append(f"{row.n_folds_ok} of {facts.plan.n_folds} folds: {one_line(row.error_type or '')}")
    return " · ".join(said)


def _kind(row: Row, facts: Facts) -> str:
    if row.status == FAILED:
        return "bad"
    if facts.board.best is not None and row.model_id == facts.board.best.model_id:
        return "best"
    return "tied" if row.tied_with_best else "other"


def _share(value: float, values: Sequence[float], *, greater: bool) -> float:
    """How long a bar is: from the worst score to the best, and never nothing; outliers are kept from taking it all."""
    ordered = sorted((each for each in values if each == each), reverse=greater)  # noqa: PLR0124 - NaN
    if value != value or not ordered:  # noqa: PLR0124
        return 0.0
    best, middle = ordered[0], ordered[len(ordered) // 2]
    worst = max(ordered[-1], best - 5 * (best - middle)) if greater else min(ordered[-1], best + 5 * (middle - best))
    if best == worst:
        return 1.0 if value == best else 0.04
    return min(1.0, max(0.04, (value - worst) / (best - worst)))


def _sure(facts: Facts) -> Section:
    verdict = facts.verdict
    chart = charts.advantage(facts)
    parts: list[Part] = []
    if verdict is None or chart is None:
        parts.append(Text("There is no pair of models with scores on at least two folds, so nothing can be tested."))
        return Section("better", "Is the winner better?", parts)
    rows = [
        [facts.row_of(pair.model_id).model_name, number(pair.advantage), f"± {number(pair.half_width)}",
         p_text(pair.p_value), p_text(pair.p_adjusted), "no" if pair.tied else "yes"]
        for pair in verdict.pairs
    ]  # fmt: skip
    table = Table(["Model", ">Lead", ">95% interval", ">p", ">p (Holm)", "Told apart"], rows)
    parts.append(Figure(chart, table, "Light blue: cannot be told apart. Intervals are for each pair alone."))
    limits = (
        f"The winner and each other model are compared fold by fold, by the corrected resampled t-test (Nadeau and Bengio "
        f"2003), with Holm's adjustment for {counted(len(verdict.pairs), 'pair')}, at {LEVEL:.0%}. A model that cannot be "
        "told apart may still be worse: with more folds or rows smaller differences show."
    )
    if verdict.n_folds < 5:  # noqa: PLR2004 - where a t-distribution's tails are long
        limits += f" With {verdict.n_folds} folds only large and steady differences do."
    if facts.run.task_type == "time_series":
        limits += " Folds of a time series follow each other, so take this as a rule of thumb."
    parts.append(Text(limits))
    return Section("better", "Is the winner better?", parts)


def _spread(facts: Facts) -> Section:
    by_model = {row.model_id: _folds(facts, row.model_id) for row in facts.board.rows}
    models = [(model_id, values) for model_id, values in by_model.items() if values][:MOST_BARS]
    if not models:
        return Section("folds", "Fold by fold", [Text("No fold was scored.")])
    numbers = [f">{fold + 1}" for fold in range(facts.plan.n_folds)]
    rows = []
    for model_id, values in by_model.items():
        if values:
            known = {
                each.fold: each.fit_seconds + each.score_seconds
                if facts.plan.sort_by == TT
                else each.metrics.get(facts.plan.sort_by)
                for each in facts.board.outcomes
                if each.model_id == model_id and each.ok
            }
            cells = [number(known.get(fold)) for fold in range(facts.plan.n_folds)]
            rows.append([facts.row_of(model_id).model_name, *cells])
    table = Table(["Model", *numbers], rows, f"{facts.metric} by fold.", wide=True)
    return Section("folds", "Fold by fold", [Figure(charts.folds(facts, models), table)])


def _folds(facts: Facts, model_id: str) -> list[float]:
    mine = [outcome for outcome in facts.board.outcomes if outcome.model_id == model_id]
    values = fold_values(mine, facts.plan.sort_by)
    return [value for value in values if value == value and abs(value) != float("inf")]  # noqa: PLR0124 - NaN


def _cost(facts: Facts) -> Section:
    points = [
        (row.model_id, max(row.means[TT], 1e-4), row.primary_value)
        for row in facts.board.rows
        if row.status != FAILED and row.primary_value == row.primary_value
    ]
    if not points:
        return Section("cost", "Score against time", [Text("No model has a score.")])
    front = pareto(points, greater_is_better=facts.plan.greater_is_better)
    rows = [
        [facts.row_of(model_id).model_name, seconds(spent), number(score), "yes" if model_id in front else ""]
        for model_id, spent, score in sorted(points, key=lambda point: point[1])
    ]
    table = Table(["Model", ">Time a fold", f">{facts.metric}", "On the front"], rows)
    note = "No model is both quicker and better than those on the dashed line, the Pareto front."
    return Section("cost", "Score against time", [Figure(charts.cost(facts, points, front), table, note)])


def _best(facts: Facts) -> Section:
    best, look = facts.board.best, facts.look
    if best is None:
        return Section("best", "The best model", [Text("There is none.")])
    parts: list[Part] = []
    seen = look.best.get("rows")
    if seen:
        parts.append(
            Text(f"{best.model_name}, fitted on the training rows, on {counted(seen, 'row')} that it had not seen.")
        )
    told = dict(look.best)
    if "matrix" in told:
        labels = [str(label) for label in told["labels"]]
        rows = [[label, *(f"{each:,}" for each in row)] for label, row in zip(labels, told["matrix"], strict=True)]
        parts.append(Figure(charts.confusion(told), Table(["True", *(f">{label}" for label in labels)], rows)))
    if told.get("roc"):
        rows = [[curve["label"], f"{curve['auc']:.4f}"] for curve in told["roc"]]
        parts.append(Figure(charts.roc(told), Table(["Class", ">Area under the curve"], rows)))
    if "when" in told:
        rows = [list(row) for row in zip(told["when"], _texts(told["actual"]), _texts(told["predicted"]), strict=True)]
        parts.append(
            Figure(charts.forecast(told, str(facts.run.target)), Table(["When", ">Actual", ">Forecast"], rows))
        )
    elif "actual" in told:
        parts += _regression(told, str(facts.run.target))
    if look.importance:
        rows = [[name, f"{value:.1%}"] for name, value in look.importance["features"]]
        note = f"Measured by {look.importance['measure']}."
        parts.append(Figure(charts.importance(dict(look.importance)), Table(["Feature", ">Share"], rows), note))
    elif seen and facts.run.task_type != "time_series":
        parts.append(Text("This kind of model does not say how much it makes of each feature."))
    if not parts:
        parts.append(Text("What it does on unseen rows was not kept with this run."))
    return Section("best", "The best model", parts)


def _regression(told: dict[str, Any], unit: str) -> list[Part]:
    pairs = [(a, p) for a, p in zip(told["actual"], told["predicted"], strict=True) if a is not None and p is not None]
    if not pairs:
        return []
    known = {"actual": [a for a, _ in pairs], "predicted": [p for _, p in pairs]}
    rows = [[number(a), number(p), number(p - a)] for a, p in sorted(pairs, key=lambda pair: abs(pair[1] - pair[0]))]
    worst = Table([">Actual", ">Predicted", ">Off by"], rows[::-1][:10], "The ten that are furthest off.")
    off = sorted(abs(p - a) for a, p in pairs)
    steps = [("smallest", 0.0), ("25%", 0.25), ("50%", 0.5), ("75%", 0.75), ("95%", 0.95), ("largest", 1.0)]
    spread = Table(
        ["Of the predictions", ">Off by at most"], [[n, number(off[int(q * (len(off) - 1))])] for n, q in steps]
    )
    return [Figure(charts.residuals(known, unit), worst), Figure(charts.errors(known), spread)]


def _time(facts: Facts) -> Section:
    spent = time_of(facts)
    if not spent.lanes:
        return Section("time", "Where the time went", [Text("Nothing ran.")])
    slots = max(facts.summary.slots, len(spent.lanes))
    total = spent.wall * slots
    kinds = {"Fitting": "fit", "Scoring": "score", "Preparing folds": "transform", "Lost to failures": "lost"}
    used = {name: spent.spent(kind) for name, kind in kinds.items()}
    used["Waiting and overhead"] = max(total - sum(used.values()), 0.0)
    rows = [[name, seconds(value), f"{value / max(total, 1e-9):.0%}"] for name, value in used.items() if value]
    table = Table(["What", ">Time of slots", ">Share"], rows, f"{slots} slots for {seconds(spent.wall)} each.")
    numbers = Numbers(
        [
            ("wall", seconds(facts.summary.wall_seconds)),
            ("ideal", seconds(facts.summary.ideal_seconds)),
            ("efficiency", f"{facts.summary.efficiency:.0%}"),
            ("slots", str(facts.summary.slots)),
            ("trials", f"{len(facts.board.outcomes):,}"),
        ]
    )
    note = (
        "Blank is waiting: the start of workers, the way there and back, and at the end the fit of the winner. "
        "Ideal is the least time in which the same trials could have run on these slots."
    )
    if facts.summary.n_resumed:
        note += f" {counted(facts.summary.n_resumed, 'trial')} of an earlier attempt are not shown."
    return Section(
        "time", "Where the time went", [numbers, Figure(charts.timeline(facts, spent.lanes, spent.wall), table, note)]
    )


def _failures(facts: Facts) -> Section:
    failed = facts.board.failures
    if not failed:
        return Section(
            "failures", "Failures", [Text(f"None: all {counted(len(facts.board.outcomes), 'trial')} were scored.")]
        )
    reasons: dict[tuple[str, str, str, str], list[Outcome]] = {}
    for outcome in failed:
        message = one_line(outcome.error_message or "")[:_MESSAGE]
        key = (outcome.model_id, str(outcome.status), outcome.error_type or "", message)
        reasons.setdefault(key, []).append(outcome)
    rows: list[Sequence[Cell | str]] = [
        [facts.plan.name_of.get(model_id, model_id), _listed([each.fold + 1 for each in mine]), status,
         Cell(error_type, below=message)]
        for (model_id, status, error_type, message), mine in reasons.items()
    ]  # fmt: skip
    statuses = ", ".join(f"{many} {status}" for status, many in Counter(str(each.status) for each in failed).items())
    parts: list[Part] = [
        Text(f"{len(failed)} of {counted(len(facts.board.outcomes), 'trial')} gave no scores ({statuses})."),
        Table(["Model", "Folds", "Status", "Reason"], rows),
    ]
    for (model_id, *_), mine in list(reasons.items())[:_MOST_TRACEBACKS]:
        if mine[0].traceback and mine[0].status is not Status.CANCELLED:
            parts.append(
                Code(mine[0].traceback.strip(), f"Traceback of {model_id}, fold {mine[0].fold + 1}", closed=True)
            )
    return Section("failures", "Failures", parts)


def _data(facts: Facts) -> Section:
    run, look = facts.run, facts.look
    digest = f", content hash {run.data_digest[:12]}" if run.data_digest else ""
    version = f", version {run.source_version}" if run.source_version else ""
    parts: list[Part] = [Text(f"{run.source}{version}: {run.n_rows or 0:,} rows, {run.n_columns} columns{digest}.")]
    if look.target:
        told = dict(look.target)
        if "labels" in told:
            total = max(run.n_rows or 0, 1)
            rows = [
                [label, f"{n:,}", f"{n / total:.1%}"] for label, n in zip(told["labels"], told["counts"], strict=True)
            ]
            table = Table(["Class", ">Rows", ">Share"], rows)
        else:
            edges = [f"{edge:.4g}" for edge in told["edges"]]
            rows = [[f"{a} to {b}", f"{n:,}"] for a, b, n in zip(edges, edges[1:], told["counts"], strict=False)]
            table = Table(["From, to", ">Rows"], rows)
        parts.append(Figure(charts.target(facts, told), table))
    if look.columns:
        total = max(run.n_rows or 0, 1)
        rows = [
            [Cell(each["name"], kind="best" if each["name"] == run.target else ""), each["type"],
             f"{each['missing']:,} ({each['missing'] / total:.0%})" if each["missing"] else "none",
             f"{each['distinct']:,}", each["values"]]
            for each in look.columns
        ]  # fmt: skip
        gaps = sum(bool(each["missing"]) for each in look.columns)
        said = "No column has missing values." if not gaps else f"{counted(gaps, 'column')} with missing values."
        if (run.n_columns or 0) > len(rows):
            said += f" The first {len(rows)} columns are shown."
        parts += [Text(said), Table(["Column", "Type", ">Missing", ">Distinct", "Values"], rows, wide=True)]
    else:
        parts.append(Text("The columns were not kept with this run."))
    return Section("data", "The data", parts)


def _again(facts: Facts) -> Section:
    run = facts.run
    parts: list[Part] = [Code(recipe.command(facts.config), "The same comparison, from a shell")]
    if facts.board.best is not None:
        parts.append(Code(recipe.pycaret_code(facts), "The winner, in PyCaret alone"))
    if facts.model_uri:
        load = "mlflow.sklearn.load_model" if run.task_type == "time_series" else "mlflow.pyfunc.load_model"
        parts.append(Code(f'{load}("{facts.model_uri}")', "The winner, fitted"))
    known = {"run": run.run_id, "git commit": run.git_commit, "MLflow run": run.mlflow_run_id}
    rows = [[name, str(value)] for name, value in known.items() if value]
    rows += [["tables", name] for name in facts.tables]
    rows += [[name, version] for name, version in run.versions.items()]
    parts.append(Table(["", "Version or name"], rows))
    return Section("again", "Once more, and with what", parts)


def number(value: float | None) -> str:
    """Four decimals, fewer where a number is large, and a dash where there is none.

    Example:
        >>> number(0.123456), number(4149.31), number(2.5e7), number(None)
        ('0.1235', '4,149.3', '2.5e+07', '–')
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "–"
    size = abs(value)
    if size >= 1e6:  # noqa: PLR2004
        return f"{value:.4g}"
    return f"{value:,.1f}" if size >= 1000 else f"{value:.4f}"  # noqa: PLR2004


def p_text(value: float) -> str:
    """A p-value as it is printed.

    Example:
        >>> p_text(0.0004), p_text(0.04)
        ('< 0.001', '0.040')
    """
    return "< 0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004


def _texts(values: Sequence[float | None]) -> list[str]:
    return [number(value) for value in values]


def _listed(folds: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(folds)))

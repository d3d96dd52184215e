"""Make the sections of a report on the best model, the time, the failures, the data and the reproduction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bakeoff._utils.text import counted, one_line
from bakeoff.comparison.model_diagnostics import (
    ClassificationDiagnostics,
    ForecastDiagnostics,
    ModelDiagnostics,
    RegressionDiagnostics,
    ReliabilityCurve,
)
from bakeoff.comparison.trial import Outcome, Status, Trial
from bakeoff.report import charts, model_charts, reproduce
from bakeoff.report.blocks import Cell, Code, Figure, Numbers, Paragraph, Part, Section, Table, number
from bakeoff.report.diagnostics import ClassCounts, Step
from bakeoff.report.facts import Facts
from bakeoff.report.sentences import decision_sentences, seconds
from bakeoff.report.timeline import Timeline, timeline

_MAX_TRACEBACKS = 10
"""Number of failures that are shown with their traceback."""
_MAX_MESSAGE = 300
"""Number of characters of an error's message."""


def best_model(facts: Facts) -> Section:
    """Return the section on the best model: its predictions for unseen rows and the importance of its features."""
    best, diagnostics = facts.board.best, facts.look
    if best is None:
        return Section("best", "The best model", [Paragraph("There is none.")])
    parts: list[Part] = []
    evaluation, importance = diagnostics.best, diagnostics.importance
    n_rows = evaluation.rows if evaluation else 0
    if n_rows:
        unit = "step" if facts.run.task_type == "time_series" else "row"
        parts.append(
            Paragraph(f"{best.model_name}, fitted on the training rows, on {counted(n_rows, unit)} not seen before.")
        )
    parts += [Paragraph(sentence) for sentence in decision_sentences(facts)]
    if evaluation is not None:
        parts += _evaluation(evaluation, str(facts.run.target))
    if diagnostics.reliability:
        parts.append(_reliability(diagnostics.reliability))
    if importance is not None:
        rows = [[name, f"{value:.1%}"] for name, value in importance.features]
        note = f"Measured by {importance.measure}."
        parts.append(Figure(model_charts.importance(importance), Table(["Feature", ">Share"], rows), note))
    elif n_rows and facts.run.task_type != "time_series":
        parts.append(Paragraph("This kind of model does not say how much it makes of each feature."))
    if not parts:
        parts.append(Paragraph("What it does on unseen rows was not kept with this run."))
    return Section("best", "The best model", parts)


def last_timeline(facts: Facts) -> Timeline:
    """Return the work of the slots in the last attempt of a run."""
    summary = facts.summary
    return timeline(facts.trials, summary.began_at, summary.wall_seconds, summary.slots, _transform_seconds(facts))


def earlier_timeline(facts: Facts) -> Timeline:
    """Return the work of the slots in earlier attempts of a run, as far as its outcomes show it."""
    return timeline(facts.earlier, transforms=_transform_seconds(facts))


def _transform_seconds(facts: Facts) -> dict[Trial, float]:
    return {Trial(str(model_id), int(fold)): float(spent) for model_id, fold, spent in facts.look.transforms}


def _evaluation(evaluation: ModelDiagnostics, unit: str) -> list[Part]:
    """Return the charts of what the best model does on unseen rows; ``unit`` is the name of the target."""
    if isinstance(evaluation, ClassificationDiagnostics):
        return _classification(evaluation)
    if isinstance(evaluation, ForecastDiagnostics):
        return [_forecast(evaluation, unit)]
    return _regression(evaluation, unit)


def _classification(evaluation: ClassificationDiagnostics) -> list[Part]:
    parts: list[Part] = []
    if evaluation.labels:
        labels = [str(label) for label in evaluation.labels]
        matrix = zip(labels, evaluation.matrix, strict=True)
        rows = [[label, *(f"{count:,}" for count in counts)] for label, counts in matrix]
        table = Table(["True", *(f">{label}" for label in labels)], rows)
        parts.append(Figure(model_charts.confusion(evaluation), table, _averaging(evaluation)))
    if evaluation.roc:
        rows = [[curve.label, f"{curve.auc:.4f}"] for curve in evaluation.roc]
        parts.append(Figure(model_charts.roc(evaluation.roc), Table(["Class", ">Area under the curve"], rows)))
    return parts


def _reliability(curves: Sequence[ReliabilityCurve]) -> Part:
    """Return the chart of how far the probabilities of the best model can be trusted, out of fold."""
    rows = [
        [curve.name, f"{x:.3f}", f"{y:.3f}", f"{count:,}"]
        for curve in curves
        for x, y, count in zip(curve.x, curve.y, curve.counts, strict=True)
    ]
    table = Table(["Probabilities", ">Mean probability", ">Share of the class", ">Rows"], rows)
    note = (
        "On the training rows, each predicted by a model that had not learned from it; as many rows in each point, and "
        "the line through it is where the true share is with 95 % confidence."
    )
    return Figure(model_charts.reliability(curves), table, note)


def _averaging(evaluation: ClassificationDiagnostics) -> str:
    """Return the sentence on the class that metrics are about; empty if that is not known."""
    if evaluation.positive:
        return f"Recall, Prec. and F1 are about the class {evaluation.positive}, the positive one."
    if evaluation.positive is None:
        return ""
    hint = " (a target of 0 and 1 has a positive class, 1)" if len(evaluation.labels) == 2 else ""  # noqa: PLR2004
    return f"Recall, Prec. and F1 are averages over the classes, weighted by their rows{hint}."


def _forecast(evaluation: ForecastDiagnostics, unit: str) -> Part:
    steps = zip(evaluation.when, evaluation.actual, evaluation.predicted, strict=True)
    rows = [[time, number(actual), number(predicted)] for time, actual, predicted in steps]
    return Figure(model_charts.forecast(evaluation, unit), Table(["When", ">Actual", ">Forecast"], rows))


def _regression(evaluation: RegressionDiagnostics, unit: str) -> list[Part]:
    pairs = [
        (actual, predicted)
        for actual, predicted in zip(evaluation.actual, evaluation.predicted, strict=True)
        if actual is not None and predicted is not None
    ]
    if not pairs:
        return []
    rows = [[number(a), number(p), number(p - a)] for a, p in sorted(pairs, key=lambda pair: abs(pair[1] - pair[0]))]
    worst = Table([">Actual", ">Predicted", ">Off by"], rows[::-1][:10], "The ten that are furthest off.")
    sizes = sorted(abs(predicted - actual) for actual, predicted in pairs)
    quantiles = [("smallest", 0.0), ("25%", 0.25), ("50%", 0.5), ("75%", 0.75), ("95%", 0.95), ("largest", 1.0)]
    spread = Table(
        ["Of the predictions", ">Off by at most"],
        [[name, number(sizes[int(share * (len(sizes) - 1))])] for name, share in quantiles],
    )
    return [Figure(model_charts.residuals(pairs, unit), worst), Figure(model_charts.errors(pairs), spread)]


def time_spent(facts: Facts) -> Section:
    """Return the section on the time that the run took, and the work of each slot."""
    last, earlier = last_timeline(facts), earlier_timeline(facts)
    whole = [_step_table(facts.look.steps)] if facts.look.steps else []
    if not last.lanes and not earlier.lanes:
        return Section("time", "Where the time went", [Paragraph("Nothing ran."), *whole])
    summary = facts.summary
    parts: list[Part] = [
        *whole,
        Numbers(
            [
                ("wall", seconds(summary.wall_seconds)),
                ("ideal", seconds(summary.ideal_seconds)),
                ("efficiency", f"{summary.efficiency:.0%}"),
                ("slots", str(summary.slots)),
                ("trials", f"{len(facts.trials):,}"),
            ]
        ),
    ]
    if facts.run.engine:
        parts.append(Paragraph(facts.run.engine))
    if earlier.lanes:
        finished = f"{counted(len(facts.earlier), 'trial')} had been finished when the run went on"
        nothing_left = "" if last.lanes else ", and none was left but to fit the winner"
        parts.append(
            Paragraph(f"{finished}{nothing_left}: wall, ideal and efficiency are those of the last attempt alone.")
        )
    if last.lanes:
        note = (
            "Blank is waiting: the start of workers, the way there and back, and at the end the fit of the winner. "
            "Ideal is the least time in which the same trials could have run on these slots."
        )
        slots = max(summary.slots, len(last.lanes))
        parts.append(Figure(charts.timeline(last.lanes, last.wall), _time_table(last, slots), note))
    if earlier.lanes:
        chart = charts.timeline(earlier.lanes, earlier.wall, before=True)
        note = "From the first of these trials to the last; the time between attempts is blank, too."
        parts.append(Figure(chart, _time_table(earlier, len(earlier.lanes)), note))
    return Section("time", "Where the time went", parts)


def _step_table(steps: Sequence[Step]) -> Table:
    """Return the table of the steps of the whole run, of which the comparison is one."""
    rows = [[step.name, seconds(step.began), seconds(step.seconds)] for step in steps]
    caption = (
        "The whole run, from the moment it was asked for; steps may overlap. What follows is about the comparison."
    )
    return Table(["Step", ">Began after", ">Took"], rows, caption)


def _time_table(work: Timeline, slots: int) -> Table:
    total = work.wall * slots
    kinds = {"Fitting": "fit", "Scoring": "score", "Preparing folds": "transform", "Lost to failures": "lost"}
    used = {name: work.spent(kind) for name, kind in kinds.items()}
    used["Waiting and overhead"] = max(total - sum(used.values()), 0.0)
    rows = [[name, seconds(value), f"{value / max(total, 1e-9):.0%}"] for name, value in used.items() if value]
    return Table(["What", ">Time of slots", ">Share"], rows, f"{counted(slots, 'slot')} for {seconds(work.wall)} each.")


def failures(facts: Facts) -> Section:
    """Return the section on the trials without scores, with their errors."""
    failed = facts.board.failures
    if not failed:
        return Section(
            "failures", "Failures", [Paragraph(f"None: all {counted(len(facts.trials), 'trial')} were scored.")]
        )
    reasons: dict[tuple[str, str, str, str], list[Outcome]] = {}
    for outcome in failed:
        message = one_line(outcome.error_message or "")[:_MAX_MESSAGE]
        key = (outcome.model_id, str(outcome.status), outcome.error_type or "", message)
        reasons.setdefault(key, []).append(outcome)
    rows: list[Sequence[Cell | str]] = [
        [facts.plan.name_of.get(model_id, model_id), _folds(outcomes), status,
         Cell(error_type, below=message)]
        for (model_id, status, error_type, message), outcomes in reasons.items()
    ]  # fmt: skip
    counts = Counter(str(outcome.status) for outcome in failed)
    statuses = ", ".join(f"{count} {status}" for status, count in counts.items())
    parts: list[Part] = [
        Paragraph(f"{len(failed)} of {counted(len(facts.trials), 'trial')} gave no scores ({statuses})."),
        Table(["Model", "Folds", "Status", "Reason"], rows),
    ]
    for (model_id, *_), (first, *_) in list(reasons.items())[:_MAX_TRACEBACKS]:
        if first.traceback and first.status is not Status.CANCELLED:
            parts.append(Code(first.traceback.strip(), f"Traceback of {model_id}, fold {first.fold}", closed=True))
    return Section("failures", "Failures", parts)


def data(facts: Facts) -> Section:
    """Return the section on the data: what was noticed about it, the target and the columns."""
    run, diagnostics = facts.run, facts.look
    digest = f", content hash {run.data_digest[:12]}" if run.data_digest else ""
    version = f", version {run.source_version}" if run.source_version else ""
    parts: list[Part] = [Paragraph(f"{run.source}{version}: {facts.size}{digest}.")]
    if diagnostics.findings:
        found = [[str(finding["kind"]), str(finding["sentence"])] for finding in diagnostics.findings]
        parts.append(Table(["Kind", "What was noticed"], found))
    target = diagnostics.target
    if target is not None:
        if isinstance(target, ClassCounts):
            total = max(run.n_rows or 0, 1)
            classes = zip(target.labels, target.counts, strict=True)
            rows = [[label, f"{count:,}", f"{count / total:.1%}"] for label, count in classes]
            table = Table(["Class", ">Rows", ">Share"], rows)
        else:
            edges = [f"{edge:.4g}" for edge in target.edges]
            bins = zip(edges, edges[1:], target.counts, strict=False)
            rows = [[f"{low} to {high}", f"{count:,}"] for low, high, count in bins]
            table = Table(["From, to", ">Rows"], rows)
        parts.append(Figure(model_charts.target(facts, target), table))
    if diagnostics.columns:
        total = max(run.n_rows or 0, 1)
        profiles: list[Sequence[Cell | str]] = [
            [Cell(column.name, kind="best" if column.name == run.target else ""), column.type,
             f"{column.missing:,} ({column.missing / total:.0%})" if column.missing else "none",
             f"{column.distinct:,}", column.values]
            for column in diagnostics.columns
        ]  # fmt: skip
        n_gaps = sum(bool(column.missing) for column in diagnostics.columns)
        text = "No column has missing values." if not n_gaps else f"{counted(n_gaps, 'column')} with missing values."
        if (run.n_columns or 0) > len(profiles):
            text += f" The first {len(profiles)} columns are shown."
        parts += [Paragraph(text), Table(["Column", "Type", ">Missing", ">Distinct", "Values"], profiles)]
    else:
        parts.append(Paragraph("The columns were not kept with this run."))
    return Section("data", "The data", parts)


def reproduction(facts: Facts) -> Section:
    """Return the section on how to repeat the run, and on the versions that it was made with."""
    run = facts.run
    parts: list[Part] = [Code(reproduce.command(facts.config), "The same comparison, from a shell")]
    if facts.board.best is not None:
        parts.append(Code(reproduce.pycaret_code(facts), "The winner, in PyCaret alone"))
    if facts.model_uri:
        parts.append(Code(reproduce.loading(facts), "The winner, fitted"))
    names = {"run": run.run_id, "git commit": run.git_commit, "MLflow run": run.mlflow_run_id}
    rows = [[name, str(value)] for name, value in names.items() if value]
    rows += [["tables", name] for name in facts.tables]
    rows += [[name, version] for name, version in run.versions.items()]
    parts.append(Table(["", "Version or name"], rows))
    return Section("again", "Once more, and with what", parts)


def _folds(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(str(fold) for fold in sorted(outcome.fold for outcome in outcomes))

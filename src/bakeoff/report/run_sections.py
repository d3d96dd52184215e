"""The sections of a report on the best model, the clock, the failures, the data, and how to do it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bakeoff._utils.text import counted, one_line
from bakeoff.comparison.trial import Outcome, Status, Trial
from bakeoff.report import charts, model_charts, reproduce
from bakeoff.report.blocks import Cell, Code, Figure, Numbers, Paragraph, Part, Section, Table, number
from bakeoff.report.facts import Facts
from bakeoff.report.sentences import seconds
from bakeoff.report.timeline import Timeline, timeline

_MOST_TRACEBACKS = 10
_MOST_OFF = 10
_MESSAGE = 300
_SHARES = (0.25, 0.5, 0.75, 0.95, 1.0)


def best_model(facts: Facts) -> Section:
    """What the best model does on rows that it has not seen, and what it makes of its features."""
    best, look = facts.board.best, facts.look
    if best is None:
        return Section("best", "The best model", [Paragraph("There is none.")])
    parts: list[Part] = []
    seen = look.best.get("rows")
    if seen:
        unit = "step" if facts.run.task_type == "time_series" else "row"
        parts.append(
            Paragraph(f"{best.model_name}, fitted on the training rows, on {counted(seen, unit)} not seen before.")
        )
    told = dict(look.best)
    if "matrix" in told:
        labels = [str(label) for label in told["labels"]]
        rows = [[label, *(f"{each:,}" for each in row)] for label, row in zip(labels, told["matrix"], strict=True)]
        parts.append(Figure(model_charts.confusion(told), Table(["True", *(f">{label}" for label in labels)], rows)))
    if told.get("roc"):
        rows = [[curve["label"], f"{curve['auc']:.4f}"] for curve in told["roc"]]
        parts.append(Figure(model_charts.roc(told), Table(["Class", ">Area under the curve"], rows)))
    if "when" in told:
        known = zip(told["when"], told["actual"], told["predicted"], strict=True)
        rows = [[when, number(actual), number(predicted)] for when, actual, predicted in known]
        table = Table(["When", ">Actual", ">Forecast"], rows)
        parts.append(Figure(model_charts.forecast(told, str(facts.run.target)), table))
    elif "actual" in told:
        parts += _regression(told, str(facts.run.target))
    if look.importance:
        rows = [[name, f"{value:.1%}"] for name, value in look.importance["features"]]
        note = f"Measured by {look.importance['measure']}."
        parts.append(Figure(model_charts.importance(dict(look.importance)), Table(["Feature", ">Share"], rows), note))
    elif seen and facts.run.task_type != "time_series":
        parts.append(Paragraph("This kind of model does not say how much it makes of each feature."))
    if not parts:
        parts.append(Paragraph("What it does on unseen rows was not kept with this run."))
    return Section("best", "The best model", parts)


def time_of(facts: Facts) -> Timeline:
    """What the slots did; of a run that went on, what they did in its last attempt."""
    clock = facts.summary
    return timeline(facts.board.outcomes, clock.began_at, clock.wall_seconds, clock.slots, _waited(facts))


def time_before(facts: Facts) -> Timeline:
    """What the slots did in earlier attempts of the run, as far as its outcomes tell."""
    return timeline(facts.earlier, transforms=_waited(facts))


def _waited(facts: Facts) -> dict[Trial, float]:
    return {Trial(str(model_id), int(fold)): float(spent) for model_id, fold, spent in facts.look.transforms}


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
    return [Figure(model_charts.residuals(known, unit), worst), Figure(model_charts.errors(known), spread)]


def clockwork(facts: Facts) -> Section:
    """The clock, and what each slot did."""
    now, before = time_of(facts), time_before(facts)
    if not now.lanes and not before.lanes:
        return Section("time", "Where the time went", [Paragraph("Nothing ran.")])
    clock = facts.summary
    parts: list[Part] = [
        Numbers(
            [
                ("wall", seconds(clock.wall_seconds)),
                ("ideal", seconds(clock.ideal_seconds)),
                ("efficiency", f"{clock.efficiency:.0%}"),
                ("slots", str(clock.slots)),
                ("trials", f"{len(facts.board.outcomes):,}"),
            ]
        )
    ]
    if before.lanes:
        done = f"{counted(len(facts.earlier), 'trial')} had been finished when the run went on"
        left = "" if now.lanes else ", and none was left but to fit the winner"
        parts.append(Paragraph(f"{done}{left}: wall, ideal and efficiency are those of the last attempt alone."))
    if now.lanes:
        note = (
            "Blank is waiting: the start of workers, the way there and back, and at the end the fit of the winner. "
            "Ideal is the least time in which the same trials could have run on these slots."
        )
        slots = max(clock.slots, len(now.lanes))
        parts.append(Figure(charts.timeline(now.lanes, now.wall), _time_spent(now, slots), note))
    if before.lanes:
        chart = charts.timeline(before.lanes, before.wall, before=True)
        note = "From the first of these trials to the last; the time between attempts is blank, too."
        parts.append(Figure(chart, _time_spent(before, len(before.lanes)), note))
    return Section("time", "Where the time went", parts)


def _time_spent(spent: Timeline, slots: int) -> Table:
    total = spent.wall * slots
    kinds = {"Fitting": "fit", "Scoring": "score", "Preparing folds": "transform", "Lost to failures": "lost"}
    used = {name: spent.spent(kind) for name, kind in kinds.items()}
    used["Waiting and overhead"] = max(total - sum(used.values()), 0.0)
    rows = [[name, seconds(value), f"{value / max(total, 1e-9):.0%}"] for name, value in used.items() if value]
    return Table(
        ["What", ">Time of slots", ">Share"], rows, f"{counted(slots, 'slot')} for {seconds(spent.wall)} each."
    )


def failures(facts: Facts) -> Section:
    """What gave no scores, and why."""
    failed = facts.board.failures
    if not failed:
        return Section(
            "failures", "Failures", [Paragraph(f"None: all {counted(len(facts.board.outcomes), 'trial')} were scored.")]
        )
    reasons: dict[tuple[str, str, str, str], list[Outcome]] = {}
    for outcome in failed:
        message = one_line(outcome.error_message or "")[:_MESSAGE]
        key = (outcome.model_id, str(outcome.status), outcome.error_type or "", message)
        reasons.setdefault(key, []).append(outcome)
    rows: list[Sequence[Cell | str]] = [
        [facts.plan.name_of.get(model_id, model_id), _folds(mine), status,
         Cell(error_type, below=message)]
        for (model_id, status, error_type, message), mine in reasons.items()
    ]  # fmt: skip
    statuses = ", ".join(f"{many} {status}" for status, many in Counter(str(each.status) for each in failed).items())
    parts: list[Part] = [
        Paragraph(f"{len(failed)} of {counted(len(facts.board.outcomes), 'trial')} gave no scores ({statuses})."),
        Table(["Model", "Folds", "Status", "Reason"], rows),
    ]
    for (model_id, *_), mine in list(reasons.items())[:_MOST_TRACEBACKS]:
        if mine[0].traceback and mine[0].status is not Status.CANCELLED:
            parts.append(Code(mine[0].traceback.strip(), f"Traceback of {model_id}, fold {mine[0].fold}", closed=True))
    return Section("failures", "Failures", parts)


def data(facts: Facts) -> Section:
    """The table that was learned from."""
    run, look = facts.run, facts.look
    digest = f", content hash {run.data_digest[:12]}" if run.data_digest else ""
    version = f", version {run.source_version}" if run.source_version else ""
    parts: list[Part] = [Paragraph(f"{run.source}{version}: {facts.size}{digest}.")]
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
        parts.append(Figure(model_charts.target(facts, told), table))
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
        parts += [Paragraph(said), Table(["Column", "Type", ">Missing", ">Distinct", "Values"], rows)]
    else:
        parts.append(Paragraph("The columns were not kept with this run."))
    return Section("data", "The data", parts)


def again(facts: Facts) -> Section:
    """How to repeat it, and with which versions it was made."""
    run = facts.run
    parts: list[Part] = [Code(reproduce.command(facts.config), "The same comparison, from a shell")]
    if facts.board.best is not None:
        parts.append(Code(reproduce.pycaret_code(facts), "The winner, in PyCaret alone"))
    if facts.model_uri:
        parts.append(Code(reproduce.loading(facts), "The winner, fitted"))
    known = {"run": run.run_id, "git commit": run.git_commit, "MLflow run": run.mlflow_run_id}
    rows = [[name, str(value)] for name, value in known.items() if value]
    rows += [["tables", name] for name in facts.tables]
    rows += [[name, version] for name, version in run.versions.items()]
    parts.append(Table(["", "Version or name"], rows))
    return Section("again", "Once more, and with what", parts)


def _folds(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(str(fold) for fold in sorted(outcome.fold for outcome in outcomes))

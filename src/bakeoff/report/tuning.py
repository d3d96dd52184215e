"""Describe what tuning has tried and gained: a sentence or two, and a section of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bakeoff._utils.text import counted
from bakeoff.comparison.tuning import Ending
from bakeoff.comparison.tuning_result import TunedFamily, TuningResult
from bakeoff.report.blocks import Cell, Paragraph, Part, Section, Table, number, p_text
from bakeoff.report.facts import Facts
from bakeoff.report.sentences import seconds
from bakeoff.storage.location import ResultsLocation, place_options

OPTIMISM = (
    "Scores of tuned models are optimistic, since their parameters were chosen by the folds that they are scored on"
)
_ENDINGS = {
    Ending.SETTLED: "nothing better was found",
    Ending.EXHAUSTED: "nothing else is left to try",
    Ending.MOST: "as many as are tried at most",
    Ending.TIME: "the time was over",
    Ending.OPEN: "the run ended",
}


def tuning_sentence(facts: Facts) -> str | None:
    """Return what tuning has gained, in a few sentences; ``None`` if nothing was to be tuned."""
    result = facts.tuning
    if result is None:
        return None
    said = [_tried(result), *_untunable(result)] if result.families else [*_untunable(result)]
    if not result.families:
        return " ".join([*said, "Nothing was tuned."])
    gains = "; ".join(_gain(each, facts.metric) for each in result.families)
    said.insert(1, f"{gains}.")
    if result.is_cut:
        said.append(_cut(facts))
    if any(each.tuned for each in result.families):
        said.append(f"{OPTIMISM}{_on_the_holdout(facts)}.")
    return " ".join(said)


def tuning_section(facts: Facts) -> Section | None:
    """Return the section on what tuning has tried; ``None`` if nothing was to be tuned."""
    result = facts.tuning
    if result is None:
        return None
    parts: list[Part] = []
    if result.families:
        parts.append(_table(facts, result))
        parts.append(
            Paragraph(
                "Candidates were proposed by Optuna, in PyCaret's search spaces, and stopped on the way as in a race "
                "when they could not be the best of their family. Gain is the mean over the folds, with its 95% "
                "interval; p is that of the test that is used for the ranking, times the number of candidates that ran "
                f"on all folds, since the best of them was picked. {OPTIMISM}: the more candidates, the more. "
                f"{_advice(facts)}"
            )
        )
    said = _untunable(result)
    said += [_cut(facts)] if result.is_cut else []
    said += [] if result.families else ["Nothing was tuned."]
    if said:
        parts.append(Paragraph(" ".join(said)))
    return Section("tuning", "Tuning", parts)


def _table(facts: Facts, result: TuningResult) -> Table:
    held = {row.model_id: row.holdout_value for row in facts.board.rows if row.holdout_value is not None}
    rows: list[Sequence[Cell | str]] = []
    for each in result.families:
        values = {row.model_id: row.primary_value for row in facts.board.rows}
        n_stopped = each.n_candidates - each.n_complete - each.n_failed
        folds = ", ".join(
            text
            for n, text in (
                (each.n_complete, f"{each.n_complete} on all folds"),
                (n_stopped, f"{n_stopped} stopped"),
                (each.n_failed, f"{each.n_failed} failed"),
            )
            if n
        )
        row: list[Cell | str] = [
            Cell(facts.plan.name_of.get(each.untuned, each.untuned), below=each.untuned),
            number(values.get(each.untuned)),
            Cell(number(values[each.tuned]), below=each.tuned) if each.tuned else "-",
            number(each.gain) if each.gain is not None else "-",
            f"± {number(each.half_width)}" if each.half_width is not None else "-",
            p_text(each.p_value) if each.p_value is not None else "-",
            "yes" if each.told_apart else "no",
            Cell(str(each.n_candidates), below=f"{folds}; {_ENDINGS[each.ending]}"),
            seconds(each.seconds),
        ]
        if held:
            row += [number(held.get(each.untuned)), number(held.get(each.tuned or ""))]
        rows.append(row)
    titles = ["Family", f">{facts.metric} untuned", ">Tuned", ">Gain", ">95% interval", ">p", "Told apart"]
    titles += ["Candidates", ">Work", *([">Hold-out untuned", ">Hold-out tuned"] if held else [])]
    return Table(titles, rows, f"{counted(result.n_candidates, 'candidate')}, {seconds(result.seconds)} of work.")


def _tried(result: TuningResult) -> str:
    families = " and ".join(each.family for each in result.families)
    if len(result.families) > 2:  # noqa: PLR2004 - three are listed with commas
        families = ", ".join(each.family for each in result.families)
    return (
        f"Tuning tried {counted(result.n_candidates, 'candidate')} of {families} in {seconds(result.seconds)} of work:"
    )


def _gain(each: TunedFamily, metric: str) -> str:
    if each.tuned is None or each.gain is None:
        return f"none of {each.family} came near {each.untuned}"
    if each.gain <= 0:
        return f"none of {each.family} is better than {each.untuned}"
    apart = "by more than luck of the folds explains" if each.told_apart else "which the folds cannot tell apart"
    return f"{each.tuned} is {each.gain:.4f} better in {metric} than {each.untuned}, {apart}"


def _untunable(result: TuningResult) -> list[str]:
    if not result.untunable:
        return []
    return [f"Not tuned: {', '.join(result.untunable)}, for which PyCaret has no search space."]


def _cut(facts: Facts) -> str:
    options = facts.config
    home = Path(options.get("home") or ".bakeoff")
    place = place_options(ResultsLocation.at(home, options.get("catalog"), options.get("schema")), home)
    return f"The time for tuning was over; `bakeoff resume {facts.run.run_id}{place}` tries more."


def _on_the_holdout(facts: Facts) -> str:
    """Return what the best model is worth on the hold-out rows, if it was tuned, as the end of a sentence."""
    best = facts.board.best
    tuned = {each.tuned: each.untuned for each in facts.tuning.families} if facts.tuning else {}
    if best is None or best.model_id not in tuned or best.holdout_value is None:
        return ""
    untuned = facts.row_of(tuned[best.model_id]).holdout_value
    beside = f", {tuned[best.model_id]} {untuned:.4f}" if untuned is not None else ""
    return f"; on the hold-out rows {best.model_id} has {facts.metric} {best.holdout_value:.4f}{beside}"


def _advice(facts: Facts) -> str:
    if any(row.holdout_value is not None for row in facts.board.rows):
        return "The hold-out rows had no part in that."
    return "`--holdout` shows what they are worth on rows that nothing was chosen by."

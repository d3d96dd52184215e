"""Describe a run in sentences: the question, the answer and the time it took."""

from __future__ import annotations

from bakeoff._utils.text import counted
from bakeoff.comparison.decision import CalibrationChoice
from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.plan import FIRST_FOLDS
from bakeoff.comparison.significance import Verdict
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.thresholds import USUAL, ThresholdChoice
from bakeoff.comparison.trial import NOT_RUN, TT
from bakeoff.report.facts import Facts


def question(facts: Facts) -> str:
    """Return the question that the run answers, in one sentence."""
    run, plan = facts.run, facts.plan
    version = f", version {run.source_version}" if run.source_version else ""
    models = counted(len(facts.board.rows) or len(plan.models), "model")  # with those that the tuning has found
    verb = "forecasts" if run.task_type == "time_series" else "predicts"
    best = "highest" if plan.greater_is_better else "lowest"
    folds = f"in the mean over {plan.n_folds} folds" if plan.n_folds > 1 else "on one hold-out"
    data = f"{facts.source} ({facts.size}{version})"
    if len(plan.models) == 1:
        name = plan.models[0].name
        return f"How well does {name} {verb.removesuffix('s')} {run.target} from {data}, by {facts.metric} {folds}?"
    return f"Which of {models} {verb} {run.target} from {data} with the {best} {facts.metric} {folds}?"


def answer(facts: Facts) -> str:
    """Return the result, in a sentence or two."""
    best = facts.board.best
    if best is None:
        return f"None of the {counted(len(facts.board.rows), 'model')} came through."
    return f"{_best(facts, best)} {_stopped(facts)}".strip()


def race(facts: Facts) -> str:
    """Explain which models a race stopped, and what that saved."""
    return (
        f"This was a race: all models ran on {FIRST_FOLDS} folds, and on more only the best few and those whose mean "
        f"was near the leader's: at least as good as its worst fold so far. {_stopped(facts)} A stopped model's mean "
        "is over the folds that it ran on, so it ranks below the models that ran on all of them."
    )


def _stopped(facts: Facts) -> str:
    stopped = facts.board.stopped
    if not stopped:
        return ""
    were, saved = "was" if len(stopped) == 1 else "were", seconds(facts.board.seconds_saved)
    return f"{len(stopped)} of {len(facts.board.rows)} models {were} stopped on the way, which saved {saved} of work."


def _best(facts: Facts, best: Row) -> str:
    verdict = facts.verdict
    spread = f" ± {best.stds[facts.plan.sort_by]:.4f}" if best.n_folds_ok > 1 else ""
    result = f"{best.model_name} ({best.model_id}) has the best {facts.metric}: {best.primary_value:.4f}{spread}."
    if len(facts.board.rows) == 1:
        return f"{result} It was the only model."
    if not best.complete and best.error_type == NOT_RUN:
        return f"{result} The run ended before a model had all its folds, so nothing can be said of its lead."
    if not best.complete:
        return f"{result} It lost some of its folds, and no model has all of them, so nothing can be said of its lead."
    if verdict is None or not verdict.pairs:
        return f"{result} Whether it is better than the others cannot be tested here."
    return f"{result} {_lead(facts, verdict)}"


def blend_sentence(facts: Facts, where: str = "") -> str | None:
    """Return what a blend of the models is worth, in a sentence or two; ``None`` if there is none.

    Args:
        facts: the run.
        where: options that make a command use the same tables.
    """
    row, best = facts.offered, facts.board.best
    if row is None:
        ranked = next((row for row in facts.board.rows if row.members), None)
        return f"The blend is the mean of what {members_of(ranked)} predict." if ranked else None
    if best is None:
        return None
    lead = row.primary_value - best.primary_value
    better = lead > 0 if facts.plan.greater_is_better else lead < 0
    luck = " (by these folds, that may be luck)" if row.tied_with_best else ""
    result = (
        f"A blend ({members_of(row)}), the mean of what these models predict, has {facts.metric} "
        f"{row.primary_value:.4f}: {abs(lead):.4f} {'better' if better else 'worse'} than {best.model_id} alone{luck}."
    )
    if not better:
        return result
    command = f"`bakeoff resume {facts.run.run_id} --blend on{where}`"
    return f"{result} It is not in the ranking: {command} puts it there, and it wins. No finished trial runs again."


def decision_sentences(facts: Facts) -> list[str]:
    """Return how the best model decides and what that is worth, a sentence each; empty if it was not asked."""
    decision = facts.look.decision
    if decision is None:
        return []
    return [
        *([calibration_sentence(decision.model_id, decision.calibration)] if decision.calibration else []),
        *([threshold_sentence(decision.model_id, decision.threshold)] if decision.threshold else []),
    ]


def calibration_sentence(model_id: str, choice: CalibrationChoice) -> str:
    """Return what a calibration of a model is worth.

    Example:
        >>> calibration_sentence("nb", CalibrationChoice("sigmoid", 0.41, 0.45, kept=True))
        'The probabilities of nb are calibrated (sigmoid): out of fold, log-loss is 0.4100 instead of 0.4500.'
        >>> calibration_sentence("nb", CalibrationChoice("sigmoid", 0.46, 0.45, kept=False))
        'The probabilities of nb stay as they are: out of fold, log-loss is 0.4500, and 0.4600 if calibrated (sigmoid).'
    """
    value, usual = f"{choice.log_loss:.4f}", f"{choice.usual_log_loss:.4f}"
    if not choice.kept:
        return (
            f"The probabilities of {model_id} stay as they are: out of fold, log-loss is {usual}, and {value} if "
            f"calibrated ({choice.method})."
        )
    changed = f"{choice.changed:.1%}".replace("%", " %")
    rest = f", and the likeliest class of {changed} of the rows is another one" if choice.changed else ""
    return (
        f"The probabilities of {model_id} are calibrated ({choice.method}): out of fold, log-loss is {value} "
        f"instead of {usual}{rest}."
    )


def threshold_sentence(model_id: str, choice: ThresholdChoice) -> str:
    """Return what the threshold of a model is worth.

    Example:
        >>> threshold_sentence("lr", ThresholdChoice("f1", "F1", "yes", 1, 0.31, (0.3, 0.33), 0.625, 0.55, kept=True))
        "lr predicts 'yes' from a probability of 0.3100 on: out of fold, F1 is 0.6250 instead of 0.5500 at 0.5."
        >>> threshold_sentence("lr", ThresholdChoice("f1", "F1", "yes", 1, 0.31, (0.3, 0.33), 0.54, 0.55, kept=False))
        'The threshold of lr stays 0.5: F1 is 0.5500 out of fold, and 0.5400 by thresholds chosen on the other folds.'
    """
    value, usual = f"{choice.value:.4f}", f"{choice.usual_value:.4f}"
    held = ""
    if choice.holdout_value is not None:
        held = f"; on the hold-out rows {choice.holdout_value:.4f} instead of {choice.holdout_usual_value:.4f}"
    before = "" if choice.plain_value is None else f" (before calibration, {choice.plain_value:.4f})"
    if choice.kept:
        return (
            f"{model_id} predicts {choice.positive!r} from a probability of {choice.best:.4f} on: out of fold, "
            f"{choice.measure} is {value} instead of {usual} at 0.5{before}{held}."
        )
    if choice.best == USUAL:
        return f"The threshold of {model_id} stays 0.5, which is the best for {choice.measure} on all folds ({usual})."
    return (
        f"The threshold of {model_id} stays 0.5: {choice.measure} is {usual} out of fold, and {value} by thresholds "
        "chosen on the other folds."
    )


def members_of(row: Row) -> str:
    """Return the members of a blend with their shares.

    Example:
        >>> from types import SimpleNamespace
        >>> members_of(SimpleNamespace(members={"rf": 0.75, "lr": 0.25}))
        'rf 75 %, lr 25 %'
    """
    return ", ".join(f"{model_id} {share:.0%}".replace("%", " %") for model_id, share in row.members.items())


def _lead(facts: Facts, verdict: Verdict) -> str:
    tied, n_tested = verdict.tied, len(verdict.pairs)
    whole = " that ran on all folds" if facts.board.stopped else ""
    if not tied:
        others = "the other" if n_tested == 1 else f"all {n_tested} others"
        return f"It is better than {others}{whole} by more than luck of the folds explains."
    rivals = f"{len(tied)} of the {n_tested} others"
    if len(tied) == n_tested:
        rivals = "the other model" if n_tested == 1 else "any of the others"
    rivals += whole
    tie = f"The folds cannot tell it apart from {rivals}"
    if verdict.cheapest == verdict.winner:
        return f"{tie}; none that scores nearly as well is much quicker, so it is the sensible choice."
    cheapest, best = facts.row_of(verdict.cheapest), facts.row_of(verdict.winner)
    times = f"{seconds(cheapest.means[TT])} a fold instead of {seconds(best.means[TT])}"
    return (
        f"{tie}; {cheapest.model_name} ({cheapest.model_id}) scores nearly as well and takes {times}: the sensible "
        "choice where time matters."
    )


def headline(facts: Facts) -> str:
    """Return the result in a few words, e.g. for the name of a run.

    Example:
        >>> from bakeoff.comparison.leaderboard import Leaderboard
        >>> from bakeoff.comparison.plan import Plan
        >>> from bakeoff.storage.rows import RunRecord
        >>> headline(Facts(RunRecord("r", "failed", source="a/b.csv", target="y"), Plan((), 2, (), TT),
        ...     Leaderboard((), ()), None, Summary(1, 1.0, 1.0)))
        'no model for y of b.csv'
    """
    best = facts.board.best
    winner = f"{best.model_id} {best.primary_value:.4f}" if best else "no model"
    return f"{winner} for {facts.run.target} of {facts.source}"


def clock(summary: Summary) -> str:
    """Return the times of a run, in one sentence.

    Example:
        >>> clock(Summary(slots=2, wall_seconds=10.0, ideal_seconds=9.0))
        'Took 10.0 s on 2 slots; ideal 9.0 s, efficiency 90%'
        >>> clock(Summary(slots=2, wall_seconds=1.0, ideal_seconds=0.9, n_resumed=15))
        'Took 1.0 s on 2 slots (15 trials were finished before); ideal 0.9 s, efficiency 90%'
        >>> clock(Summary(slots=1, wall_seconds=2.0, ideal_seconds=1.0, too_small=True))
        'Took 2.0 s on 1 slot (on the driver: too little work to start workers for); ideal 1.0 s, efficiency 50%'
    """
    return f"Took {took(summary)}; ideal {seconds(summary.ideal_seconds)}, efficiency {summary.efficiency:.0%}"


def took(summary: Summary) -> str:
    """Return the time that a run took, its slots, and the number of trials that had been finished before."""
    were = "was" if summary.n_resumed == 1 else "were"
    resumed = f" ({counted(summary.n_resumed, 'trial')} {were} finished before)" if summary.n_resumed else ""
    on_driver = " (on the driver: too little work to start workers for)" if summary.too_small else ""
    return f"{seconds(summary.wall_seconds)} on {counted(summary.slots, 'slot')}{on_driver}{resumed}"


def seconds(value: float) -> str:
    """Format a duration in seconds for reading.

    Example:
        >>> seconds(0.0123), seconds(9.96), seconds(75), seconds(7300)
        ('0.012 s', '10.0 s', '1 min 15 s', '2 h 1 min')
    """
    if value < 1:
        return f"{value:.2g} s" if value else "0 s"
    if value < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{value:.1f} s"
    minutes, remainder = divmod(round(value), 60)
    return f"{minutes} min {remainder} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004

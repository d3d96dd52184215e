"""Tuning tries the same candidates and ranks the same way whatever ends first, and goes on where it was cut off."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.events import Announcer, BatchDone, PlanGrown, RunDone, TrialDone
from bakeoff.comparison.leaderboard import STOPPED
from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.run_control import RunControl
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.search_space import Choice, Range
from bakeoff.comparison.strategy import Grid, Race, rungs
from bakeoff.comparison.study import Study
from bakeoff.comparison.trial import Metric, Model, Outcome, Status, Trial
from bakeoff.comparison.tuning import GENERATION, MOST_GENERATIONS, PATIENCE, Ending, Tuning
from bakeoff.errors import ConfigError
from support.executors import Lottery, run
from support.trial_stores import MemoryStore

THOROUGH = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
METRICS = (Metric("auc", "AUC"), Metric("rmse", "RMSE", greater_is_better=False))
SPACES = {
    "rf": {"depth": Range(1, 9, whole=True), "share": Range(0.01, 1.0, log=True), "kind": Choice(("gini", None, {}))},
    "et": {"depth": Range(1, 9, whole=True), "noise": Range(0.0, 1.0)},
    "few": {"kind": Choice((True, False))},
}
BASE = {"rf": 0.7, "et": 0.6, "few": 0.5, "own": 0.9, "dummy": 0.95}


def plan_of(*ids, n_folds=5, sort_by="auc"):
    return Plan(tuple(Model(model_id, model_id.upper()) for model_id in ids), n_folds, METRICS, sort_by)


class Answers:
    """Scores that depend on a model's parameters alone, and on the fold; some trials fail, if asked for."""

    def __init__(self, plan, fails=lambda trial: False):
        self.plan, self.fails, self.params = plan, fails, {}

    def __call__(self, trial):
        if self.fails(trial):
            return Outcome(trial.model_id, trial.fold, status=Status.FAILED, error_type="ValueError", error_message="")
        family = trial.model_id.partition("-")[0]
        value = BASE.get(family, 0.8) + 0.02 * math.sin(7 * trial.fold)
        if (text := self.params.get(trial.model_id)) is not None:
            params = json.loads(text)
            value += 0.01 * params.get("depth", 5) - 0.3 * params.get("noise", 0) - 0.1 * params.get("share", 0)
        value = value if self.plan.sort_by == "auc" else 1 - value
        return Outcome(trial.model_id, trial.fold, metrics={self.plan.sort_by: value}, fit_seconds=1.0)


class TuningLottery(Lottery):
    """An executor that is told what the candidates' parameters are."""

    cancel = staticmethod(lambda: None)

    def admit(self, candidates):
        self._answer.params |= {model.id: model.params for model in candidates}
        return ()


def strategy_of(plan, n_families=1, seed=1, **more):
    families = {model.id: "" if model.id == "own" else model.id for model in plan.models}
    return Tuning(n_families, families, SPACES, seed, **more)


def tuned(plan, n_families=1, slots=2, lots=None, *, fails=lambda trial: False, strategy=None, **more):
    executor = TuningLottery(slots, Answers(plan, fails), lots)
    strategy = strategy or strategy_of(plan, n_families)
    ended = run(plan, executor, strategy=strategy, **more)
    ended.strategy = strategy
    ended.plan = ended.notes.all(PlanGrown)[-1].plan if ended.notes.all(PlanGrown) else plan
    return ended


def seen(ended):
    """All that a run's result depends on, as text, because NaN does not equal itself."""
    candidates = [(model.id, model.params) for model in sorted(ended.plan.candidates, key=lambda model: model.id)]
    outcomes = sorted(ended.board.outcomes, key=lambda outcome: outcome.trial)
    return repr((candidates, outcomes, [replace(row, batch_id=0) for row in ended.board.rows], ended.strategy.studied))


@st.composite
def comparisons(draw):
    ids = draw(st.permutations(["rf", "et", "few", "own", "dummy", "nb"]))[: draw(st.integers(1, 6))]
    plan = plan_of(*ids, n_folds=draw(st.integers(1, 6)), sort_by=draw(st.sampled_from(["auc", "rmse"])))
    unlucky = draw(st.integers(2, 9))
    return plan, lambda trial: hash((len(trial.model_id), trial.model_id[-1:], trial.fold)) % 9 == unlucky


@pytest.mark.parametrize("slots", [1, 7, 40])
def test_the_order_in_which_trials_end_changes_nothing(slots):
    plan = plan_of("rf", "et", "dummy")
    assert seen(tuned(plan, 2, slots, Random(slots))) == seen(tuned(plan, 2))  # noqa: S311 - lots, not secrets


@pytest.mark.slow
@THOROUGH
@given(comparisons(), st.integers(1, 3), st.integers(1, 40), st.randoms(use_true_random=False))
def test_any_slots_and_any_order_try_the_same_candidates_and_rank_the_same(comparison, n_families, slots, lots):
    plan, fails = comparison
    alone = tuned(plan, n_families, slots=1, fails=fails)
    ended = tuned(plan, n_families, slots, lots, fails=fails, cost=lambda model_id: 0.01 * slots)
    assert seen(ended) == seen(alone)


@pytest.mark.slow
@THOROUGH
@given(comparisons(), st.integers(1, 2), st.data())
def test_a_tuning_that_goes_on_ends_as_if_nobody_had_interrupted_it(comparison, n_families, data):
    plan, fails = comparison
    whole = tuned(plan, n_families, fails=fails)
    n_done = data.draw(st.integers(0, len(whole.recorded)))
    resumed = tuned(plan, n_families, slots=3, fails=fails, done=whole.recorded[:n_done])
    assert len(resumed.recorded) == len(whole.recorded) - n_done
    assert seen(resumed) == seen(whole)


def test_the_best_families_are_tuned_after_all_models_have_ended():
    plan = plan_of("dummy", "few", "et", "rf", "nb")
    ended = tuned(plan, 2)
    heard = ended.notes.heard
    before = next(place for place, event in enumerate(heard) if isinstance(event, PlanGrown))
    assert sum(isinstance(event, TrialDone) for event in heard[:before]) == len(plan.trials)
    assert {candidate.tunes for candidate in ended.plan.candidates} == {"rf", "et"}
    assert [studied.family for studied in ended.strategy.studied] == ["rf", "et"]
    assert {candidate.id for candidate in ended.plan.candidates if candidate.tunes == "rf"} >= {"rf-t1", "rf-t8"}
    assert {candidate.name for candidate in ended.plan.candidates} == {"RF (tuned)", "ET (tuned)"}
    assert all(outcome.params == ended.plan.params_of[outcome.model_id] for outcome in ended.recorded)


def test_a_model_without_a_space_is_named_and_the_next_one_is_tuned():
    ended = tuned(plan_of("own", "nb", "dummy", "rf"), 1)
    assert ended.strategy.untunable == ("own", "nb")
    assert {candidate.tunes for candidate in ended.plan.candidates} == {"rf"}


def test_where_nothing_can_be_tuned_the_ranking_is_that_of_the_models():
    plan = plan_of("own", "nb", "dummy")
    ended = tuned(plan, 2)
    assert ended.plan.candidates == ()
    assert ended.strategy.untunable == ("own", "nb")
    executor = Lottery(2, Answers(plan))
    assert repr(ended.board) == repr(run(plan, executor, strategy=Grid()).board)


def test_the_best_candidate_of_a_family_has_a_row_and_the_others_have_none():
    ended = tuned(plan_of("rf", "et", "dummy"), 2)
    rows = {row.model_id: row for row in ended.board.rows}
    best = [row for model_id, row in rows.items() if "-t" in model_id]
    assert len(best) == 2
    assert len(rows) == 5
    for row in best:
        assert row.complete
        assert row.params == ended.plan.params_of[row.model_id]
        of_family = [model.id for model in ended.plan.candidates if model.tunes == row.model_id.partition("-")[0]]
        means = [
            sum(outcome.metrics["auc"] for outcome in ended.board.outcomes if outcome.model_id == model_id) / 5
            for model_id in of_family
            if sum(outcome.model_id == model_id for outcome in ended.board.outcomes) == 5
        ]
        assert row.primary_value == pytest.approx(max(means), abs=1e-4)
    assert rows["rf"].primary_value < next(row for row in best if row.model_id.startswith("rf")).primary_value


def test_candidates_are_stopped_as_in_a_race():
    ended = tuned(plan_of("et", "dummy", n_folds=8), 1)
    n_folds = Counter(outcome.model_id for outcome in ended.board.outcomes if "-t" in outcome.model_id)
    assert set(n_folds.values()) <= set(rungs(8))
    assert 2 in n_folds.values()
    assert 8 in n_folds.values()
    assert all(outcome.status is not Status.CANCELLED for outcome in ended.board.outcomes)


def test_a_study_ends_when_nothing_better_is_found_or_nothing_is_left():
    ended = tuned(plan_of("rf", "few"), 2)
    (rf, few) = ended.strategy.studied
    assert rf.ending in (Ending.SETTLED, Ending.MOST)
    generations = sum(event.models[0].tunes == "rf" for event in ended.notes.all(PlanGrown))
    assert PATIENCE < generations <= MOST_GENERATIONS
    assert few.ending is Ending.EXHAUSTED
    assert {model.params for model in ended.plan.candidates if model.tunes == "few"} == {
        '{"kind": true}', '{"kind": false}',
    }  # fmt: skip


def test_a_race_may_come_first():
    plan = plan_of("rf", "et", "few", "nb", n_folds=6)
    ended = tuned(plan, strategy=strategy_of(plan, 1, first=Race(2)))
    assert [studied.family for studied in ended.strategy.studied] == ["rf"]
    assert {row.model_id: row.n_folds_ok for row in ended.board.rows if row.status == STOPPED} == {"et": 2, "few": 2}
    assert ended.board.best.model_id == "nb"


def test_time_ends_a_study_between_generations_and_the_run_goes_on_later():
    plan = plan_of("rf", "dummy")
    whole = tuned(plan)
    time_is_over = strategy_of(plan, seconds=60.0, clock=iter(range(0, 10_000, 61)).__next__)
    cut = tuned(plan, strategy=time_is_over)
    assert [studied.ending for studied in cut.strategy.studied] == [Ending.TIME]
    assert len(cut.plan.candidates) == GENERATION
    assert seen(tuned(plan, done=cut.recorded)) == seen(whole)


def test_the_deadline_of_the_run_leaves_open_candidates_cancelled():
    plan = plan_of("rf", "dummy")
    whole = tuned(plan)

    def stop_after_a_while():
        return len(store.recorded) >= 14

    store = MemoryStore()
    executor = TuningLottery(1, Answers(plan))
    scheduler = Scheduler(
        plan, executor, Announcer([]), lambda _: 9.0, store=store, strategy=strategy_of(plan),
        control=RunControl("r", stop_after_a_while),
    )  # fmt: skip
    board = scheduler.run()
    cancelled = [outcome for outcome in board.outcomes if outcome.status is Status.CANCELLED]
    assert cancelled
    assert {outcome.model_id.partition("-")[0] for outcome in cancelled} == {"rf"}
    assert [row.model_id for row in board.rows] == ["dummy", "rf"]
    done = [outcome for outcome in store.recorded if outcome.status is not Status.CANCELLED]
    assert seen(tuned(plan, done=done)) == seen(whole)


def test_other_parameters_than_the_recorded_ones_are_refused():
    plan = plan_of("rf", "dummy")
    done = [
        replace(outcome, params='{"depth": 99}') if outcome.model_id == "rf-t3" else outcome
        for outcome in tuned(plan).recorded
    ]
    with pytest.raises(ConfigError, match=r"cannot go on: rf-t3 was begun with the parameters \{\"depth\": 99\}"):
        tuned(plan, done=done)


def test_a_candidate_that_fails_does_not_end_a_run_that_is_to_stop_at_failures():
    plan = plan_of("rf", "dummy")
    fails = lambda trial: trial.model_id in ("rf-t1", "rf-t5")  # noqa: E731
    ended = tuned(plan, fails=fails, stop_at_failure=True)
    assert len(ended.plan.candidates) > GENERATION
    assert {outcome.model_id for outcome in ended.board.failures} == {"rf-t1", "rf-t5"}


def test_tuned_families_are_reported_once_and_last():
    ended = tuned(plan_of("rf", "et", "dummy"), 2)
    heard = [event for event in ended.notes.heard if isinstance(event, (BatchDone, RunDone))]
    assert sorted(event.batch.id for event in heard[:3]) == [1, 2, 3]
    assert [event.batch.id for event in heard[3:-1]] == [4, 5]
    for event in heard[3:5]:
        (row,) = event.rows
        assert event.batch.model_ids == (row.model_id,)
        assert len(event.outcomes) == 5


def test_the_time_for_all_trials_ends_a_tuning_too():
    plan = plan_of("rf", "dummy")
    ended = tuned(plan, limits=TrialLimits(seconds=0.0))
    assert {outcome.trial for outcome in ended.board.outcomes} == set(plan.trials)


def test_a_study_asks_the_same_again_and_nothing_twice():
    def asked(seed):
        study = Study(SPACES["et"], seed, 4, greater_is_better=False)
        texts = []
        for n in range(6):
            proposals = study.ask(4)
            texts += [proposal.text for proposal in proposals]
            for proposal in proposals:
                study.tell(proposal, {2: proposal.params["noise"], 5: math.nan if n == 2 else 0.5}, complete=n % 2 == 0)
        return texts

    assert asked(1) == asked(1) != asked(2)
    assert len(set(asked(1))) == 24


def test_a_study_comes_to_propose_what_is_good():
    study = Study(SPACES["et"], 1, 8, greater_is_better=True)
    noises = []
    for _ in range(8):
        proposals = study.ask(8)
        noises.append(sum(proposal.params["noise"] for proposal in proposals) / 8)
        for proposal in proposals:
            study.tell(proposal, {5: -proposal.params["noise"]}, complete=True)
    assert sum(noises[4:]) / 4 < 0.5 * noises[0]


def test_a_study_says_nothing_of_itself(capsys):
    study = Study(SPACES["few"], 1, 8, greater_is_better=True)
    for proposal in study.ask(8):
        study.tell(proposal, {2: 0.5}, complete=False)
    assert study.ask(8) == []
    assert capsys.readouterr() == ("", "")


def test_trials_of_candidates_cost_what_those_of_their_model_do():
    plan = plan_of("rf", "dummy")
    costs = []
    ended = tuned(plan, cost=lambda model_id: costs.append(model_id) or 1.0)
    assert ended.plan.candidates
    assert set(costs) == {"rf", "dummy"}


def test_a_candidate_that_cannot_be_built_fails_and_the_others_run():
    plan = plan_of("rf", "dummy")

    class Breaks(TuningLottery):
        def admit(self, candidates):
            super().admit(candidates)
            return [
                Outcome(model.id, fold, status=Status.FAILED, error_type="TypeError", error_message="no")
                for model in candidates
                if model.id == "rf-t2"
                for fold in range(plan.n_folds)
            ]

    executor = Breaks(2, Answers(plan))
    ended = run(plan, executor, strategy=strategy_of(plan))
    assert {outcome.model_id for outcome in ended.board.failures} == {"rf-t2"}
    assert Trial("rf-t2", 0) not in executor.submitted
    assert Trial("rf-t9", 0) in executor.submitted

"""Tuning of the best families after a comparison, as a source of trials.

Candidates come in *generations* of a fixed size, for each family by itself. A generation is a race of its candidates
against the best model of the family so far, whose outcomes are known. When it has ended, the family's study is told of
all candidates in their order, and asked for the next ones. So what is tried depends on the seed and on finished
generations alone, as in a race; only limits of time can end a study earlier on one machine than on another.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bakeoff.comparison.leaderboard import Row, rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.search_space import Space
from bakeoff.comparison.significance import BASELINE
from bakeoff.comparison.strategy import Grid, Race, Rung, Strategy, rungs
from bakeoff.comparison.study import Proposal, Study
from bakeoff.comparison.trial import Model, Outcome, Status, Trial
from bakeoff.comparison.words import WordEnum
from bakeoff.errors import ConfigError

GENERATION = 8
"""Number of candidates of a family that are asked for at once, whatever the number of slots."""
MOST_GENERATIONS = 10
"""Number of generations after which the study of a family ends."""
PATIENCE = 3
"""Number of generations in a row without a better candidate after which it ends."""


def candidates_of(n_families: int) -> int:
    """Return about how many candidates run on all folds: those of the least number of generations.

    Example:
        >>> candidates_of(2)
        64
    """
    return n_families * GENERATION * (PATIENCE + 1)


class Ending(WordEnum):
    """Why the study of a family has ended."""

    SETTLED = "settled"
    EXHAUSTED = "exhausted"
    MOST = "most"
    TIME = "time"
    OPEN = "open"


@dataclass(frozen=True)
class Studied:
    """A family that was tuned.

    Attributes:
        family: PyCaret's id of the family.
        model_id: id of the model whose parameters the candidates vary.
        untuned: id of the family's best model before tuning: this one, or another configuration.
        ending: why its study has ended; ``open`` if it has not.
    """

    family: str
    model_id: str
    untuned: str
    ending: Ending


@dataclass
class Tuning:
    """A strategy first; once it has ended, candidates of the best families of its ranking.

    Attributes:
        n_families: how many families are tuned.
        families: family of each model, by model id; empty for one that belongs to none.
        spaces: what the parameters of a family may be, by family; those without are not tuned.
        seed: decides on the candidates, with what became of earlier ones.
        first: the strategy that compares the models.
        seconds: time after which no generation begins; ``None`` for no limit. The first one of a family always does.
        clock: tells the time.
        untunable: ids of models that would have been tuned, had they a space; known once the tuning has begun.
    """

    n_families: int
    families: Mapping[str, str]
    spaces: Mapping[str, Space]
    seed: int
    first: Strategy = field(default_factory=Grid)
    seconds: float | None = None
    clock: Callable[[], float] = time.monotonic
    untunable: tuple[str, ...] = field(default=(), init=False)

    def begin(self, plan: Plan) -> Sequence[Trial]:
        """Return the trials that the first strategy begins with."""
        self._plan = plan
        self._outcomes: dict[Trial, Outcome] = {}
        self._open = set(plan.trials)
        self._out: set[str] = set()
        self._tuned: dict[str, _FamilyTuning] = {}
        self._tuning_of: dict[str, _FamilyTuning] = {}
        self._ends_at: float | None = None
        self._has_begun = False
        self.untunable = ()
        return self.first.begin(plan)

    def hear(self, outcome: Outcome) -> Sequence[Rung]:
        """Take note of an outcome, and return the rungs that have ended with it, with further candidates."""
        if outcome.status is Status.CANCELLED:
            return self.first.hear(outcome) if outcome.model_id not in self._tuning_of else ()
        if (tuning := self._tuning_of.get(outcome.model_id)) is not None:
            return self._admitted(tuning, tuning.hear(outcome, may_go_on=self._may_go_on))
        ended = self.first.hear(outcome)
        self._outcomes[outcome.trial] = outcome
        self._open.discard(outcome.trial)
        return self._followed(ended)

    @property
    def due(self) -> float:
        """Share of the time left since a rung has last ended, after which what runs should have ended."""
        return self.first.due

    def hurry(self) -> Sequence[Rung]:
        """End a rung of the first strategy although trials of it are open; candidates take the time that is left."""
        return self._followed(self.first.hurry())

    def _followed(self, ended: Sequence[Rung]) -> Sequence[Rung]:
        """Return the rungs of the first strategy, and the first candidates if it has ended with them."""
        for rung in ended:
            self._out = self._out.union(rung.stopped, rung.dropped).difference(rung.revived)
        if self._has_begun or any(trial.model_id not in self._out for trial in self._open):
            return ended
        self._has_begun = True
        return [*ended, *self._begin_tuning()]

    @property
    def studied(self) -> tuple[Studied, ...]:
        """The families that are tuned, in the order of the ranking; none before the tuning has begun."""
        return tuple(tuning.studied for tuning in self._tuned.values())

    def _begin_tuning(self) -> list[Rung]:
        self._ends_at = None if self.seconds is None else self.clock() + self.seconds
        board = rank(self._plan, self._outcomes.values(), stopped=self._out)
        begun: list[Rung] = []
        for row in self._chosen(board.rows):
            family = self.families[row.model_id]
            base = next(model.id for model in self._plan.models if self.families.get(model.id) == family)
            own = [outcome for outcome in board.outcomes if outcome.model_id == row.model_id]
            seed = zlib.crc32(f"{self.seed} {family}".encode())
            study = Study(self.spaces[family], seed, GENERATION, greater_is_better=self._plan.greater_is_better)
            studied = Studied(family, base, row.model_id, Ending.OPEN)
            self._tuned[family] = tuning = _FamilyTuning(self._plan, studied, own, study)
            begun += self._admitted(tuning, tuning.next_generation())
        return begun

    def _chosen(self, rows: Sequence[Row]) -> list[Row]:
        """Return the best model of each family that is to be tuned; note models that cannot be."""
        chosen: dict[str, Row] = {}
        untunable: list[str] = []
        for row in rows:
            family = self.families.get(row.model_id) or ""
            if len(chosen) == self.n_families or not row.complete or not math.isfinite(row.primary_value):
                break
            if family == BASELINE or family in chosen:
                continue
            if family in self.spaces:
                chosen[family] = row
            else:
                untunable.append(row.model_id)
        self.untunable = tuple(untunable)
        return list(chosen.values())

    def _admitted(self, tuning: _FamilyTuning, ended: Sequence[Rung]) -> Sequence[Rung]:
        self._tuning_of |= {model.id: tuning for rung in ended for model in rung.candidates}
        return ended

    def _may_go_on(self) -> bool:
        return self._ends_at is None or self.clock() < self._ends_at


class _FamilyTuning:
    """The tuning of one family.

    Args:
        plan: what was compared.
        studied: the family, and its best model.
        outcomes: outcomes of that one.
        study: proposes the parameters.
    """

    def __init__(self, plan: Plan, studied: Studied, outcomes: Sequence[Outcome], study: Study) -> None:
        self.studied = studied
        self._plan, self._study = plan, study
        self._best, self._of_best = Model(studied.untuned, plan.name_of[studied.untuned]), tuple(outcomes)
        self._n_asked = self._n_generations = self._n_in_vain = 0
        self._candidates: dict[str, tuple[Model, Proposal]] = {}  # of the generation that runs
        self._outcomes: dict[Trial, Outcome] = {}
        self._stopped: set[str] = set()

    def next_generation(self) -> list[Rung]:
        """Ask for the next candidates; none if the space has no more."""
        proposals = self._study.ask(GENERATION)
        if not proposals:
            self._end(Ending.EXHAUSTED)
            return []
        self._n_generations += 1
        self._candidates, self._outcomes, self._stopped = {}, {}, set()
        base = self.studied.model_id
        name = f"{self._plan.name_of[base]} (tuned)"
        for proposal in proposals:
            self._n_asked += 1
            model = Model(f"{base}-t{self._n_asked}", name, proposal.text, tunes=base)
            self._candidates[model.id] = model, proposal
        models = tuple(model for model, _ in self._candidates.values())
        self._race = Race()
        begun = self._race.begin(replace(self._plan, models=(self._best, *models)))
        for outcome in self._of_best:
            self._race.hear(outcome)
        return [Rung(0, self._own(begun), candidates=models)]

    def hear(self, outcome: Outcome, may_go_on: Callable[[], bool]) -> list[Rung]:
        """Take note of an outcome of a candidate, and return the rungs that have ended with it.

        Args:
            outcome: the outcome.
            may_go_on: whether there is time for another generation.

        Raises:
            ConfigError: It is the outcome of an earlier attempt, for which other parameters were proposed.
        """
        if outcome.model_id not in self._candidates:
            return []
        self._check(outcome)
        self._outcomes[outcome.trial] = outcome
        ended = [self._own_part(rung) for rung in self._race.hear(outcome)]
        for rung in ended:
            self._stopped = self._stopped.union(rung.stopped).difference(rung.revived)
        if all(self._has_ended(model_id) for model_id in self._candidates):
            ended += self._end_generation(may_go_on)
        return ended

    def _end_generation(self, may_go_on: Callable[[], bool]) -> list[Rung]:
        for model, proposal in self._candidates.values():
            self._study.tell(proposal, self._values(model.id), complete=model.id not in self._stopped)
        models = (self._best, *(model for model, _ in self._candidates.values()))
        board = rank(
            replace(self._plan, models=models), [*self._of_best, *self._outcomes.values()], stopped=self._stopped
        )
        if (first := board.rows[0].model_id) != self._best.id:
            self._best = self._candidates[first][0]
            self._of_best = tuple(outcome for outcome in board.outcomes if outcome.model_id == first)
            self._n_in_vain = 0
        else:
            self._n_in_vain += 1
        if self._n_in_vain >= PATIENCE:
            return self._end(Ending.SETTLED)
        if self._n_generations >= MOST_GENERATIONS:
            return self._end(Ending.MOST)
        return self.next_generation() if may_go_on() else self._end(Ending.TIME)

    def _end(self, ending: Ending) -> list[Rung]:
        self._candidates = {}
        self.studied = replace(self.studied, ending=ending)
        return []

    def _values(self, model_id: str) -> dict[int, float]:
        """Return a candidate's mean after each rung that it ran to; not a number if it lost a fold."""
        done = [self._outcomes.get(Trial(model_id, fold)) for fold in range(self._plan.n_folds)]
        values = {}
        for n_folds in rungs(self._plan.n_folds):
            known = [outcome for outcome in done[:n_folds] if outcome is not None]
            if len(known) == n_folds:
                board = rank(replace(self._plan, models=(Model(model_id, ""),), n_folds=n_folds), known)
                values[n_folds] = board.rows[0].primary_value if board.rows[0].complete else math.nan
        return values

    def _has_ended(self, model_id: str) -> bool:
        return model_id in self._stopped or all(
            Trial(model_id, fold) in self._outcomes for fold in range(self._plan.n_folds)
        )

    def _own_part(self, rung: Rung) -> Rung:
        """Return a rung without the model that the candidates race against."""
        return replace(
            rung, trials=self._own(rung.trials), stopped=self._ids(rung.stopped), revived=self._ids(rung.revived)
        )

    def _own(self, trials: Sequence[Trial]) -> tuple[Trial, ...]:
        return tuple(trial for trial in trials if trial.model_id in self._candidates)

    def _ids(self, model_ids: Sequence[str]) -> tuple[str, ...]:
        return tuple(model_id for model_id in model_ids if model_id in self._candidates)

    def _check(self, outcome: Outcome) -> None:
        model, _ = self._candidates[outcome.model_id]
        if outcome.params is not None and outcome.params != model.params:
            raise ConfigError(
                f"The tuning of this run cannot go on: {model.id} was begun with the parameters {outcome.params}, and "
                f"now {model.params} are proposed for it, by another version of Optuna or of PyCaret. Go on with the "
                "versions that the run has begun with, or start a new run."
            )

"""A study of one family's parameters: what Optuna proposes next, by what has been told of earlier proposals.

It is kept in memory only: what is proposed depends on the seed and on what was asked and told, in that order, so that
asking and telling the same again gives the same study.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.search_space import Choice, Range, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

TRIES = 4
"""How many proposals are asked for, at most, for each one that is new: a small space has few."""


@dataclass(frozen=True)
class Proposal:
    """Parameters that are to be tried, with the value of each by its name."""

    params: Mapping[str, Any]
    asked: Trial = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """The parameters as JSON."""
        return json.dumps(dict(self.params))


class Study:
    """A source of proposals that learns from what became of earlier ones, by a tree-structured Parzen estimator.

    Args:
        space: what each parameter may be.
        seed: the same seed gives the same proposals.
        n_startup: number of proposals that are drawn at random before the study knows enough.
        greater_is_better: whether greater values are better.

    Example:
        >>> study = Study({"depth": Range(1, 9, whole=True), "kind": Choice(("a", "b"))}, 1, 4, greater_is_better=True)
        >>> proposals = study.ask(4)
        >>> for proposal in proposals:
        ...     study.tell(proposal, {2: proposal.params["depth"]}, complete=True)
        >>> study.ask(2)[0].text in {proposal.text for proposal in proposals}
        False
    """

    def __init__(self, space: Space, seed: int, n_startup: int, *, greater_is_better: bool) -> None:
        import optuna

        self._space = dict(space)
        self._distributions = {name: _distribution(of) for name, of in self._space.items()}
        self._seen: set[str] = set()
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it says that it has made a study
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                # A generation is asked for at once: proposals keep away from others that are not told of yet.
                sampler = optuna.samplers.TPESampler(
                    seed=seed, n_startup_trials=n_startup, multivariate=True, constant_liar=True
                )
            self._study = optuna.create_study(
                sampler=sampler, direction="maximize" if greater_is_better else "minimize"
            )
        finally:
            optuna.logging.set_verbosity(verbosity)

    def ask(self, n: int) -> list[Proposal]:
        """Return up to ``n`` new proposals; fewer where hardly any are left."""
        import optuna

        proposals: list[Proposal] = []
        for _ in range(TRIES * n):
            if len(proposals) == n:
                break
            trial = self._study.ask(self._distributions)
            proposal = Proposal({name: self._value(name, given) for name, given in trial.params.items()}, trial)
            if proposal.text in self._seen:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            self._seen.add(proposal.text)
            proposals.append(proposal)
        return proposals

    def tell(self, proposal: Proposal, values: Mapping[int, float], *, complete: bool) -> None:
        """Tell what became of a proposal.

        Args:
            proposal: one that was asked for.
            values: its value after each number of folds that it was compared on; the last one is what counts.
            complete: whether it ran on all folds; else it was stopped on the way.
        """
        from optuna.trial import TrialState

        finite = {step: value for step, value in values.items() if math.isfinite(value)}
        if len(finite) < len(values) or not values:  # it failed, or its scores say nothing
            self._study.tell(proposal.asked, state=TrialState.FAIL)
            return
        for step, value in finite.items():
            proposal.asked.report(value, step)
        if complete:
            self._study.tell(proposal.asked, finite[max(finite)])
        else:
            self._study.tell(proposal.asked, state=TrialState.PRUNED)

    def _value(self, name: str, given: Any) -> Any:
        of = self._space[name]
        return of.values[given] if isinstance(of, Choice) else given


def _distribution(of: Choice | Range) -> BaseDistribution:
    """Return Optuna's distribution; a choice is one of positions, since its values may be of any kind."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(of, Choice):
        return CategoricalDistribution(tuple(range(len(of.values))))
    if of.whole:
        return IntDistribution(int(of.low), int(of.high), log=of.log)
    return FloatDistribution(of.low, of.high, log=of.log)

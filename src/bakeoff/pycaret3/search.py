"""The search for the best model: which models take part beyond PyCaret's, and what decides on their trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff._options.choices import PORTFOLIOS
from bakeoff._options.limits import FAMILIES_KEPT, parse_above_zero, parse_tune
from bakeoff.comparison.plan import FAMILIES_OF_A_BLEND
from bakeoff.comparison.predictions import Keep
from bakeoff.comparison.strategy import Grid, Race, Strategy
from bakeoff.comparison.tuning import Tuning
from bakeoff.errors import ConfigError, one_of
from bakeoff.pycaret3.candidates import tunable
from bakeoff.pycaret3.prepared import PreparedComparison, prepare


@dataclass(frozen=True)
class Search:
    """Search for the best model: strategy, budget and options.

    Attributes:
        race: number of families that a race runs on all folds in any case; 0 for no race.
        portfolio: size of the portfolio whose configurations are compared as well.
        tune: number of families that are tuned afterwards.
        tune_seconds: seconds after which tuning tries no further candidates.
        blend: whether a blend is to win, so that a race has to leave enough families for it.
        batch_size: how many models are reported together.
        keep: whether what models predict is kept.
    """

    race: int = 0
    portfolio: str | None = None
    tune: int = 0
    tune_seconds: float | None = None
    blend: bool = False
    batch_size: int = 1
    keep: Keep = Keep.AUTO

    @classmethod
    def of_arguments(
        cls, *, race: bool | int, portfolio: str | None, tune: int, tune_minutes: float | None, **others: Any
    ) -> Search:
        """Read arguments of the backend.

        Args:
            race: whether there is a race, or the number of families that run on all folds in any case.
            portfolio: size of the portfolio.
            tune: number of families that are tuned.
            tune_minutes: minutes after which tuning tries no further candidates.
            others: attributes as they are.

        Raises:
            ConfigError: An argument cannot be used.

        Example:
            >>> Search.of_arguments(race=True, portfolio=None, tune=0, tune_minutes=None).race
            3
        """
        if not isinstance(race, int) or race < 0:
            raise ConfigError(f"race must be True, False or the number of families to run on all folds, not {race!r}.")
        if portfolio is not None and portfolio not in PORTFOLIOS:
            raise ConfigError(one_of(portfolio, PORTFOLIOS, "portfolio"))
        until = parse_above_zero("leave it out for no limit")
        return cls(
            race=FAMILIES_KEPT if race is True else int(race),
            portfolio=portfolio,
            tune=parse_tune("tune", tune),
            tune_seconds=None if tune_minutes is None else 60 * until("tune_minutes", tune_minutes),
            **others,
        )

    def prepare(self, experiment: Any, params: Mapping[str, Any]) -> PreparedComparison:
        """Check the arguments of ``compare_models``, and freeze the experiment.

        Args:
            experiment: a PyCaret experiment after ``setup()``.
            params: the arguments that ``compare_models`` hands to its backend.

        Raises:
            ValueError, TypeError: An argument cannot be used, as in plain PyCaret.
            ConfigError: The models cannot be tuned.
        """
        comparison = prepare(experiment, params, self.batch_size, self.keep, self.portfolio)
        return tunable(comparison, experiment, self.tune, self.keep) if self.tune else comparison

    def strategy(self, comparison: PreparedComparison) -> Strategy:
        """Return what decides on the trials of a comparison: a race, tuning, both, or neither.

        Raises:
            ValueError: A race cannot find what is asked for.
        """
        first = self._race_of(comparison) if self.race else Grid()
        if not self.tune:
            return first
        return Tuning(
            self.tune, comparison.families, comparison.spaces, comparison.frozen.seed, first, self.tune_seconds
        )

    def _race_of(self, comparison: PreparedComparison) -> Race:
        """Return a race that runs the models that will be returned on all folds, and those that may be tuned."""
        n_select, families = comparison.request.n_select, comparison.families
        if n_select < 0:
            raise ValueError(f"race finds the best models, and n_select={n_select} asks for the worst: leave one out.")
        n_untunable = len({families[model.id] or model.id for model in comparison.plan.models} - set(comparison.spaces))
        for_tuning = self.tune + n_untunable if self.tune else 0
        return Race(max(self.race, n_select, FAMILIES_OF_A_BLEND if self.blend else 0, for_tuning), families)

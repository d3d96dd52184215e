"""The backend for PyCaret: ``compare_models(parallel=FugueBackend(...))``."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Any

import pandas as pd

from bakeoff._utils.autologging import without_autologging
from bakeoff.comparison import frames
from bakeoff.comparison.costs import SECONDS_PER_MILLION_CELLS, PriorCosts
from bakeoff.comparison.events import Announcer, Listener
from bakeoff.comparison.leaderboard import Leaderboard, rank
from bakeoff.comparison.plan import Cost, Plan
from bakeoff.comparison.scheduler import Limits, Scheduler
from bakeoff.comparison.significance import Verdict, judge, mark_ties
from bakeoff.comparison.summary import Summary, ideal_seconds
from bakeoff.comparison.trial import Outcome, Refitted, Trial
from bakeoff.errors import ConfigError, EngineLostError
from bakeoff.execution.engines.factory import open_engine
from bakeoff.execution.engines.hybrid import HybridEngine, with_help
from bakeoff.execution.executor import Bounds, FugueExecutor
from bakeoff.progress.pycaret_display import DisplayListener, _DisplayUtil
from bakeoff.pycaret3.experiment_logger import log_comparison
from bakeoff.pycaret3.frozen import Broken, FrozenExperiment, freeze, outcomes_of_broken
from bakeoff.pycaret3.pycaret_api import ParallelBackend
from bakeoff.pycaret3.request import Request, read_request
from bakeoff.pycaret3.restore import chosen, load_models, restore_state
from bakeoff.pycaret3.runners.factory import runner_for
from bakeoff.pycaret3.score_grid import highlighted, score_grid, sort_column
from bakeoff.spark.liveness import without_py4j_pages

LOST_SECONDS = 2.0
"""Seconds that the end of a comparison waits for its listeners if the engine is gone, which some of them may need."""
_LOCK = RLock()


def _get_context_lock() -> RLock:
    """Return the lock that keeps two comparisons in one process apart.

    Two things in PyCaret are global to the process: the switch that makes a pipeline skip its transforms while a
    model is scored, and numpy's generator. So one trial scores at a time in a process.
    """
    return _LOCK


class FugueBackend(ParallelBackend):  # type: ignore[misc]  # PyCaret is not typed
    """A backend that runs PyCaret's ``compare_models`` on Spark, or on another engine of Fugue, without losing results.

    The experiment is frozen and sent once; models x folds run as trials, and results are reported as they end. The
    failure of a model affects no other, and afterwards the experiment is as if it had compared the models itself.

    Args:
        engine: ``None`` for the active SparkSession (without one, Fugue's native engine), ``"native"``, ``"dask"``,
            ``"spark"``, a Dask client or a SparkSession of either kind. A client or session passed is never stopped.
        conf: settings for Fugue's execution engine. Those of its RPC server, which stock ``display_remote`` needs, are
            accepted and left out.
        batch_size: how many models are reported and logged together.
        display_remote: show the leaderboard while it grows, not only the progress. No port is opened for it.
        top_only: accepted for compatibility: only the ``n_select`` best models are ever fitted again and returned.
        n_slots: how many tasks run at once; by default as many as the engine has slots.
        isolation: ``"process"`` fits models in processes that can be killed, ``"none"`` in the workers themselves (for
            debugging); ``"auto"`` is the first, but on native and Dask only if a limit needs it.
        trial_timeout: seconds after which a trial is ended.
        trial_memory_mb: megabytes that the process of a trial may hold, PyCaret itself (about 300) included.
        max_retries: how many times a trial that took its process or its worker down is retried, alone.
        listeners: receive the events of `bakeoff.comparison.events`; they cannot change the result.
        name: name of the run, for the descriptions of Spark's jobs.
        record: makes an outcome durable; called before the outcome is published.
        done: outcomes of an earlier attempt of the same run, which are not run again.
        known_seconds: seconds of a trial in earlier runs, by model id. Entries may be added during a run.
        clean: applied to each outcome before it is recorded or published (used to redact secrets).
        stop: called regularly; once it returns true, the run ends with the outcomes so far, and without refits.
        listener_timeout: seconds that the end of a run waits for listeners that have not caught up.
        payload_dir: a folder that driver and workers share, for Spark Connect.
        driver_trials: whether the driver's machine runs trials, too, in a process beside this one. ``"auto"``: until
            Spark's workers are ready, and longer if it has cores to spare. ``True``: always.

    Attributes:
        leaderboard: after a run, one row for each model with its status, failed ones included.
        failures: after a run, one row for each failed trial, with the reason.
        trials: after a run, one row for each trial.
        verdict: after a run, which models do not differ significantly from the best one.
        summary: after a run, wall and ideal time, efficiency and slots.
        stopped: whether ``stop`` has ended the last run early.
        listener_problems: after a run, errors of listeners, of the display and of PyCaret's loggers.

    Raises:
        ConfigError: An argument cannot be used.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> from pycaret.regression import RegressionExperiment
        >>> experiment = RegressionExperiment()
        >>> data = load_diabetes(as_frame=True).frame
        >>> _ = experiment.setup(data, target="target", session_id=1, fold=2, verbose=False, html=False)
        >>> best = experiment.compare_models(["lr", "dummy"], parallel=FugueBackend("native"), verbose=False)
        >>> list(experiment.pull().index)
        ['lr', 'dummy']
    """

    def __init__(  # noqa: PLR0913 - the first five are PyCaret's, the rest is keyword-only
        self,
        engine: Any = None,
        conf: Mapping[str, Any] | None = None,
        batch_size: int = 1,
        display_remote: bool = False,  # noqa: FBT001, FBT002 - PyCaret's signature
        top_only: bool = False,  # noqa: FBT001, FBT002 - PyCaret's signature
        *,
        n_slots: int | None = None,
        isolation: str = "auto",
        trial_timeout: float | None = None,
        trial_memory_mb: float | None = None,
        max_retries: int = 1,
        listeners: Sequence[Listener] = (),
        name: str = "run",
        record: Callable[[Outcome], None] | None = None,
        done: Sequence[Outcome] = (),
        known_seconds: Mapping[str, float] | None = None,
        clean: Callable[[Outcome], Outcome] | None = None,
        stop: Callable[[], bool] | None = None,
        listener_timeout: float = 5.0,
        payload_dir: str | Path | None = None,
        driver_trials: bool | str = "auto",
    ) -> None:
        super().__init__()
        self._engine = engine
        self._conf = dict(conf or {})
        self._batch_size = batch_size
        self._display_remote = display_remote
        self._top_only = top_only
        self._n_slots = n_slots
        self._bounds = Bounds(None, trial_timeout, trial_memory_mb, isolation, max_retries)
        self._listeners = tuple(listeners)
        self._name = name
        self._record = record
        self._done = tuple(done)
        self._known_seconds: Mapping[str, float] = {} if known_seconds is None else known_seconds
        self._clean = clean
        self._stop = stop
        self._listener_timeout = listener_timeout
        self._payload_dir = payload_dir
        if driver_trials not in (True, False, "auto"):
            raise ConfigError(f'driver_trials must be True, False or "auto", not "{driver_trials}".')
        self._driver_trials = None if driver_trials == "auto" else bool(driver_trials)
        self._frozen: FrozenExperiment | None = None
        self._plan: Plan | None = None
        self._board: Leaderboard | None = None
        self._lost_refits: tuple[Refitted, ...] = ()
        self.summary: Summary | None = None
        self.verdict: Verdict | None = None
        self.stopped = False
        self.listener_problems: list[str] = []

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the engine, the listeners and the callbacks, which live on the driver."""
        excluded = {"_engine", "_listeners", "_record", "_clean", "_stop"}
        return {name: value for name, value in self.__dict__.items() if name not in excluded}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state, _engine=None, _listeners=(), _record=None, _clean=None, _stop=None)

    def attach(self, instance: Any) -> None:
        """Store the class of the experiment. None of its data is kept: it is frozen when the comparison starts."""
        self._exp_class = type(instance)

    def remote_setup(self) -> Any:
        """Raise an error: workers run trials of the frozen experiment and never call ``setup()``."""
        raise NotImplementedError("Workers hold a frozen experiment; there is no setup() to run on them.")

    def compare_models(self, instance: Any, params: Mapping[str, Any]) -> Any:
        """Compare models; PyCaret calls this from its own ``compare_models(parallel=...)``.

        Args:
            instance: the experiment, after ``setup()``.
            params: the arguments of ``compare_models``.

        Returns:
            The best model, fitted on all training rows; a list if ``n_select`` asks for several, or none is left.

        Raises:
            ValueError, TypeError: An argument cannot be used, as in plain PyCaret; nothing was run.
            RuntimeError: A model failed, and ``errors="raise"`` was passed.
            EngineLostError: The engine is gone. Finished trials are in ``pull()`` and in ``trials``.
        """
        with without_py4j_pages(), without_autologging(), _get_context_lock():
            request = read_request(instance, params)
            frozen, broken = freeze(instance, request)
            plan = self._make_plan(request, frozen)
            self._frozen, self._plan = frozen, plan
            sort, ascending = sort_column(plan)
            display = _DisplayUtil(
                None,
                len(plan.trials),
                request.verbose and bool(plan.models),
                sort,
                ascending,
                html=getattr(instance, "html_param", True),
                live=self._display_remote,
            )
            shown = [DisplayListener(display, plan, live=self._display_remote)] if request.verbose else []
            self._board = None
            try:
                refitted = self._run(request, frozen, broken, plan, shown)
            finally:
                display.close()
                if self._board is not None:
                    restore_state(instance, request, frozen, plan, self._board)
            assert self._board is not None  # noqa: S101 - _run has set it
            self._lost_refits = tuple(refit for refit in refitted if refit.model is None)
            if request.errors == "raise" and (why := frames.first_failure(self._board, self._lost_refits)):
                raise RuntimeError(why)
            models = load_models({refit.model_id: refit.model for refit in refitted if refit.model is not None})
            display.finish(lambda: highlighted(instance, instance.pull(), request.decimals))
            self.listener_problems += display.problems
            self.listener_problems += log_comparison(instance, request, plan, self._board, models)
        return next(iter(models.values())) if len(models) == 1 else list(models.values())

    def _remote_compare_models(self, idx: list[list[Any]], report: Callable[..., Any] | None = None) -> list[list[Any]]:
        """Run some models on all folds in this process, as PyCaret's backends do on a worker.

        Args:
            idx: rows that each hold the position of a model.
            report: called with the score grid of each finished model.

        Returns:
            One row for each model, with its pickled outcomes.
        """
        if self._frozen is None or self._plan is None:
            raise RuntimeError("There is no comparison to take part in: compare_models() has not been called.")
        runner, plan = runner_for(self._frozen), self._plan
        results: list[list[Any]] = []
        for row in idx:
            model = plan.models[row[0]]
            with _get_context_lock():
                outcomes = [runner.run(Trial(model.id, fold)) for fold in range(plan.n_folds)]
            if report is not None:
                report(score_grid(plan, rank(plan, outcomes, [model.id]).rows))
            results.append([pickle.dumps(outcomes)])
        return results

    def _make_plan(self, request: Request, frozen: FrozenExperiment) -> Plan:
        return Plan(
            models=request.models,
            n_folds=len(frozen.splits),
            metrics=request.metrics,
            sort_by=request.sort_by,
            decimals=request.decimals,
            batch_size=self._batch_size,
            test_rows_per_training_row=frozen.test_ratio,
        )

    def _run(
        self,
        request: Request,
        frozen: FrozenExperiment,
        broken: Mapping[str, Broken],
        plan: Plan,
        shown: Sequence[Listener],
    ) -> list[Refitted]:
        """Run the plan and refit the winners; sets the leaderboard and the summary."""
        started, began_at = time.monotonic(), time.time()
        engine = open_engine(self._engine, self._conf, self._payload_dir)
        announcer = Announcer([*self._listeners, *shown])
        patience = self._listener_timeout
        known = outcomes_of_broken(broken, plan)
        costs = PriorCosts(len(frozen.y), frozen.width)

        def prior(model_id: str) -> float:
            # With an estimator object among the models, PyCaret's ids are positions; the costs are known by ids.
            return self._known_seconds.get(model_id) or costs(str(request.given[model_id]))

        try:
            bounds = replace(self._bounds, seconds=request.budget_seconds)
            wish = False if self._n_slots is not None or bounds.isolation == "none" else self._driver_trials
            engine = with_help(engine, wish, frozen, self._seconds_left(request, plan, prior))
            with FugueExecutor(engine, frozen, self._name, self._n_slots, bounds) as executor:
                limits = Limits(request.budget_seconds, bounds.max_retries, request.errors == "raise")
                scheduler = Scheduler(plan, executor, announcer, prior, limits, self._record, self._done, known)
                scheduler.n_winners = max(request.n_select, 0)
                scheduler.clean, scheduler.stop = self._clean, self._stop
                try:
                    board = scheduler.run()
                except BaseException:
                    self._board = scheduler.so_far()  # Ctrl-C must not lose the outcomes so far
                    raise
                self._board = board  # also if Ctrl-C comes while the winners are fitted
                failed = request.errors == "raise" and bool(board.failures)
                winners = [] if failed or scheduler.stopped else chosen(board, request.n_select)
                refitted = executor.refit(winners, self._stop)
                self.stopped = scheduler.stopped or len(refitted) < len(winners)
                hybrid = engine if isinstance(engine, HybridEngine) else None
                slots = hybrid.slots_used if hybrid else executor.slots
        except EngineLostError:
            patience = min(patience, LOST_SECONDS)
            raise
        finally:
            self.listener_problems = announcer.close(patience)
        self.verdict = judge(plan, board)
        self._board = board = mark_ties(board, self.verdict)
        fresh = [outcome for outcome in board.outcomes if outcome not in self._done]
        self.summary = Summary(
            slots=slots,
            wall_seconds=time.monotonic() - started,
            ideal_seconds=ideal_seconds(fresh, slots, [refit.fit_seconds for refit in refitted]),
            n_resumed=len(self._done),
            began_at=began_at,
            n_on_driver=hybrid.n_here if hybrid else 0,
            too_small=hybrid is not None and not hybrid.is_open,
        )
        return refitted

    def _seconds_left(self, request: Request, plan: Plan, prior: Cost) -> float:
        """Return the expected seconds of the open trials on one core; infinity if a model has no known cost."""
        done = {outcome.trial for outcome in self._done}
        open_trials = [trial for trial in plan.trials if trial not in done]
        for model_id in {trial.model_id for trial in open_trials}:
            if model_id not in self._known_seconds and str(request.given[model_id]) not in SECONDS_PER_MILLION_CELLS:
                return math.inf
        return sum(prior(trial.model_id) for trial in open_trials)

    @property
    def board(self) -> Leaderboard | None:
        """The leaderboard of the last run as plain data; ``None`` before the first."""
        return self._board

    @property
    def plan(self) -> Plan | None:
        """The plan of the last run."""
        return self._plan

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row for each model of the last run, failed ones too."""
        return frames.leaderboard(self._board)

    @property
    def trials(self) -> pd.DataFrame:
        """One row for each trial of the last run."""
        return frames.trials(self._board)

    @property
    def failures(self) -> pd.DataFrame:
        """One row for each failed trial, and for each winner that could not be refitted (fold ``refit``)."""
        return frames.failures(self._board, self._lost_refits)

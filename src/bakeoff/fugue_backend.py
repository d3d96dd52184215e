"""The backend for PyCaret: ``compare_models(parallel=FugueBackend(...))``."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Any

import pandas as pd

from bakeoff._options.choices import BLENDS
from bakeoff._utils.autologging import without_autologging
from bakeoff.comparison import frames
from bakeoff.comparison.blend import Blend
from bakeoff.comparison.events import Listener
from bakeoff.comparison.leaderboard import Leaderboard, rank
from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.predictions import Keep, PredictionMemory, PredictionStore
from bakeoff.comparison.run_control import RunControl
from bakeoff.comparison.significance import Verdict
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.trial import Refitted, Trial
from bakeoff.comparison.trial_store import NullStore, TrialStore
from bakeoff.comparison.tuning_result import TuningResult
from bakeoff.errors import BlendError, ConfigError
from bakeoff.execution.comparison_run import ComparisonRun, refit_models
from bakeoff.execution.options import ExecutionOptions
from bakeoff.progress.pycaret_display import DisplayListener, _DisplayUtil
from bakeoff.pycaret3.compared import Compared
from bakeoff.pycaret3.experiment_logger import log_comparison
from bakeoff.pycaret3.prepared import PreparedComparison
from bakeoff.pycaret3.pycaret_api import ParallelBackend
from bakeoff.pycaret3.restore import load_models, restore_state
from bakeoff.pycaret3.runners.factory import runner_for
from bakeoff.pycaret3.score_grid import highlighted, score_grid, sort_column
from bakeoff.pycaret3.search import Search
from bakeoff.spark.liveness import without_spark_pages

_LOCK = RLock()


def _get_context_lock() -> RLock:
    """Return the lock that keeps two comparisons in one process apart.

    Two things in PyCaret are global to the process: the switch that makes a pipeline skip its transforms while a
    model is scored, and numpy's generator. So one trial scores at a time in a process.
    """
    return _LOCK


class FugueBackend(ParallelBackend):  # type: ignore[misc]  # PyCaret is not typed
    """A backend that runs PyCaret's ``compare_models`` on Spark, Dask or this machine, without losing results.

    The experiment is frozen and sent once; models x folds run as trials, and results are reported as they end. The
    failure of a model affects no other, and afterwards the experiment is as if it had compared the models itself.

    Args:
        engine: ``None`` for the active SparkSession (without one, ``"local"`` where processes are worth being started,
            else ``"native"``), ``"local"``, ``"native"``, ``"dask"``, ``"spark"``, a Dask client or a SparkSession of
            either kind. A client or session passed is never stopped.
        conf: settings for Fugue's execution engine, which ``"local"`` has none of. Those of its RPC server, which stock
            ``display_remote`` needs, are accepted and left out.
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
        payload_dir: a folder that driver and workers share, for Spark Connect.
        driver_trials: whether the driver's machine runs trials, too, in a process beside this one. ``"auto"``: until
            Spark's workers are ready, and longer if it has cores to spare. ``True``: always.
        keep_predictions: whether what models predict for the test rows of their folds is kept, which `blend` needs:
            ``"yes"``, ``"no"``, or ``"auto"`` for up to 512 MB.
        blend: whether a blend of the models is looked for as well: ``"off"``, ``"offer"`` (it is fitted only if that
            takes no time) or ``"on"``. What is returned and what ``pull()`` shows stays the same.
        fit_tied: whether the models that the folds cannot tell apart from the best one are fitted on all training rows,
            too, so that `holdout_values` has them.
        race: all models on two folds first, and only those that may still win on more. A number: so many families run
            on all folds in any case (3). The others have the status ``stopped``.
        portfolio: ``"small"`` compares further configurations of the tree families as well (``lightgbm-2``),
            ``"large"`` about 20 of them.
        tune: so many of the best families are tuned after the comparison, by PyCaret's search spaces; the best
            candidate of each is ranked as a model of its own (``rf-t7``). Needs Optuna (``bakeoff[tune]``).
        tune_minutes: minutes after which tuning tries no further candidates; by default it ends when it finds nothing
            better.

    Attributes:
        leaderboard: after a run, one row for each model with its status, failed ones included.
        failures: after a run, one row for each failed trial, with the reason.
        trials: after a run, one row for each trial.
        verdict: after a run, which models do not differ significantly from the best one.
        summary: after a run, wall and ideal time, efficiency and slots.
        tuned: after a run, what tuning has tried, as plain data; ``None`` without `tune`.
        blended: after a run, the blend that was looked for, as plain data; ``None`` if there is none.
        stopped: whether the last run was asked to end early.
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
        payload_dir: str | Path | None = None,
        driver_trials: bool | str = "auto",
        keep_predictions: str = "auto",
        blend: str = "off",
        fit_tied: bool = False,
        race: bool | int = False,
        portfolio: str | None = None,
        tune: int = 0,
        tune_minutes: float | None = None,
    ) -> None:
        super().__init__()
        del top_only
        if keep_predictions not in tuple(map(str, Keep)):
            raise ConfigError(f'keep_predictions must be "auto", "yes" or "no", not {keep_predictions!r}.')
        if blend not in BLENDS:
            raise ConfigError(f'blend must be "off", "offer" or "on", not {blend!r}.')
        if driver_trials not in (True, False, "auto"):
            raise ConfigError(f'driver_trials must be True, False or "auto", not "{driver_trials}".')
        self._engine = engine
        self._options = ExecutionOptions(
            dict(conf or {}),
            payload_dir,
            n_slots,
            None if driver_trials == "auto" else bool(driver_trials),
            TrialLimits.of_arguments(trial_timeout, trial_memory_mb, max_retries, isolation),
            blend,
            fit_tied,
        )
        self._search = Search.of_arguments(
            race=race,
            portfolio=portfolio,
            tune=tune,
            tune_minutes=tune_minutes,
            blend=blend == "on",
            batch_size=batch_size,
            keep=Keep(keep_predictions),
        )
        self._display_remote = display_remote
        self._listeners = tuple(listeners)
        self._store: TrialStore = NullStore()
        self._control = RunControl()
        self._kept: PredictionStore | None = None
        self._compared: Compared | None = None
        self._lost_refits: tuple[Refitted, ...] = ()
        self.tuned: TuningResult | None = None
        self.summary: Summary | None = None
        self.verdict: Verdict | None = None
        self.stopped = False
        self.listener_problems: list[str] = []

    @classmethod
    def with_store(
        cls, store: TrialStore, control: RunControl, predictions: PredictionStore | None = None, **options: Any
    ) -> FugueBackend:
        """Return a backend whose outcomes are stored, and whose run can be stopped and resumed, as the job needs it.

        Args:
            store: makes outcomes durable; those that it has are not run again.
            control: name of the run, and how it ends.
            predictions: keeps what models predict; by default, memory does.
            options: arguments of the class.
        """
        backend = cls(**options)
        backend._store, backend._control, backend._kept = store, control, predictions
        return backend

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the engine, the listeners, the store and the control, which live on the driver."""
        excluded = {"_engine", "_listeners", "_store", "_control", "_kept"}
        state = {name: value for name, value in self.__dict__.items() if name not in excluded}
        return {**state, "_compared": self._compared and self._compared.to_send()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state, _engine=None, _listeners=(), _store=NullStore(), _control=RunControl(), _kept=None)

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
        with without_spark_pages(), without_autologging(), _get_context_lock():
            comparison = self._search.prepare(instance, params)
            self._compared = compared = Compared(comparison, self._kept or PredictionMemory())
            strategy = self._search.strategy(comparison)
            display = self._display(instance, comparison)
            is_shown = comparison.request.verbose
            shown = [DisplayListener(display, comparison.plan, live=self._display_remote)] if is_shown else []
            listeners = [*self._listeners, *shown]
            run = ComparisonRun(
                comparison,
                self._engine,
                self._options,
                listeners,
                self._store,
                self._control,
                compared.predictions,
                strategy,
            )
            try:
                result = run.run()
            finally:
                display.close()
                self._compared = compared = replace(compared, comparison=run.comparison, board=run.board)
                self.tuned, self.listener_problems = run.tuning, run.listener_problems
                request, plan = run.comparison.request, run.comparison.plan
                if run.board is not None:
                    restore_state(instance, request, run.comparison.frozen, plan, run.board)
            self.summary, self.verdict, self.stopped = result.summary, result.verdict, result.stopped
            self._lost_refits = tuple(refit for refit in result.refitted if refit.model is None)
            if request.errors == "raise" and (
                why := frames.first_failure(result.board, self._lost_refits, plan.candidate_ids)
            ):
                raise RuntimeError(why)
            models = _loaded(result.refitted)
            compared.blend, compared.fitted = result.blend, {**models, **_loaded(result.others)}
            display.finish(lambda: highlighted(instance, instance.pull(), request.decimals))
            self.listener_problems += display.problems
            self.listener_problems += log_comparison(instance, request, plan, result.board, models)
        return next(iter(models.values())) if len(models) == 1 else list(models.values())

    def blend(self) -> Any:
        """Return the best blend of the models that were compared last, fitted on the training rows.

        It is scikit-learn's ``VotingClassifier`` or ``VotingRegressor``, which ``predict_model``, ``finalize_model``
        and ``save_model`` take. Its members are fitted on the engine, unless that was done.

        Raises:
            BlendError: There is none; the message says why.
            EngineLostError: The engine is gone.
        """
        if self._compared is None:
            raise BlendError("There is no blend: compare_models() has not been called.")
        with without_spark_pages(), without_autologging(), _get_context_lock():
            return self._compared.fitted_blend(self._refit)

    def holdout_values(self, instance: Any) -> dict[str, float]:
        """Return the metric that ranks on the rows that ``setup()`` has put aside, of the models that were fitted.

        Args:
            instance: the experiment that was compared.

        Returns:
            The value of each model by its id; that of the blend, if it is fitted, under ``blend``.
        """
        with _get_context_lock():
            return self.compared.holdout_values(instance)

    def _refit(self, comparison: PreparedComparison, model_ids: list[str]) -> dict[str, Any]:
        return _loaded(refit_models(comparison, self._engine, self._options, model_ids))

    def _remote_compare_models(self, idx: list[list[Any]], report: Callable[..., Any] | None = None) -> list[list[Any]]:
        """Run some models on all folds in this process, as PyCaret's backends do on a worker.

        Args:
            idx: rows that each hold the position of a model.
            report: called with the score grid of each finished model.

        Returns:
            One row for each model, with its pickled outcomes.
        """
        comparison = self.compared.comparison
        runner, plan = runner_for(comparison.frozen), comparison.plan
        results: list[list[Any]] = []
        for row in idx:
            model = plan.models[row[0]]
            with _get_context_lock():
                outcomes = [runner.run(Trial(model.id, fold)) for fold in range(plan.n_folds)]
            if report is not None:
                report(score_grid(plan, rank(plan, outcomes, [model.id]).rows))
            results.append([pickle.dumps(outcomes)])
        return results

    def _display(self, instance: Any, comparison: PreparedComparison) -> _DisplayUtil:
        """Return the display of a comparison that is about to begin."""
        request, plan = comparison.request, comparison.plan
        sort, ascending = sort_column(plan)
        return _DisplayUtil(
            None,
            len(plan.trials),
            request.verbose and bool(plan.models),
            sort,
            ascending,
            html=getattr(instance, "html_param", True),
            live=self._display_remote,
        )

    @property
    def engine(self) -> Any:
        """The engine as it was given; ``None`` in a copy on a worker, since engines stay on the driver."""
        return self._engine

    @property
    def compared(self) -> Compared:
        """The models that were compared last.

        Raises:
            RuntimeError: There are none.
        """
        if self._compared is None:
            raise RuntimeError("Nothing was compared yet: call compare_models(parallel=...) first.")
        return self._compared

    @property
    def board(self) -> Leaderboard | None:
        """The leaderboard of the last run as plain data; ``None`` before the first."""
        return self._compared.board if self._compared else None

    @property
    def plan(self) -> Plan | None:
        """The plan of the last run."""
        return self._compared.comparison.plan if self._compared else None

    @property
    def blended(self) -> Blend | None:
        """The blend that was looked for, as plain data."""
        return self._compared.blend if self._compared else None

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row for each model of the last run, failed ones too."""
        return frames.leaderboard(self.board)

    @property
    def trials(self) -> pd.DataFrame:
        """One row for each trial of the last run."""
        return frames.trials(self.board)

    @property
    def failures(self) -> pd.DataFrame:
        """One row for each failed trial, and for each winner that could not be refitted (fold ``refit``)."""
        return frames.failures(self.board, self._lost_refits)


def _loaded(refitted: Sequence[Refitted]) -> dict[str, Any]:
    """Return the models that could be fitted, by id."""
    return load_models({refit.model_id: refit.model for refit in refitted if refit.model is not None})

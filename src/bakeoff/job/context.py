"""State that the steps of a job hand on: the run with what belongs to it, and its comparison when that has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.blend import Blend
from bakeoff.comparison.decision import Decision
from bakeoff.comparison.leaderboard import Leaderboard, Row
from bakeoff.comparison.model_diagnostics import ReliabilityCurve
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import Verdict
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.tuning_result import TuningResult
from bakeoff.config import RunConfig
from bakeoff.job.ground import Ground
from bakeoff.job.outputs import RunOutputs
from bakeoff.job.result import PreparedRun
from bakeoff.storage.location import place_options, run_folder
from bakeoff.storage.run_status import RunStatus

if TYPE_CHECKING:
    from pathlib import Path

    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.job.step_times import StepTimes


@dataclass(frozen=True)
class RunContext:
    """A run that has begun.

    Attributes:
        config: what was asked for.
        ground: what it stands on: the engine, and a session if it has one.
        prepared: the table, the experiment and its arguments.
        outputs: the outputs of the run.
    """

    config: RunConfig
    ground: Ground
    prepared: PreparedRun
    outputs: RunOutputs

    @property
    def steps(self) -> StepTimes:
        """The steps of the run so far."""
        return self.prepared.steps

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return run_folder(self.config.home, self.config.run_id)

    @property
    def resume_command(self) -> str:
        """The command that resumes the run, as typed in a shell."""
        return f"bakeoff resume {self.config.run_id}{place_options(self.outputs.tables.location, self.config.home)}"


@dataclass(frozen=True)
class Comparison:
    """A comparison that has ended.

    Attributes:
        plan: what was compared.
        board: the ranked models, and the outcomes that they are ranked by.
        summary: times and counts.
        verdict: significance of the ranking; ``None`` if no model has all folds.
        models: the best models, fitted; empty if none survived.
        stopped: whether a signal has ended it early.
        problems: errors of listeners.
        blend: the best blend of the models; ``None`` if there is none.
        offered: its row beside the ranking; ``None`` if it is in the ranking, or there is none.
        decision: how the best model decides; ``None`` if nobody asked for anything but the usual, or none was chosen.
        reliability: reliability of its probabilities; empty if it has none.
        tuning: what tuning has tried; ``None`` if nothing was to be tuned.
    """

    plan: Plan
    board: Leaderboard
    summary: Summary
    verdict: Verdict | None
    models: Sequence[Any]
    stopped: bool = False
    problems: Sequence[str] = ()
    blend: Blend | None = None
    offered: Row | None = None
    decision: Decision | None = None
    reliability: Sequence[ReliabilityCurve] = ()
    tuning: TuningResult | None = None

    @classmethod
    def of(cls, backend: FugueBackend, models: Any) -> Comparison:
        """Return the last comparison of a backend.

        Args:
            backend: the backend.
            models: what its comparison returned: the best model, or several.
        """
        plan, board, summary = backend.plan, backend.board, backend.summary
        assert plan is not None and board is not None and summary is not None  # noqa: S101, PT018 - it has ended
        return cls(
            plan,
            board,
            summary,
            backend.verdict,
            models if isinstance(models, list) else [models],
            backend.stopped,
            tuple(backend.listener_problems),
            tuning=backend.tuned,
        )

    @cached_property
    def status(self) -> RunStatus:
        """The status that the run has ended with."""
        if self.stopped:
            return RunStatus.KILLED
        return RunStatus.FINISHED if self.board.best else RunStatus.FAILED

    @property
    def best_model(self) -> Any:
        """The best model, fitted; ``None`` if no model survived or none was fitted."""
        return self.models[0] if self.board.best and self.models else None

"""What a race saves, and whether it finds the same winner: recorded trials, replayed through the real strategies.

A trial's score does not depend on which other trials run, so a comparison that ran on all folds tells what a race of
the same models would have done. `record` runs every trial once, in this process, and keeps its score and its CPU
seconds; `replay` lets a race choose from them.

    python -m benchmarks.race record --source blood.csv --target Class --seeds 10
    python -m benchmarks.race replay
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from bakeoff.comparison.leaderboard import COMPLETE, Leaderboard, rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import judge
from bakeoff.comparison.strategy import Grid, Race, Strategy
from bakeoff.comparison.trial import Metric, Model, Outcome, Status, Trial
from benchmarks.question import Question, question_options
from benchmarks.recording import RECORDED

FOLDS = 10
FOLDER = RECORDED / "race"


def record(question: Question, seed: int) -> dict[str, Any]:
    """Run every trial of a comparison once, and return scores and CPU seconds as plain data for JSON."""
    from bakeoff.pycaret3.experiment import default_sort
    from bakeoff.pycaret3.prepared import prepare
    from bakeoff.pycaret3.runners.factory import runner_for

    experiment = question.experiment(question.read(), seed)
    params = {"include": list(question.include) or None, "sort": default_sort(experiment), "verbose": False}
    prepared = prepare(experiment, params, 1)
    plan, runner = prepared.plan, runner_for(prepared.frozen)
    trials: dict[str, list[Any]] = {model.id: [] for model in plan.models}
    for fold in range(plan.n_folds):
        for model in plan.models:
            started = time.process_time()
            outcome = runner.run(Trial(model.id, fold))
            # Without the preprocessing that all models of a fold share, and which the first of them does.
            took = max(time.process_time() - started - outcome.transform_seconds, 0.001)
            score = outcome.metrics.get(plan.sort_by) if outcome.ok else None
            trials[model.id].append([None if score is None else round(score, 6), round(took, 4)])
    return {
        "seed": seed,
        "rows": len(prepared.frozen.y),
        "metric": plan.sort_by,
        "greater_is_better": plan.greater_is_better,
        "decimals": plan.decimals,
        "test_ratio": plan.test_ratio,
        "trials": trials,
    }


@dataclass(frozen=True)
class Recorded:
    """A recorded comparison.

    Attributes:
        plan: models, folds and the metric.
        outcomes: what each trial came to; its seconds are CPU seconds.
    """

    plan: Plan
    outcomes: Mapping[Trial, Outcome]

    @classmethod
    def of(cls, run: Mapping[str, Any]) -> Recorded:
        """Read what `record` returned."""
        metric = Metric(run["metric"], run["metric"], run["greater_is_better"])
        models = tuple(Model(model_id, model_id) for model_id in run["trials"])
        n_folds = len(next(iter(run["trials"].values())))
        plan = Plan(models, n_folds, (metric,), metric.key, run["decimals"], 1, run["test_ratio"])
        outcomes = {
            Trial(model_id, fold): Outcome(
                model_id,
                fold,
                status=Status.OK if score is not None else Status.FAILED,
                metrics={} if score is None else {metric.key: score},
                fit_seconds=seconds,
                error_type=None if score is not None else "Failed",
            )
            for model_id, folds in run["trials"].items()
            for fold, (score, seconds) in enumerate(folds)
        }
        return cls(plan, outcomes)

    def run(self, strategy: Strategy) -> Leaderboard:
        """Run a strategy on the recorded trials, one after the other."""
        ran: list[Outcome] = []
        stopped: set[str] = set()
        waiting = list(strategy.begin(self.plan))
        while waiting:
            ran.append(self.outcomes[waiting.pop(0)])
            for rung in strategy.hear(ran[-1]):
                stopped = stopped.union(rung.stopped).difference(rung.revived)
                waiting += rung.trials
        return rank(self.plan, ran, stopped=stopped)


@dataclass(frozen=True)
class Replayed:
    """A race beside the grid of the same comparison.

    Attributes:
        cpu: its CPU seconds of trials, over the grid's.
        complete: number of models that ran on all folds.
        same: whether it has the same winner.
        tied: whether its winner is the grid's, or one that the grid's folds cannot tell from that.
        lost: how much worse its winner's mean over all folds is than the grid's winner's.
    """

    cpu: float
    complete: int
    same: bool
    tied: bool
    lost: float


def replay(recorded: Recorded, keep: int) -> Replayed:
    """Race the models of a recorded comparison."""
    grid, race = recorded.run(Grid()), recorded.run(Race(keep))
    verdict = judge(recorded.plan, grid)
    assert grid.best
    assert race.best
    assert verdict
    chosen = next(row for row in grid.rows if row.model_id == race.best.model_id)
    sign = 1 if recorded.plan.greater_is_better else -1
    return Replayed(
        cpu=_seconds(race) / _seconds(grid),
        complete=race.count(COMPLETE),
        same=chosen.model_id == grid.best.model_id,
        tied=bool(verdict.ties_with_best(chosen.model_id)),
        lost=sign * (grid.best.primary_value - chosen.primary_value),
    )


def _seconds(board: Leaderboard) -> float:
    return sum(outcome.fit_seconds for outcome in board.outcomes)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Record trials, and replay them."""


@main.command("record")
@question_options
@click.option("--seeds", default=3, show_default=True, help="Number of recordings, each with a seed of its own.")
def record_command(question: Question, seeds: int) -> None:
    """Record the trials of one table; what is recorded already is kept."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{question.name}.json"
    runs = json.loads(path.read_text()) if path.exists() else []
    for seed in range(1, seeds + 1):
        if all(run["seed"] != seed for run in runs):
            runs.append(record(question, seed))
            path.write_text(json.dumps(runs, separators=(",", ":")) + "\n")
            print(f"{question.name}: seed {seed}")


@main.command("replay")
@click.option("--keep", default="1,8", show_default=True, help="How many models run on all folds in any case.")
@click.option("--seeds", default=0, help="Use only the first recordings of each table. [default: all]")
def replay_command(keep: str, seeds: int) -> None:
    """Race the recorded comparisons, and print what that saves."""
    for n_kept in map(int, keep.split(",")):
        print(f"At least {n_kept} on all folds:\n")
        print("| table | runs | CPU / grid | range | on all folds | same winner | same or tied | worst loss |")
        print("|---|" + "---|" * 7)
        everything: list[Replayed] = []
        for path in sorted(FOLDER.glob("*.json")):
            runs = [Recorded.of(run) for run in json.loads(path.read_text()) if not seeds or run["seed"] <= seeds]
            replays = [replay(run, n_kept) for run in runs]
            everything += replays
            print(_line(path.stem, replays))
        print(_line("all", everything) + "\n")


def _line(name: str, replays: Sequence[Replayed]) -> str:
    cpu = [each.cpu for each in replays]
    n_runs, same, tied = len(replays), sum(each.same for each in replays), sum(each.tied for each in replays)
    return (
        f"| {name} | {n_runs} | {statistics.median(cpu):.2f} | {min(cpu):.2f} to {max(cpu):.2f} "
        f"| {statistics.median(each.complete for each in replays):.0f} | {same} of {n_runs} | {tied} of {n_runs} "
        f"| {max(each.lost for each in replays):.4f} |"
    )


if __name__ == "__main__":
    main()

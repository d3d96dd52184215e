"""What a race saves, and whether it finds the same winner: recorded trials, replayed through the real strategies.

A trial's score does not depend on which other trials run, so a comparison that ran on all folds tells what a race of the
same models would have done. `record` runs every trial once, in this process, and keeps its score and its CPU seconds;
`replay` lets a race choose from them.

    python -m benchmarks.race record --source blood.csv --target Class --seeds 10
    python -m benchmarks.race replay
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bakeoff.comparison.leaderboard import Leaderboard, rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import judge
from bakeoff.comparison.trial import Metric, Model, Outcome, Status, Trial
from benchmarks.question import Question
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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Record trials, and replay them."""


@main.command("record")
@click.option(
    "--source",
    default="breast_cancer",
    show_default=True,
    help="A CSV file, or a table of scikit-learn's, as diabetes.",
)
@click.option("--target", default="target", show_default=True, help="The column to predict.")
@click.option(
    "--task", default="classification", type=click.Choice(["classification", "regression"]), show_default=True
)
@click.option("--include", default="", help="Ids of models, with commas; by default all of PyCaret's list.")
@click.option("--seeds", default=3, show_default=True, help="Number of recordings, each with a seed of its own.")
@click.option("--name", default=None, help="What the table is called; by default the name of the file.")
def record_command(source: str, target: str, task: str, include: str, seeds: int, name: str | None) -> None:
    """Record the trials of one table; what is recorded already is kept."""
    ids = tuple(filter(None, include.split(",")))
    named = name or Path(source).stem
    question = Question(named, source, target, task, {}, ids)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{named}.json"
    runs = json.loads(path.read_text()) if path.exists() else []
    for seed in range(1, seeds + 1):
        if all(run["seed"] != seed for run in runs):
            runs.append(record(question, seed))
            path.write_text(json.dumps(runs, separators=(",", ":")) + "\n")
            print(f"{named}: seed {seed}")


if __name__ == "__main__":
    main()

"""Simulation of the real planner and scheduler with up to 512 slots, on an executor that only counts time.

Trials take as long as in a recorded run, jobs cost the driver what `benchmarks.overhead` measured, and the clock jumps
from the end of one task to the next. It compares Bakeoff, one task for each model (as most tools do), and the lower
bound that no schedule can beat.

    python -m benchmarks.simulate --recorded benchmarks/recorded/bank.json
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bakeoff.comparison.backlog import JOB_SECONDS
from bakeoff.comparison.costs import PriorCosts
from bakeoff.comparison.events import Announcer
from bakeoff.comparison.plan import Plan, Task
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.summary import ideal_seconds
from bakeoff.comparison.trial import Metric, Model, Outcome, Trial
from benchmarks.recording import RECORDED

SLOTS = (2, 4, 8, 16, 32, 64, 128, 256, 512)
BINDS = 0.5
"""Share of a run for which the driver may be busy before it holds the run up, since tasks do not end one by one."""


class Clockwork:
    """An executor without workers, whose tasks end when their recorded trials would have ended.

    Args:
        outcomes: recorded outcomes, by trial.
        transforms: seconds of preprocessing, by fold.
        refits: seconds of fitting on all training rows, by model id.
        slots: number of tasks that run at once.
        job_seconds: seconds that the driver spends on each job, one after the other.
    """

    def __init__(
        self,
        outcomes: dict[Trial, Outcome],
        transforms: dict[int, float],
        refits: dict[str, float],
        slots: int,
        job_seconds: float = JOB_SECONDS,
    ) -> None:
        self.slots = slots
        self.now = 0.0
        self.jobs = 0
        self._outcomes, self._transforms, self._refits = outcomes, transforms, refits
        self._job_seconds = job_seconds
        self._driver_free = 0.0
        self._free = [0.0] * slots
        self._ending: list[tuple[float, int, Future[Any], Any]] = []
        self._known: list[set[int]] = [set() for _ in range(slots)]
        self._refitted: dict[str, float] = {}

    def submit(self, task: Task, attempt: int) -> Future[list[Outcome]]:
        """Give a task to the slot that is free first; a slot preprocesses each fold that is new to it."""
        del attempt
        slot, began = self._start()
        took, answer = 0.0, []
        for trial in task.trials:
            outcome = self._outcomes[trial]
            if trial.fold not in self._known[slot]:
                self._known[slot].add(trial.fold)
                outcome = replace(outcome, transform_seconds=self._transforms[trial.fold])
            took += outcome.transform_seconds + outcome.fit_seconds + outcome.score_seconds
            answer.append(outcome)
        return self._end(slot, began + took, answer)

    def wait(self, futures: Iterable[Future[Any]], timeout: float | None, *, for_all: bool = False) -> set[Future[Any]]:
        """Advance the clock until a task ends, and return the futures that are done."""
        del timeout, for_all
        wanted = set(futures)
        while not any(future.done() for future in wanted):
            self.now, _, future, answer = heapq.heappop(self._ending)
            future.set_result(answer)
        return {future for future in wanted if future.done()}

    def foresee(self, model_ids: Sequence[str]) -> None:
        """Refit likely winners on idle slots."""
        for model_id in model_ids:
            if model_id not in self._refitted and len(self._ending) < self.slots:
                slot, began = self._start()
                self._refitted[model_id] = began + self._refits[model_id]
                self._end(slot, self._refitted[model_id], None)

    def refit(self, model_id: str) -> None:
        """Advance the clock until the winner is refitted."""
        if model_id not in self._refitted:
            self._refitted[model_id] = self._start()[1] + self._refits[model_id]
        self.now = max(self.now, self._refitted[model_id])

    def cancel(self) -> None:
        """Do nothing, since no task really runs."""

    def _start(self) -> tuple[int, float]:
        self._driver_free = max(self._driver_free, self.now) + self._job_seconds
        self.jobs += 1
        slot = min(range(self.slots), key=self._free.__getitem__)
        return slot, max(self._free[slot], self._driver_free)

    def _end(self, slot: int, when: float, answer: Any) -> Future[Any]:
        self._free[slot] = when
        future: Future[Any] = Future()
        heapq.heappush(self._ending, (when, self.jobs, future, answer))
        return future


class Recorded:
    """A recorded run: the times of each trial, transform and refit.

    Args:
        recording: the JSON that ``python -m benchmarks.compare`` wrote.
        times: number of copies of each model.
    """

    def __init__(self, recording: dict[str, Any], times: int = 1) -> None:
        self.rows, self.columns = recording["rows"], recording["columns"]
        recording = {**recording, **{key: _repeated(recording[key], times) for key in ("trials", "scores", "refits")}}
        self.outcomes = {
            Trial(model_id, fold): Outcome(
                model_id, fold, metrics={"score": recording["scores"][model_id]}, fit_seconds=took
            )
            for model_id, seconds in recording["trials"].items()
            for fold, took in enumerate(seconds)
        }
        self.transforms = dict(enumerate(recording["transforms"]))
        self.refits = recording["refits"]
        models = tuple(Model(model_id, model_id) for model_id in recording["trials"])
        self.plan = Plan(models, len(self.transforms), (Metric("score", "Score"),), "score")

    @property
    def winner(self) -> str:
        """The model that is refitted at the end."""
        best = max(self.outcomes.values(), key=lambda outcome: outcome.metrics["score"])
        return best.model_id

    def bound(self, slots: int) -> float:
        """Return the lower bound in seconds that no schedule can beat."""
        paid = [
            Outcome(
                trial.model_id,
                trial.fold,
                fit_seconds=outcome.fit_seconds,
                transform_seconds=self.transforms[trial.fold],
            )
            for trial, outcome in self.outcomes.items()
        ]
        return ideal_seconds(paid, slots, [self.refits[self.winner]])


def _repeated(by_model: dict[str, Any], times: int) -> dict[str, Any]:
    """Return ``times`` copies of each model's value, under ids that begin with the model's own."""
    return {f"{model_id} {n}": by_model[model_id] for n in range(times) for model_id in by_model}


def bakeoff(recorded: Recorded, slots: int, job_seconds: float) -> Clockwork:
    """Run the real scheduler with the prior of a first run."""
    executor = Clockwork(recorded.outcomes, recorded.transforms, recorded.refits, slots, job_seconds)
    prior = PriorCosts(recorded.rows, recorded.columns)
    kind = {model.id: model.id.rpartition(" ")[0] for model in recorded.plan.models}
    Scheduler(recorded.plan, executor, Announcer([]), lambda model_id: prior(kind[model_id]), n_winners=1).run()
    executor.refit(recorded.winner)
    return executor


def by_model(recorded: Recorded, slots: int, job_seconds: float) -> Clockwork:
    """Run one task for each model with all its folds, in the order of PyCaret's list."""
    executor = Clockwork(recorded.outcomes, recorded.transforms, recorded.refits, slots, job_seconds)
    folds = range(recorded.plan.n_folds)
    futures = []
    for number, model in enumerate(recorded.plan.models):
        futures.append(executor.submit(Task(number, tuple(Trial(model.id, fold) for fold in folds), 0.0), 1))
    for future in futures:
        executor.wait([future], None)
    executor.refit(recorded.winner)
    return executor


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--recorded", type=click.Path(exists=True, path_type=Path), help="By default the newest recording.")
@click.option("--times", default=1, show_default=True, help="Pretend that there were this many times as many models.")
@click.option("--job-seconds", default=JOB_SECONDS, show_default=True, help="What the driver spends on a job.")
@click.option("--out", default="benchmarks/results", type=click.Path(path_type=Path), show_default=True)
def main(recorded: Path | None, times: int, job_seconds: float, out: Path) -> None:
    """Simulate, print a table and draw the curve."""
    found = sorted(RECORDED.glob("*.json"), key=lambda path: path.stat().st_mtime)
    recorded = recorded or (found[-1] if found else None)
    if recorded is None:
        raise click.ClickException("Nothing has been recorded yet: python -m benchmarks.compare --contenders native")
    run = Recorded(json.loads(recorded.read_text()), times)
    rows = [measure(run, slots, job_seconds) for slots in SLOTS]
    lines = [
        "| slots | bound | Bakeoff | efficiency | jobs | by model | times faster | driver busy |",
        "|---|" + "---|" * 7,
        *[
            f"| {row['slots']} | {row['bound']:.1f} | {row['bakeoff']:.1f} | {row['efficiency']:.2f} | {row['jobs']} "
            f"| {row['by_model']:.1f} | {row['by_model'] / row['bakeoff']:.1f} | {row['driver']:.0%} |"
            for row in rows
        ],
    ]
    binds = next((row["slots"] for row in rows if row["driver"] > BINDS), None)
    where = f"from {binds} slots on" if binds else f"with no number of slots up to {SLOTS[-1]}"
    lines += ["", f"The driver is busy for more than {BINDS:.0%} of the run {where}."]
    table = "\n".join(lines) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    name = "simulated" if times == 1 else f"simulated_{times}"
    (out / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    (out / f"{name}.md").write_text(table)
    draw(rows, out / f"{name}.svg")
    print(table)
    print(f"Written to {out / name}.json, .md and .svg.")


def measure(run: Recorded, slots: int, job_seconds: float) -> dict[str, float]:
    """Return the figures for one number of slots."""
    ours, theirs = (each(run, slots, job_seconds) for each in _SCHEDULES)
    bound = run.bound(slots)
    return {
        "slots": slots,
        "bound": bound,
        "bakeoff": ours.now,
        "efficiency": bound / ours.now,
        "jobs": ours.jobs,
        "by_model": theirs.now,
        "driver": ours.jobs * job_seconds / ours.now,
    }


_SCHEDULES: tuple[Callable[[Recorded, int, float], Clockwork], ...] = (bakeoff, by_model)


def draw(rows: list[dict[str, float]], path: Path) -> None:
    """Draw seconds by slots, with both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    slots = [row["slots"] for row in rows]
    figure, axes = plt.subplots(figsize=(7, 4))
    for key, label, style in (("by_model", "a task for each model", "C1o-"), ("bakeoff", "Bakeoff", "C0o-")):
        axes.plot(slots, [row[key] for row in rows], style, label=label)
    axes.plot(slots, [row["bound"] for row in rows], "k--", label="no schedule can beat this")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(slots, [str(int(each)) for each in slots])
    axes.set_xlabel("slots")
    axes.set_ylabel("seconds")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()

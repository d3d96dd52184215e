"""What a person waits for: whole processes, from prompt to prompt, against plain PyCaret in a process of its own.

Contenders take turns, in an order that rotates, each in a fresh process with a home of its own, and with the same seed
within a turn. The results are ratios inside each turn, medians of these, and whether the leaderboards agree.

    python -m benchmarks.whole_run --source data.csv --target y
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pandas as pd

from benchmarks.processes import Took, bakeoff, python, timed
from benchmarks.question import Question, question_options

READING = {
    "runs": ("runs",),
    "leaderboard": ("leaderboard",),
    'sql "SELECT 1"': ("sql", "SELECT 1"),
    "report": ("report",),
}
"""Commands that show what a run has left, by what they are called in the table."""


@dataclass(frozen=True)
class Turn:
    """One process of a contender.

    Attributes:
        took: its seconds.
        scores: its leaderboard: metrics by model; ``None`` for commands that only show one.
    """

    took: Took
    scores: pd.DataFrame | None = None


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@question_options
@click.option("--engines", default="auto,spark", show_default=True, help="Engines of the runs, with commas.")
@click.option("--alone", default="local", show_default=True, help="Engine of the comparison without results.")
@click.option("--repeat", default=5, show_default=True, help="How often each takes its turn.")
@click.option("--out", default="benchmarks/results", show_default=True, type=click.Path(path_type=Path))
def main(question: Question, engines: str, alone: str, repeat: int, out: Path) -> None:
    """Measure, print a table, and write JSON and Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        turns = take_turns(question, [*filter(None, engines.split(","))], alone, repeat, Path(folder))
    report = summarise(question, turns)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{question.name}-whole.json").write_text(json.dumps(report, indent=1) + "\n")
    table = as_markdown(report)
    (out / f"{question.name}-whole.md").write_text(table)
    print(table)


def take_turns(question: Question, engines: list[str], alone: str, repeat: int, folder: Path) -> dict[str, list[Turn]]:
    """Let all contenders take their turns, after one that is not counted and fills the disk's cache."""
    question = _in_a_file(question, folder)
    contenders: dict[str, Callable[[int, Path], Turn]] = {
        "plain": lambda seed, home: _compare("plain", question, seed, home)
    }
    for engine in engines:
        contenders[f"bakeoff run, {engine}"] = lambda seed, home, engine=engine: _run(engine, question, seed, home)
    if alone:
        contenders[f"comparison alone, {alone}"] = lambda seed, home: _compare(alone, question, seed, home)
    turns: dict[str, list[Turn]] = {}
    names = list(contenders)
    for turn in range(repeat + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            home = Path(tempfile.mkdtemp(dir=folder))
            found = {name: contenders[name](100 + turn, home)}
            if name == f"bakeoff run, {engines[0]}":
                found |= {
                    label: Turn(timed(bakeoff(*command, "--home", str(home)))) for label, command in READING.items()
                }
            for label, each in found.items():
                print(
                    f"{question.name} {turn}/{repeat} {label}: {each.took.wall:.1f} s, {each.took.cpu:.1f} CPU s",
                    flush=True,
                )
                if turn:
                    turns.setdefault(label, []).append(each)
    return turns


def _in_a_file(question: Question, folder: Path) -> Question:
    """Return the question with its table in a file, as a person has it."""
    if question.source:
        return question
    file = folder / f"{question.name}.csv"
    question.read().to_csv(file, index=False)
    return Question(question.name, str(file), question.target, question.task, question.setup, question.include)


def _compare(kind: str, question: Question, seed: int, home: Path) -> Turn:
    """Compare without results."""
    grid = home / "grid.json"
    took = timed(python("benchmarks.alone", kind, str(seed), question.to_json(), str(grid)))
    frame = pd.DataFrame(**json.loads(grid.read_text()))
    return Turn(took, frame.drop(columns="Model"))


def _run(engine: str, question: Question, seed: int, home: Path) -> Turn:
    """Run ``bakeoff run`` into a new home, and read its leaderboard afterwards."""
    from bakeoff.runs.loading import read_facts
    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.open_results import open_reader

    options = {
        "--source": question.source,
        "--target": question.target,
        "--task": question.task,
        "--seed": str(seed),
        "--home": str(home),
        "--engine": engine,
        "--setup": json.dumps(question.setup),
        "--include": ",".join(question.include),
    }
    given = [text for option, value in options.items() if value for text in (option, value)]
    took = timed(bakeoff("run", *given))
    with open_reader(ResultsLocation.at(home), home) as reader:
        facts = read_facts(reader, home)
    names = {metric.key: metric.name for metric in facts.plan.metrics}
    rows = {row.model_id: {names.get(key, key): value for key, value in row.means.items()} for row in facts.board.rows}
    return Turn(took, pd.DataFrame.from_dict(rows, orient="index"))


def summarise(question: Question, turns: Mapping[str, list[Turn]]) -> dict[str, Any]:
    """Return medians, ratios inside each turn, and whether the leaderboards agree."""
    yardstick = turns["plain"]
    rows = []
    for name, each in turns.items():
        ratios = [mine.took.wall / plain.took.wall for mine, plain in zip(each, yardstick, strict=True)]
        of_cpu = [mine.took.cpu / plain.took.cpu for mine, plain in zip(each, yardstick, strict=True)]
        rows.append(
            {
                "contender": name,
                "seconds": statistics.median(turn.took.wall for turn in each),
                "cpu": statistics.median(turn.took.cpu for turn in each),
                "/ plain": statistics.median(ratios),
                "from": min(ratios),
                "to": max(ratios),
                "cpu / plain": statistics.median(of_cpu),
                "all seconds": [turn.took.wall for turn in each],
                "leaderboard": differences(each, yardstick),
            }
        )
    return {
        "question": {**question.__dict__, "source": Path(question.source).name},
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]},
        "rows": rows,
        "results cost": dict(_cost_of_results(turns)),
    }


def _cost_of_results(turns: Mapping[str, list[Turn]]) -> Iterator[tuple[str, float]]:
    """Yield what tables, MLflow, model and report add to the comparison alone, for each engine: median seconds."""
    alone = next((each for name, each in turns.items() if name.startswith("comparison alone")), None)
    if alone is None:
        return
    for name, each in turns.items():
        if name.startswith("bakeoff run"):
            pairs = zip(each, alone, strict=True)
            yield name, statistics.median(mine.took.wall - bare.took.wall for mine, bare in pairs)


def differences(turns: list[Turn], yardstick: list[Turn]) -> str:
    """Return how the leaderboards of a contender differ from plain PyCaret's; empty for a command without one."""
    for number, (mine, theirs) in enumerate(zip(turns, yardstick, strict=True), start=1):
        if mine.scores is None or theirs.scores is None:
            return ""
        shared = [name for name in theirs.scores if name in mine.scores]
        if sorted(mine.scores.index) != sorted(theirs.scores.index) or not shared:
            return f"turn {number}: other models or metrics"
        gap = (mine.scores[shared] - theirs.scores.loc[mine.scores.index, shared]).abs().max(axis=1)
        # PyCaret rounds what it shows to four digits.
        allowed = 6e-5 + 1e-9 * theirs.scores[shared].abs().max(axis=1)
        if (gap > allowed.loc[gap.index]).any():
            return f"turn {number}: {gap.idxmax()} differs by {gap.max():.3g}"
    return "the same"


def as_markdown(report: Mapping[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    turns, machine = len(report["rows"][0]["all seconds"]), report["machine"]
    lines = [
        f"**{report['question']['name']}**: from prompt to prompt, medians of {turns}; {machine['cores']} cores",
        "",
        "| whole process | seconds | CPU seconds | / plain | from-to | leaderboard |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{row['contender']}` | {row['seconds']:.1f} | {row['cpu']:.1f} | {row['/ plain']:.2f} | "
        f"{row['from']:.2f}-{row['to']:.2f} | {row['leaderboard']} |"
        for row in report["rows"]
    ]
    for name, seconds in report["results cost"].items():
        lines += ["", f"Tables, MLflow, model and report of `{name}`: {seconds:.1f} s more than the comparison alone."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

"""Comparison of Bakeoff with the alternatives that a PyCaret user has for the same table on the same machine.

Contenders take turns inside one process tree, in an order that rotates, each on an experiment of its own with the same
seed; every repetition has another seed, so that no worker has seen its payload before. The results are ratios inside
one run, and whether the leaderboards agree.

    python -m benchmarks.compare --source data.csv --target y --repeat 3
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import pandas as pd

from benchmarks.contenders import CONTENDERS, Answer, memory_of_workers
from benchmarks.hushed import hushed
from benchmarks.question import Question, question_options
from benchmarks.recording import RECORDED


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@question_options
@click.option("--contenders", default=",".join(CONTENDERS), show_default=True, help="Who takes part.")
@click.option("--repeat", default=3, show_default=True, help="How often each takes its turn.")
@click.option("--out", default="benchmarks/results", show_default=True, type=click.Path(path_type=Path))
def main(question: Question, contenders: str, repeat: int, out: Path) -> None:
    """Measure, print a table, and write JSON and Markdown."""
    names = [each.strip() for each in contenders.split(",")]
    answers, worker_mb = take_turns(question, names, repeat)
    report = {**summarise(question, answers), "worker_mb": worker_mb}
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{question.name}.json").write_text(json.dumps(report, indent=1) + "\n")
    table = as_markdown(report)
    (out / f"{question.name}.md").write_text(table)
    print(table)
    print(f"Written to {out / question.name}.json and .md.")
    if "native" in answers:
        RECORDED.mkdir(parents=True, exist_ok=True)
        path = RECORDED / f"{question.name}.json"
        path.write_text(json.dumps(answers["native"][-1].recording, indent=1) + "\n")
        print(f"What each trial took is in {path}. Next: python -m benchmarks.simulate --recorded {path}")
    if not report["agree"]:
        sys.exit("The leaderboards do not agree.")


def take_turns(question: Question, names: list[str], repeat: int) -> tuple[dict[str, list[Answer]], float | None]:
    """Run every contender ``repeat`` times, interleaved, and measure the memory of Bakeoff's workers once.

    Returns:
        The answers by contender, and the memory in MB; ``None`` if it was not measured.
    """
    from bakeoff.spark.session import local_session

    answers: dict[str, list[Answer]] = {name: [] for name in names}
    worker_mb = None
    with hushed() as voice:
        spark = local_session(Path(tempfile.mkdtemp()))
        try:
            for turn in range(repeat):
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    answer = CONTENDERS[name](question, 100 + turn, spark)
                    answers[name].append(answer)
                    said = ", ".join(f"{key} {value:.2f}" for key, value in answer.notes.items())
                    print(f"{question.name} {turn + 1}/{repeat} {name}: {answer.seconds:.1f} s {said}", file=voice)
            if "bakeoff" in names:
                worker_mb = memory_of_workers(question, 100 + repeat, spark)
        finally:
            spark.stop()
    return answers, worker_mb


def summarise(question: Question, answers: dict[str, list[Answer]]) -> dict[str, Any]:
    """Return medians, ratios inside each turn, and whether the leaderboards agree."""
    seconds = {name: [answer.seconds for answer in turns] for name, turns in answers.items()}
    rows = []
    for name, turns in answers.items():
        row: dict[str, Any] = {"contender": name, "median": statistics.median(seconds[name]), "seconds": seconds[name]}
        for other in ("n_jobs=1", "n_jobs=-1", "stock", "cold n_jobs=1", "bakeoff"):
            if other in seconds and name != other and (other != "bakeoff" or name in {"logged", "no report"}):
                ratios = [one / two for one, two in zip(seconds[name], seconds[other], strict=True)]
                row[f"/ {other}"] = statistics.median(ratios)
        for key in sorted({key for answer in turns for key in answer.notes}):
            row[key] = statistics.median(answer.notes[key] for answer in turns)
        if "ideal" in row:
            row["wall / ideal"] = statistics.median(answer.seconds / answer.notes["ideal"] for answer in turns)
        rows.append(row)
    return {
        "question": {**question.__dict__, "source": Path(question.source).name},
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "rows": rows,
        "differences": {name: differences(answers, name) for name in answers},
        "agree": all(differences(answers, name) is None for name in answers if name != "stock"),
    }


def differences(answers: dict[str, list[Answer]], name: str) -> str | None:
    """Return how a contender's leaderboards differ from plain PyCaret's (else the first's); ``None`` if they agree."""
    yardstick = answers.get("n_jobs=1") or next(iter(answers.values()))
    for turn, (mine, theirs) in enumerate(zip(answers[name], yardstick, strict=True)):
        if sorted(mine.grid.index) != sorted(theirs.grid.index):
            return f"turn {turn}: other models"
        ours, other = mine.grid.sort_index(), theirs.grid.sort_index()
        numbers = [column for column in other if pd.api.types.is_numeric_dtype(other[column])]
        gap = (ours[numbers] - other[numbers]).abs().max(axis=1)
        if (gap > 1e-9 * other[numbers].abs().max(axis=1)).any():
            worst = gap.idxmax()
            return f"turn {turn}: {worst} differs by {gap[worst]:.3g}"
    return None


def as_markdown(report: dict[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    columns = [
        "median",
        *[key for row in report["rows"] for key in row if key not in {"contender", "median", "seconds"}],
    ]
    columns = list(dict.fromkeys(columns))
    turns, cores = len(report["rows"][0]["seconds"]), report["machine"]["cores"]
    lines = [
        f"**{report['question']['name']}**: seconds, medians of {turns}; {cores} cores",
        "",
        "| contender | " + " | ".join(columns) + " | leaderboard |",
        "|---|" + "---|" * (len(columns) + 1),
    ]
    for row in report["rows"]:
        cells = [f"{row[column]:.2f}" if column in row else "" for column in columns]
        same = report["differences"][row["contender"]] or "the same"
        lines.append(f"| {row['contender']} | " + " | ".join(cells) + f" | {same} |")
    if report["worker_mb"]:
        lines += ["", f"A worker and its child held {report['worker_mb']:.0f} MB at most."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

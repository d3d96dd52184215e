"""Write down what the trials of a real comparison took, for `benchmarks.simulate`.

python -m benchmarks.record --source bank.csv --target deposit
"""

from __future__ import annotations

import json
import statistics
import warnings
from pathlib import Path

import click

from benchmarks.question import Question


@click.command()
@click.option("--source", default="", help="A CSV file; without it scikit-learn's breast cancer table.")
@click.option("--target", default="target", show_default=True, help="The column to predict.")
@click.option("--out", default="benchmarks/recorded", type=click.Path(path_type=Path), show_default=True)
def main(source: str, target: str, out: Path) -> None:
    """Compare in this process, one trial at a time, and write the seconds as JSON."""
    from bakeoff import FugueBackend

    warnings.simplefilter("ignore")
    question = Question(Path(source).stem or "breast_cancer", source, target)
    experiment = question.experiment(question.read(), 1)
    backend = FugueBackend("native")
    experiment.compare_models(parallel=backend, verbose=False)
    board = backend.board
    assert board is not None
    trials: dict[str, list[float]] = {}
    transforms: dict[int, float] = {}
    for outcome in board.outcomes:
        trials.setdefault(outcome.model_id, []).append(round(outcome.fit_seconds + outcome.score_seconds, 4))
        transforms[outcome.fold] = max(transforms.get(outcome.fold, 0.0), round(outcome.transform_seconds, 4))
    told = {
        "rows": len(experiment.X_train),
        "columns": experiment.X_train.shape[1],
        "trials": trials,
        "transforms": [transforms[fold] for fold in sorted(transforms)],
        "scores": {row.model_id: round(row.primary_value, 6) for row in board.rows},
        # A fit on all training rows takes a little longer than one on nine tenths of them.
        "refits": {model_id: round(statistics.mean(seconds) * 10 / 9, 4) for model_id, seconds in trials.items()},
    }
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{question.name}.json"
    path.write_text(json.dumps(told, indent=1) + "\n")
    print(f"Written to {path}. Next: python -m benchmarks.simulate --recorded {path}")


if __name__ == "__main__":
    main()

"""One comparison without results, in a process of its own: ``python -m benchmarks.alone plain 1 '{...}' grid.json``.

``plain`` is what somebody writes who uses PyCaret alone: read the table, call ``setup()`` and ``compare_models()``
and print the ranking. ``native`` and other names of engines are Bakeoff's backend without a job: nothing is logged,
stored or reported, so that the difference to a whole run is what the results cost.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.question import Question


def main(kind: str, seed: int, question: Question, grid: Path) -> None:
    """Compare once, print the ranking, and write it to a file."""
    os.environ.setdefault("PYCARET_CUSTOM_LOGGING_PATH", os.devnull)
    experiment = plain(question, seed) if kind == "plain" else through_backend(kind, question, seed)
    ranking = experiment.pull()
    print(ranking)
    grid.write_text(json.dumps(ranking.drop(columns="TT (Sec)").to_dict(orient="split")))


def plain(question: Question, seed: int) -> Any:
    """Return PyCaret's experiment after its own comparison on one core."""
    from pycaret.classification import ClassificationExperiment
    from pycaret.regression import RegressionExperiment

    experiment = ClassificationExperiment() if question.task == "classification" else RegressionExperiment()
    quiet = {"verbose": False, "html": False, "system_log": False}
    experiment.setup(
        question.read(), target=question.target, session_id=seed, n_jobs=1, memory=False, **question.setup, **quiet
    )
    experiment.compare_models(include=list(question.include) or None, verbose=False)
    return experiment


def through_backend(engine: str, question: Question, seed: int) -> Any:
    """Return PyCaret's experiment after a comparison by Bakeoff in a process of its own, as the command line's is."""
    from bakeoff._utils.own_process import claim_process, end_quickly_with, prepare_quick_end

    claim_process()
    prepare_quick_end()
    from bakeoff.pycaret3.lean_import import import_lean

    import_lean()
    from bakeoff import FugueBackend

    experiment = question.experiment(question.read(), seed)
    experiment.compare_models(list(question.include) or None, verbose=False, parallel=FugueBackend(engine))
    end_quickly_with(0)
    return experiment


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Question.from_json(sys.argv[3]), Path(sys.argv[4]))

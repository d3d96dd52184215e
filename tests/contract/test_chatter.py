"""What is seen of models that talk: nothing, and all that others say meanwhile."""

from __future__ import annotations

import sys
from typing import Any

import lightgbm  # noqa: F401 - here, as PyCaret does it: trials then run on other threads than the import
import pytest
from sklearn.dummy import DummyClassifier

from bakeoff.comparison.events import TrialDone
from support.datasets import shared
from support.pycaret_parity import native, same_scores, through


class Talks(DummyClassifier):
    """Says something in each of its fits, on both streams."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        sys.stdout.write("a model talks\n")
        sys.stderr.write("a model complains\n")
        return super().fit(X, y, sample_weight)


class Reports:
    """A listener of the user's, which prints."""

    def handle(self, event: Any) -> None:
        if isinstance(event, TrialDone):
            sys.stdout.write("one more\n")
            sys.stdout.flush()


@pytest.mark.everywhere
def test_models_are_silent_and_listeners_are_heard(engine: Any, capfd: pytest.CaptureFixture[str]) -> None:
    models = ["lightgbm", "lightgbm", Talks(), "dummy"]
    capfd.readouterr()
    mine = through(engine, shared("binary"), models, fold=2, options={"listeners": [Reports()]})
    out, err = capfd.readouterr()
    assert len(mine.backend.trials) == 8
    assert [line for line in out.splitlines() if line] == ["one more"] * 8
    assert [line for line in err.splitlines() if "LightGBM" in line or "a model" in line] == []


def test_silence_changes_no_score(engine: Any) -> None:
    plain = native(shared("binary"), ["lightgbm", "dummy"], fold=2)
    mine = through(engine, shared("binary"), ["lightgbm", "dummy"], fold=2)
    same_scores(mine, plain)
    assert mine.models.get_params() == plain.models.get_params()

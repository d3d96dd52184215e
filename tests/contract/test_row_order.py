"""A table whose rows are in no order keeps each row with its target, where a step takes some of the columns only."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pycaret.classification import ClassificationExperiment

from bakeoff import FugueBackend


def test_rows_keep_their_targets_where_a_step_takes_some_of_the_columns() -> None:
    random = np.random.default_rng(0)
    number = random.normal(size=400)
    frame = pd.DataFrame(
        {"number": number, "word": random.choice(["yes", "no"], 400), "y": np.where(number > 0, "a", "b")}
    )
    experiment = ClassificationExperiment()
    experiment.setup(frame, target="y", session_id=1, fold=2, verbose=False, html=False)
    experiment.compare_models(["dt"], parallel=FugueBackend("native"), verbose=False)
    assert experiment.pull().loc["dt", "Accuracy"] > 0.95
    assert experiment.X_train_transformed.index.tolist() == experiment.X_train.index.tolist()

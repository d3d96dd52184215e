"""A table whose rows are in no order keeps each row with its target, where a step takes some of the columns only."""

from __future__ import annotations

from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from pycaret.classification import ClassificationExperiment

from bakeoff import FugueBackend
from bakeoff._utils.pickling import standing_alone
from bakeoff.pycaret3.restore import final_pipeline
from bakeoff.tracking.model_requirements import parts_of
from support.other_processes import said_without_bakeoff

PREDICTS = """
import json, pickle, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
model = pickle.load(open(sys.argv[1], "rb"))
rows = pd.read_pickle(sys.argv[2])
for index in (range(len(rows)), [n * 7 % len(rows) for n in range(len(rows))], [n % 3 for n in range(len(rows))]):
    print(json.dumps(model.predict(rows.set_axis(index)).tolist()))
"""


@pytest.fixture
def frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    number = random.normal(size=400)
    return pd.DataFrame(
        {"number": number, "word": random.choice(["yes", "no"], 400), "y": np.where(number > 0, "a", "b")}
    )


@pytest.fixture
def experiment(frame: pd.DataFrame) -> ClassificationExperiment:
    made = ClassificationExperiment()
    made.setup(frame, target="y", session_id=1, fold=2, verbose=False, html=False)
    return made


def test_a_kept_model_answers_row_by_row_where_bakeoff_is_not_installed(
    experiment: ClassificationExperiment, frame: pd.DataFrame, tmp_path: Path
) -> None:
    best = experiment.compare_models(["dt"], parallel=FugueBackend("native"), verbose=False)
    pipeline = final_pipeline(experiment, best)
    with standing_alone(parts_of(pipeline)):
        (tmp_path / "model.pkl").write_bytes(cloudpickle.dumps(pipeline))
    frame.drop(columns="y").to_pickle(tmp_path / "rows.pkl")
    said = said_without_bakeoff(PREDICTS, str(tmp_path / "model.pkl"), str(tmp_path / "rows.pkl"))
    assert len(said) == 3
    assert len(set(said)) == 1


def test_rows_keep_their_targets_where_a_step_takes_some_of_the_columns(experiment: ClassificationExperiment) -> None:
    experiment.compare_models(["dt"], parallel=FugueBackend("native"), verbose=False)
    assert experiment.pull().loc["dt", "Accuracy"] > 0.95
    assert experiment.X_train_transformed.index.tolist() == experiment.X_train.index.tolist()

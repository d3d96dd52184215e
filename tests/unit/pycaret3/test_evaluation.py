"""What is said of the best model on unseen rows is what PyCaret's own metrics are about."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.metrics import recall_score

from bakeoff.comparison.model_diagnostics import ClassificationDiagnostics, from_object, to_object
from bakeoff.pycaret3.evaluation import evaluate
from bakeoff.pycaret3.restore import final_pipeline
from support.datasets import breast_cancer, experiment


@pytest.mark.parametrize(
    ("classes", "positive"),
    [((0, 1), "1"), ((False, True), "True"), (("no", "yes"), ""), ((3, 7), "")],
    ids=str,
)
def test_the_positive_class_is_that_of_pycarets_recall(classes: tuple[Any, Any], positive: str) -> None:
    rows = breast_cancer(120)
    rows["target"] = rows["target"].eq("benign").map(dict(zip((False, True), classes, strict=True)))
    made = experiment(rows, "target", fold=2)
    model = made.create_model("dt", verbose=False)
    predicted = made.predict_model(model, verbose=False)
    truth, answers = predicted["target"].eq(classes[1]), predicted["prediction_label"].eq(classes[1])
    about = {"average": "binary"} if positive else {"average": "weighted"}
    assert made.pull()["Recall"][0] == pytest.approx(recall_score(truth, answers, **about), abs=1e-4)
    weighted = recall_score(truth, answers, average="weighted")
    assert recall_score(truth, answers) != pytest.approx(weighted, abs=1e-3)  # else nothing would be shown

    found = evaluate(made, final_pipeline(made, model))
    assert isinstance(found, ClassificationDiagnostics)
    assert found.positive == positive
    assert from_object(to_object(found)).positive == positive

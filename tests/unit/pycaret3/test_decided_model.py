"""A classifier with a calibration and a threshold: as scikit-learn's own, and alone where Bakeoff is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff._utils.pickling import standing_alone
from bakeoff.pycaret3.calibration import Calibration, SigmoidCurve, StepCurve
from bakeoff.pycaret3.decided_model import DecidedClassifier
from bakeoff.tracking.model_requirements import parts_of

ALONE = """
import pickle, sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        assert name.partition(".")[0] != "bakeoff", name
sys.meta_path.insert(0, Nothing())
from sklearn.datasets import load_breast_cancer
with open(sys.argv[1], "rb") as file:
    model = pickle.load(file)
X, _ = load_breast_cancer(return_X_y=True)
print(model.predict(X[:40]).tolist(), model.predict_proba(X[:2]).round(6).tolist())
"""
STEPS = Calibration("isotonic", (StepCurve(np.array([0.0, 0.5, 1.0]), np.array([0.1, 0.3, 0.9])),))


@pytest.fixture(scope="module")
def fitted() -> LogisticRegression:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.97])
def test_a_class_is_predicted_from_its_threshold_on(
    fitted: LogisticRegression, threshold: float, position: int
) -> None:
    X, _ = load_breast_cancer(return_X_y=True, as_frame=True)
    model = DecidedClassifier.of_fitted(fitted, threshold=threshold, position=position)
    expected = fitted.predict_proba(X)[:, position] >= threshold
    assert ((model.predict(X) == position) == expected).all()
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))
    assert list(model.feature_names_in_) == list(X.columns)


def test_probabilities_are_calibrated_before_the_threshold(fitted: LogisticRegression) -> None:
    X, _ = load_breast_cancer(return_X_y=True, as_frame=True)
    model = DecidedClassifier.of_fitted(fitted, calibration=STEPS, threshold=0.3)
    chances = model.predict_proba(X)
    np.testing.assert_allclose(chances[:, 1], np.interp(fitted.predict_proba(X)[:, 1], [0, 0.5, 1], [0.1, 0.3, 0.9]))
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert ((model.predict(X) == 1) == (chances[:, 1] >= 0.3)).all()


def test_calibrated_probabilities_of_several_classes_add_up() -> None:
    X, y = load_wine(return_X_y=True)
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    curves = tuple(SigmoidCurve(0.5 + place, 0.1) for place in range(3))
    model = DecidedClassifier.of_fitted(fitted, calibration=Calibration("sigmoid", curves))
    chances = model.predict_proba(X)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (model.predict(X) == chances.argmax(axis=1)).all()
    assert not np.allclose(chances, fitted.predict_proba(X))


def test_a_copy_can_be_fitted_again(fitted: LogisticRegression) -> None:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = DecidedClassifier.of_fitted(fitted, threshold=0.9, position=0)
    again = clone(model).fit(X, y)
    assert (again.threshold, again.position) == (0.9, 0)
    assert (again.predict(X) == model.predict(X)).all()
    assert again.estimator_ is not model.estimator_


def test_it_is_loaded_where_bakeoff_is_not_installed(tmp_path: Path) -> None:
    X, y = load_breast_cancer(return_X_y=True)
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    model = DecidedClassifier.of_fitted(fitted, calibration=STEPS, threshold=0.85)
    pipeline = make_pipeline("passthrough", model)
    with standing_alone(parts_of(pipeline)):
        (tmp_path / "model.pkl").write_bytes(cloudpickle.dumps(pipeline))
    command = [sys.executable, "-W", "error", "-c", ALONE, str(tmp_path / "model.pkl")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    here = f"{model.predict(X[:40]).tolist()} {model.predict_proba(X[:2]).round(6).tolist()}"
    assert done.stdout.strip() == here

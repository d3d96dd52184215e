"""What PyCaret's documentation and Fugue's tutorial for PyCaret show, call by call."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bakeoff import FugueBackend
from bakeoff.execution.engines.factory import open_engine
from support.datasets import QUIET, airline, breast_cancer, experiment, tips

FEW = ["nb", "dt", "dummy", "ridge"]


@pytest.fixture
def conf() -> Iterator[dict[str, str]]:
    """The settings that are shown for ``display_remote``, with a port that is taken: whoever opens it fails."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield {
            "fugue.rpc.server": "fugue.rpc.flask.FlaskRPCServer",
            "fugue.rpc.flask_server.host": "127.0.0.1",
            "fugue.rpc.flask_server.port": str(taken.getsockname()[1]),
            "fugue.rpc.flask_server.timeout": "2 sec",
        }


def no_score(y_true: Any, y_prob: Any, axis: int = 0) -> float:
    """A metric as the tutorial has it."""
    return 0.0


class Scores:
    """A metric that is a method, as the tutorial has it."""

    def full_score(self, y_true: Any, y_prob: Any, axis: int = 0) -> float:
        return 1.0


@pytest.mark.everywhere
def test_remote_display_with_settings_of_a_server(engine: Any, conf: dict[str, str]) -> None:
    exp = experiment(breast_cancer(100), "target", fold=2)
    backend = FugueBackend(engine, conf, display_remote=True, batch_size=3, top_only=False)
    assert len(exp.compare_models(include=FEW, n_select=2, parallel=backend)) == 2
    assert sorted(exp.pull().index) == sorted(FEW)


def test_positional_arguments_and_the_same_backend_again(engine: Any, conf: dict[str, str]) -> None:
    exp = experiment(breast_cancer(100), "target", fold=2)
    backend = FugueBackend(engine, conf, 3, True, False)  # noqa: FBT003 - as they are documented
    exp.compare_models(include=FEW, n_select=2, parallel=backend)
    exp.add_metric(id="none", name="NONE", score_func=no_score, target="pred_proba", greater_is_better=True)
    assert len(exp.compare_models(include=FEW[:3], n_select=2, sort="NONE", parallel=backend)) == 2
    assert (exp.pull()["NONE"] == 0).all()
    exp.add_metric(id="full", name="FULL", score_func=Scores().full_score, target="pred_proba", greater_is_better=True)
    exp.compare_models(include=FEW[:3], n_select=2, sort="FULL", parallel=backend)
    assert (exp.pull()["FULL"] == 1).all()


def test_nothing_to_compare_is_an_empty_list(engine: Any, conf: dict[str, str]) -> None:
    exp = experiment(breast_cancer(100), "target", fold=2)
    backend = FugueBackend(engine, conf, display_remote=True, batch_size=3, top_only=False)
    assert exp.compare_models(include=[], parallel=backend) == []


def test_functions_of_a_module_with_data_from_a_function(engine: Any) -> None:
    from pycaret import classification

    classification.setup(data_func=lambda: breast_cancer(100), target="target", fold=2, **QUIET)
    models = [name for name in classification.models().index if name in FEW]
    here = classification.compare_models(include=models, n_select=2)
    there = classification.compare_models(include=models, n_select=2, parallel=FugueBackend(engine))
    assert [type(model) for model in there] == [type(model) for model in here]
    assert len(classification.pull()) == len(models)


def test_a_regression(engine: Any, conf: dict[str, str]) -> None:
    exp = experiment(tips(), "tip", fold=2)
    exp.compare_models(include=["lr", "dt"], n_select=2, parallel=FugueBackend(engine))
    backend = FugueBackend(engine, conf, display_remote=True, batch_size=3, top_only=False)
    assert len(exp.compare_models(include=["lr", "dt", "dummy"], n_select=2, parallel=backend)) == 2
    assert len(exp.pull()) == 3


def test_a_forecast(engine: Any, conf: dict[str, str]) -> None:
    from pycaret import time_series

    exp = time_series.TSForecastingExperiment()
    exp.setup(data_func=airline, fh=12, fold=3, fig_kwargs={"renderer": "notebook"}, session_id=42, verbose=False)
    models = exp.models().index.tolist()[:2]
    assert len(exp.compare_models(include=models, n_select=2, parallel=FugueBackend(engine))) == 2
    backend = FugueBackend(engine, conf, display_remote=True, batch_size=1, top_only=False)
    assert len(exp.compare_models(include=models, n_select=2, parallel=backend)) == 2
    assert len(exp.pull()) == 2


@pytest.mark.parametrize("where", ["passed", "everywhere"])
def test_no_setting_of_fugue_starts_a_server(
    conf: dict[str, str], where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from fugue.constants import _FUGUE_GLOBAL_CONF

    more = {"fugue.workflow.concurrency": 1}
    if where == "everywhere":
        monkeypatch.setattr(_FUGUE_GLOBAL_CONF, "_readonly", False, raising=False)
        for name, value in conf.items():
            monkeypatch.setitem(_FUGUE_GLOBAL_CONF, name, value)
    caplog.set_level("DEBUG", "bakeoff")
    opened: Any = open_engine("native", {**conf, **more} if where == "passed" else more)
    settings = opened._engine.conf
    assert settings["fugue.rpc.server"] == "fugue.rpc.base.NativeRPCServer"
    assert settings["fugue.workflow.concurrency"] == 1
    assert ("fugue.rpc.flask_server.port" in caplog.text) == (where == "passed")

"""The best model as an MLflow model: a pipeline that takes raw rows, loadable by ``runs:/<run_id>/model``.

It is written by `mlflow.sklearn.save_model` and uploaded by a client, never by ``log_model``, which uses MLflow's
process-wide tracking URI and active run, which belong to the user, and sets the run's status.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema

from bakeoff._utils import installed
from bakeoff._utils.pickling import standing_alone
from bakeoff._utils.raw_rows.rows import CONVERSIONS, WORDS
from bakeoff.storage.rows import BEST_MODEL
from bakeoff.tracking.bounded_client import unavailable
from bakeoff.tracking.entities import LOGGED_MODEL_TAG
from bakeoff.tracking.model_inputs import Entrance, input_schema, plain_categories
from bakeoff.tracking.model_requirements import add_wheels, parts_of, pip_requirements

EXAMPLE_ROWS = 5
_CHATTY = ("mlflow.sklearn", "mlflow.utils.environment", "mlflow.models.model", "mlflow.models.utils")
DECISION = "bakeoff.decision"
"""Entry of a logged model's metadata, and its tag in MLflow 3: how it decides, where that is not as usual."""
_TELLING = (LOGGED_MODEL_TAG, DECISION)
_HISTORY_TAG, _HISTORY_LIMIT = "mlflow.log-model.history", 5_000


@dataclass(frozen=True)
class BestModel:
    """Location of the best model.

    Attributes:
        uri: URI for `mlflow.pyfunc.load_model`.
        location: address of its files, from which it can be loaded without the tracking server.
        logged_model_id: id of the model in MLflow 3; ``None`` if the model is an artifact of the run.
        registered: name and version in the registry, if that was requested.
    """

    uri: str
    location: str
    logged_model_id: str | None = None
    registered: tuple[str, str] | None = None


def save_best_model(
    folder: Path,
    pipeline: Any,
    raw_rows: pd.DataFrame,
    *,
    task: str = "classification",
    entrance: Entrance | None = None,
) -> None:
    """Write a fitted PyCaret pipeline as an MLflow model to a folder, without a tracking server.

    Args:
        folder: folder of the model, which is replaced; its parent exists.
        pipeline: the pipeline.
        raw_rows: training rows without the target, in the columns that the pipeline takes.
        task: ``classification``, ``regression`` or ``time_series``. A forecaster's ``predict`` takes a horizon and not
            rows, so it gets no signature and loads with `mlflow.sklearn.load_model`.
        entrance: what stands in front of the pipeline; ``None`` if it takes the columns as the source has them.
    """
    import mlflow.sklearn

    shutil.rmtree(folder, ignore_errors=True)
    forecasts = task == "time_series"
    requirements = pip_requirements(pipeline)
    example = plain_categories(raw_rows.head(EXAMPLE_ROWS))
    if entrance is not None:
        example, pipeline = entrance.rows(), entrance.before(pipeline)
    signature = None
    if not forecasts:  # a series alone leaves no columns to make a schema of
        schema = entrance.schema(raw_rows) if entrance else input_schema(raw_rows)
        signature = ModelSignature(schema, _output_schema(pipeline, example))
    metadata = {CONVERSIONS: entrance.conversions, WORDS: entrance.words} if entrance else {}
    if decision := getattr(_last_step(pipeline), "decision", None):
        metadata |= {DECISION: decision}
    with _quiet_logs(), _quick_requirements(), standing_alone(parts_of(pipeline)):
        mlflow.sklearn.save_model(
            pipeline,
            str(folder),
            mlflow_model=Model(
                artifact_path=BEST_MODEL,
                metadata=metadata or None,
            ),
            serialization_format="cloudpickle",  # the default of MLflow 3 refuses PyCaret's types
            signature=signature,
            input_example=None if forecasts else example,
            pip_requirements=requirements,
            # A method that no forecaster has: MLflow then adds no function that takes rows.
            **({"pyfunc_predict_fn": "predict_rows"} if forecasts else {}),
        )
    add_wheels(folder)


def upload_best_model(client: MlflowClient, run_id: str, folder: Path, *, model_id: str, task: str) -> BestModel:
    """Log the files that `save_best_model` wrote on a run.

    Repeating it for the same run and model changes nothing. The run's status is unchanged.

    Args:
        client: client of the tracking server.
        run_id: the MLflow run that the model belongs to.
        folder: folder with the files.
        model_id: PyCaret's id of the model.
        task: task of the comparison.

    Raises:
        FileNotFoundError: there is no model in the folder.
    """
    if not (folder / MLMODEL_FILE_NAME).is_file():
        raise FileNotFoundError(f"There is no model in {folder}.")
    run = client.get_run(run_id)
    logged = _logged_before(client, run, _tags_of(model_id, folder))
    return logged or _Upload(client, run, model_id, task, folder).send()


class _Upload:
    """Upload of one model to one run."""

    def __init__(self, client: MlflowClient, run: Run, model_id: str, task: str, folder: Path) -> None:
        self._client = client
        self._run = run
        self._model_id = model_id
        self._task = task
        self._folder = folder
        self._tags = _tags_of(model_id, folder)

    def send(self) -> BestModel:
        logged = self._new_logged_model()
        self._sign(logged.model_id if logged else None)
        if logged is None:
            return self._send_as_artifact()
        try:
            self._client.log_model_artifacts(logged.model_id, str(self._folder))
        except BaseException:
            with contextlib.suppress(Exception):  # the first error says more
                self._client.finalize_logged_model(logged.model_id, "FAILED")
            raise
        self._client.finalize_logged_model(logged.model_id, "READY")
        return BestModel(_uri(self._run), logged.artifact_location, logged.model_id)

    def _new_logged_model(self) -> Any:
        """Create a model entity of MLflow 3, shown on the run's page; ``None`` if client or server is MLflow 2."""
        if not hasattr(self._client, "create_logged_model"):
            return None
        from mlflow.entities import LoggedModelOutput

        run = self._run.info
        try:
            logged = self._client.create_logged_model(
                run.experiment_id,
                name=BEST_MODEL,
                source_run_id=run.run_id,
                tags=self._tags,
                model_type=self._task,
            )
        except MlflowException as error:
            if unavailable(error):
                raise
            return None
        self._client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, step=0)])
        return logged

    def _send_as_artifact(self) -> BestModel:
        run_id = self._run.info.run_id
        self._client.log_artifacts(run_id, str(self._folder), BEST_MODEL)
        written = Model.load(str(self._folder)).to_dict()
        keys = ("run_id", "artifact_path", "utc_time_created", "flavors", "model_uuid")
        history = json.dumps([{key: written.get(key) for key in keys}])
        if len(history) <= _HISTORY_LIMIT:  # MLflow 2 marks a run that holds a model by this tag
            self._client.set_tag(run_id, _HISTORY_TAG, history)
        return BestModel(_uri(self._run), f"{self._run.info.artifact_uri}/{BEST_MODEL}")

    def _sign(self, logged_model_id: str | None) -> None:
        """Write MLflow's ids into the model's description; they were unknown when it was saved."""
        file = self._folder / MLMODEL_FILE_NAME
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        content |= {"run_id": self._run.info.run_id, **({"model_id": logged_model_id} if logged_model_id else {})}
        file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _uri(run: Run) -> str:
    return f"runs:/{run.info.run_id}/{BEST_MODEL}"


def _tags_of(model_id: str, folder: Path) -> dict[str, str]:
    """Return the tags that tell the model in a folder from others of the same run."""
    decision = (Model.load(str(folder)).metadata or {}).get(DECISION, "")
    return {LOGGED_MODEL_TAG: model_id, **({DECISION: decision} if decision else {})}


def _last_step(pipeline: Any) -> Any:
    return pipeline.steps[-1][1] if hasattr(pipeline, "steps") else pipeline


def _logged_before(client: MlflowClient, run: Run, tags: Mapping[str, str]) -> BestModel | None:
    """Return the same model if an earlier attempt of the run logged it (MLflow 3; an artifact is overwritten)."""
    outputs = getattr(run, "outputs", None)
    for output in outputs.model_outputs if outputs else ():
        logged = client.get_logged_model(output.model_id)
        if logged.status == "READY" and all(logged.tags.get(name, "") == tags.get(name, "") for name in _TELLING):
            return BestModel(_uri(run), logged.artifact_location, logged.model_id)
    return None


def _output_schema(pipeline: Any, example: pd.DataFrame) -> Schema:
    """Return the type of a prediction, from predicting the example, which also checks that raw rows are accepted."""
    kind = pd.api.types.infer_dtype(pd.Series(pipeline.predict(example)), skipna=True)
    kinds = {"integer": DataType.long, "floating": DataType.double, "boolean": DataType.boolean}
    return Schema([ColSpec(kinds.get(kind, DataType.string), "prediction")])


def _quick_requirements() -> Any:
    """Return a context in which MLflow is told quickly what is installed, with which it compares the requirements."""
    from mlflow.utils import requirements_utils

    metadata = getattr(requirements_utils, "importlib_metadata", None)
    return installed.answering_for(metadata, "packages_distributions", lambda: dict(installed.packages_of_modules()))


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """Hide MLflow's hints about saving a model, on this thread and while the block runs.

    They say that pickles must be trusted, which the documentation says, and that pip has no metadata, as under uv.
    """
    here = threading.get_ident()

    def elsewhere_or_grave(record: logging.LogRecord) -> bool:
        return record.thread != here or record.levelno >= logging.ERROR

    loggers = [logging.getLogger(name) for name in _CHATTY]
    for logger in loggers:
        logger.addFilter(elsewhere_or_grave)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(elsewhere_or_grave)

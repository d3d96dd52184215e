"""The model to score with, found in the registry or on a run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff._options.values import given, refuse_placeholder
from bakeoff.errors import ConfigError, RunNotFoundError, TrackingError
from bakeoff.runs.loading import model_folder
from bakeoff.scoring.inputs import InputColumn, input_columns

_LISTED = 10
_UNITY_CATALOG = "databricks-uc"
_FORMS = "NAME@champion, NAME/VERSION or a RUN_ID"


@dataclass(frozen=True)
class ModelReference:
    """Reference to a version of a registered model, by alias or number, or to the model of a run."""

    name: str | None = None
    alias: str | None = None
    version: str | None = None
    run_id: str | None = None

    @classmethod
    def read(cls, text: str | None) -> ModelReference:
        """Read ``--model``.

        Example:
            >>> ModelReference.read("main.ml.best@champion")
            ModelReference(name='main.ml.best', alias='champion', version=None, run_id=None)
            >>> ModelReference.read("best/3").version, ModelReference.read("20260131-120000-a1b2c3").run_id
            ('3', '20260131-120000-a1b2c3')

        Raises:
            ConfigError: It is missing or names no version.
        """
        refuse_placeholder("model", text)
        if given(text) is None:
            raise ConfigError(f"--model is missing: name it as {_FORMS}.")
        plain = str(text).strip()
        if plain.startswith("runs:/"):
            return cls(run_id=plain.removeprefix("runs:/").partition("/")[0])
        plain = plain.removeprefix("models:/")
        for mark, part in (("@", "alias"), ("/", "version")):
            name, found, chosen = plain.rpartition(mark)
            if found:
                if not name or not chosen:
                    raise ConfigError(f"--model {text!r} names no {part}: write it as {_FORMS}.")
                return cls(name=name, **{part: chosen})
        return cls(run_id=plain)


@dataclass(frozen=True)
class ScoringModel:
    """A fitted pipeline, with its input columns and its origin.

    Attributes:
        content: The pickled pipeline.
        inputs: Columns that it takes, in their order.
        prediction_type: Type of a prediction in Spark SQL.
        run_id: Bakeoff's id of the run that fitted it, or MLflow's if the run is not Bakeoff's.
        name: Name of the registered model; ``None`` for the model of a run.
        version: Version of the registered model; ``None`` for the model of a run.
    """

    content: bytes
    inputs: tuple[InputColumn, ...]
    prediction_type: str
    run_id: str
    name: str | None = None
    version: str | None = None

    @property
    def digest(self) -> str:
        """Hash of the pipeline's bytes."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def label(self) -> str:
        """The model in one word: ``NAME/VERSION``, or the id of its run."""
        return f"{self.name}/{self.version}" if self.name else self.run_id

    @property
    def said(self) -> str:
        """The model as part of a sentence."""
        return f"version {self.version} of {self.name}" if self.name else f"the model of run {self.run_id}"


def load_scoring_model(reference: ModelReference, home: Path) -> ScoringModel:
    """Find a model and read its files.

    Raises:
        ConfigError: There is no such model, alias or version, or it does not take rows.
        RunNotFoundError: There is no such run.
        TrackingError: There is no MLflow database, or MLflow cannot return the model.
    """
    from mlflow.exceptions import MlflowException

    from bakeoff.tracking.addresses import local_tracking_uri, named_by_environment
    from bakeoff.tracking.client import make_client

    if not named_by_environment() and not (home / "mlflow.db").is_file():
        raise TrackingError(
            f"There is no MLflow database in {home}: name the --home of the run, or set MLFLOW_TRACKING_URI."
        )
    client = make_client(home)
    uri = str(client.tracking_uri) if named_by_environment() else local_tracking_uri(home)
    try:
        if reference.name is None:
            return _of_run(client, str(reference.run_id), home)
        return _of_registry(client, reference)
    except (MlflowException, OSError) as error:
        from bakeoff.tracking.bounded_client import reason, without_login

        raise TrackingError(f"MLflow at {without_login(uri)} cannot give the model ({reason(error)}).") from error


def _of_registry(client: Any, reference: ModelReference) -> ScoringModel:
    import mlflow.artifacts

    from bakeoff.tracking.client import in_unity_catalog, make_registry_client
    from bakeoff.tracking.entities import RUN_TAG

    name = str(reference.name)
    registry = make_registry_client(client, name)
    version = _version(registry, name, reference)
    if in_unity_catalog(name) and os.environ.get("DATABRICKS_RUNTIME_VERSION"):
        from mlflow.store.artifact.unity_catalog_models_artifact_repo import UnityCatalogModelsArtifactRepository

        uri = f"models:/{name}/{version.version}"
        folder = UnityCatalogModelsArtifactRepository(uri, registry_uri=_UNITY_CATALOG).download_artifacts("")
    else:
        location = version.source
        if location.startswith("models:/m-"):
            location = client.get_logged_model(location.removeprefix("models:/")).artifact_location
        folder = mlflow.artifacts.download_artifacts(artifact_uri=location, tracking_uri=client.tracking_uri)
    run_id = version.tags.get(RUN_TAG) or version.run_id or ""
    return _read(Path(folder), run_id, name, str(version.version))


def _version(registry: Any, name: str, reference: ModelReference) -> Any:
    """Return the version of a registered model.

    Raises:
        ConfigError: There is no such model, alias or version; the message lists the available ones.
    """
    from bakeoff.tracking.client import quoted

    model = _or_none(lambda: registry.get_registered_model(name))
    if model is None:
        known = [each.name for each in registry.search_registered_models(max_results=_LISTED)]
        raise ConfigError(f"There is no registered model {name!r}: {_choices(known, 'there are none')}.")
    number = reference.version
    if reference.alias is not None:
        number = model.aliases.get(reference.alias)
        if number is None:
            raise ConfigError(
                f"{name} has no alias {reference.alias!r}: "
                f"{_choices(model.aliases, 'it has none, so name a version, as in ' + name + '/1')}."
            )
    found = _or_none(lambda: registry.get_model_version(name, str(number)))
    if found is None:
        versions = [int(each.version) for each in registry.search_model_versions(f"name = {quoted(name)}")]
        raise ConfigError(f"{name} has no version {number!r}: {_choices(sorted(versions), 'it has none')}.")
    return found


def _or_none(ask: Any) -> Any:
    """Return the registry's answer; ``None`` if it does not have what was asked for."""
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "INVALID_PARAMETER_VALUE"}:
            return None
        raise


def _of_run(client: Any, run_id: str, home: Path) -> ScoringModel:
    from mlflow.exceptions import MlflowException

    from bakeoff.tracking.client import all_runs, quoted
    from bakeoff.tracking.entities import KIND_TAG, RUN_KIND, RUN_TAG

    experiments = [each.experiment_id for each in client.search_experiments()]
    parents = f"tags.`{KIND_TAG}` = {quoted(RUN_KIND)}"
    found = all_runs(client, experiments, f"tags.`{RUN_TAG}` = {quoted(run_id)} AND {parents}")
    run = found[0] if found else _or_none(lambda: client.get_run(run_id))
    if run is None:
        newest = client.search_runs(experiments, parents, max_results=_LISTED)
        known = [each.data.tags.get(RUN_TAG, each.info.run_id) for each in newest]
        raise RunNotFoundError(
            f"There is no run {run_id!r} in MLflow (and a registered model is named as NAME@champion or NAME/VERSION): "
            f"{_choices(known, 'there are no runs')}."
        )
    try:
        folder = model_folder(home, run.info.run_id)
    except (MlflowException, OSError) as error:
        raise ConfigError(f"Run {run_id} has no model in MLflow: choose a run that has finished.") from error
    return _read(folder, run.data.tags.get(RUN_TAG, run.info.run_id))


def _read(folder: Path, run_id: str, name: str | None = None, version: str | None = None) -> ScoringModel:
    """Read the files of a model that `bakeoff.tracking.logged_model` has written.

    Raises:
        ConfigError: The model is not Bakeoff's, or forecasts a time series.
    """
    from mlflow.models import Model

    described = Model.load(str(folder))
    flavor = described.flavors.get("sklearn")
    if flavor is None:
        raise ConfigError(f"--model {name or run_id} is no model of Bakeoff's: it has no scikit-learn pipeline.")
    if described.signature is None or described.signature.inputs is None:
        raise ConfigError(
            f"--model {name or run_id} forecasts a time series and takes a horizon instead of rows: use "
            "`bakeoff.results(RUN_ID).best_model().predict(fh=...)`."
        )
    kinds = {"long": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}
    outputs = described.signature.outputs
    kind = outputs.input_types()[0].name if outputs else "string"
    return ScoringModel(
        content=(folder / flavor["pickled_model"]).read_bytes(),
        inputs=input_columns(described, folder),
        prediction_type=kinds.get(kind, "STRING"),
        run_id=run_id,
        name=name,
        version=version,
    )


def _choices(known: Iterable[Any], none: str) -> str:
    names = [str(each) for each in known]
    return f"choose from {', '.join(names)}" if names else none

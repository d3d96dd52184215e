"""Logging of a run to MLflow: the run, its batches and their models.

Everything goes through one client with explicit run ids. The active run and the tracking URI of the process belong to
the user and are neither read nor changed. The content comes as messages (`bakeoff.tracking.messages`), each of which
may be sent again: an MLflow run is found by its tags.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.entities import Experiment, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from bakeoff.errors import TrackingError
from bakeoff.tracking import entities, messages
from bakeoff.tracking.bounded_client import BoundedClient
from bakeoff.tracking.client import all_runs, make_registry_client, quoted
from bakeoff.tracking.entities import BATCH_TAG, KIND_TAG, MODEL_KIND, MODEL_TAG, RUN_KIND, RUN_TAG, ChildRun
from bakeoff.tracking.logged_model import upload_best_model
from bakeoff.tracking.outbox import FOLDER, MODEL_FOLDER, Head, Message
from bakeoff.tracking.registry import CandidateScore, Terms, promote, register_version
from bakeoff.tracking.tracked_run import TrackedRun, page_of

if TYPE_CHECKING:
    from bakeoff.tracking.logged_model import BestModel

TABLE_FILE, CSV_FILE = "leaderboard.json", "leaderboard.csv"
_PARENT_TAG = "mlflow.parentRunId"
_ORIGIN = ("mlflow.user", "mlflow.source.")
"""Beginnings of the tags on the user and the program of a run, which its child runs get, too."""
_METRICS_PER_CALL, _TEXTS_PER_CALL = 900, 100
"""Limits of a call: MLflow takes 1,000 entities, of which 100 may be tags."""


class MlflowTracking:
    """Logger of one run.

    The parent run holds the options and the results. Below it is one run for each batch, and below that one for each
    model, unless the batch is a single model: then its run is the model's.

    An MLflow run is found again by its tags, so logging the same run twice leaves one copy of everything.

    Args:
        client: client of the MLflow to log to.
        head: description of the run.
        folder: folder of the run, which holds the files to log.

    Attributes:
        logged: the best model; ``None`` until it is logged.
        promotion: whether the registered version became champion or challenger, and why; ``None`` until it is known.
    """

    def __init__(self, client: Any, head: Head, folder: Path | None = None) -> None:
        self._client = client
        self._head = head
        self._folder = folder
        self._tracked: TrackedRun | None = None
        self._children: dict[tuple[str, ...], str] = {}
        self._model_run_ids: dict[str, str] = {}
        self.logged: BestModel | None = None
        self.promotion: str | None = None

    @property
    def model_run_ids(self) -> Mapping[str, str]:
        """MLflow run ids of the models that were logged, by model id."""
        return dict(self._model_run_ids)

    @property
    def became(self) -> str | None:
        """Name and version of the registered model with its promotion; ``None`` until it is known."""
        if self.logged is None or self.logged.registered is None or self.promotion is None:
            return None
        name, version = self.logged.registered
        return f"{name}, version {version}: {self.promotion}"

    @property
    def tracked(self) -> TrackedRun | None:
        """The place where the run is logged; ``None`` before `start` has ended."""
        return self._tracked

    def start(self) -> TrackedRun:
        """Find or create the experiment and the parent run.

        Raises:
            TrackingError: the experiment was deleted.
        """
        experiment_id = self._experiment().experiment_id
        earlier = self._earlier_runs(experiment_id)
        parent = _parent_among(earlier)
        if parent:
            run_id = parent
            self._client.update_run(run_id, status="RUNNING")
        else:
            tags = {**self._head.tags, RUN_TAG: self._head.run_id, KIND_TAG: RUN_KIND}
            name = entities.one_line(self._head.run_id)
            began = _millis(self._head.started_at) if self._head.started_at else None
            run_id = self._client.create_run(experiment_id, began, _bounded(tags), name).info.run_id
        self._adopt(earlier)
        if self._head.dataset:
            self._client.log_inputs(run_id, [self._head.dataset.to_input()])
        url = page_of(self._client.tracking_uri, experiment_id, run_id)
        self._tracked = TrackedRun(experiment_id, run_id, url, reused=bool(parent))
        return self._tracked

    def send(self, message: Message) -> None:
        """Log the content of a message. Sending it again changes nothing."""
        run_id = self._parent().mlflow_run_id
        kind = message["kind"]
        if kind == messages.PLAN:
            self._log_params(run_id, {**message["params"], **self._head.params})
        elif kind == messages.BATCH:
            batch_run_id = self._log_run(run_id, messages.child_run(message["run"]))
            for model in message["models"]:
                self._log_run(batch_run_id, messages.child_run(model))
        elif kind == messages.FILES:
            for name in message["files"]:
                self._client.log_artifact(run_id, str(self._inside(name)))
            for name in message["folders"]:
                self._client.log_artifacts(run_id, str(self._inside(name)), name)
        elif kind == messages.MODEL:
            self._log_model(run_id, message)
        elif kind == messages.ANSWER:
            self._send(run_id, self._news(run_id, [entities.metric_of(m) for m in message["metrics"]]), message["tags"])
            self._log_leaderboard(run_id, message["rows"])
        elif kind == messages.CLOSE:
            self._client.set_terminated(run_id, message["status"], _millis(message["ended"]))

    def recall(self) -> bool:
        """Look up the existing runs after a call whose answer did not arrive, since it may have taken effect.

        Returns:
            Whether the parent run is known, so that there is anything to look up.
        """
        if self._tracked:
            self._adopt(self._earlier_runs(self._tracked.experiment_id))
        return self._tracked is not None

    def tidy(self) -> None:
        """Delete duplicate runs, which a call leaves that took effect although its answer did not arrive."""
        tracked = self._parent()
        runs = self._earlier_runs(tracked.experiment_id)
        self._adopt(runs)
        kept = {tracked.mlflow_run_id, *self._children.values(), *(run.data.tags.get(_PARENT_TAG) for run in runs)}
        for run in runs:
            if run.info.run_id not in kept:
                self._client.delete_run(run.info.run_id)

    def _experiment(self) -> Experiment:
        name = self._head.experiment
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                self._client.create_experiment(name, self._head.artifact_location)
            except MlflowException:
                # Another job may have been first; which error that is depends on the store.
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
            else:
                found = self._client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage != "active":
            raise TrackingError(f"The MLflow experiment {name!r} was deleted: restore it, or choose another name.")
        return found

    def _earlier_runs(self, experiment_id: str) -> list[Run]:
        """Return the MLflow runs of earlier attempts, the parent included."""
        return all_runs(self._client, [experiment_id], f"tags.`{RUN_TAG}` = {quoted(self._head.run_id)}")

    def _adopt(self, runs: Sequence[Run]) -> None:
        """Reuse existing runs; of duplicates, the one that is known already or has ended."""
        for run in sorted(runs, key=lambda run: (run.info.status == "RUNNING", run.info.start_time)):
            tags, run_id = run.data.tags, run.info.run_id
            adopted = _PARENT_TAG in tags and self._children.setdefault(_child_key(tags), run_id) == run_id
            if adopted and MODEL_TAG in tags:
                self._model_run_ids[tags[MODEL_TAG]] = run_id

    def _parent(self) -> TrackedRun:
        return self._tracked or self.start()

    def _log_params(self, run_id: str, values: Mapping[str, Any]) -> None:
        # A logged parameter cannot be changed, so a resumed run keeps the parameters of its first attempt.
        logged = self._client.get_run(run_id).data.params
        texts = {entities.legal_key(key): entities.cut(value, entities.PARAM_LIMIT) for key, value in values.items()}
        params = [Param(key, text) for key, text in texts.items() if key not in logged]
        for first in range(0, len(params), _TEXTS_PER_CALL):
            self._client.log_batch(run_id, params=params[first : first + _TEXTS_PER_CALL])

    def _log_run(self, parent_id: str, child: ChildRun) -> str:
        """Log a complete child run, into the one of an earlier attempt if it exists, and return its id."""
        origin = {key: text for key, text in self._head.tags.items() if key.startswith(_ORIGIN)}
        tags = _bounded({**origin, **child.tags, RUN_TAG: self._head.run_id, _PARENT_TAG: parent_id})
        run_id = self._children.get(_child_key(tags))
        if run_id is None:
            experiment_id = self._parent().experiment_id
            created = self._client.create_run(experiment_id, _millis(child.started), tags, child.name)
            run_id = self._children[_child_key(tags)] = created.info.run_id
            self._send(run_id, child.metrics, {})
        else:
            self._send(run_id, self._news(run_id, child.metrics), tags)
        self._client.set_terminated(run_id, child.status, _millis(child.ended))
        if MODEL_TAG in tags:
            self._model_run_ids[tags[MODEL_TAG]] = run_id
        return run_id

    def _news(self, run_id: str, metrics: Sequence[Metric]) -> list[Metric]:
        """Return the metrics that the run does not have yet, or has with another value."""
        known = self._client.get_run(run_id).data.metrics
        folds_changed = any(m.key == entities.FOLDS_OK and known.get(m.key) != m.value for m in metrics)
        steps: dict[str, set[int]] = {}
        news = []
        for metric in metrics:
            if not metric.key.startswith(entities.FOLD_PREFIX):
                if known.get(metric.key) != metric.value:
                    news.append(metric)
            elif folds_changed:
                if metric.key in known and metric.key not in steps:
                    history = self._client.get_metric_history(run_id, metric.key)
                    steps[metric.key] = {old.step for old in history}
                if metric.step not in steps.get(metric.key, ()):
                    news.append(metric)
        return news

    def _send(self, run_id: str, metrics: Sequence[Metric], tags: Mapping[str, str]) -> None:
        """Log metrics and tags in as few calls as MLflow's limits allow."""
        texts = [RunTag(key, text) for key, text in _bounded(tags).items()]
        for first in range(0, max(len(metrics), len(texts) and 1), _METRICS_PER_CALL):
            some = metrics[first : first + _METRICS_PER_CALL]
            self._client.log_batch(run_id, metrics=some, tags=texts if first == 0 else ())

    def _log_leaderboard(self, run_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        table = entities.leaderboard_table(rows, self._model_run_ids)
        self._client.log_text(run_id, table.to_csv(index=False), CSV_FILE)
        if any(file.path == TABLE_FILE for file in self._client.list_artifacts(run_id)):
            # `log_table` would add the rows to those of the earlier attempt.
            self._client.log_text(run_id, table.to_json(orient="split", index=False), TABLE_FILE)
        else:
            self._client.log_table(run_id, table, TABLE_FILE)

    def _log_model(self, run_id: str, message: Message) -> None:
        """Log the model whose files are in the run's folder, and register it if the message says so."""
        files = self._inside(f"{FOLDER}/{MODEL_FOLDER}")
        best = upload_best_model(self._client, run_id, files, model_id=message["model_id"], task=message["task"])
        if name := message["register_as"]:
            registry = make_registry_client(self._client, name)
            if isinstance(self._client, BoundedClient):
                registry = self._client.beside(registry)
            version = register_version(registry, run_id, best, name)
            best = replace(best, registered=version)
            if message["standing"]:
                # Messages that an earlier version of Bakeoff has left hold only a margin.
                terms = Terms(**message["terms"]) if "terms" in message else Terms(message["margin"])
                self.promotion = promote(registry, *version, CandidateScore(**message["standing"]), terms)
        self.logged = best

    def _inside(self, name: str) -> Path:
        """Return the path of a file or folder in the run's own folder; nothing else is ever logged.

        Raises:
            ValueError: the name leads out of the folder, or the run has none.
        """
        if self._folder is None:
            raise ValueError("A run without a folder has no files.")
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise ValueError(f"{name} is not in the folder of run {self._head.run_id}.")
        return path


def _parent_among(runs: Sequence[Run]) -> str | None:
    """Return the id of the parent run; of several, which a late answer can leave, the one with most runs below it."""
    below = Counter(run.data.tags.get(_PARENT_TAG) for run in runs)
    parents = [run.info for run in runs if run.data.tags.get(KIND_TAG) == RUN_KIND]
    return min(parents, key=lambda info: (-below[info.run_id], info.start_time)).run_id if parents else None


def _child_key(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the key of a child run: its parent, its kind, and its model or batch."""
    kind = tags.get(KIND_TAG, "")
    return tags[_PARENT_TAG], kind, tags[MODEL_TAG if kind == MODEL_KIND else BATCH_TAG]


def _bounded(tags: Mapping[str, str]) -> dict[str, str]:
    return {entities.cut(key, entities.KEY_LIMIT): entities.cut(text, entities.TAG_LIMIT) for key, text in tags.items()}


def _millis(seconds: float) -> int:
    return int(seconds * 1000)

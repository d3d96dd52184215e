"""The listener that logs a bake-off to MLflow: a run, its batches and their models.

Everything goes through one `MlflowClient` with explicit run ids. The active run and the tracking URI of the process
belong to the user and are neither read nor changed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlflow.entities import Experiment, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from bakeoff.comparison.events import BatchDone, Event, PlanMade
from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.errors import UserError
from bakeoff.results import entries
from bakeoff.results.entries import BATCH_TAG, KIND_TAG, MODEL_KIND, MODEL_TAG, RUN_KIND, ChildRun, DatasetInfo, Story
from bakeoff.results.store import quoted

RUN_TAG = "bakeoff.run_id"
TABLE_FILE, CSV_FILE = "leaderboard.json", "leaderboard.csv"
_PARENT_TAG, _NOTE_TAG, _NAME_TAG = "mlflow.parentRunId", "mlflow.note.content", "mlflow.runName"
_METRICS_PER_CALL, _TEXTS_PER_CALL = 900, 100  # of MLflow's 1,000 entities in a call, 100 may be tags


@dataclass(frozen=True)
class TrackedRun:
    """Where a bake-off is logged.

    Attributes:
        url: of the run's page, where there is a server that has one.
        reused: an earlier attempt of the same run had made it.
    """

    experiment_id: str
    mlflow_run_id: str
    url: str | None = None
    reused: bool = False


class MlflowTracking:
    """Logs one bake-off.

    The parent run holds what was asked and what came out. Below it is one run for each batch, and below that one for
    each model, unless the batch is a single model: then its run is the model's.

    An MLflow run is found again by its tags, so logging the same bake-off twice leaves one copy of everything.

    Args:
        client: says which MLflow.
        experiment_name: made if it is not there.
        run_id: the bake-off's own id, which stays the same when it is resumed.
        params: what was asked.
        tags: of the parent run.
        dataset: the table that was learned from.
        artifact_location: where the files go of an experiment that has to be made.
    """

    def __init__(  # noqa: PLR0913 - a run is described by all of these
        self,
        client: MlflowClient,
        experiment_name: str,
        run_id: str,
        *,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        dataset: DatasetInfo | None = None,
        artifact_location: str | None = None,
    ) -> None:
        self._client = client
        self._experiment_name = experiment_name
        self._run_id = run_id
        self._params = params
        self._tags = tags
        self._dataset = dataset
        self._artifact_location = artifact_location
        self._tracked: TrackedRun | None = None
        self._plan: Plan | None = None
        self._children: dict[tuple[str, ...], str] = {}
        self._model_run_ids: dict[str, str] = {}

    @property
    def model_run_ids(self) -> Mapping[str, str]:
        """The MLflow run of each model that was logged, by model id."""
        return dict(self._model_run_ids)

    def start(self) -> TrackedRun:
        """Find or make the experiment and the parent run. Call it before the comparison, so that trouble shows early.

        Raises:
            UserError: the experiment was deleted.
        """
        experiment_id = self._experiment().experiment_id
        earlier = list(self._earlier_runs(experiment_id))
        parents = [run.info for run in earlier if run.data.tags.get(KIND_TAG) == RUN_KIND]
        if parents:
            run_id = min(parents, key=lambda info: info.start_time).run_id
            self._client.update_run(run_id, status="RUNNING")
        else:
            tags = {**self._tags, RUN_TAG: self._run_id, KIND_TAG: RUN_KIND}
            name = entries.one_line(self._run_id)
            run_id = self._client.create_run(experiment_id, tags=_bounded(tags), run_name=name).info.run_id
        self._adopt(earlier)
        if self._dataset:
            self._client.log_inputs(run_id, [self._dataset.to_input()])
        url = _page(self._client.tracking_uri, experiment_id, run_id)
        self._tracked = TrackedRun(experiment_id, run_id, url, reused=bool(parents))
        return self._tracked

    def handle(self, event: Event) -> None:
        """Log what a plan or a finished batch tells."""
        if isinstance(event, PlanMade):
            self._log_plan(event)
        elif isinstance(event, BatchDone):
            self._log_batch(event)

    def finish(
        self, leaderboard: Leaderboard, summary: Mapping[str, float], status: str, story: Story | None = None
    ) -> None:
        """Log the answer on the parent run and end it.

        Args:
            leaderboard: final.
            summary: more metrics of the run, such as its wall time.
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
            story: what the run is called from now on, and what its page says.
        """
        run_id = self._parent().mlflow_run_id
        metrics = entries.to_metrics({**entries.final_metrics(leaderboard), **summary})
        tags = {_NOTE_TAG: entries.note(leaderboard, self._plan, story)}
        if story:
            tags[_NAME_TAG] = entries.one_line(story.name)
        if best := leaderboard.best:
            tags |= {"best_model_id": best.model_id, "best_model_name": best.model_name}
        try:
            self._send(run_id, self._news(run_id, metrics), tags)
            self._log_leaderboard(run_id, leaderboard)
        finally:
            self._client.set_terminated(run_id, status)

    def close(self, status: str) -> None:
        """End the parent run without an answer, as when the bake-off is cancelled; resuming it opens the run again.

        Args:
            status: ``KILLED`` or ``FAILED``.
        """
        if self._tracked:
            self._client.set_terminated(self._tracked.mlflow_run_id, status)

    def _experiment(self) -> Experiment:
        name = self._experiment_name
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                self._client.create_experiment(name, self._artifact_location)
            except MlflowException:
                # Another job may have been first; which error that is depends on the store.
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
            else:
                found = self._client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage != "active":
            raise UserError(f"The MLflow experiment {name!r} was deleted: restore it, or choose another name.")
        return found

    def _earlier_runs(self, experiment_id: str) -> Iterator[Run]:
        """What earlier attempts logged, the parent included."""
        query, token = f"tags.`{RUN_TAG}` = {quoted(self._run_id)}", None
        while True:
            page = self._client.search_runs([experiment_id], query, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _adopt(self, runs: Sequence[Run]) -> None:
        for run in runs:
            tags = run.data.tags
            if _PARENT_TAG in tags:
                self._children[_place(tags)] = run.info.run_id
            if MODEL_TAG in tags:
                self._model_run_ids[tags[MODEL_TAG]] = run.info.run_id

    def _parent(self) -> TrackedRun:
        return self._tracked or self.start()

    def _log_plan(self, event: PlanMade) -> None:
        plan = self._plan = event.plan
        asked = {
            "models": ", ".join(model.id for model in plan.models),
            "n_models": len(plan.models),
            "n_folds": plan.n_folds,
            "metric": plan.sort_by,
            "batch_size": plan.batch_size,
            "decimals": plan.decimals,
            "slots": event.slots,
            **self._params,
        }
        run_id = self._parent().mlflow_run_id
        # A parameter cannot be changed once it is there, so a resumed run keeps what its first attempt was asked.
        there = self._client.get_run(run_id).data.params
        texts = {entries.legal_key(key): entries.cut(value, entries.PARAM_LIMIT) for key, value in asked.items()}
        params = [Param(key, text) for key, text in texts.items() if key not in there]
        for first in range(0, len(params), _TEXTS_PER_CALL):
            self._client.log_batch(run_id, params=params[first : first + _TEXTS_PER_CALL])

    def _log_batch(self, event: BatchDone) -> None:
        batch_run_id = self._log_run(self._parent().mlflow_run_id, entries.batch_run(event, self._plan))
        for model in entries.model_runs(event):
            self._log_run(batch_run_id, model)

    def _log_run(self, parent_id: str, child: ChildRun) -> str:
        """Log a run from beginning to end, into the one that an earlier attempt left, if there is one."""
        tags = _bounded({**child.tags, RUN_TAG: self._run_id, _PARENT_TAG: parent_id})
        run_id = self._children.get(_place(tags))
        if run_id is None:
            experiment_id = self._parent().experiment_id
            made = self._client.create_run(experiment_id, _millis(child.started), tags, child.name)
            run_id = self._children[_place(tags)] = made.info.run_id
            self._send(run_id, child.metrics, {})
        else:
            self._send(run_id, self._news(run_id, child.metrics), tags)
        self._client.set_terminated(run_id, child.status, _millis(child.ended))
        if MODEL_TAG in tags:
            self._model_run_ids[tags[MODEL_TAG]] = run_id
        return run_id

    def _news(self, run_id: str, metrics: Sequence[Metric]) -> list[Metric]:
        """The metrics that the run does not have yet, or has with another value."""
        known = self._client.get_run(run_id).data.metrics
        folds_changed = any(m.key == entries.FOLDS_OK and known.get(m.key) != m.value for m in metrics)
        steps: dict[str, set[int]] = {}
        news = []
        for metric in metrics:
            if not metric.key.startswith(entries.FOLD_PREFIX):
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

    def _log_leaderboard(self, run_id: str, leaderboard: Leaderboard) -> None:
        table = entries.leaderboard_table(leaderboard, self._model_run_ids)
        self._client.log_text(run_id, table.to_csv(index=False), CSV_FILE)
        if any(file.path == TABLE_FILE for file in self._client.list_artifacts(run_id)):
            # `log_table` would add the rows to those of the earlier attempt.
            self._client.log_text(run_id, table.to_json(orient="split", index=False), TABLE_FILE)
        else:
            self._client.log_table(run_id, table, TABLE_FILE)


def _place(tags: Mapping[str, str]) -> tuple[str, ...]:
    """What a child run is told from its sisters by."""
    kind = tags.get(KIND_TAG, "")
    return tags[_PARENT_TAG], kind, tags[MODEL_TAG if kind == MODEL_KIND else BATCH_TAG]


def _bounded(tags: Mapping[str, str]) -> dict[str, str]:
    return {entries.cut(key, entries.KEY_LIMIT): entries.cut(text, entries.TAG_LIMIT) for key, text in tags.items()}


def _millis(seconds: float) -> int:
    return int(seconds * 1000)


def _page(tracking_uri: str, experiment_id: str, run_id: str) -> str | None:
    """The address of the run's page, as far as it is known without asking anybody."""
    if tracking_uri.startswith("http"):
        return f"{tracking_uri.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
    if not tracking_uri.startswith("databricks"):
        return None
    host = os.environ.get("DATABRICKS_HOST")
    with contextlib.suppress(Exception):  # a link is not worth an error
        from mlflow.utils.databricks_utils import get_workspace_url

        host = get_workspace_url() or host
    return f"{host.rstrip('/')}/ml/experiments/{experiment_id}/runs/{run_id}" if host else None

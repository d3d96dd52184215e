"""What a bake-off leaves in MLflow, on a real SQLite store."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from bakeoff.comparison.events import BatchDone, PlanMade
from bakeoff.comparison.leaderboard import Leaderboard, rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Model, Outcome, Status
from bakeoff.errors import UserError
from bakeoff.tracking import client as store
from bakeoff.tracking import messages
from bakeoff.tracking.entities import DatasetInfo, legal_key
from bakeoff.tracking.outbox import Head, Message
from bakeoff.tracking.run_logger import MlflowTracking
from support.plans import ENDED, FOLDS, events_of, good, make_plan

# MLflow's own tables, under a SQLAlchemy that is newer than they are.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")

ODD_NAME = 'it\'s "odd"\nand 🎉 ' + "x" * 300


@pytest.fixture
def tracking(client: MlflowClient, tmp_path: Path) -> Callable[..., MlflowTracking]:
    def make(run_id: str = "run-1", **more: object) -> MlflowTracking:
        settings = {"params": {"source": "here.csv"}, "tags": {"git_commit": "abc"}, **more}
        head = Head(run_id, "bake-offs", artifact_location=store.experiment_location(tmp_path), **settings)
        return MlflowTracking(client, head, tmp_path / "runs" / run_id)

    return make


def bad(outcome: Outcome, status: Status = Status.FAILED) -> Outcome:
    return replace(outcome, status=status, metrics={}, error_type="ValueError", error_message="no\n" + "!" * 9_000)


def tell(tracking: MlflowTracking, plan: Plan, outcomes: Sequence[Outcome]) -> Leaderboard:
    board = rank(plan, outcomes)
    for event in events_of(plan, outcomes):
        send(tracking, messages.of_event(event, plan))
    return board


def send(tracking: MlflowTracking, message: Message | None) -> None:
    """As it is sent after it has waited on disk."""
    assert message is not None
    tracking.send(json.loads(json.dumps(message)))


def bake(tracking: MlflowTracking, plan: Plan, outcomes: Sequence[Outcome], status: str = "FINISHED") -> Leaderboard:
    tracking.start()
    board = tell(tracking, plan, outcomes)
    finish(tracking, board, plan, {"wall_seconds": 9.0, "efficiency": math.nan}, status)
    return board


def finish(
    tracking: MlflowTracking, board: Leaderboard, plan: Plan, summary: dict[str, float], status: str = "FINISHED"
) -> None:
    send(tracking, messages.of_answer(board, plan, summary))
    send(tracking, messages.of_end(status))


def runs_of(client: MlflowClient) -> dict[str, list[Run]]:
    experiment = client.get_experiment_by_name("bake-offs")
    by_kind: dict[str, list[Run]] = {"run": [], "batch": [], "model": []}
    for run in client.search_runs([experiment.experiment_id]):
        by_kind[run.data.tags["bakeoff.kind"]].append(run)
    return by_kind


def steps(client: MlflowClient, run_id: str, key: str) -> list[tuple[int, float]]:
    return sorted((metric.step, metric.value) for metric in client.get_metric_history(run_id, key))


@pytest.fixture
def plan() -> Plan:
    return make_plan()


@pytest.fixture
def outcomes(plan: Plan) -> list[Outcome]:
    return [*good(plan, "lr", 0.7), *good(plan, "rf", 0.75), *good(plan, "nb", 0.6)]


class TestStructure:
    def test_a_batch_of_one_is_the_run_of_its_model(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        tracker = tracking()
        bake(tracker, plan, outcomes)

        runs = runs_of(client)
        assert Counter({kind: len(some) for kind, some in runs.items()}) == {"run": 1, "batch": 3, "model": 0}
        assert set(tracker.model_run_ids) == {"lr", "rf", "nb"}
        run = client.get_run(tracker.model_run_ids["rf"])
        assert run.info.run_name == "Model rf"
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == runs["run"][0].info.run_id
        assert {key: run.data.tags[key] for key in ("model_id", "status", "bakeoff.batch_id")} == {
            "model_id": "rf",
            "status": "ok",
            "bakeoff.batch_id": "2",
        }
        assert run.data.metrics["batch_models"] == 1
        assert run.data.metrics["best_auc"] == run.data.metrics["auc"]

    def test_a_batch_of_several_has_a_run_below_it_for_each(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking]
    ) -> None:
        plan = make_plan(["lr", "rf", "nb", "dt"], batch_size=3)
        outcomes = [*good(plan, "lr"), *good(plan, "rf", 0.8), *map(bad, good(plan, "nb")), *good(plan, "dt")]
        tracker = tracking()
        bake(tracker, plan, outcomes)

        runs = runs_of(client)
        batches = {run.info.run_name: run for run in runs["batch"]}
        assert set(batches) == {"batch 1: lr, rf, nb", "Model dt"}
        first = batches["batch 1: lr, rf, nb"]
        assert first.data.metrics == {
            "batch_models": 3,
            "batch_ok": 2,
            "batch_failed": 1,
            "batch_wall_seconds": 60,
            "best_auc": pytest.approx(0.81),
        }
        assert {run.data.tags["model_id"] for run in runs["model"]} == {"lr", "rf", "nb"}
        assert {run.data.tags["mlflow.parentRunId"] for run in runs["model"]} == {first.info.run_id}
        assert set(tracker.model_run_ids) == {"lr", "rf", "nb", "dt"}

    def test_a_model_has_means_deviations_and_folds_under_their_own_keys(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        tracker = tracking()
        board = bake(tracker, plan, outcomes)

        run_id = tracker.model_run_ids["rf"]
        metrics = client.get_run(run_id).data.metrics
        best = board.best
        assert best is not None
        assert metrics["auc"] == best.means["auc"]
        assert metrics["auc_std"] == best.stds["auc"]
        assert (metrics["tt_sec"], metrics["fit_seconds"], metrics["n_folds_ok"]) == (3, 6, 3)
        assert steps(client, run_id, "fold_auc") == [(0, 0.75), (1, 0.76), (2, 0.77)]

    def test_times_are_those_of_the_work(self, client: MlflowClient, tracking: Callable[..., MlflowTracking]) -> None:
        plan = make_plan(["lr", "rf"], batch_size=2)
        bake(tracking(), plan, [*good(plan, "lr"), *good(plan, "rf")])

        runs = runs_of(client)
        spans = {(run.info.start_time, run.info.end_time) for run in runs["model"]}
        assert spans == {((ENDED - 9) * 1000, ENDED * 1000)}
        assert (runs["batch"][0].info.start_time, runs["batch"][0].info.end_time) == ((ENDED - 60) * 1000, ENDED * 1000)


class TestParent:
    def test_it_says_what_was_asked_and_what_came_out(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        data = DatasetInfo("patients", "d" * 80, "/data/p.csv", table_schema="x" * 100_000, profile='{"num_rows": 5}')
        bake(tracking(dataset=data), plan, outcomes)

        parent = runs_of(client)["run"][0]
        assert parent.info.status == "FINISHED"
        assert parent.data.params == {
            "models": "lr, rf, nb",
            "n_models": "3",
            "n_folds": "3",
            "metric": "auc",
            "batch_size": "1",
            "decimals": "4",
            "slots": "2",
            "source": "here.csv",
        }
        assert parent.data.metrics["best_value"] == parent.data.metrics["auc"] == pytest.approx(0.76)
        assert {key: parent.data.metrics[key] for key in ("n_models", "n_ok", "n_partial", "n_failed")} == {
            "n_models": 3,
            "n_ok": 3,
            "n_partial": 0,
            "n_failed": 0,
        }
        assert parent.data.metrics["wall_seconds"] == 9
        assert "efficiency" not in parent.data.metrics
        assert parent.data.tags["best_model_id"] == "rf"
        assert parent.data.tags["git_commit"] == "abc"
        assert "Model rf" in parent.data.tags["mlflow.note.content"]
        [logged] = parent.inputs.dataset_inputs
        assert (logged.dataset.name, len(logged.dataset.digest), logged.dataset.schema) == ("patients", 36, None)

    def test_the_leaderboard_is_a_table_and_a_file(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        tracker = tracking()
        bake(tracker, plan, outcomes)

        run_id = runs_of(client)["run"][0].info.run_id
        table = json.loads(Path(client.download_artifacts(run_id, "leaderboard.json")).read_text())
        rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
        assert [(row["rank"], row["model_id"]) for row in rows] == [(1, "rf"), (2, "lr"), (3, "nb")]
        assert rows[0]["mlflow_run_id"] == tracker.model_run_ids["rf"]
        assert Path(client.download_artifacts(run_id, "leaderboard.csv")).read_text().startswith("rank,model_id")

    def test_nothing_survived(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        bake(tracking(), plan, [bad(outcome) for outcome in outcomes], "FAILED")

        parent = runs_of(client)["run"][0]
        assert parent.info.status == "FAILED"
        assert "best_value" not in parent.data.metrics
        assert "best_model_id" not in parent.data.tags
        assert parent.data.tags["mlflow.note.content"].startswith("No model came through")

    def test_one_that_ends_early_is_closed_and_opened_again(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking]
    ) -> None:
        tracker = tracking()
        run_id = tracker.start().mlflow_run_id
        send(tracker, messages.of_end("KILLED"))
        assert client.get_run(run_id).info.status == "KILLED"
        assert tracking().start().mlflow_run_id == run_id
        assert client.get_run(run_id).info.status == "RUNNING"

    def test_a_deleted_experiment_is_said_before_the_work(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking]
    ) -> None:
        client.delete_experiment(tracking().start().experiment_id)
        with pytest.raises(UserError, match="restore it, or choose another name"):
            tracking().start()

    def test_another_job_may_be_first_to_make_the_experiment(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = client.create_experiment("bake-offs")
        look, answers = client.get_experiment_by_name, iter([None])
        monkeypatch.setattr(client, "get_experiment_by_name", lambda name: next(answers, look(name)))
        assert tracking().start().experiment_id == made


class TestTrouble:
    def test_failed_partial_and_cancelled_models(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        lr, rf, nb = outcomes[:3], outcomes[3:6], outcomes[6:]
        cancelled = [bad(outcome, Status.CANCELLED) for outcome in nb]
        tracker = tracking()
        bake(tracker, plan, [lr[0], bad(lr[1]), lr[2], *map(bad, rf), *cancelled], "KILLED")

        runs = {model_id: client.get_run(run_id) for model_id, run_id in tracker.model_run_ids.items()}
        assert {model_id: (run.info.status, run.data.tags["status"]) for model_id, run in runs.items()} == {
            "lr": ("FINISHED", "partial"),
            "rf": ("FAILED", "failed"),
            "nb": ("KILLED", "failed"),
        }
        assert steps(client, tracker.model_run_ids["lr"], "fold_auc") == [(0, 0.7), (2, 0.72)]
        assert runs["lr"].data.tags["error_type"] == "ValueError"
        assert len(runs["rf"].data.tags["error"]) == 1_000
        assert "auc" not in runs["rf"].data.metrics
        assert runs["rf"].data.metrics["n_folds_ok"] == 0
        assert runs_of(client)["run"][0].info.status == "KILLED"

    @pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
    def test_what_is_no_number_is_left_out(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, odd: float
    ) -> None:
        outcomes = good(plan, "lr")
        outcomes[1] = replace(outcomes[1], metrics={"auc": 0.9, "f1": odd})
        tracker = tracking()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.filters", [("ignore", None, RuntimeWarning, None, 0)])  # numpy's, of inf - inf
            bake(tracker, plan, [*outcomes, *good(plan, "rf"), *good(plan, "nb")])

        run_id = tracker.model_run_ids["lr"]
        assert "f1" not in client.get_run(run_id).data.metrics
        assert [step for step, _ in steps(client, run_id, "fold_f1")] == [0, 2]
        assert [step for step, _ in steps(client, run_id, "fold_auc")] == [0, 1, 2]

    def test_more_metrics_than_a_call_may_hold(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking]
    ) -> None:
        plan = make_plan(["lr"], metrics=[f"m{n}" for n in range(400)])  # three folds each, plus means and deviations
        tracker = tracking()
        bake(tracker, plan, good(plan, "lr"))

        metrics = client.get_run(tracker.model_run_ids["lr"]).data.metrics
        assert sum(key.startswith("fold_m") for key in metrics) == 400
        assert len(steps(client, tracker.model_run_ids["lr"], "fold_m399")) == FOLDS
        assert metrics["n_folds_ok"] == FOLDS

    def test_odd_names_long_lists_and_long_texts(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking]
    ) -> None:
        ids = [ODD_NAME, "null\x00", *(f"a rather long name of a model {n}" for n in range(300))]
        plan = replace(
            make_plan(ids, batch_size=2, metrics=["TT (Sec) é/../x", "f1"]), models=tuple(Model(i, i) for i in ids)
        )
        plan = replace(plan, models=plan.models[:4] + plan.models[4:])
        tracker = tracking(
            run_id="it's", params={f"p {n}?": "é" * 9_000 for n in range(150)}, tags={"t" * 300: "é" * 9_000}
        )
        tracker.start()
        board = rank(plan, [*good(plan, ODD_NAME), *good(plan, "null\x00")])
        send(tracker, messages.of_event(PlanMade(plan, slots=2), plan))
        rows = tuple(row for row in board.rows if row.batch_id == 1)
        send(tracker, messages.of_event(BatchDone(plan.batches[0], rows, board.outcomes, 1.0), plan))
        finish(tracker, board, plan, {})

        runs = runs_of(client)
        assert ODD_NAME in {run.data.tags["model_name"] for run in runs["model"]}
        assert all(len(run.info.run_name.encode()) <= 250 for run in runs["model"] + runs["batch"])
        assert not any("\n" in run.info.run_name for run in runs["model"] + runs["batch"])
        assert "TT _Sec_ _/x" in runs["model"][0].data.metrics
        assert len(runs["run"][0].data.params) == 157
        assert tracking(run_id="it's").start().reused

    @pytest.mark.parametrize("name", ["", "/", "..", "a//b", "../x", "m" * 400, "ü", "a:b", "x/" * 200])
    def test_every_key_is_one_that_mlflow_takes(self, client: MlflowClient, name: str) -> None:
        run = client.create_run("0")
        client.log_metric(run.info.run_id, legal_key(name), 1.0)
        client.log_param(run.info.run_id, legal_key(name), "x")


class TestAgain:
    def test_the_same_run_twice_leaves_one_copy(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking]
    ) -> None:
        plan = make_plan(["lr", "rf", "nb", "dt"], batch_size=3)
        outcomes = [o for model in plan.models for o in good(plan, model.id)]
        data = DatasetInfo("patients", "abc", "/data/p.csv")
        first = tracking(dataset=data)
        bake(first, plan, outcomes)
        before = {run.info.run_id: run.data for some in runs_of(client).values() for run in some}

        second = tracking(dataset=data, params={"source": "elsewhere", "new": "one"})
        bake(second, plan, outcomes)

        after = {run.info.run_id: run.data for some in runs_of(client).values() for run in some}
        assert {run_id: data.metrics for run_id, data in after.items()} == {
            run_id: data.metrics for run_id, data in before.items()
        }
        assert first.model_run_ids == second.model_run_ids
        for run_id, data in after.items():
            for key in data.metrics:
                seen = steps(client, run_id, key)
                assert len(seen) == len({step for step, _ in seen})
        parent = runs_of(client)["run"][0]
        assert (parent.data.params["source"], parent.data.params["new"]) == ("here.csv", "one")
        assert len(parent.inputs.dataset_inputs) == 1
        table = json.loads(Path(client.download_artifacts(parent.info.run_id, "leaderboard.json")).read_text())
        assert len(table["data"]) == 4

    def test_an_event_told_twice_is_logged_once(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        tracker = tracking()
        tell(tracker, plan, outcomes)
        tell(tracker, plan, outcomes)
        assert len(runs_of(client)["batch"]) == 3
        assert len(steps(client, tracker.model_run_ids["lr"], "fold_auc")) == FOLDS

    def test_a_resumed_run_brings_a_cut_off_model_up_to_date(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        cut_off = [outcomes[0], *(bad(outcome, Status.CANCELLED) for outcome in outcomes[1:])]
        bake(tracking(), plan, cut_off, "KILLED")

        again = tracking()
        assert again.start().reused
        assert runs_of(client)["run"][0].info.status == "RUNNING"
        assert set(again.model_run_ids) == {"lr", "rf", "nb"}
        board = tell(again, plan, outcomes)
        finish(again, board, plan, {})

        run = client.get_run(again.model_run_ids["lr"])
        assert run.data.metrics["auc"] == pytest.approx(0.71)
        assert run.data.tags["status"] == "ok"
        assert steps(client, run.info.run_id, "fold_auc") == [(0, 0.7), (1, 0.71), (2, 0.72)]
        parent = runs_of(client)["run"][0]
        assert (parent.info.status, parent.data.tags["best_model_id"]) == ("FINISHED", "rf")

    def test_other_runs_are_left_alone(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        bake(tracking("one"), plan, outcomes)
        bake(tracking("two"), plan, outcomes)
        assert Counter({kind: len(some) for kind, some in runs_of(client).items()}) == {
            "run": 2,
            "batch": 6,
            "model": 0,
        }


class TestTheUsersMlflow:
    @pytest.fixture(autouse=True)
    def _users_uri(self, template: Path, tmp_path: Path) -> Iterator[None]:
        before = mlflow.get_tracking_uri()
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        shutil.copy(template, theirs / "mlflow.db")
        mlflow.set_tracking_uri(store.local_tracking_uri(theirs))
        yield
        mlflow.set_tracking_uri(before)

    def test_stays_as_it_was(
        self, client: MlflowClient, tracking: Callable[..., MlflowTracking], plan: Plan, outcomes: list[Outcome]
    ) -> None:
        uri = mlflow.get_tracking_uri()
        with mlflow.start_run() as theirs:
            bake(tracking(), plan, outcomes)
            active = mlflow.active_run()
            assert active is not None
            assert active.info.run_id == theirs.info.run_id
        assert mlflow.get_tracking_uri() == uri
        kept = mlflow.get_run(theirs.info.run_id)
        assert (kept.data.metrics, kept.data.params, kept.info.status) == ({}, {}, "FINISHED")
        assert len(mlflow.search_runs(output_format="list")) == 1

"""Workers that are lost one after the other say something about what they run on, and not about the models."""

from __future__ import annotations

import json
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

import pytest

from bakeoff.comparison.events import Announcer
from bakeoff.comparison.losses import lost_with_the_ground
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.trial import WORKER_LOST, Metric, Model, Outcome, Status, Trial
from bakeoff.errors import EngineLostError, WorkerError
from support.trial_stores import MemoryStore

PLAN = Plan(tuple(Model(f"m{n}", f"Model {n}") for n in range(5)), 4, (Metric("auc", "AUC"),), "auc")


class Workers:
    """An executor whose tasks end at once: well, or with their workers when ``dies`` says so."""

    slots = 2

    def __init__(self, dies: Any, gone_after: int | None = None, says: str = "it is gone") -> None:
        self.dies, self.gone_after, self.says = dies, gone_after, says
        self.n_tasks = self.cancels = 0

    @property
    def lost(self) -> str | None:
        return "The ground is gone" if self.gone_after is not None and self.n_tasks > self.gone_after else None

    def submit(self, task: Any, attempt: int) -> Future[list[Outcome]]:
        self.n_tasks += 1
        future: Future[list[Outcome]] = Future()
        if self.lost or any(self.dies(trial) for trial in task.trials):
            future.set_exception(WorkerError(self.says))
        else:
            future.set_result(
                [
                    Outcome(t.model_id, t.fold, metrics={"auc": 0.5}, fit_seconds=100.0, attempt=attempt)
                    for t in task.trials
                ]
            )
        return future

    def cancel(self) -> None:
        self.cancels += 1

    def wait(self, futures: Any, timeout: float | None, *, for_all: bool = False) -> set[Future[Any]]:
        return wait(futures, timeout, FIRST_COMPLETED).done

    def foresee(self, model_ids: Any) -> None:
        pass


def scheduler(workers: Workers, recorded: list[Outcome]) -> Scheduler:
    return Scheduler(PLAN, workers, Announcer([]), lambda _: 100.0, store=MemoryStore(record=recorded.append))


def test_where_the_ground_is_gone_what_has_not_ended_stays_open() -> None:
    recorded: list[Outcome] = []
    made = scheduler(Workers(lambda _: False, gone_after=7), recorded)
    with pytest.raises(
        EngineLostError, match=r"The ground is gone: \d+ of 20 trials are finished, the others are open"
    ):
        made.run()
    assert 0 < len(recorded) < len(PLAN.trials)
    assert all(outcome.ok for outcome in recorded)
    assert {outcome.trial for outcome in made.so_far().outcomes} == {outcome.trial for outcome in recorded}
    assert {row.model_id for row in made.so_far().rows} == {outcome.model_id for outcome in recorded}


def test_where_workers_are_lost_whatever_runs_on_them_the_ground_is_suspected_and_nothing_is_final() -> None:
    recorded: list[Outcome] = []
    with pytest.raises(EngineLostError, match=r"Something is wrong with the workers: \d+ tasks in a row, of \d models"):
        scheduler(Workers(lambda _: True), recorded).run()
    assert recorded == []


def test_a_model_that_kills_its_workers_is_found_and_costs_only_itself() -> None:
    recorded: list[Outcome] = []
    board = scheduler(Workers(lambda trial: trial.model_id == "m2"), recorded).run()
    assert {outcome.model_id for outcome in board.failures} == {"m2"}
    assert {outcome.status for outcome in board.failures} == {Status.CRASHED}
    assert len(recorded) == len(PLAN.trials)


def test_two_models_that_kill_their_workers_are_no_reason_to_stop() -> None:
    board = scheduler(Workers(lambda trial: trial.model_id in {"m1", "m3"}), []).run()
    assert {outcome.model_id for outcome in board.failures} == {"m1", "m3"}
    assert len(board.outcomes) == len(PLAN.trials)


SERVERLESS_SAYS = (
    "PySparkException: [UDF_PYSPARK_USER_CODE_ERROR.MEMORY_LIMIT_SERVERLESS] Execution failed.\n"
    "Function exceeded the limit of 1024 megabytes. Please reduce the memory usage of your function."
)


def test_a_platform_that_ends_workers_for_their_memory_works_and_their_trials_are_out_of_memory() -> None:
    all_but_one = lambda trial: trial.model_id != "m0"  # noqa: E731
    board = scheduler(Workers(all_but_one, says=SERVERLESS_SAYS), []).run()
    assert {outcome.status for outcome in board.failures} == {Status.OOM}
    assert {outcome.model_id for outcome in board.failures} == {"m1", "m2", "m3", "m4"}
    assert "exceeded the limit of 1024 megabytes" in str(board.failures[0].error_message)
    assert len(board.outcomes) == len(PLAN.trials)


def crashed(model_id: str, fold: int, kind: str, message: str) -> Outcome:
    return Outcome(model_id, fold, Status.CRASHED, error_type=kind, error_message=message)


@pytest.mark.parametrize(
    "message",
    [
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "Py4JError: An error occurred while calling o87.cancelJobsWithTag",
        "Py4JNetworkError: Answer from Java side is empty",
        "SparkException: Job 7 cancelled because SparkContext was shut down",
        "SparkConnectGrpcException: <_MultiThreadedRendezvous of RPC that terminated with: StatusCode.UNAVAILABLE",
    ],
)
def test_trials_that_an_earlier_version_lost_with_the_ground_are_recognised(message: str) -> None:
    outcomes = [crashed("lr", 0, "WorkerError", message), Outcome("dt", 0)]
    assert lost_with_the_ground(outcomes) == {Trial("lr", 0)}


def test_one_model_that_was_lost_with_its_workers_may_have_been_the_reason() -> None:
    alone = [crashed("lr", fold, "WorkerError", "SparkException: exited") for fold in range(10)]
    assert lost_with_the_ground(alone) == set()
    many = [crashed(f"m{n % 3}", n, WORKER_LOST, "SparkException: exited") for n in range(6)]
    assert lost_with_the_ground(many) == {outcome.trial for outcome in many}


def test_what_a_model_did_to_itself_is_never_the_grounds() -> None:
    outcomes = [crashed(f"m{n}", 0, "ProcessEnded", json.dumps({"said": "killed by SIGKILL"})) for n in range(10)] + [
        Outcome("nb", 0, Status.FAILED, error_type="ConnectionError", error_message="Connection refused")
    ]
    assert lost_with_the_ground(outcomes) == set()

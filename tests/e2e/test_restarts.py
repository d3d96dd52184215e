"""Runs that are cut off, by signals and by SIGKILL, and go on: what was finished stays, and nothing runs twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from mlflow.tracking import MlflowClient

from bakeoff import RunConfig, run
from bakeoff.comparison.events import Event, TrialDone
from bakeoff.comparison.trial import Outcome, Status, Trial
from bakeoff.errors import EngineLostError, NoModelSurvivedError, RunConflictError, RunInterruptedError, UserError
from bakeoff.job.resume import resume, stored_config
from bakeoff.job.signals import SIGNALS
from bakeoff.runs.listing import list_runs
from bakeoff.storage.journal import Journal, read_folder
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.tracking.addresses import local_tracking_uri
from support.datasets import cancer_file
from support.waiting import until

MODELS = ("rf", "et", "ada", "gbc", "mlp", "lightgbm")
"""None is so quick that what is left could be over before a signal arrives, however busy the machine."""
N_FOLDS = 7
N_TRIALS = len(MODELS) * N_FOLDS
PATIENCE = 600.0
"""Seconds for what a run takes half a minute for, on a machine that many share."""

pytestmark = pytest.mark.timeout(3 * PATIENCE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("restarts")
    cancer_file(folder)
    return folder


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def config(folder: Path, run_id: str, **more: Any) -> RunConfig:
    asked = {"include": MODELS, "fold": N_FOLDS, "batch_size": 2, "run_id": run_id, "home": folder / "home", **more}
    return RunConfig(str(folder / "cancer.csv"), "target", **asked)


class Cut(NamedTuple):
    """How a process ended that was cut off, what it said, and what was finished by then."""

    code: int
    said: str
    finished: dict[Trial, Outcome]


def finished(folder: Path, run_id: str) -> dict[Trial, Outcome]:
    known = read_folder(folder / "home" / "runs" / run_id / "journal")
    return {outcome.trial: outcome for outcome in known if outcome.status is not Status.CANCELLED}


def java_of(process: subprocess.Popen[Any]) -> psutil.Process:
    (java,) = [child for child in psutil.Process(process.pid).children() if child.name() == "java"]
    return java


def cut_off(
    folder: Path,
    run_id: str,
    share: float,
    number: signal.Signals,
    *arguments: str,
    times: int = 1,
    victim: Callable[[Any], Any] = lambda process: process,
) -> Cut:
    """Start ``bakeoff`` and send it, or a process of its, a signal once this share of all trials is finished."""
    command = [sys.executable, "-m", "bakeoff", *arguments]
    said = folder / f"{run_id}-{number.name}.txt"
    with said.open("w") as stream, subprocess.Popen(command, stdout=stream, stderr=stream, cwd=folder) as process:
        end = time.monotonic() + PATIENCE
        while len(finished(folder, run_id)) < share * N_TRIALS:
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < end, said.read_text()
            time.sleep(0.02)
        for _ in range(times):
            victim(process).send_signal(number)
            time.sleep(0.1)
        code = process.wait(timeout=PATIENCE)
    return Cut(code, said.read_text(), finished(folder, run_id))


def asked(folder: Path, run_id: str, engine: str = "spark") -> list[str]:
    question = [
        "--source",
        str(folder / "cancer.csv"),
        "--target",
        "target",
        "--include",
        ",".join(MODELS),
        "--fold",
        str(N_FOLDS),
    ]
    return ["run", *question, "--batch-size", "2", "--run-id", run_id, "--home", "home", "--engine", engine]


@pytest.fixture(scope="module")
def whole(folder: Path, spark: Any) -> Any:
    """A run that nobody interrupts."""
    return run(config(folder, "whole"), spark, say=lambda _: None)


@pytest.fixture(scope="module")
def client(whole: Any, folder: Path) -> MlflowClient:
    uri = local_tracking_uri(folder / "home")
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def rows(spark: Any, folder: Path, run_id: str) -> tuple[Any, ...]:
    """What the tables say of a run, but for times."""
    tables = ResultsLocation(path=folder / "home" / "tables")
    trials = {
        o.trial: (o.status, dict(o.metrics), dict(o.metric_errors)) for o in SparkTables(spark, tables).trials(run_id)
    }
    board = SparkTables(spark, tables).frame("leaderboard").where(f"run_id = '{run_id}'").orderBy("rank").collect()
    ranking = [
        (row.rank, row.model_id, row.model_name, row.status, row.primary_value, row.n_folds_ok, row.tied_with_best)
        for row in board
    ]
    scores = [
        {key: value for key, value in found.items() if key != "tt_sec"}
        for row in board
        for found in (row.metrics, row.metrics_std)
    ]
    return trials, ranking, scores


def went_on(spark: Any, folder: Path, client: MlflowClient, run_id: str, *cuts: Cut) -> None:
    """The run is finished, as if nobody had interrupted it; and nothing ran twice."""
    tables = ResultsLocation(path=folder / "home" / "tables")
    assert rows(spark, folder, run_id) == rows(spark, folder, "whole")
    written = Counter(
        o.trial
        for segment in Journal(folder / "home" / "runs" / run_id / "journal").segments()
        for o in segment.outcomes
        if o.status is not Status.CANCELLED
    )
    assert set(written.values()) == {1}
    assert len(written) == N_TRIALS
    stored = {outcome.trial: outcome for outcome in SparkTables(spark, tables).trials(run_id)}
    for cut in cuts:
        for trial, outcome in cut.finished.items():
            assert stored[trial].finished_at == pytest.approx(outcome.finished_at, abs=1e-5)
    kept = SparkTables(spark, tables).frame("trials").where(f"run_id = '{run_id}' AND status <> 'cancelled'")
    assert kept.count() == N_TRIALS
    (row,) = SparkTables(spark, tables).frame("runs").where(f"run_id = '{run_id}'").collect()
    assert (row.status, row.n_ok) == ("finished", len(MODELS))
    runs = client.search_runs([row.mlflow_experiment_id], f"tags.`bakeoff.run_id` = '{run_id}'")
    kinds = Counter(run.data.tags["bakeoff.kind"] for run in runs)
    assert kinds == {"run": 1, "batch": len(MODELS) // 2, "model": len(MODELS)}
    assert {run.info.status for run in runs} == {"FINISHED"}


@pytest.fixture(scope="module")
def interrupted(folder: Path) -> Cut:
    """Ctrl-C in the first half."""
    return cut_off(folder, "cut", 0.4, signal.SIGINT, *asked(folder, "cut"))


@pytest.fixture(scope="module")
def state(interrupted: Cut, spark: Any, folder: Path, client: MlflowClient) -> dict[str, Any]:
    """What tables and MLflow say after Ctrl-C."""
    tables = ResultsLocation(path=folder / "home" / "tables")
    (row,) = SparkTables(spark, tables).frame("runs").where("run_id = 'cut'").collect()
    return {
        "run": row,
        "mlflow": client.get_run(row.mlflow_run_id).info.status,
        "trials": Counter(str(outcome.status) for outcome in SparkTables(spark, tables).trials("cut")),
        "board": SparkTables(spark, tables).frame("leaderboard").where("run_id = 'cut'").orderBy("rank").collect(),
    }


@pytest.fixture(scope="module")
def killed(state: Any, folder: Path) -> Cut:
    """... and then SIGKILL in the second half."""
    return cut_off(folder, "cut", 0.7, signal.SIGKILL, "resume", "cut", "--home", "home")


def test_ctrl_c_keeps_and_ranks_what_is_finished_and_says_how_to_go_on(interrupted: Cut, state: Any) -> None:
    n_done = len(interrupted.finished)
    assert interrupted.code == 130, interrupted.said
    assert f"ended by SIGINT with {n_done} of {N_TRIALS} trials finished" in interrupted.said
    assert "-m bakeoff resume cut --home home` goes on." in interrupted.said
    assert "Traceback" not in interrupted.said
    assert state["run"].status == "killed"
    assert state["mlflow"] == "KILLED"
    assert state["trials"] == {"ok": n_done, "cancelled": N_TRIALS - n_done}
    assert [row.rank for row in state["board"]] == list(range(1, len(MODELS) + 1))
    assert state["run"].best_model_id == state["board"][0].model_id


@pytest.mark.slow
def test_a_killed_driver_goes_on_and_the_tables_are_as_if_nothing_had_been(
    killed: Cut, interrupted: Cut, spark: Any, folder: Path, client: MlflowClient
) -> None:
    assert killed.code == -signal.SIGKILL
    assert len(interrupted.finished) < len(killed.finished) < N_TRIALS
    said: list[str] = []
    result = resume("cut", spark, said.append, home=folder / "home")
    assert f"Run cut goes on: {len(killed.finished)} of its trials are finished already." in said
    assert result.summary.n_resumed == len(killed.finished)
    went_on(spark, folder, client, "cut", interrupted, killed)


def test_what_cannot_be_resumed_is_refused(whole: Any, spark: Any, folder: Path) -> None:
    with pytest.raises(UserError, match="Run whole is finished and has nothing left to do"):
        resume("whole", spark, home=folder / "home")
    with pytest.raises(UserError, match="There is no run 'nobody'"):
        stored_config(SparkTables(spark, whole.tables), "nobody", folder / "home")


@pytest.mark.slow
@pytest.mark.parametrize(("share", "engine"), [(0.25, "spark"), (0.5, "spark"), (0.9, "spark"), (0.5, "local")])
def test_a_driver_killed_at_any_time_goes_on(
    share: float, engine: str, spark: Any, folder: Path, client: MlflowClient
) -> None:
    run_id = f"{engine}-killed-at-{share}"
    cut = cut_off(folder, run_id, share, signal.SIGKILL, *asked(folder, run_id, engine))
    assert len(cut.finished) >= share * N_TRIALS
    run(config(folder, run_id, engine=engine), spark, say=lambda _: None)
    went_on(spark, folder, client, run_id, cut)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "number", "engine"),
    [
        (0.1, signal.SIGTERM, "spark"),
        (0.5, signal.SIGTERM, "spark"),
        (0.5, signal.SIGHUP, "spark"),
        (0.99, signal.SIGINT, "spark"),
        (0.1, signal.SIGTERM, "local"),
        (0.5, signal.SIGINT, "local"),
    ],
)
def test_a_signal_at_any_time_ends_the_run_in_order(  # noqa: PLR0917 - fixtures
    share: float, number: signal.Signals, engine: str, spark: Any, folder: Path, client: MlflowClient
) -> None:
    run_id = f"{engine}-{number.name}-at-{share}"
    cut = cut_off(folder, run_id, share, number, *asked(folder, run_id, engine))
    tables = ResultsLocation(path=folder / "home" / "tables")
    (row,) = SparkTables(spark, tables).frame("runs").where(f"run_id = '{run_id}'").collect()
    # At 99 % it may come too late to stop anything.
    assert (cut.code, row.status) in {(128 + number, "killed"), *([(0, "finished")] if share > 0.9 else [])}, cut.said
    status = client.get_run(row.mlflow_run_id).info.status
    assert status == {"killed": "KILLED", "finished": "FINISHED"}[row.status]
    trials = SparkTables(spark, tables).trials(run_id)
    assert len(trials) == N_TRIALS
    assert {outcome.trial for outcome in trials if outcome.ok} == set(cut.finished)
    if row.status == "killed":
        run(config(folder, run_id, engine=engine), spark, say=lambda _: None)
        went_on(spark, folder, client, run_id, cut)


@pytest.mark.parametrize(
    "share",
    [pytest.param(0.1, marks=pytest.mark.slow), 0.5, pytest.param(0.9, marks=pytest.mark.slow)],
)
def test_where_sparks_java_is_killed_the_run_is_interrupted_and_goes_on(
    share: float, spark: Any, folder: Path, client: MlflowClient
) -> None:
    run_id = f"java-at-{share}"
    cut = cut_off(folder, run_id, share, signal.SIGKILL, *asked(folder, run_id), victim=java_of)
    assert cut.code == EngineLostError.exit_code, cut.said
    assert all(outcome.ok for outcome in cut.finished.values())
    assert f"Run {run_id} was interrupted. Spark's Java process is gone: {len(cut.finished)} of {N_TRIALS}" in cut.said
    assert f"-m bakeoff resume {run_id} --home home` goes on." in cut.said
    assert "Traceback" not in cut.said
    assert len(cut.said.splitlines()) < 20
    listed = list_runs(SparkTables(spark, ResultsLocation(path=folder / "home" / "tables")), folder / "home").set_index(
        "run_id"
    )
    assert listed.loc[run_id].status == "interrupted"
    said: list[str] = []
    resume(run_id, spark, said.append, home=folder / "home")
    assert f"Run {run_id} goes on: {len(cut.finished)} of its trials are finished already." in said
    went_on(spark, folder, client, run_id, cut)


def test_a_run_that_was_killed_before_its_row_was_entered_is_listed_and_can_be_resumed(
    whole: Any, spark: Any, folder: Path, client: MlflowClient
) -> None:
    home = folder / "home"
    command = [sys.executable, "-m", "bakeoff", *asked(folder, "early")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder) as process:
        until((home / "runs" / "early" / "run.json").exists, PATIENCE)
        process.kill()
    assert SparkTables(spark, whole.tables).frame("runs").where("run_id = 'early'").count() == 0
    assert list_runs(SparkTables(spark, whole.tables), home).set_index("run_id").loc["early"].status == "interrupted"
    with pytest.raises(UserError, match="asked something else"):
        run(config(folder, "early", seed=7), spark, say=lambda _: None)
    resume("early", spark, say=lambda _: None, home=home)
    went_on(spark, folder, client, "early")
    assert list_runs(SparkTables(spark, whole.tables), home).set_index("run_id").loc["early"].status == "finished"


@pytest.mark.slow
def test_of_five_processes_with_one_run_id_one_runs_and_a_sixth_takes_over_when_it_is_killed(
    spark: Any, folder: Path, client: MlflowClient
) -> None:
    command = [sys.executable, "-m", "bakeoff", *asked(folder, "five")]
    logs = [folder / f"five-{n}.txt" for n in range(5)]
    with ExitStack() as stack:
        streams = [stack.enter_context(log.open("w")) for log in logs]
        five = [subprocess.Popen(command, stdout=each, stderr=each, cwd=folder) for each in streams]
        until(lambda: len(finished(folder, "five")) >= 0.2 * N_TRIALS, PATIENCE)
        until(lambda: sum(each.poll() is None for each in five) == 1, PATIENCE)
        (has_it,) = [each for each in five if each.poll() is None]
        with pytest.raises(RunConflictError, match=f"Run five is going on: process {has_it.pid} on"):
            resume("five", spark, home=folder / "home")
        has_it.kill()
        has_it.wait()
    others = [(each, log.read_text()) for each, log in zip(five, logs, strict=True) if each is not has_it]
    assert {each.returncode for each, _ in others} == {2}
    assert all(f"process {has_it.pid} on" in said and "Traceback" not in said for _, said in others)
    cut = Cut(-signal.SIGKILL, "", finished(folder, "five"))
    run(config(folder, "five"), spark, say=lambda _: None)
    went_on(spark, folder, client, "five", cut)


class Interrupts:
    """Presses Ctrl-C when some trials are finished."""

    def __init__(self, after: int) -> None:
        self.after = after

    def handle(self, event: Event) -> None:
        self.after -= isinstance(event, TrialDone)
        if self.after == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
def test_other_jobs_of_the_session_live_on(spark: Any, folder: Path) -> None:
    def takes_its_time(frames: Iterator[Any]) -> Iterator[Any]:
        for each in frames:
            time.sleep(20)
            yield each

    handlers = [signal.getsignal(each) for each in SIGNALS]
    with ThreadPoolExecutor(1) as theirs:
        job = theirs.submit(spark.range(0, 1, 1, 1).mapInPandas(takes_its_time, "id long").collect)
        with pytest.raises(RunInterruptedError, match="`bakeoff resume beside"):
            run(config(folder, "beside"), spark, say=lambda _: None, listeners=[Interrupts(3)])
        assert [row.id for row in job.result()] == [0]
    assert [signal.getsignal(each) for each in SIGNALS] == handlers


@pytest.mark.slow
def test_a_second_signal_ends_at_once(folder: Path) -> None:
    cut = cut_off(folder, "twice", 0.3, signal.SIGTERM, *asked(folder, "twice"), times=2)
    assert cut.code == -signal.SIGTERM, cut.said


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_at_the_end_of_its_budget_a_job_ranks_what_is_finished(
    share: float, whole: Any, spark: Any, folder: Path, client: MlflowClient
) -> None:
    run_id = f"budget-{share}"
    minutes = share * whole.summary.wall_seconds / 60
    with_budget = config(folder, run_id, budget_minutes=minutes)
    with suppress(NoModelSurvivedError):  # at 10 % there may be none yet
        run(with_budget, spark, say=lambda _: None)
    trials = SparkTables(spark, whole.tables).trials(run_id)
    assert len(trials) == N_TRIALS
    assert {str(outcome.status) for outcome in trials} <= {"ok", "cancelled"}
    done = {outcome.trial for outcome in trials if outcome.ok}
    assert done == set(finished(folder, run_id))
    # Asked again without a limit, it goes on from there.
    again = run(config(folder, run_id), spark, say=lambda _: None)
    assert again.summary.n_resumed == len(done)
    assert rows(spark, folder, run_id) == rows(spark, folder, "whole")

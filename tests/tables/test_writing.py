"""What all adapters of the result tables do: two finished runs, one of them with a partial and a failed model."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.errors import UserError
from bakeoff.storage import delta_sql
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.schema import TABLES
from support.stored_runs import OLD, PLAN, RUN, files_of, n_commits, rows, store_runs, stored_rows


@pytest.fixture(scope="module")
def tables(open_tables, tmp_path_factory):
    """Three runs; what a test of this module adds goes under a run of its own."""
    made = open_tables(tmp_path_factory.mktemp("tables") / "odd `name's ü 100%")
    made.check()
    assert not made.location.path.exists()
    assert made.trials("old") == []
    store_runs(made)
    return made


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_tables_are_described(spark, tables, table):
    name = tables.location.name(table.name)
    detail = spark.sql(f"DESCRIBE DETAIL {name}").first()
    assert detail.description == table.comment
    assert {name for name, _ in table.checks} == {
        key.removeprefix("delta.constraints.") for key in detail.properties if key.startswith("delta.constraints.")
    }
    described = {row.col_name: row.comment for row in spark.sql(f"DESCRIBE {name}").collect()}
    assert all(described[column.name] == column.comment for column in table.columns)
    required = {field.name for field in spark.table(name).schema.fields if not field.nullable}
    assert required == {column.name for column in table.columns if not column.nullable}


BAD = {
    "no id": lambda tables: tables.enter_run(RunRecord(None, "finished")),
    "unknown status": lambda tables: tables.enter_run(RunRecord("bad", "done")),
    "unknown status, merged": lambda tables: tables.upsert_run(RunRecord("bad", "done")),
    "attempt 0": lambda tables: tables.append_trials("bad", PLAN, "d", [Outcome("lr", 0, attempt=0)]),
    "fold -1, merged": lambda tables: tables.merge_trials("bad", PLAN, [Outcome("lr", -1)]),
    "no attempt": lambda tables: tables.append_trials("bad", PLAN, "d", [Outcome("lr", 0, attempt=None)]),
    "rank 0": lambda tables: tables.upsert_leaderboard("bad", [replace(rank(PLAN, OLD).rows[0], rank=0)], "auc", {}),
    "share below 0": lambda tables: tables.write_profile("bad", [PROFILED | {"share": -0.5}], again=False),
}
PROFILED = {
    "column_name": "c", "bin": 0, "role": "input", "kind": "number", "category": None, "lower": None, "upper": None,
    "share": 0.5, "n_rows": 3,
}  # fmt: skip
PREDICTED = {
    "row_number": 3, "fold": 0, "model_id": "lr", "truth": "nö", "prediction": "yes", "probabilities": [0.25, 0.75],
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_bad_rows_are_refused(tables, bad):
    before = [n_commits(tables, table) for table in TABLES]
    with pytest.raises(Exception, match=r"(?i)constraint|nullable|can not be None|failed validation|NOT NULL"):
        BAD[bad](tables)
    assert [n_commits(tables, table) for table in TABLES] == before


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("runs", {"run_id": "NULL", "status": "'finished'"}),
        ("trials", {"run_id": "'x'", "model_id": "NULL", "fold": "0", "status": "'ok'"}),
        ("leaderboard", {"run_id": "'x'", "model_id": "NULL", "rank": "1", "status": "'ok'"}),
        ("runs", {"run_id": "'x'", "status": "'done'"}),
        ("leaderboard", {"run_id": "'x'", "model_id": "'m'", "rank": "0", "status": "'ok'"}),
    ],
)
def test_bad_rows_are_refused_to_sql(spark, tables, table, values):
    safe = {"attempt": "1", "fit_seconds": "0", "score_seconds": "0", "n_folds_ok": "0"}
    known = {column.name for column in TABLES[table].columns}
    values |= {name: value for name, value in safe.items() if name in known}
    columns = ", ".join(values)
    with pytest.raises(Exception, match=r"DELTA_VIOLATE_CONSTRAINT|DELTA_NOT_NULL_CONSTRAINT"):
        spark.sql(f"INSERT INTO {tables.location.name(table)} ({columns}) VALUES ({', '.join(values.values())})")


def test_making_the_tables_again_commits_nothing(tables):
    commits = [n_commits(tables, table) for table in TABLES]
    for _ in range(2):
        tables.create()
    assert [n_commits(tables, table) for table in TABLES] == commits


def test_trials_come_back_as_they_were(tables):
    read = {outcome.trial: outcome for outcome in tables.trials("old")}
    assert len(read) == len(OLD)
    for outcome in OLD:
        if outcome.trial != OLD[1].trial:
            assert read[outcome.trial] == outcome
    assert math.isnan(read[OLD[1].trial].metrics["f1"])
    assert read[OLD[1].trial].finished_at == OLD[1].finished_at


def test_nan_is_stored_as_null(tables):
    for run_id in ("old", "new"):
        scores = [row["metrics"] for row in stored_rows(tables, "trials", run_id)]
        assert [each["f1"] for each in scores if "f1" in each].count(None) == 1
    board = {row["model_id"]: row for row in rows(tables, "leaderboard", "old")}
    assert board["lr"]["metrics"]["f1"] is None
    assert board["nb"]["primary_value"] is None


def test_a_segment_appended_again_changes_nothing_and_another_one_is_added(tables):
    done = [Outcome("lr", 0, finished_at=1.0)]
    tables.append_trials("replay", PLAN, "one", done)
    commits = n_commits(tables, "trials")
    for _ in range(2):
        tables.append_trials("replay", PLAN, "one", done)
    assert n_commits(tables, "trials") == commits
    assert tables.trials("replay") == done
    tables.append_trials("replay", PLAN, "two", [Outcome("lr", 1, finished_at=1.0)])
    tables.append_trials("replay", PLAN, "none", [])
    assert len(rows(tables, "trials", "replay")) == 2


def test_a_thousand_trials_of_models_with_odd_names_are_stored_and_ranked(tables):
    name = 'it\'s "odd"\n`x` \\ 日本語🎉 ' + "é" * 300
    models = tuple(Model(f"{name}{n}", f"{name}{n}") for n in range(100))
    scores = [0.0, math.nan, math.inf, -math.inf, *(n / 100 for n in range(4, 100))]
    plan = Plan(models, n_folds=10, metrics=(Metric("auc", "AUC"),), sort_by="auc")
    done = [
        Outcome(model.id, fold, metrics={"auc": score}, traceback=name * 30, finished_at=1.0)
        for model, score in zip(models, scores, strict=True)
        for fold in range(10)
    ]
    tables.append_trials("big", plan, "d", done)
    tables.upsert_leaderboard("big", rank(plan, done).rows, "auc", {models[0].id: "m"})
    tables.upsert_run(replace(RUN, run_id="big", config=f'{{"a": "{"x" * 10_000}"}}', versions={}))
    read = {outcome.trial: outcome for outcome in tables.trials("big")}
    assert len(read) == 1000
    for outcome in done:
        stored, value = read[outcome.trial].metrics["auc"], outcome.metrics["auc"]
        assert stored == value if math.isfinite(value) else math.isnan(stored)
        assert read[outcome.trial].traceback == name * 30
    board = {row["rank"]: row for row in rows(tables, "leaderboard", "big")}
    # An infinite score is above all others; a missing one is below them, and both are NULL in SQL.
    order = [f"{name}{n}" for n in (2, *range(99, 3, -1), 0, 3, 1)]
    assert [board[n]["model_id"] for n in range(1, 101)] == order
    assert [board[n]["primary_value"] for n in (1, 2, 98, 99, 100)] == [None, 0.99, 0.0, None, None]
    assert board[98]["mlflow_run_id"] == "m"
    assert len(rows(tables, "runs", "big")[0]["config"]) > 10_000


def test_a_trial_that_is_cancelled_in_one_attempt_and_finished_in_another_is_finished(tables):
    # ... also where the clock of the worker is behind that of the driver.
    both = [Outcome("lr", 0, status=Status.CANCELLED, finished_at=200.0), Outcome("lr", 0, finished_at=100.0)]
    for n, outcome in enumerate(both):
        tables.append_trials("clocks", PLAN, f"d{n}", [outcome])
    assert tables.trials("clocks") == both[1:]


def test_a_trial_that_was_run_again_counts_once(tables):
    again = [replace(OLD[4], finished_at=100.0), replace(OLD[0], model_id="nb", finished_at=200.0)]
    for n, outcome in enumerate(again):
        tables.append_trials("resumed", PLAN, f"d{n}", [outcome])
    assert tables.trials("resumed") == again[1:]
    assert rows(tables, "failures", "resumed") == []


def test_an_append_is_one_file(tables):
    before = files_of(tables, "trials")
    tables.append_trials("one file", PLAN, "d", OLD)
    assert len(files_of(tables, "trials") - before) == 1


def test_merging_again_puts_the_newer_values_in_place(tables):
    first = replace(RUN, run_id="merged", status="running", finished_at=None, git_commit="abc")
    tables.upsert_run(first)
    tables.upsert_run(replace(first, status="finished", git_commit=None, versions={"spark": "3"}))
    (run,) = rows(tables, "runs", "merged")
    assert (run["status"], run["git_commit"], run["versions"]) == ("finished", None, {"spark": "3"})
    assert (run["config"], run["n_rows"]) == (RUN.config, RUN.n_rows)
    assert {"old", "new", "later"} <= {row["run_id"] for row in rows(tables, "runs")}


def test_a_row_that_is_there_can_be_updated(tables):
    first = replace(RUN, run_id="updated", status="running", finished_at=None, git_commit="abc")
    tables.enter_run(first)
    last = replace(first, status="finished", git_commit=None, versions={"spark": "3"}, finished_at=1.7e9 + 9.5)
    commits = n_commits(tables, "runs")
    tables.upsert_run(last)
    assert n_commits(tables, "runs") == commits + 1
    tables.upsert_run(replace(last, run_id="merged too"))
    assert tables.run("updated") == replace(tables.run("merged too"), run_id="updated") == last
    assert len(stored_rows(tables, "runs", "updated")) == 1


def test_a_run_entered_again_changes_nothing(tables):
    tables.enter_run(RunRecord("twice", "running"))
    for status in ("running", "killed"):
        tables.enter_run(RunRecord("twice", status))
    assert [row["status"] for row in stored_rows(tables, "runs", "twice")] == ["running"]


def test_a_row_that_is_not_there_is_entered_by_an_update(tables):
    """Somebody may have deleted it, and Delta remembers that it was entered."""
    run = replace(RUN, run_id="deleted", holder="me")
    for _ in range(2):
        tables.enter_run(run)
        tables.release_holder("deleted", "me", forget=True)
    assert tables.run("deleted") is None
    tables.upsert_run(run)
    tables.upsert_run(run)
    assert len(stored_rows(tables, "runs", "deleted")) == 1


def test_a_leaderboard_merged_again_has_each_model_once(tables):
    worse = rank(PLAN, OLD[2:]).rows
    tables.upsert_leaderboard("board", rank(PLAN, OLD).rows, "auc", {})
    before = files_of(tables, "leaderboard")
    tables.upsert_leaderboard("board", worse, "auc", {"rf": "mlflow-2"})
    board = {row["model_id"]: row for row in rows(tables, "leaderboard", "board")}
    assert {model: row["rank"] for model, row in board.items()} == {row.model_id: row.rank for row in worse}
    assert (board["lr"]["status"], board["rf"]["mlflow_run_id"]) == ("failed", "mlflow-2")
    assert len(files_of(tables, "leaderboard") - before) == 1


def test_times_are_points_in_time_whatever_the_zone(tables):
    (run,) = tables._rows(f"{delta_sql.runs(tables.location, ['started_at', 'finished_at'])} WHERE run_id = 'old'")
    assert (run["started_at_micros"], run["finished_at_micros"]) == (1_700_000_000_000_000, 1_700_000_009_500_000)


def test_batch_metrics_agree_with_the_leaderboard(tables):
    for run_id in ("old", "new"):
        found = rows(tables, "batch_metrics", run_id)
        means = {(row["model_id"], row["metric"]): row for row in found}
        board = [row for row in rows(tables, "leaderboard", run_id) if row["n_folds_ok"]]
        assert len(means) == len(found) == sum(len(row["metrics"]) for row in board)
        for row in board:
            for metric, mean in row["metrics"].items():
                cell = means[row["model_id"], metric]
                assert cell["mean"] == pytest.approx(mean)
                assert cell["std"] == pytest.approx(row["metrics_std"][metric])
                assert cell["batch_id"] == row["batch_id"]


def test_the_latest_leaderboard_is_of_the_newest_finished_run(tables):
    latest = [row for row in rows(tables, "leaderboard_latest") if row["run_id"] != "merged"]
    assert {row["run_id"] for row in latest} == {"new"}
    assert {(row["rank"], row["model_id"]) for row in latest} == {(1, "rf"), (2, "lr"), (3, "nb")}
    assert {(row["source"], row["target"], row["task_type"]) for row in latest} == {("t.csv", "y", "classification")}


def test_the_best_model_of_a_run_has_every_fold(tables):
    best = {row["run_id"]: row for row in rows(tables, "best_models")}
    assert best["old"]["model_id"] == "lr"
    assert best["old"]["primary_value"] == pytest.approx(0.7)
    assert best["old"]["model_mlflow_run_id"] == "mlflow-1"
    assert best["new"]["model_id"] == "rf"
    assert "later" not in best


def test_failures_stand_newest_first_with_their_reasons(tables):
    failures = rows(tables, "failures", "old")
    assert [(row["model_id"], row["status"]) for row in failures] == [
        ("rf", "timeout"),
        ("nb", "failed"),
        ("nb", "cancelled"),
    ]
    assert (failures[1]["error_message"], failures[1]["source"]) == ("no\nü", "t.csv")


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(open_tables, tmp_path):
    (tmp_path / "file").write_text("")
    tables = open_tables(tmp_path / "file" / "tables")
    for call in (tables.check, tables.create):
        with pytest.raises(
            UserError, match=r"^The folder of the tables .* cannot be made: .*file is no folder: name another --home\.$"
        ):
            call()


def test_what_mlflow_has_not_told_is_entered_and_what_is_there_stays(tables):
    tables.upsert_run(replace(RUN, run_id="told"))
    tables.upsert_leaderboard("told", rank(PLAN, OLD).rows, "auc", {"lr": "early"})
    known = replace(RUN, run_id="told", mlflow_experiment_id="1", mlflow_run_id="it's \\ here", promotion="champion")
    for again in (known, replace(known, mlflow_run_id="late", promotion="late")):
        tables.fill_mlflow_ids(again, {"lr": "late", "rf": "mine"})
    tables.fill_mlflow_ids(replace(RUN, run_id="told"), {})
    assert tables.run("told") == known
    ids = {row["model_id"]: row["mlflow_run_id"] for row in tables.leaderboard("told")}
    assert ids == {"lr": "early", "rf": "mine", "nb": None}


def test_a_profile_is_written_again_in_its_place(tables):
    tables.write_profile("profiled", [PROFILED, PROFILED | {"bin": 1}], again=False)
    tables.write_profile("profiled", [PROFILED | {"share": 1.0}], again=True)
    assert [(row["bin"], row["share"]) for row in stored_rows(tables, "profiles", "profiled")] == [(0, 1.0)]


def test_predictions_are_written_again_in_their_place_once_they_were_asked_for(tables):
    with pytest.raises(UserError, match=r"no predictions in .*--keep-predictions table"):
        tables.read("predictions")
    for _ in range(2):
        tables.create(predictions=True)
    one, other = PREDICTED, PREDICTED | {"row_number": 4, "prediction": None, "probabilities": None}
    tables.write_predictions("said", [[one, other], [one | {"model_id": "it's \\ rf"}]], again=False)
    assert len(stored_rows(tables, "predictions", "said")) == 3
    tables.write_predictions("another", [[one]], again=False)
    tables.write_predictions("said", [[one, other]], again=True)
    written = sorted(stored_rows(tables, "predictions", "said"), key=lambda row: row["row_number"])
    assert written == [{"run_id": "said", **one}, {"run_id": "said", **other}]
    assert len(tables.read("predictions")) == 3
    with pytest.raises(Exception, match=r"(?i)constraint|failed validation"):
        tables.write_predictions("bad", [[one | {"row_number": -1}]], again=False)


def test_a_table_of_somebody_elses_that_is_called_predictions_stays(spark, open_tables, tmp_path):
    tables = open_tables(tmp_path / "tables")
    theirs = tables.location.name("predictions")
    spark.sql(f"CREATE TABLE {theirs} USING DELTA AS SELECT 1 AS a, 'no' AS truth")
    tables.create()
    tables.upsert_run(RUN)
    assert [list(row.values()) for row in tables.read("predictions").to_dict("records")] == [[1, "no"]]
    with pytest.raises(UserError, match="predictions"):
        tables.create(predictions=True)


def test_a_write_is_seen_at_once(tables):
    for n in range(3):
        tables.append_trials("seen", PLAN, f"d{n}", [replace(OLD[0], finished_at=n + 1.0)])
        assert tables.trials("seen")[0].finished_at == n + 1.0


def test_the_newest_run_is_the_one_that_started_last(tables):
    tables.upsert_run(replace(RUN, run_id="newest", status="running", started_at=2.5e9))
    assert tables.newest_run().run_id == "newest"
    assert {"old", "new", "later", "newest"} <= {run.run_id for run in tables.runs()}
    assert tables.run("none") is None


def test_reading_where_nothing_is_says_so(open_tables, tables, tmp_path):
    nothing = open_tables(tmp_path)
    assert (nothing.exists(), nothing.runs(), nothing.trials("r"), nothing.leaderboard("r")) == (False, [], [], [])
    for call in (nothing.require, lambda: nothing.read("runs")):
        with pytest.raises(UserError, match="no results in"):
            call()
    with pytest.raises(UserError, match="no table 'trails': choose from runs"):
        tables.read("trails")

"""The command line: what it refuses, and what it shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bakeoff
from bakeoff.cli.app import main
from support.datasets import breast_cancer
from support.terminal import seen, session


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    rows = breast_cancer(80)
    rows.to_csv("good.csv", index=False)
    rows.head(0).to_csv("empty.csv", index=False)
    rows.assign(target="same").to_csv("constant.csv", index=False)
    text = rows.to_csv(index=False)
    Path("double.csv").write_text(text.replace("mean_texture", "mean_radius", 1))
    Path("broken.json").write_text("{not json")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--source", "nowhere.csv"], "nowhere.csv"),
        (["--source", "good.csv", "--target", "nothing"], "nothing"),
        (["--source", "empty.csv"], "no rows"),
        (["--source", "constant.csv"], "same"),
        (["--source", "double.csv"], "mean_radius"),
        (["--source", "good.csv", "--include", "lr,nope"], "no model 'nope': choose from lr"),
        (["--source", "good.csv", "--sort", "nope"], "no metric 'nope': choose from Accuracy"),
        (["--source", "good.csv", "--include", "lr", "--exclude", "rf"], "--include and --exclude"),
        (["--source", "good.csv", "--setup", "{not json"], "--setup"),
        (["--source", "good.csv", "--setup", "@broken.json"], "broken.json"),
        (["--source", "good.csv", "--setup", '{"normalise": true}'], "normalise"),
        (["--source", "{{job.parameters.source}}"], "{{job.parameters.source}}"),
        (["--source", "good.csv", "--fold", "many"], "--fold"),
        (["--source", "good.csv", "--fold", "60"], "60"),
        (["--source", "good.csv", "--task", "time_series"], "--time-col"),
        ([], "--source"),
    ],
)
def test_a_mistake_gets_one_sentence_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    before = sorted(path.name for path in here.iterdir())
    if "--target" not in arguments:
        arguments = [*arguments, "--target", "target"]
    with pytest.raises(SystemExit) as stopped:
        main(["run", *arguments])
    said = capsys.readouterr().err
    last = said.strip().splitlines()[-1]
    assert stopped.value.code == 2
    assert last.startswith("Error: ")
    assert says in last
    assert "Traceback" not in said
    assert sorted(path.name for path in here.iterdir()) == before


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        ({"ignore_features": list(breast_cancer(1).columns[:-1])}, "'ignore_features' names every column"),
        ({"feature_selection": True, "n_features_to_select": 0.01}, "'n_features_to_select' is 0.01 of 30 columns"),
        ({"low_variance_threshold": 1e12}, "change --setup ('low_variance_threshold')"),
    ],
)
def test_a_setup_that_leaves_no_feature_is_refused_before_training(
    here: Path, capfd: pytest.CaptureFixture[str], setup: dict[str, Any], says: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--source", "good.csv", "--target", "target", "--setup", json.dumps(setup)])
    out, err = capfd.readouterr()
    assert stopped.value.code == 2
    assert says in err.strip().splitlines()[-1]
    assert "Traceback" not in err
    assert "LightGBM" not in out + err
    assert not Path(".bakeoff").exists()


@pytest.mark.slow
def test_the_limits_of_a_trial_are_kept(here: Path, capsys: pytest.CaptureFixture[str], spark: Any) -> None:
    # Memory is looked at several times a second, so this is a model that takes a while.
    pd.concat([pd.read_csv("good.csv")] * 10).to_csv("more.csv", index=False)
    asked = ["run", "--source", "more.csv", "--target", "target", "--include", "gbc", "--fold", "2"]
    main([*asked, "--run-id", "usual"])
    assert "A trial that takes longer than 10 minutes is ended (--trial-timeout" in capsys.readouterr().err
    limits = ["--trial-memory-mb", "1", "--max-retries", "0", "--trial-timeout", "60", "--n-slots", "1"]
    with pytest.raises(SystemExit) as stopped:
        main([*asked, "--run-id", "tight", *limits])
    said = capsys.readouterr().err
    assert stopped.value.code == 1
    assert "more than the 1 MB it may" in said
    assert "A trial that takes longer" not in said


@pytest.mark.parametrize("place", [["--catalog", "nocatalog", "--schema", "results"], ["--home", "good.csv/home"]])
def test_a_place_that_cannot_be_written_to_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], spark: Any, place: list[str]
) -> None:
    before = sorted(path.name for path in here.iterdir())
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--source", "good.csv", "--target", "target", "--include", "nb", *place])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("Error: ")
    assert sorted(path.name for path in here.iterdir()) == before


@pytest.mark.slow
def test_a_run_ends_with_what_was_made_and_what_to_type_next(
    here: Path, capsys: pytest.CaptureFixture[str], spark: Any
) -> None:
    config = "source: good.csv\ntarget: target\ninclude: [nb, dummy]\nfold: 3\nrun_id: from-file\n"
    Path("config.yml").write_text(config)
    main(["run", "--config", "config.yml", "--fold", "2", "--run-id", "r"])
    out, err = capsys.readouterr()
    assert "The task is classification" in err
    assert "Naive Bayes" in err
    assert "\x1b" not in out + err
    lines = out.splitlines()
    assert any("Naive Bayes" in line and " 1 " in f" {line} " for line in lines)
    for word in ("Naive Bayes (nb) has the best Accuracy", "leaderboard`", "MLflow  run", "bakeoff report r --open"):
        assert word in out
    assert "Report  .bakeoff/runs/r/report.html" in lines
    page = Path(".bakeoff/runs/r/report.html").read_text(encoding="utf-8")
    assert "Naive Bayes (nb) has the best Accuracy" in page


@pytest.mark.slow
def test_json_is_all_that_stdout_gets(here: Path, capsys: pytest.CaptureFixture[str], spark: Any) -> None:
    asked = ["--source", "good.csv", "--target", "target", "--include", "nb,dummy", "--fold", "2"]
    main(["run", *asked, "--run-id", "j", "--json"])
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["run_id"], told["best"]["model_id"], told["problems"]) == ("j", "nb", [])
    assert "Comparing 2 models on 2 folds" in err
    assert Path(told["report"]).exists()
    main(["leaderboard", "j", "--json"])
    again = json.loads(capsys.readouterr().out)
    assert again["leaderboard"] == told["leaderboard"]
    assert (again["question"], again["answer"]) == (told["question"], told["answer"])
    main(["report", "--output", "made again.html"])
    capsys.readouterr()
    assert "Confusion matrix" in Path("made again.html").read_text(encoding="utf-8")
    main(["runs", "--json"])
    assert [run["run_id"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["j"]
    found = bakeoff.results("j")
    assert list(found.leaderboard["model_id"]) == ["nb", "dummy"]
    assert len(found.trials) == 4
    assert found.failures.empty
    assert "Naive Bayes" in found._repr_html_()
    assert repr(found).startswith("Run j: Naive Bayes (nb) has the best Accuracy")
    rows = pd.read_csv("good.csv").drop(columns="target")
    assert set(found.best_model().predict(rows)) <= {"malignant", "benign"}
    assert set(found.plots) == {"leaderboard", "folds", "cost", "timeline"}


def test_a_mistake_is_json_too_where_json_was_asked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--source", "nowhere.csv", "--target", "y", "--json"])
    out, err = capsys.readouterr()
    assert stopped.value.code == 2
    assert "nowhere.csv" in json.loads(out)["error"]
    assert "Error: " in err


@pytest.mark.slow
def test_quiet_is_the_ranking_and_the_answer(here: Path, capsys: pytest.CaptureFixture[str], spark: Any) -> None:
    main(["run", "--source", "good.csv", "--target", "target", "--include", "nb", "--fold", "2", "--quiet"])
    out, err = capsys.readouterr()
    assert err == ""
    assert [line for line in out.splitlines() if line.strip()][-1].startswith("Naive Bayes (nb) has the best Accuracy")
    assert "Next:" not in out


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_session_on_a_terminal_has_no_broken_lines(here: Path, columns: int) -> None:
    command = [sys.executable, "-m", "bakeoff", "run", "--source", "good.csv", "--target", "target", "--fold", "2"]
    code, written = session([*command, "--include", "nb,dummy,lda,dt", "--run-id", "r"], columns, here)
    assert code == 0, written
    lines = seen(written, columns)
    assert not [
        line for line in lines if re.search(r"\d/\d+ folds \| \d:", line)
    ]  # the line that was drawn again and again is gone
    table = [line for line in lines if re.match(r" +[#1-4] ", line)]
    assert [line.split()[0] for line in table] == ["#", "1", "2", "3", "4"]
    said = " ".join(lines)
    for words in ("Setting up PyCaret on 80 rows", "has the best Accuracy:", "efficiency", "Report  .bakeoff/runs/r/"):
        assert words in said
    assert [line for line in lines if re.match(r"  \S*python\S* -m bakeoff report r --open", line)]
    assert "\x1b" not in said


@pytest.mark.slow
def test_commands_work_in_processes_of_their_own_and_speak_plainly_into_pipes(here: Path) -> None:
    def bakeoff(*arguments: str) -> str:
        command = [sys.executable, "-m", "bakeoff", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=here)
        assert done.returncode == 0, done.stderr[-2000:]
        # What Java and its scripts print goes to stderr, too, and is not ours: no escapes, but tabs.
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", done.stdout + done.stderr)
        return done.stdout

    asked = ["--source", "good.csv", "--target", "target", "--include", "nb,dummy", "--fold", "2", "--run-id", "r"]
    assert json.loads(bakeoff("run", *asked, "--json"))["best"]["model_id"] == "nb"
    assert "Naive Bayes" in bakeoff("leaderboard")
    assert " r " in bakeoff("runs")
    text = bakeoff("sql", "--csv", "SELECT model_id, rank FROM leaderboard_latest ORDER BY rank")
    assert pd.read_csv(pd.io.common.StringIO(text))["model_id"].tolist() == ["nb", "dummy"]


def test_sql_that_spark_cannot_run_gets_one_sentence(
    here: Path, capsys: pytest.CaptureFixture[str], spark: Any
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sql", "SELECT 1"])
    assert stopped.value.code == 2
    assert "bakeoff demo" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "resume", "demo", "runs", "leaderboard", "report", "sql", "ui"])
def test_every_command_helps_with_examples(capsys: pytest.CaptureFixture[str], command: str) -> None:
    main([command, "--help"])
    assert f"Examples:\n    bakeoff {command}" in capsys.readouterr().out


@pytest.mark.slow
def test_a_whole_run_says_what_each_of_its_steps_took(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--source", "good.csv", "--target", "target", "--include", "lr,dummy", "--engine", "native"]
    main(["run", "-v", *options, "--run-id", "mine"])
    said = capsys.readouterr().err
    shown = said[said.index("Where the time went") :].splitlines()[1:]
    names = [re.sub(r"^  after +[\d.]+ s +[\d.]+ s  ", "", line) for line in shown if line.startswith("  after")]
    without_spark = [name for name in names if "Spark" not in name]  # where another test has left a session
    assert without_spark[:5] == [
        "reading the table",
        "importing PyCaret",
        "setting up PyCaret",
        "opening the tables and MLflow",
        "comparing the models",
    ]
    assert {"saving the best model", "writing the trials", "drawing the report", "writing the run"} <= set(names)
    assert names[-1] == "handing the rest to MLflow"
    look = json.loads((here / ".bakeoff/runs/mine/report.json").read_text())
    assert [step["name"] for step in look["steps"]] == names
    page = (here / ".bakeoff/runs/mine/report.html").read_text()
    assert "setting up PyCaret" in page
    main(["report", "mine"])  # made again, it has the last steps, too
    assert "handing the rest to MLflow" in (here / ".bakeoff/runs/mine/report.html").read_text()

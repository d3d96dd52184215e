"""The command line: what it refuses, and what it shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from data import breast_cancer

from bakeoff.cli import main


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
    for word in ("Best: Naive Bayes (nb)", "leaderboard`", "MLflow  run", "bakeoff leaderboard r", "bakeoff ui"):
        assert word in out


@pytest.mark.slow
def test_results_can_be_asked_for_in_a_fresh_process(
    here: Path, spark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["run", "--source", "good.csv", "--target", "target", "--include", "nb,dummy", "--fold", "2", "--run-id", "r"])
    capsys.readouterr()

    def bakeoff(*arguments: str) -> str:
        command = [sys.executable, "-m", "bakeoff", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=here)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

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


@pytest.mark.parametrize("command", ["run", "demo", "runs", "leaderboard", "sql", "ui"])
def test_every_command_helps_with_examples(capsys: pytest.CaptureFixture[str], command: str) -> None:
    main([command, "--help"])
    assert f"Examples:\n    bakeoff {command}" in capsys.readouterr().out

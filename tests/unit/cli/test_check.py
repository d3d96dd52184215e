"""`bakeoff check` shows what was read and noticed, without training and without Spark."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.cli.app import main
from bakeoff.config import READING_OPTIONS, RunConfig
from bakeoff.job.first_lines import N_LINES, first_lines
from bakeoff.source import load_source
from bakeoff.source.judgement import judged
from support.datasets import breast_cancer


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = breast_cancer(120)
    rows.to_csv("good.csv", index=False)
    gaps = rows["mean_radius"].where(rows.index < 5)
    odd = rows.assign(row=range(120), same=1, gaps=gaps, hint=rows["target"].str.upper(), none=rows["target"])
    odd.loc[:3, "target"] = np.nan
    odd.to_csv("odd rows.csv", index=False)
    rows.assign(blob=[b"x"] * 120).to_parquet("blob.parquet")
    return tmp_path


def exit_code(*arguments: str) -> int:
    try:
        main(["check", *arguments])
    except SystemExit as error:
        return int(error.code or 0)
    return 0


ODD = ("--source", "odd rows.csv", "--target", "target")


def active_context() -> Any:
    """Spark's context in this process, which another test may have left; ``None`` where there is none."""
    return sys.modules["pyspark"].SparkContext._active_spark_context if "pyspark" in sys.modules else None


def test_a_table_that_is_well_is_said_to_be(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    before, session = set(here.iterdir()), active_context()
    assert exit_code("--source", "good.csv", "--target", "target", "--task", "classification", "--strict") == 0
    shown = capsys.readouterr().out
    assert "120 rows, 31 columns, classification of 'target'" in shown
    assert "nothing looks suspicious" in shown
    assert "bakeoff run --source good.csv --target target --task classification" in shown
    assert set(here.iterdir()) == before
    assert active_context() is session, "a Spark session was started"


def test_every_finding_is_shown_under_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*ODD) == 0
    shown = capsys.readouterr().out
    suspicious, left_out = shown.index("Suspicious\n- 'hint'"), shown.index("Left out\n- Left out 4 rows")
    assert suspicious < shown.index("- 'row' tells") < shown.index("- 'same' has") < left_out
    assert "bakeoff run --source 'odd rows.csv' --target target" in shown


def test_strict_ends_with_1_where_something_is_suspicious() -> None:
    assert exit_code(*ODD, "--strict", "--quiet") == 1


def test_the_same_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*ODD, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    source = judged(load_source(RunConfig("odd rows.csv", "target")), RunConfig("odd rows.csv", "target"))
    assert told["data_digest"] == source.digest
    assert told["findings"] == [finding.as_object() for finding in source.findings]
    assert {"kind", "sentence", "columns", "n_affected"} == set(told["findings"][0])
    assert [column["name"] for column in told["columns"]] == list(source.frame.columns)


def test_a_column_that_was_left_out_is_a_row_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--source", "blob.parquet", "--target", "target") == 0
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("blob"))
    assert row.split() == ["blob", "left", "out"]


def test_a_table_that_cannot_be_used_is_refused_as_a_run_refuses_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--source", "good.csv", "--target", "nothing") == 2
    assert "there is no column 'nothing'" in capsys.readouterr().err


def test_it_has_the_options_that_decide_what_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--help") == 0
    shown = capsys.readouterr().out
    for name in READING_OPTIONS:
        assert f"--{name.replace('_', '-')} " in shown
    assert "--include" not in shown


def test_a_run_says_the_most_important_lines_and_the_command_that_says_the_others() -> None:
    config = RunConfig("odd rows.csv", "target", setup={"normalize": True})
    source = judged(load_source(config), config)
    *lines, more = first_lines(source, config)
    assert len(lines) == N_LINES
    assert lines[0].startswith("Left out 4 rows")
    assert "classification" in lines[1]
    assert lines[2].startswith("'hint'")
    n_more = len(source.findings) - N_LINES
    command = "bakeoff check --source 'odd rows.csv' --target target --setup '{\"normalize\": true}'"
    assert more == f"{n_more} more: {command}"


def test_of_a_table_that_is_well_a_run_says_what_it_always_said() -> None:
    config = RunConfig("good.csv", "target")
    source = load_source(config)
    assert first_lines(judged(source, config), config) == list(source.notes)


def test_a_secret_in_the_source_is_not_in_the_command() -> None:
    frame = pd.read_csv("odd rows.csv")
    folder = Path("password=hunter2222")
    folder.mkdir()
    frame.to_csv(folder / "rows.csv", index=False)
    config = RunConfig(str(folder / "rows.csv"), "target")
    assert "hunter2222" not in "".join(first_lines(judged(load_source(config), config), config))

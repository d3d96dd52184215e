"""`bakeoff preflight` on this machine: one table, and exit code 2 where something is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bakeoff.cli.app import main

ROWS = {"compute", "Python", "pandas", "numpy", "scikit-learn", "pycaret-core", "mlflow", "home", "tables"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def exit_code(*arguments: str) -> int:
    try:
        main(["preflight", *arguments])
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def test_where_all_is_there_it_says_so_in_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--engine", "local") == 0
    out = capsys.readouterr().out
    for row in ROWS:
        (line,) = (line for line in out.splitlines() if line.strip().startswith(f"{row} "))
        assert line.rstrip().endswith(" ok")
    assert out.rstrip().endswith("A run can be carried out here.")
    assert list(Path().iterdir()) == []  # nothing was written


def test_quiet_says_nothing_where_all_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--engine", "local", "--quiet") == 0
    assert capsys.readouterr().out == ""


def test_what_is_missing_is_a_row_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").write_text("a file")
    assert exit_code("--engine", "local", "--home", "taken", "--quiet") == 2
    said = capsys.readouterr()
    assert "taken" in said.out
    assert " ok" not in said.out
    assert said.err.startswith("Error: A run cannot be carried out here as asked, ")
    assert ": home, " in said.err
    assert said.err.count("\n") == 1


def test_programs_get_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlflow.db").write_text("no database")
    assert exit_code("--engine", "local", "--home", ".", "--json") == 2
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == "missing"
    rows = {row["check"]: row for row in found["checks"]}
    assert set(rows) >= ROWS
    assert [name for name, row in rows.items() if not row["ok"]] == ["MLflow's runs"]
    assert "name another --home" in rows["MLflow's runs"]["advice"]


def test_a_place_that_databricks_wants_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bakeoff.job.ground_request import GroundRequest
    from bakeoff.job.output_checks import table_target

    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "16.4")
    with pytest.raises(ValueError, match="--schema"):
        table_target(GroundRequest())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--engine", "sprak"), "spark"),
        (("--schema", "a.b"), "--schema"),
        (("--payload-dir", "{{job.parameters.x}}"), "still holds"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(*arguments) == 2
    assert says in capsys.readouterr().err


def test_a_file_of_options_is_read_as_a_run_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bakeoff.yml").write_text("source: data.csv\ntarget: y\nengine: local\nhome: there\n")
    assert exit_code("--config", "bakeoff.yml") == 0
    assert str(Path("there").absolute()) in capsys.readouterr().out

"""What is mistyped on the command line gets one sentence and exit code 2, never a stack of Python's."""

from __future__ import annotations

import pytest

from bakeoff.cli.app import main

MISTYPED = {
    ("score", "--modle", "x"): "No such option '--modle'",
    ("--vesion",): "No such option '--vesion'",
    ("scor",): "No such command 'scor'",
    ("ui", "--port", "many"): "'many' is not a valid integer",
    ("score", "more"): "Got unexpected extra argument (more)",
    ("sql",): "Missing argument 'QUERY'",
    ("sql", "--cvs"): "no option --cvs",
    ("sql", "--cvs", "SELECT 1"): "Got unexpected extra argument (SELECT 1)",
    ("sql", "SELECT 1", "--param", "days"): "NAME=VALUE",
    ("sql", "SELECT 1", "--param", "a b=c"): "NAME=VALUE",
    ("sql", "SELECT * FROM IDENTIFIER(:scored)"): "add --param scored=TABLE",
    ("sql", "SELECT * FROM IDENTIFIER(:t)", "--param", "t=a/b"): "is not the name of a table",
}


@pytest.mark.parametrize("asked", MISTYPED, ids=" ".join)
def test_what_is_mistyped_is_one_sentence(asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(asked)
    assert stopped.value.code == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("Error: ")
    assert MISTYPED[asked] in said


def test_a_secret_in_what_is_mistyped_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ui", "--port", "https://me:hunter2@example.com/x"])
    assert "hunter2" not in capsys.readouterr().err


def test_no_command_at_all_gets_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
    assert "bakeoff demo" in "".join(capsys.readouterr())

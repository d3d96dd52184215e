"""MLflow's autologging is held back in blocks of ours, and is as it was after the last of them."""

from __future__ import annotations

import threading

import mlflow.utils.autologging_utils as switches
import pytest

from bakeoff._utils.autologging import without_autologging


def is_held_back() -> bool:
    return bool(switches._AUTOLOGGING_GLOBALLY_DISABLED)


@pytest.mark.parametrize("before", [False, True])
def test_the_setting_of_before_holds_again(monkeypatch: pytest.MonkeyPatch, before: bool) -> None:  # noqa: FBT001
    monkeypatch.setattr(switches, "_AUTOLOGGING_GLOBALLY_DISABLED", before)
    with without_autologging():
        with without_autologging():
            assert is_held_back()
        assert is_held_back()
    assert is_held_back() is before


def test_a_model_that_fails_does_not_leave_it_held_back() -> None:
    with pytest.raises(ZeroDivisionError), without_autologging():
        _ = 1 / 0
    assert not is_held_back()


def test_blocks_on_several_threads_end_in_any_order() -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with without_autologging():
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=hold)
    with without_autologging():
        thread.start()
        assert entered.wait(60)
    assert is_held_back()
    leave.set()
    thread.join()
    assert not is_held_back()

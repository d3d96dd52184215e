"""Whose an error is decides how the command line ends."""

from __future__ import annotations

import pytest

from bakeoff.errors import BakeoffError, NoModelSurvivedError, UserError, WorkerError, one_of


@pytest.mark.parametrize(
    ("error", "code"), [(UserError, 2), (NoModelSurvivedError, 1), (WorkerError, 1), (BakeoffError, 1)]
)
def test_what_the_user_can_mend_exits_with_two_and_the_rest_with_one(error, code):
    assert error("why").exit_code == code
    assert issubclass(error, BakeoffError)
    assert str(error("why")) == "why"


def test_a_wrong_name_is_told_with_the_right_ones():
    assert one_of("lrr", ["lr", "rf"], "model") == "There is no model 'lrr': choose from lr, rf."
    assert one_of(3, (1, 2), "fold") == "There is no fold 3: choose from 1, 2."
    assert one_of("x", iter(["only"]), "table") == "There is no table 'x': choose from only."

"""Fifty odd tables: each comes through with every model, or is refused in one sentence that says what is wrong.

``make torture TABLES=500`` does the same with more of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.odd_tables import KINDS, odd_table
from support.torture import BROKEN, outcome_of, quick

N_TABLES = 50

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick():
        yield


@pytest.mark.parametrize("number", range(N_TABLES))
def test_an_odd_table_comes_through_or_is_refused_in_a_sentence(number: int, tmp_path: Path) -> None:
    source, home = tmp_path / "source", tmp_path / "home"
    source.mkdir()
    home.mkdir()
    table = odd_table(number, source)
    outcome = outcome_of(table, home)
    assert outcome.how != BROKEN, f"{table.name}: {outcome.why}\n{outcome.details}"


def test_a_seed_gives_the_same_table_again(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    one, two = (odd_table(7, tmp_path / folder) for folder in ("one", "two"))
    assert (one.oddities, one.options, one.target) == (two.oddities, two.options, two.target)
    assert one.source.read_bytes() == two.source.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_every_oddity_can_be_written(kind: str, tmp_path: Path) -> None:
    for number, name in enumerate(KINDS[kind]):
        folder = tmp_path / str(number)
        folder.mkdir()
        table = odd_table(number, folder, (kind,), name)
        assert table.oddities == ((kind, name),)
        assert table.source.exists()

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.source.driver_memory import free_memory, size_in_bytes
from bakeoff.source.sampling import LEAST_OF_A_CLASS, shares


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=30), st.integers(60, 50_000))
def test_a_sample_has_its_size_and_loses_no_class(counts: list[int], most: int) -> None:
    most = min(most, sum(counts))
    quotas = shares(counts, most)
    if not quotas:
        assert len(counts) > most // 2
        return
    assert all(0 < quota <= count for quota, count in zip(quotas, counts, strict=True))
    assert most - len(counts) <= sum(quotas) <= most


def test_classes_keep_their_shares_but_for_the_rare_ones() -> None:
    assert shares([6_000, 4_000], 1_000) == [600, 400]
    common, rare, rarest = shares([99_000, 990, 10], 1_000)
    assert (rare, rarest) == (LEAST_OF_A_CLASS, 10)
    assert common == 970


def test_too_many_classes_have_no_shares() -> None:
    assert shares([5] * 600, 1_000) == []
    assert shares([], 1_000) == []


def test_sizes_are_read_as_spark_writes_them() -> None:
    assert [size_in_bytes(text) for text in ("1024", "1k", "1 KB", "2G", "nonsense")] == [1024, 1024, 1024, 2**31, 0]


def test_this_machine_has_some_memory_left() -> None:
    free = free_memory()
    assert free is None or 0 < free < 2**50

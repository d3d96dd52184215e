"""What one process leaves for the others is whole, bounded, and never needed."""

from __future__ import annotations

import os
import shutil
import sys
import types
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from bakeoff.execution.worker import fold_cache as shelves
from bakeoff.execution.worker.fold_cache import FoldCache, shelf_of
from bakeoff.execution.worker.payload import KEPT_PAYLOADS

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def on_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process, as if it were a worker of Spark's whose application keeps its files in this folder."""
    from pyspark import SparkFiles

    monkeypatch.setitem(sys.modules, "pyspark.worker", types.ModuleType("pyspark.worker"))
    monkeypatch.setattr(SparkFiles, "getRootDirectory", lambda: str(tmp_path))
    return tmp_path


def test_what_was_put_is_taken_to_the_last_bit_and_in_the_same_order(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.asfortranarray(np.random.default_rng(0).normal(size=(50, 4))), columns=list("abcd"))
    FoldCache(tmp_path).put("fold-3", frame, 1_600)
    taken = FoldCache(tmp_path).take("fold-3")
    assert taken is not None
    pd.testing.assert_frame_equal(taken, frame, check_exact=True)
    assert taken.to_numpy().flags.f_contiguous == frame.to_numpy().flags.f_contiguous
    assert [path.name for path in tmp_path.iterdir()] == ["fold-3"]


def test_nothing_and_what_is_broken_is_nothing(tmp_path: Path) -> None:
    shelf = FoldCache(tmp_path)
    assert shelf.take("fold-0") is None
    (tmp_path / "fold-0").write_bytes(b"\x80\x05 cut of")
    assert shelf.take("fold-0") is None
    shutil.rmtree(tmp_path)
    assert shelf.take("fold-0") is None
    shelf.put("fold-0", 1, 10)  # and is not there afterwards, which is all


def test_what_cannot_be_pickled_or_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = FoldCache(tmp_path)
    shelf.put("fold-0", (each for each in "abc"), 10)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space left on device")))
        shelf.put("fold-1", 1, 10)
    assert not list(tmp_path.iterdir())


def test_a_shelf_is_never_fuller_than_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "SHELF_BYTES", 2_500)
    shelf = FoldCache(tmp_path)
    for number in range(4):
        shelf.put(f"fold-{number}", b"x" * 1_000, 1_000)
    assert [shelf.take(f"fold-{number}") is not None for number in range(4)] == [True, True, False, False]


def test_a_disk_that_is_nearly_full_is_spared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=1_000))
    FoldCache(tmp_path).put("fold-0", b"x" * 500, 500)
    assert not list(tmp_path.iterdir())


def test_only_workers_of_spark_have_a_shelf() -> None:
    assert shelf_of("abc", KEPT_PAYLOADS) is None


def test_the_newest_payloads_have_a_shelf_each_which_is_nobody_elses(on_a_worker: Path) -> None:
    for number, digest in enumerate(("old", "older", "newer")):
        mine = shelf_of(digest, KEPT_PAYLOADS)
        assert mine is not None
        mine.put("fold-0", digest, 10)
        os.utime(on_a_worker / f"bakeoff-shelf-{digest}", (number, number))
    (on_a_worker / "users-own.py").write_text("")
    new = shelf_of("new", KEPT_PAYLOADS)
    assert new is not None
    assert new.take("fold-0") is None
    left = {path.name for path in on_a_worker.iterdir()}
    assert left == {"users-own.py", "bakeoff-shelf-newer", "bakeoff-shelf-new"}
    assert len(left) - 1 == KEPT_PAYLOADS
    assert (on_a_worker / "bakeoff-shelf-new").stat().st_mode & 0o077 == 0


def test_where_nothing_can_be_written_everybody_is_on_their_own(
    on_a_worker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (on_a_worker / "bakeoff-shelf-abc").write_text("a file where the folder should be")
    assert shelf_of("abc", KEPT_PAYLOADS) is None

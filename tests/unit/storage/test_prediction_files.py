"""What models predict is on disk before their outcomes are, and a process that dies costs only what it was writing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bakeoff.comparison.predictions import Kind, PredictionMemory, Predictions
from bakeoff.comparison.trial import Outcome, Trial
from bakeoff.storage.prediction_files import PredictionFiles


def said(model_id: str, fold: int, *values: float) -> Outcome:
    return Outcome(model_id, fold, predictions=Predictions(Kind.VALUES, np.array(values)).pack())


def values_of(store: PredictionFiles, model_id: str, fold: int) -> list[float] | None:
    found = store.of(Trial(model_id, fold))
    return None if found is None else found.values.tolist()


@pytest.fixture
def files(tmp_path: Path) -> Any:
    store = PredictionFiles(tmp_path / "predictions")
    yield store
    store.close()


def test_nothing_is_written_where_nothing_is_kept(files: PredictionFiles, tmp_path: Path) -> None:
    outcome = Outcome("lr", 0)
    assert files.keep(outcome) is outcome
    assert not (tmp_path / "predictions").exists()


def test_another_process_reads_what_was_kept_while_the_first_still_writes(
    files: PredictionFiles, tmp_path: Path
) -> None:
    kept = files.keep(said("lr", 0, 1.5, 2.5))
    assert kept == Outcome("lr", 0)
    assert kept.predictions is None
    files.keep(said("lr", 1, 3.5))
    other = PredictionFiles(tmp_path / "predictions")
    assert (values_of(other, "lr", 0), values_of(other, "lr", 1)) == ([1.5, 2.5], [3.5])
    assert values_of(other, "lr", 2) is None


def test_a_trial_that_runs_again_replaces_what_it_said(files: PredictionFiles, tmp_path: Path) -> None:
    files.keep(said("lr", 0, 1.0))
    files.close()
    again = PredictionFiles(tmp_path / "predictions")
    again.keep(said("lr", 0, 2.0))
    again.close()
    assert values_of(PredictionFiles(tmp_path / "predictions"), "lr", 0) == [2.0]
    assert len(list((tmp_path / "predictions").iterdir())) == 2


@given(lost=st.integers(1, 150))
def test_a_record_that_was_cut_off_is_as_if_it_had_not_been_written(
    lost: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    store = PredictionFiles(folder)
    store.keep(said("lr", 0, 1.0))
    (pack,) = folder.iterdir()
    whole = pack.stat().st_size
    store.keep(said("lr", 1, 2.0, 3.0))
    store.close()
    os.truncate(pack, max(whole, pack.stat().st_size - lost))
    left = PredictionFiles(folder)
    assert values_of(left, "lr", 0) == [1.0]
    assert values_of(left, "lr", 1) is None


def test_damaged_predictions_are_not_used(files: PredictionFiles, tmp_path: Path, caplog: Any) -> None:
    files.keep(said("lr", 0, 1.0))
    (pack,) = (tmp_path / "predictions").iterdir()
    content = bytearray(pack.read_bytes())
    content[-1] ^= 1
    pack.write_bytes(bytes(content))
    assert values_of(files, "lr", 0) is None
    assert "damaged" in caplog.text


@given(
    arrays.arrays(np.float32, arrays.array_shapes(min_dims=1, max_dims=2), elements=st.floats(0, 1, width=32)),
    st.sampled_from([1, 2]),
)
def test_predictions_come_back_as_they_were(values: np.ndarray[Any, Any], step: int) -> None:
    rows = None if step == 1 else np.arange(len(values))[::step]
    back = Predictions.unpack(Predictions(Kind.PROBABILITIES, values, rows).pack())
    np.testing.assert_array_equal(back.values, values)
    assert back.values.dtype == np.float32
    assert (back.rows is None) if rows is None else (back.rows is not None and back.rows.tolist() == rows.tolist())


@pytest.mark.parametrize("content", [b"", b"{}", b'{"kind": "values"}\nnumbers', b"\x00\n\x01"])
def test_other_bytes_are_no_predictions(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Predictions.unpack(content)


def test_memory_keeps_the_last_of_each_trial() -> None:
    memory = PredictionMemory()
    for value in (1.0, 2.0):
        assert memory.keep(said("lr", 0, value)).predictions is None
    found = memory.of(Trial("lr", 0))
    assert found is not None
    assert found.values.tolist() == [2.0]


def test_an_outcome_with_predictions_is_plain_data_without_them() -> None:
    outcome = said("lr", 0, 1.0)
    assert "predictions" not in outcome.to_dict()
    assert Outcome.from_dict(outcome.to_dict()) == replace(outcome, predictions=None)

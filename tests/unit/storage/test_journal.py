"""The journal loses nothing that was written, and gives each trial once."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import replace

import pytest

from bakeoff.comparison.trial import Outcome, Status
from bakeoff.storage.journal import Journal, read_folder

GOOD = Outcome("lr", 0, metrics={"auc": 0.1 + 0.2}, fit_seconds=1.5, host="h", finished_at=1.7e9)
BAD = Outcome("rf", 1, status=Status.FAILED, error_type="ValueError", error_message="ü\udc80\n'", traceback="a\nb")


def leave_open(folder, *outcomes, torn=""):
    """What a process leaves that dies while it writes."""
    lines = "".join(json.dumps(outcome.to_dict()) + "\n" for outcome in outcomes)
    (folder / "000001.open").write_text(lines + torn)


def test_what_was_appended_is_on_disk_before_the_segment_is_closed(tmp_path):
    journal = Journal(tmp_path)
    journal.append(GOOD)
    journal.append(BAD)
    assert read_folder(tmp_path) == [GOOD, BAD]
    journal.close_segment()


def test_infinities_and_nan_come_back(tmp_path):
    journal = Journal(tmp_path)
    journal.append(replace(GOOD, metrics={"r2": -math.inf, "mape": math.nan}))
    journal.close_segment()
    (read,) = journal.read()
    assert read.metrics["r2"] == -math.inf
    assert math.isnan(read.metrics["mape"])


def test_segments_are_numbered_and_hold_their_own_outcomes(tmp_path):
    journal = Journal(tmp_path)
    assert journal.close_segment() is None
    journal.append(GOOD)
    first = journal.close_segment()
    assert journal.close_segment() is None
    journal.append(BAD)
    second = journal.close_segment()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["000001.jsonl", "000002.jsonl"]
    assert journal.segments() == [first, second]
    assert (first.outcomes, second.outcomes) == ((GOOD,), (BAD,))


def test_the_digest_names_the_content_and_nothing_else(tmp_path):
    digests = []
    for name, outcome in (("a", GOOD), ("b", GOOD), ("c", BAD)):
        journal = Journal(tmp_path / name)
        journal.append(outcome)
        digests.append(journal.close_segment().digest)
    assert digests[0] == digests[1] != digests[2]


def test_the_last_outcome_of_a_trial_wins(tmp_path):
    journal = Journal(tmp_path)
    for attempt in (1, 2, 3):
        journal.append(replace(GOOD, attempt=attempt))
        if attempt == 2:
            journal.close_segment()
    assert [outcome.attempt for outcome in journal.read()] == [3]
    journal.close_segment()


def test_a_file_left_open_becomes_a_segment_without_its_torn_line(tmp_path):
    leave_open(tmp_path, GOOD, BAD, torn='{"model_id": "kn')
    assert read_folder(tmp_path) == [GOOD, BAD]
    journal = Journal(tmp_path)
    (segment,) = journal.segments()
    assert segment.outcomes == (GOOD, BAD)
    assert [path.name for path in tmp_path.iterdir()] == ["000001.jsonl"]
    assert segment.path.read_bytes().endswith(b"}\n")
    journal.append(GOOD)
    assert journal.close_segment().path.name == "000002.jsonl"


def test_an_empty_file_left_open_is_forgotten(tmp_path):
    leave_open(tmp_path, torn="{")
    assert Journal(tmp_path).segments() == []
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_cannot_be_read_costs_only_its_trial(tmp_path, caplog):
    leave_open(tmp_path, GOOD, BAD)
    path = tmp_path / "000001.open"
    path.write_text('{"model_id": "lr"}\n' + path.read_text())
    assert Journal(tmp_path).read() == [GOOD, BAD]
    assert f"Line 1 of {path} cannot be read: its trial runs again, unless the tables have it." in caplog.text


def test_a_torn_line_names_the_trial_that_runs_again(tmp_path, caplog):
    leave_open(tmp_path, GOOD, BAD)
    path = tmp_path / "000001.open"
    path.write_text(path.read_text()[:-20])
    assert Journal(tmp_path).read() == [GOOD]
    assert f"Line 2 of {path} cannot be read: model {BAD.model_id} runs on fold {BAD.fold} again" in caplog.text


def test_what_was_stored_is_remembered_by_the_next_process(tmp_path):
    journal = Journal(tmp_path)
    journal.append(GOOD)
    journal.mark_stored(journal.close_segment())
    journal.append(BAD)
    journal.close_segment()
    assert [segment.outcomes for segment in Journal(tmp_path).unstored()] == [(BAD,)]


def test_a_left_over_that_was_closed_half_way_is_closed_again(tmp_path):
    leave_open(tmp_path, GOOD)
    Journal(tmp_path)
    (digest,) = [segment.digest for segment in Journal(tmp_path).segments()]
    leave_open(tmp_path, GOOD)
    assert [segment.digest for segment in Journal(tmp_path).segments()] == [digest]


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.jsonl").write_text("mine")
    (tmp_path / "notes.open").write_text("mine")
    assert Journal(tmp_path).read() == []
    assert len(list(tmp_path.iterdir())) == 2


def test_many_threads_may_append_while_segments_are_closed(tmp_path):
    journal = Journal(tmp_path)
    segments = []

    def write(model):
        for fold in range(25):
            journal.append(Outcome(f"m{model}", fold))

    threads = [threading.Thread(target=write, args=(model,)) for model in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        segments.append(journal.close_segment())
    segments.append(journal.close_segment())
    kept = [outcome for segment in segments if segment for outcome in segment.outcomes]
    assert sorted(outcome.trial for outcome in kept) == sorted(
        Outcome(f"m{model}", fold).trial for model in range(6) for fold in range(25)
    )


def test_an_error_of_the_disk_is_not_swallowed(tmp_path, monkeypatch):
    def broken(_):
        raise OSError(5, "Input/output error")

    journal = Journal(tmp_path)
    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        journal.append(GOOD)
    monkeypatch.undo()
    journal.close_segment()


def test_a_disk_without_fsync_is_good_enough(tmp_path, monkeypatch):
    def missing(_):
        raise OSError(22, "Invalid argument")

    journal = Journal(tmp_path)
    monkeypatch.setattr("os.fsync", missing)
    journal.append(GOOD)
    assert journal.close_segment().outcomes == (GOOD,)

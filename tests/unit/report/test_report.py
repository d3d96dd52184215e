"""What a report says, without a browser."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bakeoff.cli.app import cli
from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.model_diagnostics import ClassificationDiagnostics
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.trial import Outcome, Trial
from bakeoff.comparison.tuning import Ending
from bakeoff.comparison.tuning_result import TuningResult
from bakeoff.config import RunConfig
from bakeoff.job.context import Comparison, RunContext
from bakeoff.job.report import report_run
from bakeoff.report import reproduce
from bakeoff.report.blocks import Figure, Paragraph, Table
from bakeoff.report.data_profile import columns_of, target_of
from bakeoff.report.diagnostics import Diagnostics
from bakeoff.report.interactive import plots
from bakeoff.report.json_export import as_object
from bakeoff.report.page import render
from bakeoff.report.ranking_sections import figures, sections
from bakeoff.report.run_sections import data, earlier_timeline, last_timeline
from bakeoff.report.sentences import answer, blend_sentence, clock, headline, question
from bakeoff.report.timeline import timeline
from bakeoff.report.tuning import tuning_sentence
from bakeoff.runs.loading import facts_from_rows
from bakeoff.storage.location import ResultsLocation
from support.facts_factory import BEGAN, facts, raced, tuned_facts


def test_the_question_is_one_sentence():
    assert question(facts(n_models=14)) == (
        "Which of 14 models predicts sold from shop.csv (200 rows, 4 columns) with the highest Accuracy in the mean "
        "over 5 folds?"
    )
    assert "lowest MASE" in question(facts("time_series"))
    assert question(facts(n_models=1)).startswith("How well does Logistic Regression 0 predict sold from shop.csv (200")


def test_the_answer_says_by_how_much_and_whether_it_means_anything():
    said = answer(facts(n_models=12))
    assert re.match(
        r"Logistic Regression 0 \(m0\) has the best Accuracy: 0\.9\d{3} ± 0\.\d{4}\. The folds cannot tell", said
    )
    assert "of the 11 others" in said
    alone = facts(n_models=1)
    assert answer(alone).endswith("It was the only model.")
    assert re.fullmatch(r"m0 0\.\d{4} for sold of shop\.csv", headline(alone))


def test_the_answer_names_the_quickest_that_is_as_good():
    known = facts(n_models=2)
    quick = {"m0": 9.0, "m1": 1.0}
    rows = tuple(replace(row, means={**row.means, "tt_sec": quick[row.model_id]}) for row in known.board.rows)
    verdict = replace(known.verdict, cheapest="m1", pairs=(replace(known.verdict.pairs[0], p_adjusted=0.5),))
    said = answer(replace(known, verdict=verdict, board=replace(known.board, rows=rows)))
    assert "cannot tell it apart from the other model; " in said
    assert "(m1) scores nearly as well and takes 1.0 s a fold instead of 9.0 s: the sensible choice" in said


def test_a_run_in_which_nothing_came_through_says_so():
    lost = facts(n_models=3, n_failed=4)
    assert answer(lost) == "None of the 3 models came through."
    assert [section.id for section in sections(lost)] == [section.id for section in sections(facts())]
    assert as_object(lost)["best"] is None


def test_a_race_is_explained_with_what_it_saved():
    known = raced()
    saved = "2 of 4 models were stopped on the way, which saved 1.3 s of work."
    assert answer(known).endswith(saved)
    assert "that ran on all folds" in answer(known)
    (board, *_) = sections(known)
    table, paragraph = board.parts
    assert saved in paragraph.text
    remarks = {row[1].below for row in table.rows}
    assert {"m2 · stopped after 2 of 5 folds", "m3 · stopped after 2 of 5 folds"} <= remarks
    told = json.loads(json.dumps(as_object(known), allow_nan=False))
    assert [row["status"] for row in told["leaderboard"]] == ["ok", "ok", "stopped", "stopped"]
    assert (told["n_stopped"], told["seconds_saved"], told["failures"]) == (2, pytest.approx(1.32), [])
    assert all(each.table.rows for each in figures(sections(known)))
    assert "stopped" not in answer(facts())


def test_tuning_is_explained_with_what_it_gained_and_what_that_is_worth():
    known = tuned_facts()
    said = tuning_sentence(known)
    assert said.startswith("Tuning tried 32 candidates of m0 and m1 in 14.0 s of work: m0-t5 is 0.0100 better in ")
    assert "than m0, by more than luck of the folds explains; none of m1 came near m1." in said
    assert "Not tuned: m2, for which PyCaret has no search space." in said
    assert said.endswith("since their parameters were chosen by the folds that they are scored on.")
    section = next(section for section in sections(known) if section.id == "tuning")
    (table, explained, untunable) = section.parts
    assert len({len(table.titles), *(len(row) for row in table.rows)}) == 1
    assert table.rows[0][7].below == "9 on all folds, 14 stopped, 1 failed; nothing better was found"
    assert "`--holdout` shows what they are worth" in explained.text
    assert untunable.text.startswith("Not tuned: m2")
    (board, *_) = sections(known)
    assert "m0-t5 · depth 3, share 0.1235" in {row[1].below for row in board.parts[0].rows}
    told = json.loads(json.dumps(as_object(known), allow_nan=False))
    assert [each["tuned"] for each in told["tuning"]["families"]] == ["m0-t5", None]
    assert TuningResult.from_json(known.tuning.to_json()) == known.tuning
    assert "create_model('m0', depth=3, share=0.123456789)" in reproduce.pycaret_code(known)


def test_tuning_beside_hold_out_rows_and_without_time_says_so():
    held = tuned_facts(holdout=0.75)
    assert "on the hold-out rows m0-t5 has Accuracy 0.7500, m0 0.7500." in tuning_sentence(held)
    table = next(section for section in sections(held) if section.id == "tuning").parts[0]
    assert table.titles[-2:] == [">Hold-out untuned", ">Hold-out tuned"]
    assert table.rows[0][-2:] == ["0.7500", "0.7500"]
    for ending in (Ending.TIME, Ending.OPEN):
        cut = tuned_facts(ending)
        assert "The time for tuning was over; `bakeoff resume " in tuning_sentence(cut)
        assert any("tries more" in part.text for part in sections(cut)[2].parts if isinstance(part, Paragraph))
    nothing = replace(held, tuning=TuningResult((), ("m0", "m1")))
    assert tuning_sentence(nothing) == ("Not tuned: m0, m1, for which PyCaret has no search space. Nothing was tuned.")
    assert tuning_sentence(facts()) is None
    assert "tuning" not in [section.id for section in sections(facts())]


def test_every_figure_has_its_numbers():
    for task in ("classification", "regression", "time_series"):
        shown = figures(sections(facts(task, 3, n_folds=3)))
        assert all(isinstance(each, Figure) and each.table.rows and len(each.chart.alt) > 30 for each in shown)
        names = [each.chart.name for each in shown]
        assert len(set(names)) == len(names) >= 6


def test_how_the_best_model_decides_is_in_the_report_the_json_and_kept():
    known = facts()
    best = next(section for section in sections(known) if section.id == "best")
    said = " ".join(part.text for part in best.parts if isinstance(part, Paragraph))
    assert (
        "The probabilities of m0 are calibrated (sigmoid): out of fold, log-loss is 0.4000 instead of 0.5000." in said
    )
    assert (
        "m0 predicts '<yes> & no' from a probability of 0.3100 on: out of fold, F1 is 0.6200 instead of 0.5500" in said
    )
    chart = next(part for part in best.parts if isinstance(part, Figure) and part.chart.name == "reliability")
    assert [row[0] for row in chart.table.rows] == ["as fitted"] * 3 + ["calibrated"] * 3
    assert chart.chart.alt.endswith(
        "is off by 0.100 as fitted, 0.100 calibrated in the mean; on the diagonal it is right."
    )
    told = json.loads(json.dumps(as_object(known), allow_nan=False))["decision"]
    assert (told["threshold"]["threshold"], told["calibration"]["method"]) == (0.31, "sigmoid")
    kept = Diagnostics.from_json(known.look.to_json())
    assert (kept.decision, kept.reliability) == (known.look.decision, tuple(known.look.reliability))
    assert as_object(facts("regression"))["decision"] is None


def test_plain_facts_are_json_without_nan():
    known = facts(n_models=4, n_failed=2)
    told = json.loads(json.dumps(as_object(known), allow_nan=False))
    assert [row["rank"] for row in told["leaderboard"]] == [1, 2, 3, 4]
    assert told["leaderboard"][0]["tied_with_best"] is True
    assert told["leaderboard"][-1]["tied_with_best"] is None
    assert told["leaderboard"][-1]["value"] is None
    assert len(told["failures"]) == 6
    assert told["efficiency"] == pytest.approx(known.summary.efficiency)


def test_what_was_noticed_about_the_data_is_in_the_report_and_in_the_json():
    known = facts()
    assert as_object(known)["findings"] == [
        {"kind": "suspicious", "sentence": "'<id>' numbers the rows.", "columns": ["<id>"], "n_affected": None}
    ]
    (noticed,) = (part for part in data(known).parts if isinstance(part, Table) and "Kind" in part.titles)
    assert noticed.rows == [["suspicious", "'<id>' numbers the rows."]]
    assert "&#39;&lt;id&gt;&#39; numbers the rows." in render(known)
    unknown = replace(known, look=replace(known.look, findings=()))
    assert not any(isinstance(part, Table) and "Kind" in part.titles for part in data(unknown).parts)


def test_what_the_driver_saw_survives_as_json():
    for task in ("classification", "regression", "time_series"):
        known = facts(task).look
        again = Diagnostics.from_json(known.to_json())
        assert again.to_json() == known.to_json()
        assert type(again.best) is type(known.best)
    assert Diagnostics.from_json('{"test_ratio": 0.5, "of another version": 1}') == Diagnostics(test_ratio=0.5)
    empty = json.loads(Diagnostics().to_json())
    assert [empty[name] for name in ("transforms", "columns", "target", "best", "importance")] == [[], [], {}, {}, {}]
    many_classes = Diagnostics(best=ClassificationDiagnostics(60))
    assert json.loads(many_classes.to_json())["best"] == {"rows": 60}
    assert Diagnostics.from_json(many_classes.to_json()).best == many_classes.best


def test_facts_from_tables_are_those_of_the_run():
    known = facts(n_models=4, n_failed=2)
    rows = [
        {
            **{
                name: getattr(row, name)
                for name in ("rank", "model_id", "model_name", "status", "n_folds_ok", "batch_id")
            },
            **{name: getattr(row, name) for name in ("fit_seconds", "error_type", "error_message", "tied_with_best")},
            "primary_metric": "accuracy",
            "primary_value": None if np.isnan(row.primary_value) else row.primary_value,
            "metrics": {key: None if np.isnan(value) else value for key, value in row.means.items()},
            "metrics_std": {key: None if np.isnan(value) else value for key, value in row.stds.items()},
        }
        for row in known.board.rows
    ]
    run = replace(known.run, slots=2, wall_seconds=known.summary.wall_seconds, ideal_seconds=2.0)

    class Tables:
        def name(self, table):
            return f"delta.`/data/tables/{table}`"

    late = replace(known.look, began_at=max(each.finished_at for each in known.board.outcomes))
    assert facts_from_rows(run, rows, known.board.outcomes, late, Tables()).summary.n_resumed == 20

    again = facts_from_rows(run, rows, known.board.outcomes, known.look, Tables())
    assert as_object(again)["leaderboard"] == as_object(known)["leaderboard"]
    assert again.verdict == known.verdict
    assert (again.metric, question(again), answer(again)) == (known.metric, question(known), answer(known))
    without = facts_from_rows(run, rows, known.board.outcomes, Diagnostics(), Tables())
    assert without.metric == "accuracy"
    assert [section.id for section in sections(without)] == [section.id for section in sections(known)]


def test_trials_that_overlap_are_on_slots_of_their_own_and_hosts_apart():
    outcomes = [
        Outcome("a", 0, fit_seconds=3.0, score_seconds=1.0, host="x", finished_at=BEGAN + 5),
        Outcome("a", 1, fit_seconds=4.0, host="x", finished_at=BEGAN + 6),
        Outcome("b", 0, fit_seconds=2.0, host="x", finished_at=BEGAN + 8),
        Outcome("b", 1, fit_seconds=2.0, host="y", finished_at=BEGAN + 8),
        Outcome("old", 0, fit_seconds=2.0, host="y", finished_at=BEGAN - 100),
    ]
    drawn = timeline(outcomes, BEGAN, wall=9.0, transforms={Trial("b", 1): 1.5})
    assert [(lane.name, [bar.trial.model_id for bar in lane.bars]) for lane in drawn.lanes] == [
        ("x 1", ["a", "a", "b"]),
        ("x 2", ["a"]),
        ("y 1", ["b", "b"]),
    ]
    assert drawn.spent("fit") == 11.0
    assert drawn.spent("transform") == 1.5
    assert drawn.lanes[0].bars[0].start == pytest.approx(1.0)
    assert len(timeline(outcomes[:1], BEGAN, slots=4).lanes) == 4


def resumed_after(trials, known):
    """The same run, cut off after so many trials, and gone on with a minute later."""
    ends = sorted(each.finished_at for each in known.board.outcomes)
    cut, pause = ends[trials - 1], 60.0
    outcomes = tuple(
        each if each.finished_at <= cut else replace(each, finished_at=each.finished_at + pause)
        for each in known.board.outcomes
    )
    board = replace(known.board, outcomes=outcomes)
    summary = Summary(slots=2, wall_seconds=9.0, ideal_seconds=2.0, n_resumed=trials, began_at=cut + pause - 1)
    return replace(known, board=board, summary=summary, look=replace(known.look, began_at=summary.began_at))


@pytest.mark.parametrize("finished", [25, 10])
def test_a_run_that_went_on_tells_of_all_its_trials(finished):
    known = facts(n_models=5, n_failed=1)
    again = resumed_after(finished, known)
    assert answer(again) == answer(known)
    shown = {section.id: section for section in sections(again)}
    drawn = [each.chart for each in figures([shown["time"]])]
    assert [chart.name for chart in drawn] == ["timeline", "timeline-before"][finished == 25 :]
    assert [len([bar for lane in each.lanes for bar in lane.bars if bar.kind in {"fit", "lost"}])
            for each in (last_timeline(again), earlier_timeline(again))] == [25 - finished, finished]  # fmt: skip
    said = shown["time"].parts[1].text
    assert said.startswith(f"{finished} trials had been finished when the run went on")
    assert ("none was left" in said) is (finished == 25)
    assert plots(again)["timeline"].data
    for name in ("leaderboard", "folds", "cost", "failures", "data"):
        before = next(section for section in sections(known) if section.id == name)
        assert [part for part in shown[name].parts if not isinstance(part, Figure)] == [
            part for part in before.parts if not isinstance(part, Figure)
        ]
    assert "(25 trials were finished before)" in clock(again.summary) or finished == 10


def test_columns_are_described_whatever_is_in_them():
    frame = pd.DataFrame(
        {
            "empty": [None, None, None],
            "lists": [[1], [2], None],
            "flag": [True, False, True],
            "cat": pd.Categorical(["a", "b", "a"]),
            "inf": [1.0, np.inf, -np.inf],
        }
    )
    told = {each.name: each for each in columns_of(frame)}
    assert told["empty"].missing == 3
    assert told["lists"].distinct == 2
    assert told["flag"].type == "yes or no"
    assert told["cat"].values == "a (2), b (1)"  # noqa: PD011 - no array
    many = target_of(pd.Series(range(100)), "classification")
    assert (len(many.labels), many.n_classes) == (30, 100)
    assert sum(target_of(pd.Series([1.0, 2.0, np.nan]), "regression").counts) == 2


def test_the_command_asks_the_same_question():
    asked = {
        "source": "my data.csv", "target": "y", "fold": 5, "include": ["lr", "rf"], "seed": 42, "run_id": "r",
        "home": "x", "setup": {"normalize": True}, "task": None, "n_select": 1, "batch_size": 3,
    }  # fmt: skip
    line = reproduce.command(asked)
    words = shlex.split(line.replace("\\\n", " "))
    assert words[:2] == ["bakeoff", "run"]
    assert dict(zip(words[2::2], words[3::2], strict=True)) == {
        "--source": "my data.csv", "--target": "y", "--include": "lr,rf", "--fold": "5", "--batch-size": "3",
        "--setup": '{"normalize": true}',
    }  # fmt: skip
    known = {option for parameter in cli.commands["run"].params for option in parameter.opts}
    assert set(words[2::2]) <= known


def test_the_plotly_figures_hold_every_model_that_has_a_score():
    known = facts(n_models=6, n_failed=2)
    drawn = plots(known)
    assert set(drawn) == {"leaderboard", "folds", "cost", "timeline"}
    assert len(drawn["leaderboard"].data[0].x) == len(drawn["cost"].data[0].x) == len(drawn["folds"].data) == 5


def test_an_empty_board_is_no_reason_to_stop():
    nothing = replace(facts(n_models=1), board=Leaderboard((), ()), verdict=None)
    assert [section.id for section in sections(nothing)]


def test_a_report_that_cannot_be_made_is_a_line_in_the_problems(tmp_path):
    known = facts()
    comparison = Comparison(known.plan, known.board, known.summary, known.verdict, [])
    outputs = SimpleNamespace(tables=SimpleNamespace(location=ResultsLocation(path=tmp_path)), mlflow_url=None)
    home = tmp_path / "home"
    home.write_text("a file is no folder")
    config = RunConfig("shop.csv", "sold", home=home)
    told = report_run(RunContext(config, None, SimpleNamespace(source=None), outputs), comparison, known.run)
    assert told.file is None
    assert [problem.split(":")[0] for problem in told.problems] == [
        "The report lacks what the best model does",
        "The report could not be written",
    ]
    assert told.facts.board == known.board


@pytest.mark.parametrize(("tied", "lead", "luck"), [(True, 0.01, True), (False, 0.01, False), (True, -0.01, True)])
def test_what_a_blend_is_worth_is_said_with_the_command_that_ranks_it(tied, lead, luck):
    run = facts()
    best = run.board.best
    assert best is not None
    blend = replace(
        best,
        model_id="blend",
        members={"m1": 0.75, "m0": 0.25},
        primary_value=best.primary_value + lead,
        tied_with_best=tied,
    )
    said = blend_sentence(replace(run, offered=blend), " --home here")
    assert said is not None
    assert f"0.0100 {'better' if lead > 0 else 'worse'} than {best.model_id} alone" in said
    assert ("may be luck" in said) == luck
    assert (f"`bakeoff resume {run.run.run_id} --blend on --home here`" in said) == (lead > 0)

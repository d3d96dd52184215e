"""What is seen of a comparison while it runs: on a terminal, in a log, in a notebook."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from bakeoff.comparison.events import Announcer, BatchDone, Event, PlanMade, RunDone, TaskStarted, TrialDone
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status, Trial
from bakeoff.fugue_backend import FugueBackend
from bakeoff.progress import painter
from bakeoff.progress.pycaret_display import DisplayListener, _DisplayUtil
from bakeoff.progress.state import MAX_ROWS, ProgressState
from support.datasets import breast_cancer, experiment
from support.terminal import terminal

METRICS = (Metric("accuracy", "Accuracy"), Metric("auc", "AUC"))
NAMES = {"nb": "Naive Bayes", "lr": "Logistic Regression", "svm": "SVM"}


def make_plan(names: dict[str, str] = NAMES, n_folds: int = 2, **given: Any) -> Plan:
    models = tuple(Model(model_id, name) for model_id, name in names.items())
    return Plan(models, n_folds, METRICS, given.pop("sort_by", "accuracy"), **given)


def good(model_id: str, fold: int, accuracy: float) -> Outcome:
    return Outcome(model_id, fold, metrics={"accuracy": accuracy, "auc": 0.5}, fit_seconds=0.1)


def bad(model_id: str, fold: int, message: str = "no\nluck", status: Status = Status.FAILED) -> Outcome:
    return Outcome(model_id, fold, status=status, error_type="ValueError", error_message=message)


def events_of(plan: Plan, outcomes: list[Outcome], done: tuple[Outcome, ...] = ()) -> Iterator[Event]:
    """What the scheduler tells when these outcomes come in, in this order."""
    yield PlanMade(plan, 2, done)
    yield TaskStarted(tuple(outcome.trial for outcome in outcomes))
    known = {outcome.trial: outcome for outcome in done}
    for outcome in outcomes:
        known[outcome.trial] = outcome
        yield TrialDone(outcome)
        batch = plan.batches[plan.batch_of[outcome.model_id] - 1]
        mine = [known.get(Trial(model_id, fold)) for model_id in batch.model_ids for fold in range(plan.n_folds)]
        ended = tuple(each for each in mine if each is not None)
        if len(ended) == len(mine):
            yield BatchDone(batch, rank(plan, ended, batch.model_ids).rows, ended, 1.0)
    yield RunDone(rank(plan, known.values()))


USUAL = [good("nb", 0, 0.7), good("nb", 1, 0.8), bad("svm", 0), bad("svm", 1), good("lr", 0, 0.9), good("lr", 1, 0.95)]


def show(util: _DisplayUtil, plan: Plan, outcomes: list[Outcome], *, live: bool = False) -> list[str]:
    """Let a display hear a whole run, through the queue and the thread that it has in a real one."""
    announcer = Announcer([DisplayListener(util, plan, live=live)])
    for event in events_of(plan, outcomes):
        announcer.tell(event)
    problems = announcer.close(timeout=5)
    util.close()
    return [*problems, *util.problems]


def display_util(display: Any = None, **given: Any) -> _DisplayUtil:
    return _DisplayUtil(display, 6, given.pop("verbose", True), sort="Accuracy", asc=False, **given)


class Paper:
    """A display for a notebook that keeps what it is shown."""

    can_update_text = True

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.html: list[str] = []
        self.steps = 0
        self.closed = False

    def move_progress(self, value: int = 1) -> None:
        self.steps += value

    def display(self, what: Any, *, final_display: bool = True) -> None:
        self.shown.append(repr(what))
        self.html.append(what._repr_html_())

    def close(self) -> None:
        self.closed = True


# The terminal


def drawn_lines(written: str) -> list[str]:
    """Every state that a line of the terminal was in, without the bar before it."""
    lines = re.split(r"\r\n|\r|\x1b\[[?0-9]*[A-LN-Z]", written)
    plain = (re.sub(r"^[━╸╺ ]+", "", re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", line)) for line in lines)
    return [line.rstrip() for line in plain if line.strip()]


def test_a_terminal_has_one_line_that_is_gone_before_the_ranking(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with terminal(monkeypatch, 160) as written:
        util = display_util()
        assert show(util, make_plan(), USUAL) == []
        util.finish(pd.DataFrame({"Model": ["Logistic Regression"]}))
    lines = drawn_lines(written[0])
    assert "SVM failed on fold 0: ValueError: no luck" in lines
    best = "best Logistic Regression, Accuracy 0.9250"
    assert re.fullmatch(rf"6/6 folds \| 0:00:0\d \| 2 failed \| {best} \| fitting the best on all rows", lines[-1])
    assert written[0].endswith("\x1b[2K")  # the line is wiped away
    assert "\x1b[?25h" in written[0]  # and the cursor is there again
    assert not any("models |" in line for line in lines)
    assert capsys.readouterr().out.split() == ["Model", "0", "Logistic", "Regression"]


def test_a_terminal_tells_the_finished_models_above_the_line_where_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with terminal(monkeypatch, 160) as written:
        show(display_util(live=True), make_plan(), USUAL, live=True)
    assert "1/3 models | Accuracy: Naive Bayes 0.7500 | best Naive Bayes, Accuracy 0.7500" in drawn_lines(written[0])


def test_the_line_is_cut_to_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"0": "\N{SLICE OF PIZZA}\n\x1b[31m" + "<long> " * 50, "1": "Wide \N{SLICE OF PIZZA}" * 5}
    plan = make_plan(names, n_folds=1)
    with terminal(monkeypatch, 50) as written:
        show(display_util(), plan, [good("0", 0, 0.7), good("1", 0, 0.6)])
    assert "\x1b[31m" not in written[0]
    states = [line for line in drawn_lines(written[0]) if "folds" in line]
    assert states
    assert all(len(line) + line.count("\N{SLICE OF PIZZA}") <= 50 for line in states)


def test_the_time_goes_on_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan()
    with terminal(monkeypatch, 100) as written:
        util = display_util()
        listener = DisplayListener(util, plan)
        listener.handle(PlanMade(plan, 2))
        listener.handle(TaskStarted((Trial("nb", 0), Trial("nb", 1), Trial("lr", 0))))
        time.sleep(1.6)
        util.close()
    assert "0/6 folds | 0:00:01 | running Naive Bayes, Logistic Regression" in drawn_lines(written[0])


# The log


def test_a_log_has_a_line_for_each_batch_and_each_model_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(display_util(), make_plan(batch_size=2), USUAL) == []
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = re.sub(r"0:00:0\d", "TIME", printed.err).splitlines()
    assert lines == [
        "Comparing 3 models on 2 folds, 2 at once.",
        "SVM failed on fold 0: ValueError: no luck",
        "1/3 models | Accuracy: SVM failed",
        "3/3 models | Accuracy: Logistic Regression 0.9250, Naive Bayes 0.7500",
        "Compared: 6/6 folds | TIME | 2 failed | best Logistic Regression, Accuracy 0.9250.",
    ]


def test_a_log_names_the_best_so_far_where_it_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    show(display_util(live=True), make_plan(), USUAL, live=True)
    assert "2/3 models | Accuracy: SVM failed | best Naive Bayes, Accuracy 0.7500\n" in capsys.readouterr().err


def test_a_file_is_no_terminal_whatever_the_colours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    show(display_util(), make_plan(), USUAL)
    assert "\x1b" not in capsys.readouterr().err


def test_models_that_were_never_run_are_counted_and_not_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    ends = [bad(model_id, fold, "over", Status.CANCELLED) for model_id in ("nb", "svm") for fold in (0, 1)]
    show(display_util(), make_plan(), [good("lr", 0, 0.8), bad("lr", 1, "over", Status.CANCELLED), *ends])
    lines = re.sub(r"0:00:0\d", "TIME", capsys.readouterr().err).splitlines()
    assert lines[1:] == [
        "1/3 models | Accuracy: Logistic Regression 0.8000 on 1/2 folds",
        "Compared: 1/6 folds | TIME | 5 not run | best Logistic Regression, Accuracy 0.8000.",
    ]


def test_a_large_batch_is_still_one_line() -> None:
    plan = make_plan({str(n): f"Model {n}" for n in range(9)}, n_folds=1, batch_size=9)
    state = ProgressState(plan)
    lines = [state.update(event) for event in events_of(plan, [good(str(n), 0, n / 10) for n in range(9)])]
    assert lines[-2] == (
        "9/9 models | Accuracy: Model 8 0.8000, Model 7 0.7000, Model 6 0.6000, Model 5 0.5000, Model 4 0.4000"
        " and 4 more"
    )


# The notebook


def test_a_notebook_shows_means_over_the_folds_that_are_there() -> None:
    paper = Paper()
    util = display_util(paper, live=True)
    plan = make_plan()
    listener = DisplayListener(util, plan, live=True)
    so_far = [good("nb", 0, 0.7), good("nb", 1, 0.8), good("lr", 0, 0.9), bad("svm", 0)]
    for event in list(events_of(plan, so_far))[:-1]:
        listener.handle(event)
    util.close()
    line, header, first, second = paper.shown[-1].splitlines()
    assert re.fullmatch(r"4/6 folds \| 0:00:0\d \| 1 failed \| best Naive Bayes, Accuracy 0.7500", line)
    assert header.split() == ["Model", "Folds", "Accuracy", "AUC", "TT", "(Sec)"]
    assert first.split() == ["nb", "Naive", "Bayes", "2/2", "0.7500", "0.5000", "0.1000"]
    assert second.split() == ["lr", "Logistic", "Regression", "1/2", "0.9000", "0.5000", "0.1000"]
    assert paper.steps == 4
    assert paper.closed


def test_a_notebook_has_progress_only_unless_asked_for_more(capsys: pytest.CaptureFixture[str]) -> None:
    paper = Paper()
    show(display_util(paper), make_plan(), USUAL)
    assert paper.steps == 6
    assert len(paper.shown[-1].splitlines()) == 1
    # What failed stays to be read in the cell when the ranking has replaced the rest.
    assert capsys.readouterr().out == "SVM failed on fold 0: ValueError: no luck\n"


def test_thousands_of_trials_are_drawn_a_few_times_and_the_last_state_always() -> None:
    names = {str(n): f"Model {n}" for n in range(200)}
    plan = make_plan(names, n_folds=10)
    paper = Paper()
    started = time.monotonic()
    outcomes = [good(model_id, fold, int(model_id) / 1000) for model_id in names for fold in range(10)]
    assert show(display_util(paper, live=True), plan, outcomes, live=True) == []
    assert len(paper.shown) <= 2 + (time.monotonic() - started) / 0.5
    assert paper.steps == 2000
    lines = paper.shown[-1].splitlines()
    assert lines[0].startswith("2000/2000 folds")
    assert "Model 199" in lines[2]
    assert len(lines) == 1 + 1 + MAX_ROWS + 1
    assert lines[-1] == "... and 170 more"


def test_names_are_text_and_not_html() -> None:
    plan = make_plan({"<i>": "<script>alert(1)</script>\n" + "x" * 300}, n_folds=1)
    paper = Paper()
    show(display_util(paper, live=True), plan, [good("<i>", 0, 0.7)], live=True)
    assert "<script" not in paper.html[-1]
    assert "<i>" not in paper.html[-1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; xxx" in paper.html[-1]
    assert "x" * 40 not in paper.html[-1]


def test_outcomes_of_an_earlier_attempt_count() -> None:
    plan = make_plan()
    state = ProgressState(plan)
    begin = state.update(next(events_of(plan, [], done=(good("nb", 0, 0.7), good("nb", 1, 0.7)))))
    assert begin == "Comparing 3 models on 2 folds, 2 at once, 2 of 6 folds done before."
    assert state.snapshot().done == 2


@pytest.mark.parametrize(("sort_by", "best"), [("accuracy", "Accuracy 0.9000"), ("tt_sec", "TT (Sec) 0.1000")])
def test_the_best_is_named_with_the_metric_that_decides(sort_by: str, best: str) -> None:
    plan = make_plan({"nb": "Naive Bayes"}, n_folds=1, sort_by=sort_by)
    state = ProgressState(plan)
    for event in events_of(plan, [good("nb", 0, 0.9)]):
        state.update(event)
    assert f"best Naive Bayes, {best}" in state.line()


# No screen, and bad ones


@pytest.mark.parametrize("given", [{"verbose": False}, {"html": False}])
def test_nothing_is_shown_while_running_where_it_was_not_wanted(
    given: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    util = display_util(live=True, **given)
    assert show(util, make_plan(), USUAL, live=True) == []
    assert capsys.readouterr() == ("", "")
    util.finish(pd.DataFrame({"Model": ["nb"], **{f"Metric {n}": [0.5] for n in range(30)}}).style)
    shown = capsys.readouterr().out
    assert ("nb" in shown) is ("html" in given)  # setup(html=False) still prints the ranking, as plain PyCaret does
    assert "..." not in shown  # with all its columns


def test_a_display_that_fails_is_noted_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Paper):
        def display(self, what: Any, *, final_display: bool = True) -> None:
            raise BrokenPipeError("nobody looks")

    util = display_util(Broken())
    assert show(util, make_plan(), USUAL) == ["display: BrokenPipeError: nobody looks"]
    util.finish(pd.DataFrame({"Model": ["nb"]}))
    assert len(util.problems) == 2
    assert "The display failed" in caplog.text


def test_a_display_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter, "PATIENCE", 0.2)
    release = threading.Event()

    class Stuck(Paper):
        def move_progress(self, value: int = 1) -> None:
            release.wait(10)

    paper = Stuck()
    util = display_util(paper)
    problems = show(util, make_plan(), USUAL)
    release.set()
    assert problems == ["The display has not caught up."]
    util.close()
    assert len(util.problems) == 1


def test_a_display_that_was_never_started_is_closed_too() -> None:
    paper = Paper()
    util = display_util(paper)
    util.close()
    assert paper.closed


# Real runs


class LateListener:
    """A display for a run whose plan is not known before it starts."""

    def __init__(self, util: _DisplayUtil) -> None:
        self._util = util
        self._listener: DisplayListener | None = None

    def handle(self, event: Event) -> None:
        if isinstance(event, PlanMade):
            self._listener = DisplayListener(self._util, event.plan, live=True)
        assert self._listener is not None
        self._listener.handle(event)


@pytest.fixture(scope="module")
def exp() -> Any:
    return experiment(breast_cancer(100), "target")


def test_a_real_run_is_told_although_its_trials_print_nowhere(exp: Any, capsys: pytest.CaptureFixture[str]) -> None:
    util = display_util(live=True)
    backend = FugueBackend("native", listeners=[LateListener(util)])
    exp.compare_models(["nb", "dummy"], parallel=backend, verbose=False)
    util.close()
    error = capsys.readouterr().err
    assert error.startswith("Comparing 2 models on 3 folds, 1 at once.\n1/2 models | Accuracy: ")
    assert "best Naive Bayes, Accuracy" in error.splitlines()[-1]


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """A notebook's shell, as far as PyCaret needs one; the list holds what was published."""
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from pycaret.internal.display import display_backend
    from traitlets.config import Config

    published: list[tuple[str, dict[str, Any]]] = []

    class Publisher(DisplayPublisher):
        def publish(self, data: Any, *, transient: Any = None, **_: Any) -> None:
            published.append(((transient or {}).get("display_id", ""), data))

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    hook, excepthook = sys.displayhook, sys.excepthook
    config = Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell.instance(config=config, display_pub_class=Publisher)
    monkeypatch.setattr(display_backend, "get_ipython", lambda: shell)
    monkeypatch.setattr(display_backend, "_enable_matplotlib_inline", lambda: None)
    yield published
    InteractiveShell.clear_instance()
    sys.displayhook, sys.excepthook = hook, excepthook


def test_a_real_notebook_has_the_table_where_the_ranking_will_be(
    notebook: list[tuple[str, dict[str, Any]]], exp: Any
) -> None:
    util = display_util(live=True)
    backend = FugueBackend("native", listeners=[LateListener(util)])
    exp.compare_models(["nb", "dummy"], parallel=backend, verbose=False)
    util.finish(exp.pull().style)
    assert util.problems == []
    place = notebook[0][0]
    tables = [data["text/html"] for where, data in notebook if where == place]
    assert "Folds" in tables[-2]
    assert "6/6 folds" in tables[-2]
    assert "Folds" not in tables[-1]
    assert "Naive Bayes" in tables[-1]
    assert any("jupyter.widget-view" in kind for _, data in notebook for kind in data)  # PyCaret's bar


def test_the_display_grows_sorted_and_ends_with_the_ranking() -> None:
    class Screen:
        can_update_text = True

        def __init__(self) -> None:
            self.shown: list[Any] = []
            self.steps = 0

        def move_progress(self, value: int = 1) -> None:
            self.steps += value

        def display(self, df: Any, *, final_display: bool = True) -> None:
            self.shown.append((df, final_display))

    screen = Screen()
    util = _DisplayUtil(screen, progress=3, verbose=True, sort="Accuracy", asc=False)
    util.update(pd.DataFrame({"Accuracy": [0.7]}, index=["nb"]))
    util.update(pd.DataFrame({"Accuracy": [0.9, 0.7]}, index=["lr", "dt"]))
    util.finish()
    assert [list(df.index) for df, _ in screen.shown] == [["nb"], ["lr", "nb", "dt"], ["lr", "nb", "dt"]]
    assert [final for _, final in screen.shown] == [False, False, True]
    assert screen.steps == 3

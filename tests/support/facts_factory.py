"""Facts of runs that could have been: scores are drawn, everything else is as a run leaves it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.comparison.decision import CalibrationChoice, Decision
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.model_diagnostics import (
    ClassificationDiagnostics,
    FeatureImportance,
    ForecastDiagnostics,
    ModelDiagnostics,
    RegressionDiagnostics,
    ReliabilityCurve,
    RocCurve,
)
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import judge, mark_ties
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.thresholds import ThresholdChoice
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.comparison.tuning import Ending
from bakeoff.comparison.tuning_result import TunedFamily, TuningResult
from bakeoff.report.data_profile import columns_of, target_of
from bakeoff.report.diagnostics import Diagnostics
from bakeoff.report.facts import Facts
from bakeoff.storage.rows import RunRecord

METRICS = {
    "classification": (Metric("accuracy", "Accuracy"), Metric("auc", "AUC")),
    "regression": (Metric("mae", "MAE", greater_is_better=False), Metric("r2", "R2")),
    "time_series": (Metric("mase", "MASE", greater_is_better=False),),
}
CONFIG = '{"source": "data/shop.csv", "target": "sold", "fold": 5, "seed": 42, "setup": {}, "include": []}'
NAMES = ("Logistic Regression", "Gradient <b>Boosting</b> & Friends", "Naive Bayes $x_1^2$")
BEGAN = 1_700_000_000.0


def facts(task: str = "classification", n_models: int = 5, n_failed: int = 0, n_folds: int = 5) -> Facts:
    """A run of this kind; of the models that fail, the first loses one fold and the others all."""
    random = np.random.default_rng(5)
    models = tuple(Model(f"m{n}", f"{NAMES[n % len(NAMES)]} {n}") for n in range(n_models))
    metrics = METRICS[task]
    plan = Plan(models, n_folds, metrics, metrics[0].key)
    outcomes, clock = [], [BEGAN + 2.0, BEGAN + 2.5]
    for n, model in enumerate(models):
        for fold in range(n_folds):
            lost = n >= n_models - n_failed and (fold == 0 or n > n_models - n_failed)
            slot = (n + fold) % 2
            clock[slot] += 0.2 + 0.05 * n
            common: dict[str, Any] = {"fit_seconds": 0.1 + 0.04 * n, "score_seconds": 0.02, "host": "here"}
            if lost:
                error = {"error_type": "ValueError", "error_message": "<script>alert(1)</script> no way"}
                outcome = Outcome(
                    model.id,
                    fold,
                    Status.FAILED,
                    **common,
                    **error,
                    traceback="Traceback:\n  <x>",
                    finished_at=clock[slot],
                )
            else:
                values = {metric.key: 0.9 - 0.02 * n + random.normal(scale=0.04) for metric in metrics}
                outcome = Outcome(model.id, fold, metrics=values, **common, finished_at=clock[slot])
            outcomes.append(outcome)
    board = rank(plan, outcomes)
    verdict = judge(plan, board)
    best = board.best
    run = RunRecord(
        run_id="20260131-120000-a1b2c3",
        status="finished" if best else "failed",
        task_type=task,
        source="data/shop.csv",
        data_digest="0123456789abcdef",
        target="sold",
        n_rows=200,
        n_columns=4,
        n_folds=n_folds,
        primary_metric=plan.sort_by,
        higher_is_better=plan.greater_is_better,
        best_model_id=best.model_id if best else None,
        config=CONFIG,
        versions={"python": "3.11.0", "pycaret-core": "3.5.0"},
        mlflow_run_id="abc",
    )
    summary = Summary(slots=2, wall_seconds=max(clock) - BEGAN + 1, ideal_seconds=2.0, began_at=BEGAN)
    return Facts(
        run=run,
        plan=plan,
        board=mark_ties(board, verdict),
        verdict=verdict,
        summary=summary,
        look=look(task, plan, with_best=best is not None),
        tables=["delta.`/data/tables/runs`"],
    )


def raced(n_models: int = 4) -> Facts:
    """Such a run in which the last two models were stopped after two folds."""
    known = facts(n_models=n_models)
    stopped = [model.id for model in known.plan.models[-2:]]
    ran = [outcome for outcome in known.board.outcomes if outcome.model_id not in stopped or outcome.fold < 2]
    board = rank(known.plan, ran, stopped=stopped)
    verdict = judge(known.plan, board)
    return replace(known, board=mark_ties(board, verdict), verdict=verdict)


def tuned_facts(ending: Ending = Ending.SETTLED, holdout: float | None = None) -> Facts:
    """Such a run in which the family of the first model was tuned, and the best candidate is better."""
    known = facts(n_models=3)
    params = '{"depth": 3, "share": 0.123456789}'
    plan = known.plan.with_candidates([Model("m0-t5", "Model 0 (tuned)", params, tunes="m0")])
    better = [
        replace(outcome, model_id="m0-t5", metrics={key: value + 0.01 for key, value in outcome.metrics.items()})
        for outcome in known.board.outcomes
        if outcome.model_id == "m0"
    ]
    board = rank(plan, [*known.board.outcomes, *better])
    verdict = judge(plan, board)
    board = mark_ties(board, verdict)
    rows = tuple(replace(row, holdout_value=holdout) if row.model_id.startswith("m0") else row for row in board.rows)
    family = TunedFamily("m0", "m0", "m0-t5", 24, 9, 1, 12.5, 0.01, 0.002, 0.001, ending)
    other = TunedFamily("m1", "m1", None, 8, 0, 0, 1.5, None, None, None, ending)
    tuning = TuningResult((family, other), ("m2",))
    return replace(known, plan=plan, board=replace(board, rows=rows), verdict=verdict, tuning=tuning)


def look(task: str, plan: Plan, *, with_best: bool) -> Diagnostics:
    """What the driver of such a run saw."""
    random = np.random.default_rng(6)
    numbers = random.normal(size=200)
    frame = pd.DataFrame(
        {
            "price": np.where(numbers > 1.5, np.nan, numbers),
            "shop": random.choice(["north & south", "<west>"], 200),
            "day": pd.date_range("2024-01-01", periods=200),
            "sold": random.choice(["yes", "no"], 200) if task == "classification" else numbers * 10,
        }
    )
    best: ModelDiagnostics
    if task == "classification":
        curve = RocCurve("yes", 0.93, [0.0, 0.1, 1.0], [0.0, 0.9, 1.0])
        best = ClassificationDiagnostics(60, ["no", "yes"], [[28, 2], [4, 26]], [curve])
    else:
        actual = [float(value) for value in random.normal(size=60)]
        best = RegressionDiagnostics(60, actual, [value + 0.1 for value in actual])
    if task == "time_series":
        times, earlier = [f"t{n}" for n in range(60)], [f"h{n}" for n in range(60)]
        best = ForecastDiagnostics(60, None, times, actual, best.predicted, earlier, actual)
    curve = ReliabilityCurve("<yes> & no", [0.1, 0.4, 0.9], [0.0, 0.5, 1.0], [20, 20, 20], 0.1, "as fitted")
    threshold = ThresholdChoice("f1", "F1", "<yes> & no", 1, 0.31, (0.3, 0.33), 0.62, 0.55, kept=True)
    is_classifier = task == "classification" and with_best
    return Diagnostics(
        decision=Decision("m0", threshold, CalibrationChoice("sigmoid", 0.4, 0.5, kept=True))
        if is_classifier
        else None,
        reliability=[curve, replace(curve, name="calibrated")] if is_classifier else (),
        metric_names={metric.key: metric.name for metric in plan.metrics},
        test_ratio=0.25,
        began_at=BEGAN,
        findings=[
            {"kind": "suspicious", "sentence": "'<id>' numbers the rows.", "columns": ["<id>"], "n_affected": None}
        ],
        columns=columns_of(frame),
        target=target_of(frame["sold"], task),
        best=best if with_best else None,
        importance=FeatureImportance("itself", [("price", 0.7), ("shop & Co", 0.3)]) if with_best else None,
    )

"""Export the facts of a run as one JSON object, for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.trial import finite
from bakeoff.report.facts import Facts
from bakeoff.report.sentences import answer, question


def as_object(facts: Facts) -> dict[str, Any]:
    """Return the question and the results as an object for ``json.dumps``; numbers that are not finite are ``None``."""
    run, summary, verdict = facts.run, facts.summary, facts.verdict
    best = facts.board.best
    return {
        "run_id": run.run_id,
        "status": run.status,
        "question": question(facts),
        "answer": answer(facts),
        "task": run.task_type,
        "source": run.source,
        "source_version": run.source_version,
        "target": run.target,
        "n_rows": run.n_rows,
        "n_folds": facts.plan.n_folds,
        "metric": facts.plan.sort_by,
        "higher_is_better": facts.plan.greater_is_better,
        "best": _row(best, facts.plan.sort_by) if best else None,
        "cheapest_tied_with_best": verdict.cheapest if verdict else None,
        "leaderboard": [_row(row, facts.plan.sort_by) for row in facts.board.rows],
        "blend": _row(facts.offered, facts.plan.sort_by) if facts.offered else None,
        "decision": facts.look.decision.to_object() if facts.look.decision else None,
        "tuning": json.loads(facts.tuning.to_json()) if facts.tuning else None,
        "findings": list(facts.look.findings),
        "failures": [
            {
                "model_id": outcome.model_id,
                "fold": outcome.fold,
                "status": str(outcome.status),
                "error_type": outcome.error_type,
                "error_message": outcome.error_message,
            }
            for outcome in facts.board.failures
        ],
        "engine": run.engine,
        "n_stopped": len(facts.board.stopped),
        "seconds_saved": finite(facts.board.seconds_saved),
        "slots": summary.slots,
        "wall_seconds": finite(summary.wall_seconds),
        "ideal_seconds": finite(summary.ideal_seconds),
        "efficiency": finite(summary.efficiency),
        "tables": list(facts.tables),
        "mlflow_experiment_id": run.mlflow_experiment_id,
        "mlflow_run_id": run.mlflow_run_id,
        "mlflow_url": facts.mlflow_url,
        "model_uri": facts.model_uri,
        "promotion": run.promotion,
    }


def _row(row: Row, key: str) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "model_id": row.model_id,
        "model_name": row.model_name,
        "status": row.status,
        "tied_with_best": row.tied_with_best,
        "value": finite(row.primary_value),
        "std": finite(row.stds.get(key)),
        "metrics": _finite(row.means),
        "n_folds_ok": row.n_folds_ok,
        "fit_seconds": finite(row.fit_seconds),
        "params": json.loads(row.params) if row.params else None,
        "seconds_saved": finite(row.seconds_saved),
        "error_type": row.error_type,
        "error_message": row.error_message,
        "holdout_value": finite(row.holdout_value),
        "members": dict(row.members),
    }


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    return {key: finite(value) for key, value in values.items()}

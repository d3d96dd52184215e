"""Results of a run for notebooks: ``bakeoff.results(run_id)``."""

from __future__ import annotations

import html
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.comparison import frames
from bakeoff.report import interactive
from bakeoff.report.blocks import number
from bakeoff.report.facts import Facts
from bakeoff.report.page import render, write
from bakeoff.report.sentences import answer, clock, question
from bakeoff.runs.loading import load_best_model, read_facts
from bakeoff.storage.location import ResultsLocation, run_folder
from bakeoff.storage.open_results import open_reader

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

_MAX_ROWS = 10
"""Number of models in the table that a notebook shows."""


class RunResults:
    """Results of one run, which a notebook shows as the answer and the ranking.

    Attributes:
        facts: all results as plain data.
    """

    def __init__(self, facts: Facts, home: Path) -> None:
        self.facts = facts
        self._home = home

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self.facts.run.run_id

    @property
    def answer(self) -> str:
        """The result in a sentence or two."""
        return answer(self.facts)

    @property
    def leaderboard(self) -> pd.DataFrame:
        """Ranking as a frame: one row for each model, with a column for each metric."""
        import pandas as pd

        rows = self.facts.board.rows
        return pd.DataFrame(
            [
                {
                    "rank": row.rank,
                    "model_id": row.model_id,
                    "model": row.model_name,
                    "status": row.status,
                    "tied_with_best": row.tied_with_best,
                    **row.means,
                    "std": row.stds.get(self.facts.plan.sort_by),
                    "n_folds_ok": row.n_folds_ok,
                    "error_type": row.error_type,
                    "error_message": row.error_message,
                }
                for row in rows
            ]
        ).set_index("rank")

    @property
    def trials(self) -> pd.DataFrame:
        """Trials as a frame: one row for each, with its scores or its error."""
        return frames.trials(self.facts.board)

    @property
    def failures(self) -> pd.DataFrame:
        """Trials without scores as a frame: one row for each, with its error."""
        return frames.failures(self.facts.board)

    @cached_property
    def plots(self) -> dict[str, Any]:
        """Interactive Plotly figures, by name: ``leaderboard``, ``folds``, ``cost`` and ``timeline``."""
        return interactive.plots(self.facts)

    def best_model(self) -> Any:
        """Load the best model: a fitted pipeline that predicts from raw rows, or forecasts a time series.

        Raises:
            UserError: Every model failed.
        """
        return load_best_model(self.facts, self._home)

    def report(self, file: str | Path | None = None) -> Path:
        """Write the report and return its path.

        Args:
            file: path of the report; by default it goes into the run's folder under ``home``, with its pictures.
        """
        if file is None:
            return write(self.facts, run_folder(self._home, self.run_id))
        Path(file).write_text(render(self.facts), encoding="utf-8")
        return Path(file)

    def __repr__(self) -> str:
        return f"Run {self.run_id}: {self.answer} {clock(self.facts.summary)}."

    def _repr_html_(self) -> str:
        facts = self.facts
        rows = "".join(
            f"<tr><td>{row.rank}</td><td style='text-align:left'>{html.escape(row.model_name)}</td>"
            f"<td>{number(row.primary_value)}</td><td>{number(row.stds.get(facts.plan.sort_by))}</td>"
            f"<td style='text-align:left'>{_status_label(row.status, tied=row.tied_with_best, rank=row.rank)}</td></tr>"
            for row in facts.board.rows[:_MAX_ROWS]
        )
        n_more = len(facts.board.rows) - _MAX_ROWS
        more = f"<p>... and {n_more} more in <code>.leaderboard</code></p>" if n_more > 0 else ""
        return (
            f"<div><p>{html.escape(question(facts))}</p><p><b>{html.escape(self.answer)}</b></p><table><thead><tr>"
            f"<th>#</th><th style='text-align:left'>Model</th><th>{html.escape(facts.metric)}</th><th>std</th><th></th>"
            f"</tr></thead><tbody>{rows}</tbody></table>{more}<p>{html.escape(clock(facts.summary))}. "
            "<code>.leaderboard .trials .failures .plots .best_model() .report()</code></p></div>"
        )


def results(
    run_id: str | None = None,
    *,
    spark: SparkSession | None = None,
    home: str | Path = ".bakeoff",
    catalog: str | None = None,
    schema: str | None = None,
) -> RunResults:
    """Read the results of a run.

    Args:
        run_id: id of the run; the run that started last by default.
        spark: session to read with; by default none for tables under ``home``, and for those of a metastore the active
            one, or a local one that is stopped again.
        home: folder of the run's local files, its ``--home``.
        catalog: catalog of the tables, in a metastore.
        schema: schema of the tables, in a metastore; without it they are under ``home``.

    Raises:
        UserError: There are no tables in that location, or they do not hold the run.
    """
    home = Path(home)
    location = ResultsLocation.at(home, catalog, schema)
    with open_reader(location, home, spark) as reader:
        return RunResults(read_facts(reader, home, run_id), home)


def _status_label(status: str, *, tied: bool | None, rank: int) -> str:
    return "tied" if tied and rank > 1 else "" if status == "ok" else status

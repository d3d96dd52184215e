"""Write the code that reproduces a run: as a command, and as a few lines of PyCaret."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping
from typing import Any

from bakeoff._options.values import flag
from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.model_diagnostics import ForecastDiagnostics
from bakeoff.config import READING_OPTIONS, RunConfig
from bakeoff.report.facts import Facts

_ELSEWHERE = {"run_id", "home", "experiment", "catalog", "schema", "register_model"}
"""Options that say where results go, which is different for the next run."""
_LINE_BREAK = " \\\n  "


def command(config: Mapping[str, Any]) -> str:
    """Return the command line that runs the same comparison.

    Example:
        >>> print(command({"source": "my data.csv", "target": "y", "fold": 5, "include": ["lr", "rf"], "seed": 42}))
        bakeoff run --source 'my data.csv' --target y --include lr,rf --fold 5
    """
    options = _options({name: value for name, value in config.items() if name not in _ELSEWHERE})
    line = " ".join(["bakeoff run", *options])
    return line if len(line) <= 110 else _LINE_BREAK.join(["bakeoff run", *options])  # noqa: PLR2004 - a line of the page


def check_command(config: Mapping[str, Any]) -> str:
    """Return the command line, on one line, that judges the table of a comparison.

    Example:
        >>> print(check_command({"source": "my data.csv", "target": "y", "fold": 5, "include": ["lr", "rf"]}))
        bakeoff check --source 'my data.csv' --target y
    """
    return " ".join(["bakeoff check", *_options({name: config.get(name) for name in READING_OPTIONS})])


def _options(config: Mapping[str, Any]) -> list[str]:
    """Return the options that are not at their defaults, as a shell takes them."""
    defaults = {item.name: item.default for item in dataclasses.fields(RunConfig)}
    given = {name: config.get(name) for name in defaults}
    return [
        f"{flag(name)} {shlex.quote(_option_text(value))}"
        for name, value in given.items()
        if value not in (None, [], {}, ()) and value != defaults[name]
    ]


def pycaret_code(facts: Facts) -> str:
    """Return code that fits and scores the winner in plain PyCaret, without Bakeoff."""
    config, run, best = facts.config, facts.run, facts.board.best
    kind = {"classification": "ClassificationExperiment", "regression": "RegressionExperiment"}.get(
        str(run.task_type), "TSForecastingExperiment"
    )
    module = "time_series" if kind.startswith("TS") else run.task_type
    target, source = str(config.get("target", run.target)), str(config.get("source", run.source))
    options = {"target": target, "fold": config.get("fold"), "fh": config.get("fh"), "session_id": config.get("seed")}
    arguments = {name: value for name, value in {**options, **config.get("setup", {})}.items() if value is not None}
    split = _split_lines(facts)
    if config.get("holdout") and not split:
        arguments["train_size"] = 1 - config["holdout"]
    given = ["test_data=test_data"] if split else []
    setup_arguments = ", ".join([*given, *(f"{name}={value!r}" for name, value in arguments.items())])
    lines = [
        "import pandas as pd",
        f"from pycaret.{module} import {kind}",
        "",
        f"data = {_read_call(source, run.source_version)}",
    ]
    if config.get("time_col"):
        forecast = facts.look.best
        frequency = forecast.frequency if isinstance(forecast, ForecastDiagnostics) else None
        lines.append(_index_line(str(config["time_col"]), frequency))
    else:
        lines.append(f"data = data.dropna(subset=[{target!r}])")
    if config.get("max_rows") and (run.n_rows or 0) >= config["max_rows"]:
        lines.append(f"# a sample of {run.n_rows:,} rows was used: bakeoff.source draws it")
    lines += [*split, f"experiment = {kind}()", f"experiment.setup(data, {setup_arguments})"]
    lines += [
        f"model = experiment.create_model({_asked(best)})   # {facts.metric} {best.primary_value:.4f}" if best else "",
        "experiment.predict_model(model)",
    ]
    return "\n".join(lines)


def _split_lines(facts: Facts) -> list[str]:
    """Return code that holds out the rows that were named; empty if PyCaret draws them."""
    config, evaluation = facts.config, facts.look.best
    by_words, by_time = config.get("split_col"), config.get("split_time")
    if by_words:
        lines = [
            f"part = data.pop({by_words!r}).astype(str).str.strip().str.lower()",
            'data, test_data = data[part.isin(["train", "validate", "validation"])], data[part == "test"]',
        ]
    elif by_time and evaluation is not None:
        lines = [
            f"data = data.dropna(subset=[{by_time!r}]).sort_values({by_time!r}, kind='stable')  # as times",
            f"data, test_data = data.iloc[:-{evaluation.rows}], data.iloc[-{evaluation.rows}:]  # but for {by_time!r}",
        ]
    else:
        return []
    return [*lines, f"data = data.sample(frac=1, random_state={config.get('seed')})  # PyCaret mixes what it splits"]


def _asked(row: Row) -> str:
    """Return the arguments of ``create_model`` for a model of PyCaret's, or one of a family with other parameters.

    Example:
        >>> from types import SimpleNamespace
        >>> _asked(SimpleNamespace(model_id="rf-t7", params='{"max_depth": 3}'))
        "'rf', max_depth=3"
    """
    if not row.params:
        return repr(row.model_id)
    params = [f"{name}={value!r}" for name, value in json.loads(row.params).items()]
    return ", ".join([repr(row.model_id.rpartition("-")[0]), *params])


def loading(facts: Facts) -> str:
    """Return code that loads the fitted winner from MLflow."""
    flavour = (
        "sklearn" if facts.run.task_type == "time_series" else "pyfunc"
    )  # a forecaster takes no rows but a horizon
    set_uri = f"mlflow.set_tracking_uri({facts.tracking_uri!r})\n" if facts.tracking_uri else ""
    return f"import mlflow\n\n{set_uri}model = mlflow.{flavour}.load_model({facts.model_uri!r})"


def _option_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps(value)
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _read_call(source: str, version: str | None) -> str:
    if source.endswith((".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zip")):
        return f"pd.read_csv({source!r})"
    if source.endswith((".tsv", ".tsv.gz")):
        return f"pd.read_csv({source!r}, sep='\\t')"
    if source.endswith((".parquet", ".pq")):
        return f"pd.read_parquet({source!r})"
    option = f".option('versionAsOf', {version})" if version else ""
    if "/" in source:
        return f"spark.read.format('delta'){option}.load({source!r}).toPandas()"
    return f"spark.read{option}.table({source!r}).toPandas()"


def _index_line(time_col: str, frequency: str | None) -> str:
    if frequency is None:
        return f"data = data.set_index({time_col!r})"
    return f"data = data.set_index(pd.PeriodIndex(data.pop({time_col!r}), freq={frequency!r}))"

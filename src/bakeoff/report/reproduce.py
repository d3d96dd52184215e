"""How to do it again: as a command, and as a few lines of PyCaret."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping
from typing import Any

from bakeoff._config_options import flag
from bakeoff.config import RunConfig
from bakeoff.report.facts import Facts

_ELSEWHERE = {"run_id", "home", "experiment", "catalog", "schema", "register_model"}
"""Where results go is the next run's own business."""
_SEPARATE = " \\\n  "


def command(config: Mapping[str, Any]) -> str:
    """The command line that asks the same question.

    Example:
        >>> print(command({"source": "my data.csv", "target": "y", "fold": 5, "include": ["lr", "rf"], "seed": 42}))
        bakeoff run --source 'my data.csv' --target y --include lr,rf --fold 5
    """
    defaults = {item.name: item.default for item in dataclasses.fields(RunConfig)}
    told = []
    for name, default in defaults.items():
        value = config.get(name)
        if name in _ELSEWHERE or value in (None, [], {}, ()) or value == default:
            continue
        told.append(f"{flag(name)} {shlex.quote(_option(value))}")
    line = " ".join(["bakeoff run", *told])
    return line if len(line) <= 110 else _SEPARATE.join(["bakeoff run", *told])  # noqa: PLR2004 - a line of the page


def pycaret_code(facts: Facts) -> str:
    """The winner's scores in plain PyCaret, without Bakeoff."""
    config, run, best = facts.config, facts.run, facts.board.best
    kind = {"classification": "ClassificationExperiment", "regression": "RegressionExperiment"}.get(
        str(run.task_type), "TSForecastingExperiment"
    )
    module = "time_series" if kind.startswith("TS") else run.task_type
    target, source = str(config.get("target", run.target)), str(config.get("source", run.source))
    given = {"target": target, "fold": config.get("fold"), "fh": config.get("fh"), "session_id": config.get("seed")}
    arguments = {name: value for name, value in {**given, **config.get("setup", {})}.items() if value is not None}
    said = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    lines = [
        "import pandas as pd",
        f"from pycaret.{module} import {kind}",
        "",
        f"data = {_reading(source, run.source_version)}",
    ]
    if config.get("time_col"):
        lines.append(_indexed(str(config["time_col"]), facts.look.best.get("frequency")))
    else:
        lines.append(f"data = data.dropna(subset=[{target!r}])")
    if config.get("max_rows") and (run.n_rows or 0) >= config["max_rows"]:
        lines.append(f"# a sample of {run.n_rows:,} rows was used: bakeoff.source draws it")
    lines += [f"experiment = {kind}()", f"experiment.setup(data, {said})"]
    model = best.model_id if best else "lr"
    lines += [
        f"model = experiment.create_model({model!r})   # {facts.metric} {best.primary_value:.4f}" if best else "",
        "experiment.predict_model(model)",
    ]
    return "\n".join(lines)


def loading(facts: Facts) -> str:
    """The fitted winner, from MLflow."""
    flavour = "sklearn" if facts.run.task_type == "time_series" else "pyfunc"  # a forecaster takes a horizon, no rows
    where = f"mlflow.set_tracking_uri({facts.tracking_uri!r})\n" if facts.tracking_uri else ""
    return f"import mlflow\n\n{where}model = mlflow.{flavour}.load_model({facts.model_uri!r})"


def _option(value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps(value)
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _reading(source: str, version: str | None) -> str:
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


def _indexed(time_col: str, frequency: str | None) -> str:
    if frequency is None:
        return f"data = data.set_index({time_col!r})"
    return f"data = data.set_index(pd.PeriodIndex(data.pop({time_col!r}), freq={frequency!r}))"

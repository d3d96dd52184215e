"""What a run was asked to do, checked before anything happens.

A `RunConfig` that exists is sound: everything that can be seen to be wrong without looking at the data is said at
once, in a sentence that names the option.
"""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from bakeoff.errors import UserError, one_of

TASKS = ("classification", "regression", "time_series")
ENGINES = ("spark", "native")
DEFAULT_SEED = 42
"""Two runs with the same seed can be compared. PyCaret draws a new one for each experiment that is not given any."""

SETUP_OWNED = {
    "data": "--source",
    "data_func": "--source",
    "test_data": "--source for all rows and 'train_size' for the share to train on",
    "target": "--target",
    "index": "--time-col for a time series, or 'ignore_features' to leave a column out",
    "fold": "--fold",
    "fh": "--fh",
    "session_id": "--seed",
    "experiment_name": "--experiment",
    "log_experiment": "--experiment (Bakeoff logs to MLflow itself)",
    "log_plots": "--experiment (Bakeoff logs plots itself)",
    "log_data": "--experiment (Bakeoff logs the data set itself)",
    "log_profile": "--experiment (Bakeoff logs to MLflow itself)",
    "experiment_custom_tags": "--run-id to tell runs apart",
    "html": "nothing (Bakeoff shows its own progress)",
    "verbose": "nothing (Bakeoff shows its own progress)",
    "profile": "nothing (a profile needs somebody to look at it)",
    "profile_kwargs": "nothing (a profile needs somebody to look at it)",
    "system_log": "nothing (Bakeoff keeps its own log)",
}
"""Arguments of PyCaret's ``setup()`` that Bakeoff sets itself, and what to use instead."""

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\$\{.*?\}", re.DOTALL)
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_NAME_PART = re.compile(r"[^\s./\\`]+")
_MAX_SEED = 2**32 - 1
# What decides the result. The rest says where it goes, how long it may take and what it is called.
_QUESTION = (
    *("source", "source_version", "order_by", "max_rows", "target", "task", "time_col", "fh"),
    *("include", "exclude", "sort", "fold", "n_select", "seed", "setup"),
)


def new_run_id() -> str:
    """A name for a run: sorts by time, and differs from every other.

    Example:
        >>> len(new_run_id())
        22
    """
    return f"{dt.datetime.now(dt.timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class RunConfig:
    """One run, as asked for. Empty strings and lists count as not given, since a job's parameters cannot be left out.

    Attributes:
        source: a table's name, or a path to csv, parquet or Delta.
        target: the column to predict.
        task: one of `TASKS`; inferred from the target when it is not given.
        include: model ids to compare; all when empty.
        exclude: model ids to leave out.
        sort: name of the metric that ranks; PyCaret's own choice when not given.
        fold: how many folds; PyCaret's own number (10, or 3 for time series) when not given.
        n_select: how many of the best models are refitted and returned.
        batch_size: how many models are reported and logged together.
        budget_minutes: the comparison ends then, with what is there.
        seed: makes runs comparable; see `DEFAULT_SEED`.
        setup: further arguments of PyCaret's ``setup()``.
        run_id: names the run; made up when it is not given. The same name again continues the run.
        experiment: the MLflow experiment.
        catalog: where the tables go, in a metastore.
        schema: where the tables go, in a metastore.
        home: the folder for what is kept locally.
        register_model: the name under which the best model is registered.
        champion_margin: by how much it must beat the registry's champion to take its place, in units of the metric.
        engine: ``spark``, or ``native`` to fit every model in this process.
        max_rows: a seeded sample of so many rows is used where there are more.
        source_version: version of the Delta table to read.
        order_by: columns that give a table's rows an order.
        time_col: the column that orders a time series.
        fh: forecasting horizon, a number of steps or the steps themselves.
    """

    source: str
    target: str
    task: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    sort: str | None = None
    fold: int | None = None
    n_select: int = 1
    batch_size: int = 1
    budget_minutes: float | None = None
    seed: int = DEFAULT_SEED
    setup: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = field(default_factory=new_run_id)
    experiment: str | None = None
    catalog: str | None = None
    schema: str | None = None
    home: Path = Path(".bakeoff")
    register_model: str | None = None
    champion_margin: float = 0.0
    engine: str = "spark"
    max_rows: int | None = None
    source_version: int | None = None
    order_by: tuple[str, ...] = ()
    time_col: str | None = None
    fh: int | tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for option in fields(self):
            value = _given(getattr(self, option.name))
            _refuse_placeholder(option.name, value)
            object.__setattr__(self, option.name, _read(option.name, value))
        self._check_together()

    def _check_together(self) -> None:
        if self.include and self.exclude:
            raise UserError(
                "--include and --exclude cannot be used together: name the models to compare, or those not to."
            )
        if self.task == "time_series" and self.time_col is None:
            raise UserError("A time series needs --time-col: name the column that says when each row was observed.")
        for name in ("time_col", "fh"):
            if self.task != "time_series" and getattr(self, name) is not None:
                raise UserError(f"{flag(name)} is for time series: add --task time_series, or leave it out.")
        if self.time_col is not None and self.time_col == self.target:
            raise UserError(f"--time-col and --target are both {self.target!r}: the target is what is to be forecast.")
        if self.catalog and not self.schema:
            raise UserError(f"--catalog {self.catalog} needs --schema: name the schema that the tables go to.")

    @classmethod
    def from_sources(cls, flags: Mapping[str, Any], file: Path | None = None) -> RunConfig:
        """A config from a YAML file and from flags; where both say something, the flags win.

        Example:
            >>> RunConfig.from_sources({"source": "a.csv", "target": "y", "include": ["lr,rf", "et"]}).include
            ('lr', 'rf', 'et')
        """
        told = _read_file(file) if file is not None else {}
        told.update({name: value for name, value in flags.items() if _given(value) is not None})
        known = [option.name for option in fields(cls)]
        for name in told:
            if name not in known:
                raise UserError(_unknown(name, known, f"{file}" if name not in flags else "the options"))
        for name in ("source", "target"):
            if _given(told.get(name)) is None:
                raise UserError(f"{flag(name)} is missing: {_NEEDED[name]}.")
        return cls(**{name: value for name, value in told.items() if _given(value) is not None})

    def to_json(self) -> str:
        """Everything, as canonical JSON: the same config always gives the same text.

        Example:
            >>> RunConfig("a.csv", "y", run_id="one").to_json()[:37]
            '{"batch_size":1,"budget_minutes":null'
        """
        return _canonical({option.name: getattr(self, option.name) for option in fields(self)})

    def digest(self) -> str:
        """A short hash of what decides the result: two runs with the same digest answer the same question."""
        question = _canonical({name: getattr(self, name) for name in _QUESTION})
        return hashlib.sha256(question.encode()).hexdigest()[:16]


def parse_setup(text: str, folder: Path | None = None) -> dict[str, Any]:
    """Arguments for PyCaret's ``setup()``, from JSON or from ``@file`` (JSON, or YAML by its ending).

    Args:
        text: the JSON itself, or ``@`` and a path.
        folder: what a relative path is relative to; the working directory when not given.

    Example:
        >>> parse_setup('{"normalize": true}')
        {'normalize': True}
    """
    text = text.strip()
    if not text:
        return {}
    origin = "--setup"
    path = Path(text[1:].strip()).expanduser() if text.startswith("@") else None
    if path is not None:
        path = path if folder is None else folder / path
        origin = f"--setup {path}"
        text = _read_text(path, "--setup")
    try:
        told = yaml.safe_load(text) if path is not None and path.suffix in {".yml", ".yaml"} else json.loads(text)
    except (ValueError, yaml.YAMLError) as error:
        hint = "" if path is not None else """: write it as '{"normalize": true}', or as @file.json"""
        raise UserError(f"{origin} cannot be read ({_one_line(error)}){hint}.") from error
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise UserError(f"""{origin} must name arguments of setup(), as in '{{"normalize": true}}', not {told!r}.""")
    return told


def flag(name: str) -> str:
    """The option as it is typed.

    Example:
        >>> flag("n_select")
        '--n-select'
    """
    return "--" + name.replace("_", "-")


def _given(value: Any) -> Any:
    """``None`` for everything that counts as not given."""
    if isinstance(value, str):
        value = value.strip()
    return None if value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value) else value


def _refuse_placeholder(name: str, value: Any) -> None:
    if isinstance(value, str) and (found := _PLACEHOLDER.search(value)):
        raise UserError(
            f"{flag(name)} still holds {found.group()}, which nobody filled in: "
            "check the parameter's name where the job is defined, or give a value."
        )
    if isinstance(value, Mapping):
        for part in value.items():
            _refuse_placeholder(name, part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _refuse_placeholder(name, part)


def _read(name: str, value: Any) -> Any:
    if value is None:
        if name in _NEEDED:
            raise UserError(f"{flag(name)} is missing: {_NEEDED[name]}.")
        default = _DEFAULTS[name]
        return default.default if default.default_factory is MISSING else default.default_factory()
    return _READERS[name](flag(name), value)


def _text(option: str, value: Any) -> str:
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise UserError(f"{option} must be text, not {value!r}: put it in quotes.")
    return str(value)


def _path(option: str, value: Any) -> Path:
    return Path(_text(option, value)).expanduser()


def _texts(option: str, value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    split = [piece.strip() for part in parts for piece in _text(option, part).split(",")]
    return tuple(dict.fromkeys(piece for piece in split if piece))


def _task(option: str, value: Any) -> str:
    task = _text(option, value).lower().replace("-", "_")
    if task not in TASKS:
        raise UserError(one_of(value, TASKS, "task"))
    return task


def _number(option: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN
        raise UserError(f"{option} must be a number, not {value!r}.")
    return number


def _whole(least: int, most: int | None = None) -> Callable[[str, Any], int]:
    def read(option: str, value: Any) -> int:
        number = _number(option, value)
        if number != int(number) or number < least or (most is not None and number > most):
            limit = f"at least {least}" if most is None else f"from {least} to {most}"
            raise UserError(f"{option} must be a whole number, {limit}, not {value!r}.")
        return int(value) if isinstance(value, (int, str)) and str(value).strip().isdigit() else int(number)

    return read


def _minutes(option: str, value: Any) -> float:
    minutes = _number(option, value)
    if minutes <= 0:
        raise UserError(f"{option} must be more than 0, not {value!r}: leave it out to run without a limit.")
    return minutes


def _margin(option: str, value: Any) -> float:
    margin = _number(option, value)
    if margin < 0:
        raise UserError(f"{option} must be at least 0, not {value!r}: a new model never replaces a better one.")
    return margin


def _engine(option: str, value: Any) -> str:
    engine = _text(option, value).lower()
    if engine not in ENGINES:
        raise UserError(one_of(value, ENGINES, "engine"))
    return engine


def _horizon(option: str, value: Any) -> int | tuple[int, ...]:
    parts = list(value) if isinstance(value, (list, tuple)) else str(value).split(",")
    steps = tuple(_whole(1)(option, part) for part in parts if _given(part) is not None)
    if not steps:
        raise UserError(
            f"{option} must be a number of steps or the steps themselves, as in 12 or 1,2,3, not {value!r}."
        )
    several = isinstance(value, (list, tuple)) or "," in str(value)
    return tuple(sorted(set(steps))) if several else steps[0]


def _run_name(option: str, value: Any) -> str:
    name = _text(option, value)
    if not _RUN_ID.fullmatch(name):
        raise UserError(
            f"{option} {name!r} cannot name a run: use up to 100 letters, digits, '-', '_' and '.', starting with one "
            "of the first two."
        )
    return name


def _name_part(option: str, value: Any) -> str:
    name = _text(option, value)
    if not _NAME_PART.fullmatch(name):
        raise UserError(f"{option} {name!r} must be one name, without dots, slashes, spaces or backticks.")
    return name


def _setup(option: str, value: Any) -> dict[str, Any]:
    told = parse_setup(value) if isinstance(value, str) else value
    if not isinstance(told, Mapping):
        raise UserError(f"{option} must name arguments of setup(), not {value!r}.")
    _refuse_placeholder("setup", told)
    for name in told:
        if name in SETUP_OWNED:
            raise UserError(
                f"{option} cannot set {name!r}, which Bakeoff sets itself: use {SETUP_OWNED[name]} instead."
            )
    return dict(told)


_NEEDED = {
    "source": "give a table's name, or a path to a csv, parquet or Delta file",
    "target": "name the column to predict",
}
_DEFAULTS = {option.name: option for option in fields(RunConfig)}
_READERS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("source", "target", "sort", "experiment", "register_model", "time_col"), _text),
    **dict.fromkeys(("include", "exclude", "order_by"), _texts),
    **dict.fromkeys(("n_select", "batch_size"), _whole(1)),
    **dict.fromkeys(("catalog", "schema"), _name_part),
    "task": _task,
    "fold": _whole(2),
    "budget_minutes": _minutes,
    "champion_margin": _margin,
    "engine": _engine,
    "seed": _whole(0, _MAX_SEED),
    "setup": _setup,
    "run_id": _run_name,
    "home": _path,
    "max_rows": _whole(2),
    "source_version": _whole(0),
    "fh": _horizon,
}


def _read_text(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise UserError(f"{option} {path} cannot be read ({reason}): check the path (from {Path.cwd()}).") from error


def _read_file(path: Path) -> dict[str, Any]:
    text = _read_text(path, "--config")
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"--config {path} is not YAML ({_one_line(error)}).") from error
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise UserError(f"--config {path} must hold options and their values, one per line, as in 'target: y'.")
    options = {str(name).replace("-", "_"): value for name, value in told.items()}
    if isinstance(options.get("setup"), str):
        _refuse_placeholder("setup", options["setup"])
        options["setup"] = parse_setup(options["setup"], folder=path.parent)
    return options


def _unknown(name: str, known: list[str], where: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"There is no option {name!r} in {where}: " + (
        f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(known)}."
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _canonical(told: Mapping[str, Any]) -> str:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return value.tolist()
    return f"{type(value).__module__}.{type(value).__qualname__}"

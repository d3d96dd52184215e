"""What a run was asked to do, checked before anything happens.

A `RunConfig` that exists is sound: everything that can be seen to be wrong without looking at the data is said at
once, in a sentence that names the option.
"""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import yaml

from bakeoff._config_options import NEEDED, READERS, flag, given, parse_setup, read_text, refuse_placeholder
from bakeoff._utils.redaction import redact
from bakeoff._utils.text import one_line
from bakeoff.errors import ConfigError, UserError

DEFAULT_SEED = 42
"""Two runs with the same seed can be compared. PyCaret draws a new one for each experiment that is not given any."""

DUMMY = "dummy"
"""PyCaret's id of the model that looks at no column."""

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
        task: one of `bakeoff._config_options.TASKS`; inferred from the target when it is not given.
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
        min_value: the least that the ranking metric must come to (the most, of one that is to be low) for a champion.
        min_lift: by more than this it must beat the dummy model, in units of the metric, to become champion.
        engine: ``spark``, or ``native`` to fit every model in this process.
        max_rows: a seeded sample of so many rows is used where there are more.
        source_version: version of the Delta table to read.
        order_by: columns that give a table's rows an order.
        time_col: the column that orders a time series.
        fh: forecasting horizon, a number of steps or the steps themselves.
        trial_timeout: seconds after which a trial is ended, 0 for never; by default, see `bakeoff.job.trial_limits`.
        trial_memory_mb: megabytes that the process of a trial may hold.
        max_retries: how often a trial is tried again that took its process or its worker down.
        n_slots: how many tasks run at once, if not as many as the engine has slots.
        isolation: where models are fitted, one of `bakeoff._config_options.ISOLATIONS`.
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
    run_id: str = ""
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
    trial_timeout: float | None = None
    trial_memory_mb: float | None = None
    max_retries: int = 1
    n_slots: int | None = None
    isolation: str = "auto"
    min_value: float | None = None
    min_lift: float | None = None

    is_named: ClassVar[bool] = True
    """Whether the tables may hold a run of this name: not where the name was made up here and is not used yet."""

    def __post_init__(self) -> None:
        if given(self.run_id) is None:
            object.__setattr__(self, "run_id", new_run_id())
            object.__setattr__(self, "is_named", False)
        for option in fields(self):
            value = given(getattr(self, option.name))
            refuse_placeholder(option.name, value)
            object.__setattr__(self, option.name, _read(option.name, value))
        self._check_together()

    def use_name(self) -> None:
        """Remember that a run of this name has been started, so that the same config continues it."""
        object.__setattr__(self, "is_named", True)

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
        for name in ("trial_timeout", "trial_memory_mb"):
            if self.isolation == "none" and getattr(self, name):
                raise ConfigError(f"{flag(name)} needs a process that can be killed: leave out --isolation none.")
        self._check_lift()
        if self.catalog and not self.schema:
            raise UserError(f"--catalog {self.catalog} needs --schema: name the schema that the tables go to.")

    def _check_lift(self) -> None:
        """Refuse ``--min-lift`` where no dummy model will be compared."""
        if self.min_lift is None:
            return
        if self.task == "time_series":
            raise ConfigError("--min-lift is not for time series, which have no dummy model: use --min-value.")
        if DUMMY in self.exclude or (self.include and DUMMY not in self.include):
            raise ConfigError(f"--min-lift compares with the model {DUMMY!r}, which is not to be compared: include it.")

    @classmethod
    def from_sources(cls, flags: Mapping[str, Any], file: Path | None = None) -> RunConfig:
        """A config from a YAML file and from flags; where both say something, the flags win.

        Example:
            >>> RunConfig.from_sources({"source": "a.csv", "target": "y", "include": ["lr,rf", "et"]}).include
            ('lr', 'rf', 'et')
        """
        told = _read_file(file) if file is not None else {}
        told.update({name: value for name, value in flags.items() if given(value) is not None})
        known = [option.name for option in fields(cls)]
        for name in told:
            if name not in known:
                raise UserError(_unknown(name, known, f"{file}" if name not in flags else "the options"))
        for name in ("source", "target"):
            if given(told.get(name)) is None:
                raise UserError(f"{flag(name)} is missing: {NEEDED[name]}.")
        return cls(**{name: value for name, value in told.items() if given(value) is not None})

    def to_json(self) -> str:
        """Everything but secrets, as canonical JSON: the same config always gives the same text.

        Example:
            >>> RunConfig("a.csv", "y", run_id="one").to_json()[:37]
            '{"batch_size":1,"budget_minutes":null'
        """
        return _canonical(redact({option.name: getattr(self, option.name) for option in fields(self)}))

    def digest(self) -> str:
        """A short hash of what decides the result: two runs with the same digest answer the same question.

        Secrets are not part of it: who has a new password asks the same question.
        """
        question = _canonical(redact({name: getattr(self, name) for name in _QUESTION}))
        return hashlib.sha256(question.encode()).hexdigest()[:16]


def _read(name: str, value: Any) -> Any:
    if value is None:
        if name in NEEDED:
            raise UserError(f"{flag(name)} is missing: {NEEDED[name]}.")
        default = _DEFAULTS[name]
        return default.default if default.default_factory is MISSING else default.default_factory()
    return READERS[name](flag(name), value)


_DEFAULTS = {option.name: option for option in fields(RunConfig)}


def _read_file(path: Path) -> dict[str, Any]:
    text = read_text(path, "--config")
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"--config {path} is not YAML ({one_line(error)}).") from error
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise UserError(f"--config {path} must hold options and their values, one per line, as in 'target: y'.")
    options = {str(name).replace("-", "_"): value for name, value in told.items()}
    if isinstance(options.get("setup"), str):
        refuse_placeholder("setup", options["setup"])
        options["setup"] = parse_setup(options["setup"], folder=path.parent)
    return options


def _unknown(name: str, known: list[str], where: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"There is no option {name!r} in {where}: " + (
        f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(known)}."
    )


def _canonical(told: Mapping[str, Any]) -> str:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return value.tolist()
    return f"{type(value).__module__}.{type(value).__qualname__}"

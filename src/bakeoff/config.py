"""The configuration of a run, validated when it is made.

A `RunConfig` that exists is valid: every mistake that can be found without looking at the data raises an error at once,
in a sentence that names the option.
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

from bakeoff._options.choices import AUTO
from bakeoff._options.decisions import check_decisions
from bakeoff._options.parsers import PARSERS, REQUIRED
from bakeoff._options.setup_option import parse_setup, read_text
from bakeoff._options.split import check_split
from bakeoff._options.values import flag, given, refuse_placeholder
from bakeoff._utils.redaction import redact
from bakeoff._utils.text import one_line
from bakeoff.comparison.plan import FIRST_FOLDS
from bakeoff.errors import ConfigError

DEFAULT_SEED = 42
"""Seed of runs that are given none, so that they can be compared. PyCaret would draw a new one for each experiment."""

DUMMY = "dummy"
"""PyCaret's id of the model that looks at no column."""

_RESULT_OPTIONS = (
    *("source", "source_version", "order_by", "max_rows", "target", "task", "time_col", "fh"),
    *("include", "exclude", "sort", "fold", "n_select", "seed", "setup"),
)
"""The options that decide the result. The others say where it goes, how long it may take and what it is called."""
_FILE_OPTIONS = ("sep", "decimal", "encoding", "na_values", "header")
"""Options that decide it as well where they are given; runs that are older than they are have none of them."""
_SEARCH_OPTIONS = ("race", "portfolio", "tune")
"""Further ones of this kind, which say nothing about the rows."""
_SPLIT_OPTIONS = ("holdout", "split_time", "split_col")
"""Those that say which rows nothing is chosen by."""
_COMPARING_OPTIONS = ("include", "exclude", "sort", "fold", "n_select")
READING_OPTIONS = tuple(
    name for name in (*_RESULT_OPTIONS, *_FILE_OPTIONS, *_SPLIT_OPTIONS) if name not in _COMPARING_OPTIONS
)
"""The options that decide which rows are learned from, and what is taken for what; `bakeoff check` has them, too."""


def new_run_id() -> str:
    """Return a new, unique run id; ids sort by the time at which they were made.

    Example:
        >>> len(new_run_id())
        22
    """
    return f"{dt.datetime.now(dt.timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class RunConfig:
    """The options of one run.

    Empty strings and lists count as not given, since the parameters of a job cannot be left out.

    Attributes:
        source: name of a table, or path of a file, a folder of files, or a Delta table.
        target: column to predict.
        task: ``classification``, ``regression`` or ``time_series``; inferred from the target by default.
        include: ids of the models to compare; all models when empty.
        exclude: ids of the models to leave out.
        sort: name of the metric that ranks the models, for classes also ``Log loss``; PyCaret's default when not given.
        fold: number of folds; PyCaret's default (10, or 3 for time series) when not given.
        n_select: number of best models that are refitted and returned.
        batch_size: number of models that are reported and logged together.
        budget_minutes: time limit of the comparison; the quickest models come first, and what has ended by then is
            ranked.
        seed: seed of the experiment, which makes runs comparable; see `DEFAULT_SEED`.
        setup: further arguments of PyCaret's ``setup()``.
        run_id: id of the run; a new one by default. An id that is used already continues that run.
        experiment: name of the MLflow experiment.
        catalog: catalog of the result tables, in a metastore.
        schema: schema of the result tables, in a metastore.
        home: folder for local files.
        register_model: name under which the best model is registered.
        champion_margin: lead over the registry's champion that a model needs to replace it, in units of the metric.
        min_value: lowest value of the ranking metric that makes a champion; the highest, if low values are better.
        min_lift: lead over the dummy model that a champion has to exceed, in units of the metric.
        sep: separator of a text file; told from the file by default, as are the next two.
        decimal: decimal mark of a text file.
        encoding: encoding of a text file.
        na_values: words and numbers that stand for gaps; by default, see `bakeoff.source.gap_words`.
        header: ``yes``, ``no``, or the number of the line that holds the names of a text file's columns.
        keep_predictions: whether what models predict for the test rows of their folds is kept: ``auto`` (up to 512 MB),
            ``yes``, ``no``, or ``table``, which writes it to the table ``predictions``, too.
        blend: ``off``; ``offer`` to show what a blend of the models is worth, beside the ranking; ``on`` if it may win.
        holdout: share of the rows that no model is chosen by; PyCaret's default (0.3) when not given.
        split_time: column by whose times the newest rows are the ones that no model is chosen by.
        split_col: column that says ``train``, ``validate`` or ``test`` of each row; ``test`` are these rows.
        engine: ``spark``, ``local`` for processes of this machine without Spark, or ``native`` to fit every model in
            this process; ``auto`` is Spark where there is a session or a need for one, else ``local``.
        max_rows: size of the seeded sample that is used when the source has more rows.
        source_version: version of the Delta table to read.
        order_by: columns that give the rows of a table an order.
        time_col: column that orders a time series.
        fh: forecasting horizon: a number of steps, or the steps themselves.
        trial_timeout: seconds after which a trial is ended, 0 for never; by default, see `bakeoff.job.trial_limits`.
        trial_memory_mb: megabytes that the process of a trial may hold.
        max_retries: number of further attempts at a trial that took its process or its worker down.
        n_slots: number of tasks that run at once; by default, as many as the engine has slots.
        isolation: where models are fitted, ``auto``, ``process`` or ``none``.
        payload_dir: folder that driver and workers share; used on Spark Connect only.
        race: number of families that run on all folds in any case, while models are stopped that cannot win any more; 0
            runs every model on all folds.
        portfolio: ``small`` or ``large`` to compare further configurations of the tree families as well; none by
            default.
        threshold: what the threshold of the best classifier of two classes is to be good at: ``f1``,
            ``balanced_accuracy``, or costs of errors as in ``fp=1,fn=5``; by default it is 0.5.
        calibrate: how its probabilities are calibrated where that makes them better: ``off``, ``auto``, ``isotonic``
            or ``sigmoid``.
        tune: number of the best families that are tuned after the comparison.
        tune_minutes: minutes after which tuning tries no further candidates; no limit by default.
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
    engine: str = AUTO
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
    payload_dir: Path | None = None
    min_value: float | None = None
    min_lift: float | None = None
    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na_values: tuple[str, ...] = ()
    header: str | None = None
    keep_predictions: str = "auto"
    blend: str = "offer"
    holdout: float | None = None
    race: int = 0
    portfolio: str | None = None
    threshold: str | None = None
    calibrate: str = "off"
    split_time: str | None = None
    split_col: str | None = None
    tune: int = 0
    tune_minutes: float | None = None

    is_named: ClassVar[bool] = True
    """Whether the tables may hold a run of this id; false while it is new, made by this config and not used yet."""

    def __post_init__(self) -> None:
        if given(self.run_id) is None:
            object.__setattr__(self, "run_id", new_run_id())
            object.__setattr__(self, "is_named", False)
        for option in fields(self):
            value = given(getattr(self, option.name))
            refuse_placeholder(option.name, value)
            object.__setattr__(self, option.name, _parse_option(option.name, value))
        self._check_combinations()

    def use_name(self) -> None:
        """Record that a run of this id has been started, so that the same config continues it."""
        object.__setattr__(self, "is_named", True)

    def _check_combinations(self) -> None:
        if self.include and self.exclude:
            raise ConfigError(
                "--include and --exclude cannot be used together: name the models to compare, or those not to."
            )
        if self.task == "time_series" and self.time_col is None:
            raise ConfigError("A time series needs --time-col: name the column that says when each row was observed.")
        for name in ("time_col", "fh"):
            if self.task != "time_series" and getattr(self, name) is not None:
                raise ConfigError(f"{flag(name)} is for time series: add --task time_series, or leave it out.")
        if self.time_col is not None and self.time_col == self.target:
            raise ConfigError(
                f"--time-col and --target are both {self.target!r}: the target is what is to be forecast."
            )
        for name in ("trial_timeout", "trial_memory_mb"):
            if self.isolation == "none" and getattr(self, name):
                raise ConfigError(f"{flag(name)} needs a process that can be killed: leave out --isolation none.")
        self._check_lift()
        check_split(self)
        check_decisions(self)
        self._check_race()
        self._check_tuning()
        if self.sep is not None and self.sep == self.decimal:
            raise ConfigError(f"--sep and --decimal are both {self.sep!r}: numbers would be cut in two.")
        if self.catalog and not self.schema:
            raise ConfigError(f"--catalog {self.catalog} needs --schema: name the schema that the tables go to.")

    def _check_lift(self) -> None:
        """Refuse ``--min-lift`` where no dummy model will be compared."""
        if self.min_lift is None:
            return
        if self.task == "time_series":
            raise ConfigError("--min-lift is not for time series, which have no dummy model: use --min-value.")
        if DUMMY in self.exclude or (self.include and DUMMY not in self.include):
            raise ConfigError(f"--min-lift compares with the model {DUMMY!r}, which is not to be compared: include it.")

    def _check_race(self) -> None:
        """Refuse a race that could stop no model."""
        if self.race and self.fold is not None and self.fold <= FIRST_FOLDS:
            raise ConfigError(
                f"--race compares models after {FIRST_FOLDS} folds, and --fold is {self.fold}: use more folds, or no "
                "--race."
            )

    def _check_tuning(self) -> None:
        """Refuse what tuning could make nothing of."""
        if self.tune_minutes is not None and not self.tune:
            raise ConfigError("--tune-minutes is for tuning: add --tune 2 to tune the best two families.")

    @classmethod
    def from_sources(cls, flags: Mapping[str, Any], file: Path | None = None) -> RunConfig:
        """Return a config made from a YAML file and from flags; flags override the file.

        Args:
            flags: values by the name of the option.
            file: the YAML file, if there is one.

        Raises:
            ConfigError: An option is unknown, missing or has a value that cannot be used.

        Example:
            >>> RunConfig.from_sources({"source": "a.csv", "target": "y", "include": ["lr,rf", "et"]}).include
            ('lr', 'rf', 'et')
        """
        options = _read_file(file) if file is not None else {}
        options.update({name: value for name, value in flags.items() if given(value) is not None})
        known = [option.name for option in fields(cls)]
        for name in options:
            if name not in known:
                raise ConfigError(_unknown_option(name, known, f"{file}" if name not in flags else "the options"))
        for name in ("source", "target"):
            if given(options.get(name)) is None:
                raise ConfigError(f"{flag(name)} is missing: {REQUIRED[name]}.")
        return cls(**{name: value for name, value in options.items() if given(value) is not None})

    def to_json(self) -> str:
        """Return all options as canonical JSON, without secrets: equal configs give equal text.

        Example:
            >>> RunConfig("a.csv", "y", run_id="one").to_json()[:37]
            '{"batch_size":1,"blend":"offer","budg'
        """
        return _canonical_json(redact({option.name: getattr(self, option.name) for option in fields(self)}))

    def digest(self) -> str:
        """Return a short hash of the options that decide the result: equal digests mean the same question.

        Secrets are not part of it, since a new password does not change the result.
        """
        later = (*_FILE_OPTIONS, *_SEARCH_OPTIONS, *_SPLIT_OPTIONS)
        options = [*_RESULT_OPTIONS, *(name for name in later if getattr(self, name))]
        question = _canonical_json(redact({name: getattr(self, name) for name in options}))
        return hashlib.sha256(question.encode()).hexdigest()[:16]


def _parse_option(name: str, value: Any) -> Any:
    if value is None:
        if name in REQUIRED:
            raise ConfigError(f"{flag(name)} is missing: {REQUIRED[name]}.")
        default = _FIELDS[name]
        return default.default if default.default_factory is MISSING else default.default_factory()
    return PARSERS[name](flag(name), value)


_FIELDS = {option.name: option for option in fields(RunConfig)}


def _read_file(path: Path) -> dict[str, Any]:
    text = read_text(path, "--config")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--config {path} is not YAML ({one_line(error)}).") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"--config {path} must hold options and their values, one per line, as in 'target: y'.")
    options = {str(name).replace("-", "_"): value for name, value in content.items()}
    if isinstance(options.get("setup"), str):
        refuse_placeholder("setup", options["setup"])
        options["setup"] = parse_setup(options["setup"], folder=path.parent)
    return options


def _unknown_option(name: str, options: list[str], origin: str) -> str:
    close = difflib.get_close_matches(name, options, n=1)
    return f"There is no option {name!r} in {origin}: " + (
        f"did you mean {close[0]!r}?" if close else f"the options are {', '.join(options)}."
    )


def _canonical_json(options: Mapping[str, Any]) -> str:
    return json.dumps(options, sort_keys=True, separators=(",", ":"), default=_json_default)


def _json_default(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return value.tolist()
    return f"{type(value).__module__}.{type(value).__qualname__}"

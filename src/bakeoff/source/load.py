"""Load the rows that a run learns from, as its config says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from bakeoff._utils.redaction import redact_text, secrets_in
from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError, SourceError
from bakeoff.source.columns import check_columns, without_missing_target
from bakeoff.source.delta_folder import read_folder
from bakeoff.source.files import in_order
from bakeoff.source.findings import Finding, Findings
from bakeoff.source.fold_groups import with_groups, without_groups
from bakeoff.source.gap_words import RawTable
from bakeoff.source.holdout import check_classes, split_arguments, with_holdout_last
from bakeoff.source.locate import DeltaFolder, Files, find
from bakeoff.source.preparation import Preparation, prepared
from bakeoff.source.reading import Reading
from bakeoff.source.sampling import sampled
from bakeoff.source.sentinels import find_sentinels
from bakeoff.source.series import usable_beside
from bakeoff.source.setup_arguments import checked_setup
from bakeoff.source.setup_effects import Question, completed_setup
from bakeoff.source.tables import read_delta
from bakeoff.source.target import check_target, named_classes, plain_target
from bakeoff.source.time_index import IMPUTE_TARGET, time_indexed
from bakeoff.source.times import read_times

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class SourceTable:
    """The rows that a run learns from, and their provenance.

    Attributes:
        frame: the rows; numbered from 0 in the order of the source, or indexed by period for a time series.
        name: name of the table, or path of the file, without secrets.
        version: version of the Delta table that was read; ``None`` for other sources.
        digest: content hash of the frame.
        kind: ``table``, ``delta`` (a path), or the format of the file: ``csv``, ``parquet``, ``json``, ``excel``,
            ``arrow``, ``orc``.
        task: the config's task, or the one that is inferred from the target.
        findings: what was dropped, converted, sampled, inferred or looks suspicious.
        fraction: share of the source's rows (with a target) that are in the frame.
        preparation: what was done to the columns, so that a model can do it to raw rows.
        classes: value of the source by the name that its class has in the frame; empty if the frame has the values.
        setup: the config's arguments of ``setup()``, checked and completed.
        n_held: number of rows, the last ones, that are the hold-out; ``None`` if PyCaret draws it.
    """

    frame: pd.DataFrame
    name: str
    version: str | None
    digest: str
    kind: str
    task: str
    findings: tuple[Finding, ...] = ()
    fraction: float = 1.0
    preparation: Preparation = field(default_factory=Preparation)
    classes: Mapping[str, Any] = field(default_factory=dict)
    setup: Mapping[str, Any] = field(default_factory=dict)
    n_held: int | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """The findings as sentences for the user."""
        return tuple(finding.sentence for finding in self.findings)


def load_source(config: RunConfig, spark: SparkSession | None = None) -> SourceTable:
    """Find, read and check the table that the config names.

    Args:
        config: source, target, task, order and number of rows.
        spark: session, needed for tables and Delta, and for files that only a cluster can reach; not changed.

    Raises:
        ConfigError: An option does not fit the source.
        SourceError: The source does not exist, cannot be read, or cannot be learned from.
    """
    findings = Findings()
    location = find(config.source, spark)
    if isinstance(location, Files):
        if config.source_version is not None:
            raise ConfigError(
                f"--source-version is for Delta tables, and {config.source} is a {location.kind} file: leave it out."
            )
        frame, preparation = _usable(location.read(Reading.of(config), findings), config, findings)
        check_columns(frame.columns, config)
        frame = in_order(with_groups(frame, config, ordered=True), config)
        version, fraction = None, None
    else:
        if given := Reading.of(config).options_given():
            raise ConfigError(
                f"{given[0]} is for text files such as csv, and {config.source} is a table: leave it out."
            )
        raw, version, fraction = (
            read_folder(location, config, findings)
            if isinstance(location, DeltaFolder)
            else read_delta(location, config, findings)
        )
        frame, preparation = _usable(RawTable(raw), config, findings)
        check_columns(frame.columns, config)
        frame = with_groups(frame, config, ordered=False)
    if frame.empty:
        raise SourceError(f"{config.source} has no rows: there is nothing to learn from.")
    find_sentinels(without_groups(frame)[0], findings)
    is_time_series = config.task == "time_series"
    n_read = len(frame)
    if not is_time_series:
        frame = without_missing_target(frame, config.target, findings)
    n_rows = len(frame)
    frame, n_held = with_holdout_last(sampled(frame, config, findings).reset_index(drop=True), config, findings)
    frame, groups = without_groups(frame)
    read = frame[config.target]
    target = plain_target(read, had_gaps=n_rows < n_read)
    task = check_target(target, config, findings)
    target, classes = named_classes(target, findings) if task == "classification" else (target, {})
    if task == "classification":
        check_classes(target, n_held)
    if target is not read:
        frame[config.target] = target
    if is_time_series:
        fill = config.setup.get(IMPUTE_TARGET) is not None
        frame = time_indexed(usable_beside(frame, config, findings), str(config.time_col), findings, fill=fill)
    arguments = config.setup if groups is None else {**config.setup, "fold_groups": groups}
    arguments = checked_setup(task, arguments, frame, config.target)
    arguments = split_arguments(arguments, n_held)
    arguments = completed_setup(arguments, Question(task, frame, config.target, config.fold), findings)
    name = redact_text(location.name, secrets_in(config.source))
    fraction = fraction or min(1.0, len(frame) / n_rows)  # times that are missing may have been added
    return SourceTable(
        frame,
        name,
        version,
        digest_of(frame, n_held),
        location.kind,
        task,
        tuple(findings),
        fraction,
        preparation,
        classes,
        arguments,
        n_held,
    )


def _usable(raw: RawTable, config: RunConfig, findings: Findings) -> tuple[pd.DataFrame, Preparation]:
    """Convert columns to types that models can use; the times of a series as their zone and their step demand."""
    frame, preparation = prepared(raw.frame, config, findings, raw.known)
    time_col = config.time_col
    if time_col is None or time_col not in frame.columns:
        return frame, preparation
    return frame.assign(**{time_col: read_times(frame[time_col], findings)}), preparation


def digest_of(frame: pd.DataFrame, n_held: int | None = None) -> str:
    """Return a hash of a frame's column names, index and values, which depends on their order.

    Args:
        frame: the rows.
        n_held: number of rows, the last ones, that are the hold-out, where the source says which they are.
    """
    content = hashlib.sha256("\x1f".join(map(str, frame.columns)).encode())
    content.update(pd.util.hash_pandas_object(frame, index=True).to_numpy().tobytes())
    content.update(b"" if n_held is None else str(n_held).encode())
    return content.hexdigest()

"""From what was asked to the rows to learn from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from bakeoff._utils.redaction import redact_text, secrets_in
from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.source.columns import check_columns, plain_types, without_missing_target
from bakeoff.source.files import in_order
from bakeoff.source.locate import Files, find
from bakeoff.source.sampling import sampled
from bakeoff.source.tables import read_delta
from bakeoff.source.target import check_target
from bakeoff.source.time_index import time_indexed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class SourceTable:
    """What a run learns from.

    Attributes:
        frame: the rows; numbered from 0, or for a time series indexed by period.
        name: the table's name, or the path; for people to read, without secrets.
        version: of the Delta table that was read, where it is one.
        digest: content hash of the frame.
        kind: ``csv``, ``parquet``, ``delta`` (a path) or ``table``.
        task: what was asked for, else what the target suggests.
        notes: sentences that the user should hear.
        fraction: the share of the source's rows (with a target) that are in the frame.
    """

    frame: pd.DataFrame
    name: str
    version: str | None
    digest: str
    kind: str
    task: str
    notes: tuple[str, ...] = ()
    fraction: float = 1.0


def load_source(config: RunConfig, spark: SparkSession | None = None) -> SourceTable:
    """Find, read and check the table that the config names.

    Args:
        config: source, target, task, order and number of rows.
        spark: needed for tables and Delta, and for files that only a cluster can reach; left as it is.

    Raises:
        UserError: the source is not there, cannot be read, or cannot be learned from.
    """
    notes: list[str] = []
    found = find(config.source, spark)
    if isinstance(found, Files):
        if config.source_version is not None:
            raise UserError(
                f"--source-version is for Delta tables, and {config.source} is a {found.kind} file: leave it out."
            )
        frame = plain_types(found.read(), notes)
        check_columns(frame.columns, config)
        frame, version, fraction = in_order(frame, config), None, None
    else:
        frame, version, fraction = read_delta(found, config, notes)
        frame = plain_types(frame, notes)
        check_columns(frame.columns, config)
    if frame.empty:
        raise UserError(f"{config.source} has no rows: there is nothing to learn from.")
    time_series = config.task == "time_series"
    if not time_series:
        frame = without_missing_target(frame, config.target, notes)
    n_rows = len(frame)
    frame = sampled(frame, config, notes).reset_index(drop=True)
    task = check_target(frame[config.target], config, notes)
    if time_series:
        frame = time_indexed(frame, str(config.time_col))
    name = redact_text(found.name, secrets_in(config.source))
    fraction = fraction or len(frame) / n_rows
    return SourceTable(frame, name, version, digest_of(frame), found.kind, task, tuple(notes), fraction)


def digest_of(frame: pd.DataFrame) -> str:
    """A hash of the frame's names, index and values, in their order."""
    content = hashlib.sha256("\x1f".join(map(str, frame.columns)).encode())
    content.update(pd.util.hash_pandas_object(frame, index=True).to_numpy().tobytes())
    return content.hexdigest()

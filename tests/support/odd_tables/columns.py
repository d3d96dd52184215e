"""Oddities of types: what pandas, Arrow and Spark hand over, as a column beside the others."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from support.odd_tables.draft import Draft, odd

_FOREVER = dt.datetime(9999, 12, 31, tzinfo=dt.timezone.utc)
_MAKERS = {
    "Int64 with gaps": lambda d: pd.array(np.where(d.some(), None, d.random.integers(0, 9, len(d))), dtype="Int64"),
    "Float64 with gaps": lambda d: pd.array(np.where(d.some(), None, d.random.normal(size=len(d))), dtype="Float64"),
    "boolean with gaps": lambda d: pd.array(np.where(d.some(), None, d.random.random(len(d)) < 0.5), dtype="boolean"),
    "string with gaps": lambda d: pd.array(np.where(d.some(), None, d.random.choice(["a", "b"], len(d))), "string"),
    "arrow whole numbers": lambda d: arrow(d, d.random.integers(0, 9, len(d)), pa.int32()),
    "arrow texts": lambda d: arrow(d, d.random.choice(["a", "b"], len(d)), pa.string()),
    "arrow booleans": lambda d: arrow(d, d.random.random(len(d)) < 0.5, pa.bool_()),
    "arrow times": lambda d: arrow(d, list(days(d).to_pydatetime()), pa.timestamp("us")),
    "arrow dates": lambda d: arrow(d, list(days(d).date), pa.date32()),
    "arrow decimals": lambda d: arrow(d, [decimal.Decimal(n) / 4 for n in range(len(d))], pa.decimal128(12, 2)),
    "arrow dictionary": lambda d: arrow(d, d.random.choice(["a", "b"], len(d)), pa.dictionary(pa.int8(), pa.string())),
    "decimals": lambda d: [decimal.Decimal(int(n)) / 4 for n in d.random.integers(0, 99, len(d))],
    "decimals with gaps": lambda d: [
        None if n < 9 else decimal.Decimal(int(n)) for n in d.random.integers(0, 99, len(d))
    ],
    "durations": lambda d: pd.to_timedelta(d.random.integers(0, 99, len(d)), unit="h"),
    "periods": lambda d: pd.PeriodIndex(days(d), freq="M"),
    "periods with gaps": lambda d: pd.Series(pd.PeriodIndex(days(d), freq="M")).mask(d.some()).to_numpy(),
    "times of day": lambda d: [dt.time(int(n), 30) for n in d.random.integers(0, 24, len(d))],
    "dates": lambda d: list(days(d).date),
    "times beyond 2262": lambda d: np.where(d.some(), "9999-12-31", "2020-01-01").astype("datetime64[us]"),
    "dates beyond 2262": lambda d: [dt.date(9999, 12, 31) if late else dt.date(2020, 1, 1) for late in d.some()],
    "times with a zone": lambda d: days(d).tz_localize("Europe/Berlin"),
    "times with gaps": lambda d: pd.Series(days(d)).mask(d.some(0.4)).to_numpy(),
    "dates as text": lambda d: days(d).strftime("%Y-%m-%d"),
    "booleans": lambda d: d.random.random(len(d)) < 0.5,
    "booleans with gaps as objects": lambda d: np.where(d.some(), None, d.random.random(len(d)) < 0.5),
    "unused categories": lambda d: pd.Categorical(d.random.choice(["a", "b"], len(d)), categories=["c", "b", "a"]),
    "numbers as categories": lambda d: pd.Categorical(d.random.integers(1, 4, len(d))),
    "ordered categories": lambda d: pd.Categorical(
        d.random.choice(["low", "high"], len(d)), ["low", "high"], ordered=True
    ),
    "categories with gaps": lambda d: pd.Categorical(np.where(d.some(), None, d.random.choice(["a", "b"], len(d)))),
    "thousands as text": lambda d: [f"{n:,.1f}" for n in d.random.integers(0, 99_999, len(d)) / 10],
    "per cent as text": lambda d: [f"{n} %" for n in d.random.integers(0, 99, len(d))],
    "euros as text": lambda d: [f"€ {n}" for n in d.random.integers(0, 99, len(d))],
    "numbers as text with gaps": lambda d: [None if n < 9 else f"{n}.5" for n in d.random.integers(0, 99, len(d))],
    "one value": lambda d: 1,
    "one text": lambda d: "same",
    "all missing": lambda d: np.nan,
    "all None": lambda d: None,
    "infinite values": lambda d: np.where(d.some(), np.inf, d.random.normal(size=len(d))),
    "minus infinity and gaps": lambda d: np.where(d.some(), -np.inf, np.where(d.some(), np.nan, 1.5)),
    "huge whole numbers": lambda d: np.arange(len(d), dtype="uint64") + np.uint64(2**63 + 9),
    "huge floats": lambda d: d.random.normal(size=len(d)) * 1e300,
    "small whole numbers": lambda d: d.random.integers(0, 9, len(d)).astype("int8"),
    "half floats": lambda d: d.random.normal(size=len(d)).astype("float32"),
    "bytes": lambda d: [bytes([n]) for n in d.random.integers(0, 9, len(d))],
    "arrays": lambda d: [[1.0, 2.0]] * len(d),
    "structs": lambda d: [{"a": 1, "b": "x"}] * len(d),
    "empty arrays": lambda d: [[]] * len(d),
    "mostly missing": lambda d: pd.Series(np.where(d.some(0.02), 1.0, np.nan)).to_numpy(),
    "long texts": lambda d: [f"the order {n} came late " * 20 for n in range(len(d))],
    "texts with line breaks": lambda d: d.random.choice(["a\nb", "c\r\nd", 'say "e"'], len(d)),
    "empty texts": lambda d: np.where(d.some(0.3), "", "full"),
    "blanks around texts": lambda d: d.random.choice([" a", "a ", "a"], len(d)),
}


def arrow(draft: Draft, values: Any, kind: pa.DataType) -> Any:
    """An array of pandas that is Arrow's, with gaps."""
    missing = draft.some()
    listed = [None if gap else value for gap, value in zip(missing, list(values), strict=True)]
    listed = [value.item() if isinstance(value, np.generic) else value for value in listed]
    return pd.array(listed, dtype=pd.ArrowDtype(kind))


def days(draft: Draft) -> pd.DatetimeIndex:
    return pd.Timestamp("2021-03-01") + pd.to_timedelta(draft.random.integers(0, 500, len(draft)), unit="D")


def _adds(maker: Any) -> Any:
    def change(draft: Draft) -> None:
        draft.add("odd", maker(draft))
        draft.as_parquet()

    return change


for _name, _maker in _MAKERS.items():
    odd("types", _name)(_adds(_maker))


@odd("types", "mixed objects in csv")
def mixed(draft: Draft) -> None:
    draft.add("odd", draft.random.choice(np.array([1, "a", 2.5, True], dtype=object), len(draft)))
    draft.as_csv()


@odd("types", "complex numbers in csv")
def complex_numbers(draft: Draft) -> None:
    draft.add("odd", draft.random.normal(size=len(draft)) + 1j)
    draft.as_csv()


@odd("types", "intervals in csv")
def intervals(draft: Draft) -> None:
    draft.add("odd", pd.cut(draft.frame["size"], 4))
    draft.as_csv()


def _arrow_column(name: str, column: Any) -> None:
    @odd("types", name)
    def change(draft: Draft) -> None:
        def write(frame: pd.DataFrame, path: Path) -> None:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            pq.write_table(table.append_column("odd", column(draft)), path)

        draft.suffix, draft.write = ".parquet", write


_arrow_column("maps", lambda d: pa.array([[("a", 1)]] * len(d), pa.map_(pa.string(), pa.int64())))
_arrow_column("nulls of Arrow", lambda d: pa.nulls(len(d)))
_arrow_column("large texts of Arrow", lambda d: pa.array(d.random.choice(["a", "b"], len(d)), pa.large_string()))
_arrow_column("nanoseconds of Arrow", lambda d: pa.array(days(d).to_numpy(), pa.timestamp("ns", tz="UTC")))
_arrow_column(
    "dates beyond 2262 of Arrow",
    lambda d: pa.array([_FOREVER] * len(d), pa.timestamp("us")),
)


@odd("types", "an index that was saved")
def saved_index(draft: Draft) -> None:
    draft.as_parquet()
    draft.frame.index = pd.Index(draft.random.permutation(len(draft)), name="row")


@odd("types", "pandas' own types everywhere")
def every_type(draft: Draft) -> None:
    draft.as_parquet()
    draft.frame = draft.frame.convert_dtypes()


@odd("types", "Arrow's types everywhere")
def every_arrow_type(draft: Draft) -> None:
    draft.as_parquet()
    draft.frame = draft.frame.convert_dtypes(dtype_backend="pyarrow")


@odd("types", "sparse columns in csv")
def sparse(draft: Draft) -> None:
    draft.as_csv()
    draft.add("odd", pd.arrays.SparseArray(np.where(draft.some(0.1), 1.0, 0.0)))

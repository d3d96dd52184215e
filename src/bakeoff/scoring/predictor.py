"""Application of a pipeline to rows, batch by batch on Spark's workers, or in this process."""

from __future__ import annotations

import pickle
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bakeoff.scoring.inputs import InputColumn, from_arrow, with_nan

if TYPE_CHECKING:
    import pyarrow as pa

    from bakeoff.execution.worker.payload import Delivery

PREDICTION, PROBABILITIES = "prediction", "probabilities"
_KEPT_MODELS = 2
_KEPT: OrderedDict[str, Predictor] = OrderedDict()
"""Cache of loaded models, by digest: a Python worker of Spark lives on between tasks."""


class Predictor:
    """A loaded pipeline whose predictions are Arrow arrays.

    Args:
        content: The pickled pipeline.
        inputs: Columns that it takes, in their order.
        prediction_type: Type of a prediction in Spark SQL.

    Attributes:
        labels: Labels of the probabilities, in their order; ``None`` if the pipeline has no probabilities.
    """

    def __init__(self, content: bytes, inputs: tuple[InputColumn, ...], prediction_type: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other patch versions; the model's requirements name the right ones
            self._pipeline = pickle.loads(content)
        self._names = [column.name for column in inputs]
        self._prediction_type = prediction_type
        self.labels = _labels(self._pipeline)

    def answer(self, rows: pd.DataFrame) -> dict[str, pa.Array]:
        """Predict rows by the pipeline's own methods.

        Args:
            rows: Rows with at least the columns that the pipeline takes.

        Returns:
            ``prediction`` and, for a classifier with probabilities, ``probabilities`` as a map by label.
        """
        import pyarrow as pa

        types = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_()}
        kind = types.get(self._prediction_type, pa.string())
        if rows.empty:
            none = {PREDICTION: pa.array([], kind)}
            return none if self.labels is None else none | {PROBABILITIES: _maps(np.empty((0, 0)), self.labels)}
        rows = with_nan(rows[self._names])
        values = pd.Series(np.asarray(self._pipeline.predict(rows)))
        values = values.astype(str) if pa.types.is_string(kind) else values
        found = {PREDICTION: pa.array(values, kind, from_pandas=True)}
        if self.labels is not None:
            found[PROBABILITIES] = _maps(np.asarray(self._pipeline.predict_proba(rows), dtype=float), self.labels)
        return found


@dataclass(frozen=True)
class ScoreBatches:
    """Function that workers map over the batches of a table; it is small, because it travels with every task."""

    digest: str
    delivery: Delivery
    inputs: tuple[InputColumn, ...]
    prediction_type: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Add the predictions to each batch; its own columns are unchanged."""
        import pyarrow as pa
        from threadpoolctl import threadpool_limits

        predictor = self.load()
        names = [column.name for column in self.inputs]
        for batch in batches:
            with threadpool_limits(1):  # every core has a worker of its own
                answers = predictor.answer(from_arrow(batch, names))
            columns = [*batch.columns, *answers.values()]
            yield pa.RecordBatch.from_arrays(columns, [*batch.schema.names, *answers])

    def load(self) -> Predictor:
        """Return this process's copy of the model, read once."""
        if self.digest not in _KEPT:
            _KEPT[self.digest] = Predictor(self.delivery.read(), self.inputs, self.prediction_type)
        _KEPT.move_to_end(self.digest)
        while len(_KEPT) > _KEPT_MODELS:
            _KEPT.popitem(last=False)
        return _KEPT[self.digest]


@dataclass(frozen=True)
class CheckDelivery:
    """Function of one task that checks whether a worker can read the model."""

    digest: str
    delivery: Delivery

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Read the model and pass the rows on.

        Raises:
            ValueError: The content that was read is not the model's.
        """
        import hashlib

        if hashlib.sha256(self.delivery.read()).hexdigest() != self.digest:
            raise ValueError("Another model was read.")
        yield from batches


def _labels(pipeline: Any) -> list[str] | None:
    """Return the classes as text, in the order of the probabilities; ``None`` if there are no probabilities."""
    if not hasattr(pipeline, "predict_proba"):
        return None
    codes = pipeline.steps[-1][-1].classes_
    return [str(label) for label in pipeline.inverse_transform(pd.Series(codes))]


def _maps(probabilities: np.ndarray[Any, Any], labels: list[str]) -> pa.Array:
    """Return a map from label to probability for each row."""
    import pyarrow as pa

    n_rows = len(probabilities)
    offsets = pa.array(np.arange(n_rows + 1, dtype=np.int32) * len(labels))
    keys = pa.array(labels * n_rows, pa.string())
    return pa.MapArray.from_arrays(offsets, keys, pa.array(probabilities.ravel(), pa.float64()))

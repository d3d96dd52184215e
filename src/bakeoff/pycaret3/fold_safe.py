"""PyCaret's experiments with preprocessing that holds on every fold: see `bakeoff.pycaret3.pipeline_steps`."""

from __future__ import annotations

import re
from typing import Any

from pycaret.classification import ClassificationExperiment
from pycaret.internal.preprocess.transformers import CleanColumnNames, EmbedTextFeatures, TransformerWrapper
from pycaret.regression import RegressionExperiment
from sklearn.impute import SimpleImputer

from bakeoff.pycaret3.held_dates import hold_dates
from bakeoff.pycaret3.pipeline_steps import EmbedTexts, GapsImputer, SafeNames, safe_names
from bakeoff.pycaret3.row_order import keep_row_order

keep_row_order()


class _FoldSafe:
    """The steps of `setup()` that PyCaret's preprocessor adds, each replaced where it would not hold."""

    def _date_feature_engineering(self: Any, create_date_columns: list[str]) -> None:
        super()._date_feature_engineering(create_date_columns)  # type: ignore[misc]  # of PyCaret's preprocessor
        hold_dates(self.pipeline.steps, self.X_train, fill=self._setup_params.get("imputation_type") is not None)

    def _text_embedding(self: Any, text_features_method: str) -> None:
        super()._text_embedding(text_features_method)  # type: ignore[misc]
        name, step = self.pipeline.steps[-1]
        if isinstance(step.transformer, EmbedTextFeatures):
            self.pipeline.steps[-1] = (name, TransformerWrapper(EmbedTexts(step.transformer.method), step.include))

    def _encoding(self: Any, **arguments: Any) -> None:
        super()._encoding(**arguments)  # type: ignore[misc]
        values = {name: self.X_train[name].dropna().unique() for name in _one_hot_columns(self.pipeline.steps)}
        made = [f"{name}_{value}" for name in values for value in [*values[name], arguments.get("rare_value")]]
        raw = [str(name) for name in self.X_train.columns]
        if set(safe_names([*raw, *made], raw)) & set(made):
            self.pipeline.steps.append(("clean_dummy_names", TransformerWrapper(SafeNames(raw))))

    def _simple_imputation(self: Any, numeric_imputation: Any, categorical_imputation: str) -> None:
        super()._simple_imputation(numeric_imputation, categorical_imputation)  # type: ignore[misc]
        name, step = self.pipeline.steps[-1]
        if type(step.transformer) is SimpleImputer:
            imputer = GapsImputer(**step.transformer.get_params())
            self.pipeline.steps[-1] = (name, TransformerWrapper(imputer, step.include))

    def _feature_selection(self: Any, **arguments: Any) -> None:
        # The model that selects sees the names before PyCaret's own cleaning, which is the last step.
        self.pipeline.steps.append(("clean_names_to_select", TransformerWrapper(SafeNames(blanks=False))))
        keep, changed = self._fxs["Keep"], safe_names(self.X_train.columns, blanks=False)
        self._fxs["Keep"] = [changed.get(name, name) for name in keep]
        try:
            super()._feature_selection(**arguments)  # type: ignore[misc]
        finally:
            self._fxs["Keep"] = keep

    def _clean_column_names(self: Any) -> None:
        super()._clean_column_names()  # type: ignore[misc]
        raw = [str(name) for name in self.X_train.columns]
        cleaned = [re.sub(CleanColumnNames().match, "", name) for name in raw]
        if safe_names(cleaned) or any(name != again for name, again in zip(raw, cleaned, strict=True) if not again):
            name, _ = self.pipeline.steps[-1]
            self.pipeline.steps[-1] = (name, TransformerWrapper(SafeNames()))


class FoldSafeClassification(_FoldSafe, ClassificationExperiment):  # type: ignore[misc]  # PyCaret is not typed
    """A classification experiment whose preprocessing holds on every fold."""


class FoldSafeRegression(_FoldSafe, RegressionExperiment):  # type: ignore[misc]  # PyCaret is not typed
    """A regression experiment whose preprocessing holds on every fold."""


def _one_hot_columns(steps: list[tuple[str, Any]]) -> list[str]:
    return [name for step_name, step in steps if step_name == "onehot_encoding" for name in step.include]

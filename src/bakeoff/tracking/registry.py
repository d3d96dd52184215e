"""The model registry: a version for each run's best model, and an alias for the version to use.

The newest version is the ``challenger``. It becomes the ``champion`` if there is none yet, or if it beats the current
champion by more than a margin, on the same metric of the same target; and never if it does not reach a floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from bakeoff.tracking.client import quoted
from bakeoff.tracking.entities import TAG_LIMIT, cut

CHAMPION, CHALLENGER = "champion", "challenger"
_METRIC, _VALUE, _TARGET = "bakeoff.metric", "bakeoff.value", "bakeoff.target"
_PROMOTION = "bakeoff.promotion"
_READY_SECONDS = 300
_NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")


@dataclass(frozen=True)
class CandidateScore:
    """Score of a model in its run, by which a version is tagged and compared.

    Attributes:
        metric: key of the metric that ranks.
        value: its mean over the folds.
        higher_is_better: direction of the metric.
        target: the column that is predicted.
        lineage: further tags on the origin of the model (source, its version, run, commit).
    """

    metric: str
    value: float
    higher_is_better: bool
    target: str
    lineage: Mapping[str, str] = field(default_factory=dict)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the version in the registry."""
        own = {_METRIC: self.metric, _VALUE: repr(self.value), _TARGET: self.target}
        return {**{f"bakeoff.{name}": cut(text, TAG_LIMIT) for name, text in self.lineage.items() if text}, **own}


@dataclass(frozen=True)
class Terms:
    """Conditions for the alias ``champion``.

    Attributes:
        margin: Difference by which a version must beat the champion, in units of the metric.
        min_value: Least value of the metric; the greatest value of a metric that is to be low.
        min_lift: Difference by which a version must beat the dummy model.
        dummy_value: Value of the dummy model in the same run; ``None`` if it has none.
    """

    margin: float = 0.0
    min_value: float | None = None
    min_lift: float | None = None
    dummy_value: float | None = None

    def objection(self, standing: CandidateScore) -> str | None:
        """Return why a version cannot be champion, whatever the current champion is; ``None`` if it can.

        Example:
            >>> Terms(min_value=0.7).objection(CandidateScore("auc", 0.65, True, "y"))
            'its auc of 0.6500 does not reach the least value of 0.7'
        """
        sign = 1 if standing.higher_is_better else -1
        its = f"its {standing.metric} of {standing.value:.4f}"
        if self.min_value is not None and not sign * (standing.value - self.min_value) >= 0:
            return f"{its} does not reach the {'least' if sign > 0 else 'greatest'} value of {self.min_value:g}"
        if self.min_lift is None:
            return None
        if self.dummy_value is None:
            return "the dummy model came to no value, so it is not known whether this one is better"
        if not sign * (standing.value - self.dummy_value) > self.min_lift:
            by = f"by more than {self.min_lift:g} " if self.min_lift else ""
            return f"{its} does not beat the dummy model {by}({self.dummy_value:.4f})"
        return None


def register_version(client: MlflowClient, run_id: str, best: Any, name: str) -> tuple[str, str]:
    """Create a version of the registered model, and wait until it is ready.

    Repeating it for the same run and model returns the existing version.

    Args:
        client: client of the registry.
        run_id: the MLflow run that the model belongs to.
        best: location of the model.
        name: name of the registered model.

    Returns:
        Name and number of the version.
    """
    _make_model(client, name)
    source, extra = best.location, {}
    if best.logged_model_id:
        extra = {"model_id": best.logged_model_id}
        # A server resolves its models by id. A local database would look the id up at the process-wide tracking URI.
        if client.tracking_uri.startswith(("databricks", "http")):
            source = f"models:/{best.logged_model_id}"
    for version in client.search_model_versions(f"name = {quoted(name)}"):
        if version.run_id == run_id and version.source in {source, best.location}:
            return name, str(version.version)
    made = client.create_model_version(name, source, run_id, await_creation_for=_READY_SECONDS, **extra)
    return name, str(made.version)


def promote(client: MlflowClient, name: str, version: str, standing: CandidateScore, terms: Terms) -> str:
    """Tag a version, make it the challenger, and the champion if it meets the conditions.

    The outcome is a tag of the version, too. It is set before the alias, so that no crash leaves a champion without it;
    repeating the call for a champion returns the tag.

    Args:
        client: client of the registry.
        name: name of the registered model.
        version: number of the version from this run.
        standing: its score.
        terms: conditions for becoming champion.

    Returns:
        Description of the outcome, e.g. "champion now, in place of version 3".
    """
    for key, text in standing.tags.items():
        client.set_model_version_tag(name, version, key, text)
    client.set_registered_model_alias(name, CHALLENGER, version)
    champion = _alias(client, name, CHAMPION)
    if champion == version:
        return _reason_of_champion(client, name, version)
    outcome, promoted = _verdict(client, name, champion, standing, terms)
    client.set_model_version_tag(name, version, _PROMOTION, outcome)
    if promoted:
        client.set_registered_model_alias(name, CHAMPION, version)
    return outcome


def _reason_of_champion(client: MlflowClient, name: str, version: str) -> str:
    """Return why a version is the champion; tag it if it has no tag, as after a crash of an earlier release."""
    reason = client.get_model_version(name, version).tags.get(_PROMOTION)
    if reason is None:
        reason = f"{CHAMPION} already"
        client.set_model_version_tag(name, version, _PROMOTION, reason)
    # A challenger that is the champion now was made so by somebody else.
    return f"{CHAMPION} already" if reason.startswith(CHALLENGER) else reason


def _verdict(
    client: MlflowClient, name: str, champion: str | None, standing: CandidateScore, terms: Terms
) -> tuple[str, bool]:
    """Return the outcome for a version in words, and whether it becomes the champion."""
    if objection := terms.objection(standing):
        return f"{CHALLENGER}: {objection}", False
    if champion is None:
        return f"the first {CHAMPION}", True
    tags = client.get_model_version(name, champion).tags
    if (tags.get(_METRIC), tags.get(_TARGET)) != (standing.metric, standing.target):
        ranked_by = f"{tags.get(_METRIC)} of {tags.get(_TARGET)}" if _METRIC in tags else "something unknown"
        why = f"the {CHAMPION} (version {champion}) was ranked by {ranked_by}, so they cannot be compared"
        return f"{CHALLENGER}: {why}", False
    before = float(tags[_VALUE])
    gain = (standing.value - before) * (1 if standing.higher_is_better else -1)
    step = f"{standing.metric} {before:.4f} -> {standing.value:.4f}"
    if gain > terms.margin:
        return f"{CHAMPION} now, in place of version {champion} ({step})", True
    least = f"by more than {terms.margin:g} " if terms.margin else ""
    return f"{CHALLENGER}: it does not beat the {CHAMPION} {least}(version {champion}, {step})", False


def _make_model(client: MlflowClient, name: str) -> None:
    """Create the registered model unless it exists: a user who may add versions may lack the right to create models."""
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code not in _NOT_THERE:
            raise
    else:
        return
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise


def _alias(client: MlflowClient, name: str, alias: str) -> str | None:
    found = client.get_registered_model(name).aliases.get(alias)
    return None if found is None else str(found)

"""Check of what an SQL statement would do, by the plan that Spark's parser makes of it, without running anything.

What is allowed is listed, and everything else is refused, because a later Spark may have statements and functions that
are unknown here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff._utils.text import one_line
from bakeoff.errors import ConfigError
from bakeoff.storage.location import ResultsLocation, quoted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def _names(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


_QUERIES = _names(
    """
    Aggregate AsOfJoin CTERelationDef CTERelationRef Deduplicate Distinct Except Filter Generate GlobalLimit Intersect
    Join LateralJoin LocalLimit LocalRelation Offset OneRowRelation Pivot Project Range RebalancePartitions
    RelationTimeTravel Repartition RepartitionByExpression Sample Sort SubqueryAlias Tail Union Unpivot UnresolvedHaving
    UnresolvedHint UnresolvedInlineTable UnresolvedRelation UnresolvedSubqueryColumnAliases UnresolvedTVFAliases
    UnresolvedTableValuedFunction UnresolvedWith Window WithCTE WithWindowDefinition
    """
)
"""Parts of a plan that only read."""
_DESCRIPTIONS = _names(
    """
    CurrentNamespace DescribeColumn DescribeDeltaDetailCommand DescribeDeltaHistory DescribeFunction
    DescribeQueryCommand DescribeRelation ExplainCommand ShowColumns ShowFunctions ShowNamespaces ShowTables ShowViews
    UnresolvedFunctionName UnresolvedNamespace UnresolvedTable UnresolvedTableOrView
    """
)
"""Statements that only describe something, and the nodes for the tables in them."""
_WRITES = _names(
    """
    AddColumns AlterColumn CommentOnTable CreateView CreateViewCommand DeleteFromTable DropColumns DropTable DropView
    InsertIntoStatement MergeIntoTable OptimizeTableCommand RenameColumn RestoreTableStatement SetTableProperties
    TimeTravel TruncateTable UnresolvedIdentifier UnresolvedView UnsetTableProperties UpdateTable VacuumTableCommand
    """
)
"""Statements that change tables or views, and nothing else."""
_PROGRAMS = frozenset({"ScriptTransformation"})
"""Parts of a query that run a program of the user."""
_PURE_FUNCTIONS = _names(
    """
    agg_funcs array_funcs bitwise_funcs collection_funcs conditional_funcs conversion_funcs csv_funcs datetime_funcs
    generator_funcs hash_funcs json_funcs lambda_funcs map_funcs math_funcs predicate_funcs string_funcs struct_funcs
    table_funcs url_funcs variant_funcs window_funcs xml_funcs
    """
)
"""Spark's groups of functions that only compute with their arguments; functions that call Java are in none of them."""
_PURE_BY_NAME = _names(
    """
    assert_true current_catalog current_database current_schema current_user equal_null monotonically_increasing_id
    raise_error session_user spark_partition_id typeof user uuid version
    """
)
"""Functions that only compute, from the group that also holds ``java_method`` and ``reflect``."""
_NAMED_LATER = frozenset({"ExpressionWithUnresolvedIdentifier", "CallMethodViaReflection"})
_PLAN = "org.apache.spark.sql.catalyst.plans.logical.LogicalPlan"
_CATALYST = "org.apache.spark.sql.catalyst."
_SCHEME = re.compile(r"^file:/*(?=/)")


@dataclass(frozen=True)
class Allowed:
    """Permissions of a statement.

    Attributes:
        target: location of the tables that it may read.
        write: whether it may change tables.
        everything: whether it may read and call everything that Spark can.
    """

    target: ResultsLocation
    write: bool = False
    everything: bool = False


def check_statement(spark: SparkSession, query: str, allowed: Allowed) -> None:
    """Refuse a statement that does more than is allowed.

    Raises:
        ConfigError: the statement is not allowed; the message names what it would do and the option that allows it.
        Exception: Spark cannot parse the statement.
    """
    if allowed.write and allowed.everything:
        return
    if not hasattr(spark, "_jsparkSession"):
        raise ConfigError(
            "Over Spark Connect a statement cannot be looked through before it runs: add --engine spark and --write to "
            "run it as it is."
        )
    _Reader(spark, allowed).check(spark._jsparkSession.sessionState().sqlParser().parsePlan(query))  # noqa: SLF001


class _Reader:
    """Visitor of a parsed plan that raises on the first part that is not allowed."""

    def __init__(self, spark: SparkSession, allowed: Allowed) -> None:
        self._spark, self._allowed = spark, allowed
        self._java: Any = spark._jvm  # noqa: SLF001
        self._session: Any = spark._jsparkSession  # noqa: SLF001

    def check(self, plan: Any, *, only_explained: bool = False) -> None:
        """Check a part of a plan and everything in it.

        Args:
            plan: the part.
            only_explained: whether the part is inside EXPLAIN, and so is not run.

        Raises:
            ConfigError: something in it is not allowed.
        """
        kind = _class_of(plan)
        self._check_kind(kind, only_explained=only_explained)
        if not self._allowed.everything:
            if (name := _table_in(plan, kind)) is not None:
                self._check_table(name)
            if kind == "UnresolvedTableValuedFunction":
                self._check_function(_texts(plan.name()), self._session.sessionState().tableFunctionRegistry())
            for expression in _all(plan.expressions()):
                self._check_expression(expression)
        for part in self._parts(plan):
            self.check(part, only_explained=only_explained or kind == "ExplainCommand")

    def _check_kind(self, kind: str, *, only_explained: bool) -> None:
        if kind in _QUERIES | _DESCRIPTIONS:
            return
        if kind in _WRITES:
            if not (self._allowed.write or only_explained):
                raise ConfigError(f"This statement would change something ({kind}): add --write to let it.")
        elif kind not in _PROGRAMS:
            raise ConfigError(
                f"This statement does something else than reading or changing result tables ({kind}): add --engine "
                "spark and --write to have Spark run it as it is."
            )
        elif not self._allowed.everything:
            raise ConfigError(f"This query runs a program ({kind}): add --engine spark to let it.")

    def _check_table(self, name: list[str]) -> None:
        """Refuse a name that stands for files, which Spark reads if it knows no table of that name."""
        parts = name[1:] if len(name) > 2 and name[0].lower() == "spark_catalog" else name  # noqa: PLR2004
        if len(parts) == 1 or self._is_ours(parts):
            return
        shown = ".".join(map(quoted, name))
        if parts[-2].lower() != "delta" and self._spark.catalog.tableExists(shown):
            return
        raise ConfigError(
            f"{one_line(shown)} is none of the tables here: add --engine spark to read files and whatever else Spark "
            "can read."
        )

    def _is_ours(self, parts: list[str]) -> bool:
        home = self._allowed.target.path
        if home is None or len(parts) != 2 or parts[0].lower() != "delta":  # noqa: PLR2004 - a format and a path
            return False
        path = os.path.realpath(_SCHEME.sub("", parts[1]))
        return os.path.commonpath([os.path.realpath(home), path]) == os.path.realpath(home)

    def _check_expression(self, expression: Any) -> None:
        kind = _class_of(expression)
        if kind in _NAMED_LATER or not expression.getClass().getName().startswith(_CATALYST):
            raise ConfigError(f"This query has a part that cannot be seen through ({kind}): add --engine spark.")
        registry = self._session.sessionState().functionRegistry()
        if kind == "UnresolvedFunction":
            self._check_function(_texts(expression.nameParts()), registry)
        elif kind == "UnresolvedGenerator":
            self._check_function(_texts(expression.name().nameParts()), registry)
        for part in _all(expression.children()):
            self._check_expression(part)

    def _check_function(self, name: list[str], registry: Any) -> None:
        if len(name) == 1:
            identifier = self._java.org.apache.spark.sql.catalyst.FunctionIdentifier(name[0])
            found = registry.lookupFunction(identifier)
            if found.isDefined() and (found.get().getGroup() in _PURE_FUNCTIONS or name[0].lower() in _PURE_BY_NAME):
                return
        raise ConfigError(
            f"{one_line('.'.join(name))} is none of the functions that only compute with their arguments: check its "
            "name, or add --engine spark to call whatever Spark can call."
        )

    def _parts(self, plan: Any) -> Iterator[Any]:
        """Yield the plans in a plan: its children, those of its subqueries, and those that it only refers to."""
        from py4j.java_gateway import is_instance_of

        yield from _all(plan.children())
        yield from _all(plan.innerChildren())
        for position in range(plan.productArity()):
            element = plan.productElement(position)
            if hasattr(element, "getClass") and is_instance_of(self._gateway, element, _PLAN):
                yield element

    @property
    def _gateway(self) -> Any:
        return self._spark.sparkContext._gateway  # noqa: SLF001


def _class_of(node: Any) -> str:
    return str(node.getClass().getName()).rpartition(".")[2].rstrip("$")


def _table_in(plan: Any, kind: str) -> list[str] | None:
    """Return the name of the table that a part of a plan refers to; ``None`` if it refers to none."""
    if kind in {"UnresolvedRelation", "UnresolvedTable", "UnresolvedTableOrView", "UnresolvedView"}:
        return _texts(plan.multipartIdentifier())
    return _texts(plan.nameParts()) if kind == "UnresolvedIdentifier" else None


def _all(sequence: Any) -> Iterator[Any]:
    """Iterate over the elements of a Scala sequence."""
    return (sequence.apply(position) for position in range(sequence.size()))


def _texts(sequence: Any) -> list[str]:
    return [str(each) for each in _all(sequence)]

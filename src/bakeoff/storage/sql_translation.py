"""Translation of queries in Spark's SQL to DuckDB's, over tables in a folder.

Only queries are translated, and only over tables that are handed in: a text can change nothing and read nothing else.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bakeoff._utils.text import first_line, one_line
from bakeoff.errors import ConfigError

if TYPE_CHECKING:
    from sqlglot import exp

FindView = Callable[[str, "int | None"], "str | None"]
"""Function from the name of a table, or its path, and a version to the name of a view; ``None`` for no such table."""

_SPARK, _DUCKDB = "databricks", "duckdb"
_SCHEME = re.compile(r"^file:/*(?=/)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_ALIKE = frozenset(
    [
        "Abs",
        "And",
        "ApproxQuantile",
        "ArgMax",
        "ArgMin",
        "Array",
        "ArrayAgg",
        "ArrayContains",
        "ArrayFilter",
        "ArrayToString",
        "Avg",
        "Case",
        "Cast",
        "Ceil",
        "Coalesce",
        "Concat",
        "ConcatWs",
        "Count",
        "CountIf",
        "CurrentTimestamp",
        "CurrentTimezone",
        "DateDiff",
        "Exists",
        "Explode",
        "First",
        "Floor",
        "FromJson",
        "Greatest",
        "Hour",
        "If",
        "JSONFormat",
        "Least",
        "Length",
        "Ln",
        "Lower",
        "MapKeys",
        "Max",
        "Median",
        "Min",
        "Month",
        "Nullif",
        "Or",
        "Pad",
        "Quantile",
        "Quarter",
        "Rank",
        "RegexpExtract",
        "RegexpLike",
        "RegexpSplit",
        "Reverse",
        "Round",
        "RowNumber",
        "SafeDivide",
        "Stddev",
        "StddevPop",
        "StddevSamp",
        "StrPosition",
        "StrToUnix",
        "Struct",
        "Substring",
        "Sum",
        "TimestampTrunc",
        "Trim",
        "TryCast",
        "TsOrDsToDate",
        "UnixMicros",
        "UnixSeconds",
        "Upper",
        "VarMap",
        "Variance",
        "Year",
    ]
)
"""Functions, as sqlglot calls them, that give the same in both. Another may be there under the same name and count from
another day of the week, round another way, or take an end for a length."""
_ALIKE_BY_NAME = frozenset({"make_dt_interval", "map_concat", "map_values"})
_KINDS = frozenset({"DOUBLE", "FLOAT", "TIMESTAMP", "TIMESTAMPTZ", "DATE"})
_WHOLE = frozenset({"INT", "BIGINT"})


class UntranslatableError(Exception):
    """A statement that only Spark understands."""


def translate(query: str, find_view: FindView, values: Mapping[str, Any] | None = None) -> str:
    """Return a query of Spark's in DuckDB's SQL.

    Args:
        query: one query, with parameters such as ``:days``.
        find_view: gives the view for each table.
        values: the parameters. A text that is a number is one, as it is where Spark compares it.

    Raises:
        ConfigError: a parameter has no value, or a table is none of those that are handed in.
        UntranslatableError: it is no query, or DuckDB has nothing that corresponds to a part of it.

    Example:
        >>> translate("SELECT count_if(rank = 1) AS n FROM leaderboard", lambda name, version: name)
        'SELECT COUNT_IF(rank = 1) AS n FROM leaderboard AS leaderboard'
    """
    from sqlglot import exp
    from sqlglot.errors import ErrorLevel, SqlglotError

    try:
        tree = _parse(query)
        for placeholder in list(tree.find_all(exp.Placeholder)):
            placeholder.replace(_literal(str(placeholder.this or ""), values or {}))
        _use_views(tree, find_view)
        for function in tree.find_all(exp.Func):
            _check_function(function)
        for select in list(tree.find_all(exp.Select)):
            _join_exploded_maps(select)
        return tree.transform(_rewrite).sql(_DUCKDB, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise UntranslatableError(one_line(first_line(error))) from error


def _parse(query: str) -> exp.Expr:
    from sqlglot import exp, parse

    statements = [tree for tree in parse(query, read=_SPARK) if tree is not None]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise UntranslatableError("it is not one query")
    return statements[0]


def _literal(name: str, values: Mapping[str, Any]) -> exp.Expr:
    from sqlglot import exp

    if name not in values:
        raise ConfigError(f"The query has a parameter {name!r}: add --param {name}=VALUE.")
    value = values[name]
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return exp.Literal.number(value)
    return exp.convert(value)


def _use_views(tree: exp.Expr, find_view: FindView) -> None:
    """Put the views in the place of the tables that a query names."""
    from sqlglot import exp

    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier):
            raise UntranslatableError("it calls a function that gives a table")
        name = _name_of(table)
        if not table.db and name.lower() in defined:
            continue
        view = find_view(name, _version_of(table))
        if view is None:
            raise ConfigError(
                f"{one_line(table.sql(_SPARK))} is none of the tables here: add --engine spark to read files and "
                "whatever else Spark can read."
            )
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=not table.name.isidentifier())))
        table.set("this", exp.to_identifier(view, quoted=not view.isidentifier()))
        for part in ("db", "catalog", "version"):
            table.set(part, None)


def _name_of(table: exp.Table) -> str:
    """Return the name of a table, or the path of one that is named by its path."""
    if table.db.lower() == "delta" and not table.catalog:
        return os.path.realpath(_SCHEME.sub("", table.name))
    return table.sql(_SPARK, comments=False) if table.db else table.name


def _version_of(table: exp.Table) -> int | None:
    version = table.args.get("version")
    if version is None:
        return None
    number = version.expression.name
    if str(version.this).upper() != "VERSION" or not number.isdigit():
        raise UntranslatableError("it reads a table at a point in time")
    return int(number)


def _check_function(function: exp.Func) -> None:
    """Leave a function to Spark that is not known to give the same in DuckDB."""
    from sqlglot import exp

    if isinstance(function, exp.Anonymous):
        known = function.name.lower() in _ALIKE_BY_NAME
    elif isinstance(function, exp.Cast):
        known = _is_same_cast(function)
    elif isinstance(function, exp.Substring):
        start = function.args.get("start")
        known = start is None or start.name != "0"  # where Spark starts with the first character
    else:
        known = type(function).__name__ in _ALIKE
    if not known:
        raise UntranslatableError(f"{one_line(function.sql(_SPARK))} may be something else in DuckDB")


def _is_same_cast(cast: exp.Cast) -> bool:
    """Whether a cast gives the same: texts of points in time differ, and Spark cuts numbers where DuckDB rounds."""
    from sqlglot import exp

    kind = cast.to.this.name
    if kind in _WHOLE:
        return cast.find(exp.Ceil, exp.Floor) is not None or (isinstance(cast.this, exp.Literal) and cast.this.is_int)
    return kind in _KINDS


def _rewrite(node: exp.Expr) -> exp.Expr:
    """Rewrite a function for which DuckDB has another one, and sqlglot knows none that is exactly the same."""
    from sqlglot import exp

    if isinstance(node, exp.ApproxQuantile):  # Spark gives one of the values, too
        return exp.func("quantile_disc", node.this, node.args["quantile"])
    if isinstance(node, exp.Quantile):
        return exp.func("quantile_cont", node.this, node.args["quantile"])
    if isinstance(node, exp.StrToUnix | exp.UnixSeconds) and node.this is not None:
        moment = exp.cast(node.this, "TIMESTAMPTZ", dialect=_DUCKDB)
        # Whole seconds as Spark counts them: a cast alone would round half a second up.
        return exp.cast(exp.Floor(this=exp.func("epoch", moment)), "BIGINT", dialect=_DUCKDB)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "make_dt_interval":
        parts = zip(("to_days", "to_hours", "to_minutes", "to_seconds"), node.expressions, strict=False)
        intervals: list[exp.Expr] = [exp.func(function, part) for function, part in parts]
        return exp.paren(functools.reduce(lambda left, right: exp.Add(this=left, expression=right), intervals))
    return node


def _join_exploded_maps(select: exp.Select) -> None:
    """Join the keys and values of each map that a query explodes; DuckDB only unnests lists."""
    from sqlglot import exp

    kept = []
    for lateral in select.args.get("laterals") or ():
        names = lateral.args["alias"].columns if lateral.args.get("alias") else []
        if not isinstance(lateral.this, exp.Explode) or len(names) != 2:  # noqa: PLR2004 - a key and a value
            kept.append(lateral)
            continue
        parts = exp.select(
            *(
                exp.alias_(exp.Explode(this=exp.func(function, lateral.this.this.copy())), name.copy())
                for function, name in zip(("map_keys", "map_values"), names, strict=True)
            )
        )
        alias = exp.TableAlias(this=exp.to_identifier(f"exploded_{names[0].name}"))
        select.append("joins", exp.Join(this=exp.Lateral(this=parts.subquery(), alias=alias), kind="CROSS"))
    select.set("laterals", kept)

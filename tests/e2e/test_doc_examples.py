"""The queries and the Python code that README and docs show do run, on the tables and models of a real run."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bakeoff
from bakeoff.cli.app import main
from bakeoff.job.result import RunResult
from support.datasets import experiment
from support.doc_examples import ROOT, Example, blocks, commands, inline

RUN_ID = "20260131-120000-a1b2c3"
"""The run that most pages name."""
FEW: dict[str, Any] = {"include": ("lr", "nb", "dummy"), "engine": "native", "isolation": "none"}
"""Options of runs that take little time."""
NOT_RUN = {"docs/scoring.md": 2}
"""How many blocks of each page cannot be run here, as a comment above each says."""
OTHER_TABLES = {"scored"}
"""Tables in queries that a run does not make; tests of scoring query them."""


def queries() -> Iterator[tuple[str, str]]:
    """Each query that the pages show, with its place."""
    for block in blocks("sql"):
        yield from ((str(block), query.strip()) for query in block.text.split(";") if query.strip())
    yield from (found for found in inline("SELECT") if " FROM " in found[1])
    shown = [*((str(block), block.text) for block in blocks("bash")), *inline("bakeoff")]
    for where, script in shown:
        for name, *words in filter(None, commands(script, "bakeoff")):
            if name == "sql" and words and words[-1].startswith("SELECT"):
                yield where, words[-1]


pytestmark = pytest.mark.timeout(900)  # a session, a run, and PyCaret's import, on a machine that does more than that
QUERIES = sorted(set(queries()))


def customers() -> pd.DataFrame:
    """Rows as the pages have them: wines, as in the tutorial, with the name that most pages give the target.

    Some answers are wrong, so that no model is right about all of them: a blend has to be better than the best.
    """
    from sklearn.datasets import load_wine

    frame = load_wine(as_frame=True).frame
    gone = frame["target"].eq(0) ^ (np.random.default_rng(1).random(len(frame)) < 0.15)
    return frame.drop(columns="target").assign(churned=gone.map({True: "yes", False: "no"}))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, spark: Any) -> Iterator[RunResult]:
    """The result of the tutorial's comparison, with fewer models, in the folder in which the pages' code runs."""
    folder = tmp_path_factory.mktemp("docs")
    scripts = [words for block in blocks("bash") for words in commands(block.text, "python")]
    [makes_wine] = [words for words in scripts if "load_wine" in words[-1]]
    subprocess.run([sys.executable, *makes_wine], check=True, cwd=folder)
    customers().to_csv(folder / "customers.csv", index=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        config = bakeoff.RunConfig("wine.csv", "target", fold=2, run_id=RUN_ID, **FEW)
        yield bakeoff.run(config, spark, say=lambda _: None)


def test_there_are_examples_to_run() -> None:
    assert len(blocks("sql")) >= 5
    assert len(QUERIES) >= 10
    assert len(blocks("python")) >= 14


def test_only_those_are_not_run_that_cannot_be() -> None:
    left_out = Counter(block.page for block in blocks("sql", "python") if block.not_run)
    assert left_out == NOT_RUN


@pytest.mark.parametrize(("where", "query"), QUERIES)
@pytest.mark.usefixtures("result")
def test_a_query_is_answered(capsys: pytest.CaptureFixture[str], where: str, query: str) -> None:
    if set(re.findall(r"\bFROM (\w+)", query)) & OTHER_TABLES:
        pytest.skip(f"{where} is about a table of scored rows")
    main(["sql", query])
    assert capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")  # what PyCaret and joblib say on the way is the same without the pages' code
@pytest.mark.parametrize("page", sorted({block.page for block in blocks("python")}))
def test_the_code_of_a_page_runs_from_top_to_bottom(
    result: RunResult, spark: Any, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    customers().pipe(spark.createDataFrame).createOrReplaceTempView("customers")
    names = whatever_a_page_presumes(spark)
    few_models(monkeypatch)
    for block in blocks("python"):
        if block.page == page and not block.not_run:
            run_block(block, names, str(result.model_uri))


def whatever_a_page_presumes(spark: Any) -> dict[str, Any]:
    """What code has before a page begins: a session, an experiment and rows."""
    data = customers()
    return {
        "spark": spark,
        "data": data,
        "rows": data.drop(columns="churned").head(3),
        "experiment": experiment(data, "churned", fold=2),
        "FugueBackend": bakeoff.FugueBackend,
    }


def few_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare few models where the pages compare all."""
    from pycaret.classification import ClassificationExperiment

    compare = functools.partialmethod(ClassificationExperiment.compare_models, include=[*FEW["include"]])
    monkeypatch.setattr(ClassificationExperiment, "compare_models", compare)
    config = functools.partial(bakeoff.RunConfig, **FEW)
    monkeypatch.setattr(bakeoff, "RunConfig", config, raising=False)


def run_block(block: Example, names: dict[str, Any], model_uri: str) -> None:
    """Run a block with the names that are there, and leave those that it makes."""
    text = block.text.replace("runs:/.../model", model_uri).replace("wine-1", RUN_ID)
    exec(compile("\n" * block.line + text, str(ROOT / block.page), "exec"), names)  # noqa: S102 - it is ours

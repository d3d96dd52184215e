"""Tables that a real run of the job has filled: its own command line, on a table of the metastore, with a registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import bundle, prepared_sql
from support.bundle import CATALOG, SOURCE, Filled, wheel_arguments
from support.datasets import breast_cancer


@pytest.fixture(scope="session")
def filled(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    import bakeoff
    from bakeoff import RunConfig, run
    from bakeoff.errors import NoModelSurvivedError

    folder = tmp_path_factory.mktemp("bundle")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        spark.createDataFrame(breast_cancer(240).iloc[:, -7:]).write.format("delta").saveAsTable(SOURCE)
        variables = {"catalog": CATALOG, "schema": "bakeoff_results", "source_table": SOURCE, "target": "target"}
        resources = bundle.resolved(bundle.load(), "prod", {**variables, "experiment_folder": "/Shared"})["resources"]
        asked = wheel_arguments(resources["jobs"]["bakeoff"], run_id=101, include="nb,dt,dummy", fold=2)
        said = _run_as_the_job_does(asked, folder)
        options = RunConfig.from_sources(_options(asked))
        again = {"source": SOURCE, "target": "target", "fold": 2, "experiment": options.experiment, "home": folder}
        again |= {"catalog": CATALOG, "schema": options.schema, "register_model": options.register_model}
        run(RunConfig(**again, include=("nb",), run_id="102", min_value=2), spark, say=lambda _: None)
        job = resources["jobs"]["bakeoff_score"]
        score = dict(zip(*(wheel_arguments(job, run_id=201)[first::2] for first in (1, 2)), strict=True))
        score = {name.removeprefix("--").replace("-", "_"): value for name, value in score.items()}
        bakeoff.score(**score, home=folder, spark=spark, say=lambda _: None)
        with pytest.raises(NoModelSurvivedError):
            run(RunConfig(**again, include=("nb",), run_id="103", budget_minutes=1e-9), spark, say=lambda _: None)
    own = spark.newSession()
    own.sql(f"USE {CATALOG}.{options.schema}")
    own.conf.set("spark.sql.ansi.enabled", "true")
    yield Filled(own, options.schema, folder, said, resources)
    spark.sql(f"DROP SCHEMA {options.schema} CASCADE")
    spark.sql(f"DROP TABLE {SOURCE}")


@pytest.fixture(scope="session")
def empty(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A schema as the job `prepare` leaves it right after the first deployment, when nothing has been compared yet."""
    schema = "bakeoff_prepared"
    variables = {"catalog": CATALOG, "schema": schema}
    resources = bundle.resolved(bundle.load(), "prod", variables)["resources"]
    (task,) = resources["jobs"]["prepare"]["tasks"]
    assert task["sql_task"]["parameters"] == variables
    own = spark.newSession()
    own.conf.set("spark.sql.ansi.enabled", "true")
    own.sql(f"CREATE SCHEMA {schema}")
    for _ in range(2):  # the second time there is nothing to do
        for statement in prepared_sql.statements(prepared_sql.FILE.read_text()):
            own.sql(statement, args=variables)
    yield Filled(own, schema, tmp_path_factory.mktemp("empty"), "", resources)
    spark.sql(f"DROP SCHEMA {schema} CASCADE")


def _run_as_the_job_does(asked: list[str], home: Path) -> str:
    """Run `bakeoff run --config` with the options that the job passes, and give back what it prints."""
    import contextlib
    import io

    from bakeoff.cli.app import main

    (home / "job.yml").write_text(yaml.safe_dump({**_options(asked), "home": str(home)}))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main(["run", "--config", str(home / "job.yml")])
    return printed.getvalue()


def _options(asked: list[str]) -> dict[str, str]:
    return dict(zip((name.removeprefix("--").replace("-", "_") for name in asked[1::2]), asked[2::2], strict=True))

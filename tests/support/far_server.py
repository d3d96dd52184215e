"""A Spark Connect server as it is on Databricks: a process of its own, which shares with its client one folder at most.

It has a working folder, a home, temporary files and an environment of its own. Where tests run as root it is also
another user's, who cannot write to what is the client's, nor see it. The folder `FarServer.volume` is for both, as a
volume of Unity Catalog is. It ends with the process that has started it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.spark import java
from support.connect_session import server_packages
from support.sandbox_warden import Warden

SANDBOX = "DB_SESSION_UUID"
"""The environment variable by which a worker knows that it is in a sandbox of Databricks'."""
SERVERLESS = "client.5.1"
"""What serverless compute has for the version of its runtime."""
TESTS = Path(__file__).parents[1]
NOBODY = 65534
START_SECONDS = 240.0
CLIENT_SECONDS = 1500.0
_READS_ALL = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""The interpreter of the tests may be in the home of root, which nobody else may look into."""


@dataclass
class FarServer:
    """A running server.

    Attributes:
        port: where it listens, on loopback.
        pid: the id of its Java process.
        mine: a folder that only the server writes to.
        client: a folder that only the client writes to.
        volume: a folder that both write to.
        user: the id of the user that it runs as.
    """

    port: int
    mine: Path
    client: Path
    volume: Path
    user: int
    pid: int = 0
    warden: Warden = field(default_factory=Warden)

    @property
    def url(self) -> str:
        """The address for clients; not that of this machine, so that nobody takes the server for a local one."""
        return f"sc://127.0.0.2:{self.port}"

    def environment(self, *, serverless: bool = True) -> dict[str, str]:
        """Return the environment of a client's process: that of serverless compute, and nothing of the server's.

        Args:
            serverless: whether it has the server's address, and is on Databricks.
        """
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.client),
            "TMPDIR": str(_made(self.client / "tmp")),
            "PYTHONPATH": str(TESTS),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.client}/mlflow.db",
            "OMP_NUM_THREADS": "1",
            **({"SPARK_REMOTE": self.url, "DATABRICKS_RUNTIME_VERSION": SERVERLESS} if serverless else {}),
        }

    def run(self, *command: str, serverless: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Python as a client, in the client's folder; see `environment`."""
        return subprocess.run(
            [sys.executable, *command],
            env=self.environment(serverless=serverless),
            cwd=self.client,
            capture_output=True,
            text=True,
            timeout=CLIENT_SECONDS,
            check=False,
        )

    def notes(self) -> list[dict[str, Any]]:
        """Return what its workers have done: the kind of work, its trials, and the worker's process and user."""
        file = self.mine / "notes"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def log(self) -> str:
        """Return what it has said."""
        return (self.mine / "server.log").read_text(errors="replace")


@contextmanager
def far_server(*, sandboxed: bool = True) -> Iterator[FarServer]:
    """Start a server with two slots, whose workers may take 1 GB each; end it after the block.

    Args:
        sandboxed: whether its workers are in sandboxes, as on standard and serverless compute.

    Yields:
        The server.
    """
    # Not a folder of pytest's, which takes everybody else's rights to them away.
    with tempfile.TemporaryDirectory(prefix="bakeoff-far-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with _started(Path(folder), sandboxed=sandboxed) as server:
            yield server


@contextmanager
def _started(folder: Path, *, sandboxed: bool) -> Iterator[FarServer]:
    prefix, user = _as_somebody_else(_made(folder / "client"))
    server = FarServer(_free_port(), _made(folder / "server"), folder / "client", _made(folder / "volume"), user)
    for part in ("tmp", "ivy", "work"):
        _made(server.mine / part)
    _fill_ivy(server.mine / "ivy")
    for path in (server.mine, *server.mine.rglob("*")):
        os.chown(path, user, -1)
    server.mine.chmod(0o700)
    server.volume.chmod(0o777)
    with (server.mine / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*prefix, *_command(server)],
            env=_environment(server, sandboxed=sandboxed),
            cwd=server.mine / "work",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server.pid = process.pid
    try:
        _wait_until_it_listens(server, process)
        with server.warden.watching(process.pid):
            yield server
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _command(server: FarServer) -> list[str]:
    import pyspark

    conf = {
        "spark.master": "local[2]",
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.jars.ivy": str(server.mine / "ivy"),
        "spark.jars.packages": ",".join(server_packages()),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": str(server.mine / "warehouse"),
        "spark.local.dir": str(server.mine / "tmp"),
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.connect.grpc.binding.address": "127.0.0.2",
        "spark.connect.grpc.binding.port": str(server.port),
        "spark.python.daemon.module": "support.sandbox_daemon",
        "spark.driver.extraJavaOptions": _java_options(server),
    }
    options = [part for name, value in conf.items() for part in ("--conf", f"{name}={value}")]
    home = Path(pyspark.__file__).parent
    main = "org.apache.spark.sql.connect.service.SparkConnectServer"
    return [str(home / "bin" / "spark-submit"), "--class", main, *options, "spark-internal"]


def _java_options(server: FarServer) -> str:
    """Return the options of `bakeoff.spark.java.java_options`, with the server's own folder for temporary files."""
    given = java.java_options(java.find_java(), server.mine)
    return re.sub(r"-Djava\.io\.tmpdir=[^\s\"]+", f"-Djava.io.tmpdir={server.mine / 'tmp'}", given)


def _environment(server: FarServer, *, sandboxed: bool) -> dict[str, str]:
    import pyspark

    return {
        "PATH": os.environ["PATH"],
        "HOME": str(server.mine),
        "TMPDIR": str(server.mine / "tmp"),
        "JAVA_HOME": str(java.find_java()),
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(TESTS),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        "FAR_SERVER_NOTES": str(server.mine / "notes"),
        "FAR_SERVER_VOLUME": str(server.volume),
        **({SANDBOX: "0123-far"} if sandboxed else {}),
    }


def _as_somebody_else(hidden: Path) -> tuple[list[str], int]:
    """Return what to write before a command so that another user runs it, who does not see a folder; and the user.

    Only root can do that, and not in every container: else the server is the same user's.
    """
    ends = ["setpriv", "--pdeathsig", "KILL"]
    if os.geteuid() != 0:
        return (ends if shutil.which("setpriv") else []), os.geteuid()
    user = [*ends, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    hide = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none "{hidden}" && exec "$@"', "sh"]
    for prefix in ([*hide, *user, *_READS_ALL], [*user, *_READS_ALL], user):
        tried = subprocess.run([*prefix, sys.executable, "-c", "import pyspark"], capture_output=True, check=False)
        if tried.returncode == 0:
            return prefix, NOBODY
    return ends, 0


def _fill_ivy(folder: Path) -> None:
    """Copy what the jars' download has left in the user's home, so that the server need not download them again."""
    for found in (Path.home() / ".ivy2.5.2", Path.home() / ".ivy2"):
        if (found / "cache").is_dir():
            shutil.copytree(found / "cache", folder / "cache", dirs_exist_ok=True)


def _wait_until_it_listens(server: FarServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.2", server.port)) == 0:
                return
        time.sleep(0.2)
    raise RuntimeError(f"The server did not start:\n{server.log()[-3000:]}")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.2", 0))
        return int(one.getsockname()[1])

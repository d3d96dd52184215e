"""A real MLflow server over HTTP on loopback, and a proxy in front of it that can be down, refuse, or be late."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
from mlflow.tracking import MlflowClient
from typing_extensions import Self

PASS, REFUSE, LATE = "pass", "refuse", "late"
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def mlflow_server(folder: Path, database: Path) -> Iterator[str]:
    """A tracking server with a database that is there already, and files of its own; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(folder / "files")]
    command += ["--workers", "1"]
    quicker = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=quicker, start_new_session=True)
    try:
        _wait_until_it_answers(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        family = [process, *psutil.Process(process.pid).children(recursive=True)]
        for each in family:
            _kill(each.pid)
        process.wait(10)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise RuntimeError("The tracking server did not start.")


class Proxy:
    """Stands before a server; the address stays the same whatever it does.

    Attributes:
        mode: ``pass``; ``refuse``, with 503; ``late``, with answers to what the server did at once.
        seconds: how late.
        asked: how many requests came in each mode.
    """

    def __init__(self, target: str, mode: str = PASS, seconds: float = 30.0, port: int | None = None) -> None:
        self.mode = mode
        self.seconds = seconds
        self.asked: Counter[str] = Counter()
        self._target = target.removeprefix("http://")
        self._port = port or free_port()
        self._closing = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self.uri = f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        self._closing.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """From now on connections are refused; those that are open are cut."""
        self._closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def hold(self) -> None:
        self._closing.wait(self.seconds)

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection(self._target, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    proxy: Proxy

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # whoever asked did not wait

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        mode = self.proxy.mode
        if self.proxy.closing:
            self.close_connection = True
            return
        self.proxy.asked[mode] += 1
        if mode == REFUSE:
            self._answer(503, [], b"busy")
            return
        status, headers, content = self.proxy.ask(self.command, self.path, body, dict(self.headers))
        if mode == LATE:
            self.proxy.hold()
        self._answer(status, headers, content)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for key, value in headers:
            if key.lower() not in _HOP_BY_HOP:
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def _handler(proxy: Proxy) -> type[_Handler]:
    verbs = dict.fromkeys(["do_GET", "do_POST", "do_PUT", "do_PATCH", "do_DELETE"], _Handler.serve)
    return type("Handler", (_Handler,), {"proxy": proxy, **verbs})


def runs_of(uri: str, run_id: str) -> list[Any]:
    """What the server itself holds of a bake-off."""
    client = MlflowClient(tracking_uri=uri)
    experiments = [each.experiment_id for each in client.search_experiments()]
    return list(client.search_runs(experiments, f"tags.`bakeoff.run_id` = '{run_id}'"))

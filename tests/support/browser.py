"""Headless Chromium, spoken to over two pipes in its DevTools protocol: what a page says, loads and looks like."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")
_SWITCHES = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb", "--mute-audio",
)  # fmt: skip


def find_chromium() -> str | None:
    """The browser that is installed, if any."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """A tab.

    Attributes:
        said: what the console was told, and what went wrong.
        loaded: every address that was asked for.
    """

    def __init__(self, send: Any, receive: Any) -> None:
        self._send, self._receive = send, receive
        self._last = 0
        self._session: str | None = None
        self.said: list[str] = []
        self.loaded: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol, and hear what happens until it has returned."""
        self._last += 1
        own = {"sessionId": self._session} if self._session else {}
        self._send({"id": self._last, "method": method, "params": params, **own})
        while True:
            message = self._receive()
            if message.get("id") == self._last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self._hear(message)

    def open(self, url: str, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Load a page for a window of this size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded = False
        self.call("Page.navigate", url=url)
        while not self._loaded:
            self._hear(self._receive())

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression, which may be a promise."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"])
        return told["result"].get("value")

    def picture(self, file: Path, *, whole: bool = False, clip: Mapping[str, float] | None = None) -> None:
        """Write what is seen, or the whole page, to a PNG."""
        more = {"clip": {"scale": 1, **clip}} if clip else {}
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole or bool(clip), **more)
        file.write_bytes(base64.b64decode(taken["data"]))

    def _hear(self, message: Mapping[str, Any]) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.consoleAPICalled":
            self.said.append(f"{params['type']}: {[each.get('value') for each in params['args']]}")
        elif method == "Runtime.exceptionThrown":
            self.said.append(f"exception: {params['exceptionDetails'].get('text')}")
        elif method == "Log.entryAdded":
            self.said.append(f"{params['entry']['level']}: {params['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            self.loaded.append(params["request"]["url"])


@contextmanager
def chromium(path: str) -> Iterator[Page]:
    """A browser with one tab, gone with the block."""
    to_browser, from_us = os.pipe()
    to_us, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        # The browser reads its descriptor 3 and writes to 4.
        shell = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        process = subprocess.Popen(
            ["bash", "-c", shell, path, *_SWITCHES, f"--user-data-dir={profile}"],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        answers = os.fdopen(to_us, "rb")

        def send(message: Any) -> None:
            os.write(from_us, json.dumps(message).encode() + b"\0")

        def receive() -> Any:
            text = bytearray()
            while not text.endswith(b"\0"):
                piece = answers.read1(65536) if not answers.peek(1) else answers.read(_up_to_end(answers))
                if not piece:
                    raise RuntimeError("Chromium has gone.")
                text += piece
            return json.loads(text[:-1])

        try:
            yield Page(send, receive)
        finally:
            process.kill()
            process.wait()
            answers.close()
            os.close(from_us)


def _up_to_end(stream: Any) -> int:
    """How many buffered bytes belong to the message that is being read."""
    buffered = stream.peek(1)
    end = buffered.find(b"\0")
    return len(buffered) if end < 0 else end + 1

"""Take the pictures of the README from real runs: ``make screenshots``.

It runs the demo where there is no run yet, and photographs the newest run's report and its page in MLflow with
headless Chromium (Debian: ``apt-get install chromium``).
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent.resolve()
sys.path.insert(0, str(HERE.parent / "tests"))

from support.browser import Page, chromium, find_chromium  # noqa: E402 - it is the tests' own

from bakeoff.tracking.client import (artifact_root, local_tracking_uri, make_client)  # noqa: E402

WIDTH, HEIGHT = 1200, 625  # above the tags, where the path of the source stands
PATIENCE = 240.0


def main() -> None:
    """Write ``report.png``, ``report-phone.png`` and ``mlflow.png`` beside this file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, default=Path(".bakeoff"))
    home = parser.parse_args().home
    path = find_chromium()
    if path is None:
        sys.exit("There is no Chromium: install it, on Debian with `apt-get install chromium`.")
    reports = sorted(home.glob("runs/*/report.html"), key=lambda file: file.stat().st_mtime)
    if not reports:
        subprocess.run([sys.executable, "-m", "bakeoff", "demo", "--home", str(home)], check=True)  # noqa: S603
        reports = sorted(home.glob("runs/*/report.html"))
    with chromium(path) as page:
        address = reports[-1].absolute().as_uri()
        page.open(address, width=1100)
        row = "#leaderboard tbody tr:nth-child(-n + 10)"  # the last of those that there are
        page.picture(HERE / "report.png", clip={"x": 0, "y": 0, "width": 1100, "height": _bottom(page, row) + 1})
        page.open(address, width=390, dark=True)
        top = page.ask("document.querySelector('#cost').getBoundingClientRect().top + scrollY")
        height = _bottom(page, "#best figure:first-of-type .narrow") + 8 - top
        page.picture(HERE / "report-phone.png", clip={"x": 0, "y": top, "width": 390, "height": height})
        _mlflow(page, home)
    for name in ("report.png", "report-phone.png", "mlflow.png"):
        _shrink(HERE / name)


def _bottom(page: Page, selector: str) -> float:
    """Where the last of these elements ends, so that a picture cuts none in two."""
    ends = f"[...document.querySelectorAll({selector!r})].at(-1).getBoundingClientRect().bottom + scrollY"
    return float(page.ask(ends))


def _mlflow(page: Page, home: Path) -> None:
    """The page of the newest run as MLflow shows it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = make_client(home)
    experiment = client.get_experiment_by_name("bakeoff").experiment_id
    run = client.search_runs([experiment], "tags.`bakeoff.kind` = 'run'", max_results=1)[0].info.run_id
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", local_tracking_uri(home)]
    command += ["--default-artifact-root", artifact_root(home).as_uri()]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(lambda: urllib.request.urlopen(f"{address}/health", timeout=5).status == 200)  # noqa: S310, PLR2004
        page.open(f"{address}/#/experiments/{experiment}/runs/{run}", width=WIDTH, height=HEIGHT)
        _wait(lambda: page.ask("document.body.innerText.includes(' for diagnosis of ')"))
        page.ask("document.querySelectorAll('[aria-label=\"Close\"]').forEach(button => button.click())")
        time.sleep(3)
        page.picture(HERE / "mlflow.png")
    finally:
        server.terminate()
        server.wait()


def _wait(is_there: object) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            if is_there():  # type: ignore[operator]
                return
        except (OSError, RuntimeError):
            pass
        time.sleep(1)
    sys.exit("MLflow's UI did not come up.")


def _shrink(file: Path) -> None:
    """A picture of few colours, as screens have, takes a third of the space."""
    from PIL import Image

    with Image.open(file) as picture:
        small = picture.convert("RGB").quantize(128)
    small.save(file, optimize=True)


if __name__ == "__main__":
    main()

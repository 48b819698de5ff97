"""An Orthanc with a study and a network, and the service beside it: for a Slicer that asks it.

Slicer's own Python has nothing of a service: it runs in the one that runs the scripts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TESTING = Path(__file__).resolve().parents[1]
_SETTINGS = """
[servers.pacs]
url = "{pacs}"

[service]
source = "pacs"
folder = {folder!r}

[service.polling]
every = 86_000

[service.web]
port = {port}

[[service.web.tokens]]
name = "the reading room"
token = "env:IODEEP_TOKEN_RUN"
role = "run"
"""
_TOKEN = "the-token-of-the-reading-room"  # noqa: S105  of a service that lives for a minute
_LONGEST = 60  # seconds until the service answers


@contextmanager
def service() -> Iterator[dict[str, str]]:
    """What Slicer has to know of it, as variables of its environment."""
    sys.path[:0] = [str(_TESTING), str(_TESTING.parent)]
    import os

    import serve_demo
    from pacs import servers

    with tempfile.TemporaryDirectory() as name, servers.orthanc(Path(name) / "orthanc") as pacs:
        folder = Path(name)
        model, port = folder / "model", servers.free_port()
        recipe = serve_demo.DEMO / "recipe.json"
        network = serve_demo.DEMO / "demo_network.onnx"
        serve_demo.iodeep("pack", network, "--recipe", recipe, "--out", model)
        serve_demo.iodeep("push", model, pacs.source)
        settings = folder / "iodeep.toml"
        own = str(folder / "service")
        settings.write_text(_SETTINGS.format(pacs=pacs.source, folder=own, port=port), "utf-8")
        call = [*serve_demo.IODEEP, "serve", "--config", str(settings)]
        environment = os.environ | {"IODEEP_TOKEN_RUN": _TOKEN}
        with subprocess.Popen(call, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(f"http://127.0.0.1:{port}/healthz")
                yield {
                    "IODEEP_TOKEN_RUN": _TOKEN,
                    "IODEEP_SERVICE": f"http://127.0.0.1:{port}",
                    "IODEEP_PACS": pacs.source,
                    "IODEEP_PACS_PORT": str(pacs.dicom_port),
                }
            finally:
                process.terminate()


def _wait_for(address: str) -> None:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(f"no service at {address} within {_LONGEST} s")

"""The PACS and the service, each of which can be killed and comes back."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, suppress
from json import loads
from pathlib import Path

import psutil
from pacs import servers
from pacs.servers import Orthanc, free_port

_STABLE_AGE = 1  # seconds until Orthanc calls a study stable


class Pacs:
    """An Orthanc whose storage outlives it.

    Args:
        folder: a new folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._starts = folder, 0
        self._ports = free_port(), free_port()
        self._running = ExitStack()
        self.server: Orthanc

    def start(self) -> None:
        """Start it, with what it held."""
        self._starts += 1
        storage = str(self._folder / "storage")
        self.server = self._running.enter_context(
            servers.orthanc(
                self._folder / f"start {self._starts}",
                ports=self._ports,
                StorageDirectory=storage,
                IndexDirectory=storage,
                StableAge=_STABLE_AGE,
            )
        )

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._running.close()


class Service:
    """`iodeep serve`, as systemd starts it again.

    Args:
        config: its iodeep.toml.
        folder: an empty folder, for what it says.
    """

    def __init__(self, config: Path, folder: Path) -> None:
        self._config, self._folder, self._starts = config, folder, 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._starts += 1
        call = [sys.executable, "-m", "IODeepLib.cli", "serve", "--config", str(self._config)]
        with (self._folder / f"{self._starts}.log").open("wb") as log:
            self._process = subprocess.Popen(call, stderr=log)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._end(signal.SIGKILL)

    def end(self) -> None:
        """End it as systemd does."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()

    def tasks(self) -> list[psutil.Process]:
        """The processes that do a task now."""
        assert self._process is not None
        service = psutil.Process(self._process.pid)
        ready = {helper.pid for helper in service.children()}
        found = service.children(recursive=True)
        # Where processes do not fork, those that are ready do it themselves.
        return [one for one in found if one.pid not in ready] if sys.platform == "linux" else found

    def events(self) -> Counter[str]:
        """How often it has said what."""
        found: Counter[str] = Counter()
        for path in self._folder.glob("*.log"):
            for line in path.read_text("utf-8").splitlines():
                with suppress(ValueError):  # it was killed while it said that
                    found[loads(line)["event"]] += 1
        return found

"""What can compute here is asked in a process of its own: ONNX Runtime takes a moment."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from IODeepSlicer.work.job import readDevices
from IODeepSlicer.work.worker_process import WorkerProcess


@dataclass(frozen=True)
class Devices:
    """What the installed ONNX Runtime can compute on.

    Attributes:
        providers: the execution providers that "auto" tries, the best first.
        version: of ONNX Runtime.
    """

    providers: tuple[str, ...]
    version: str


class DevicesQuestion(WorkerProcess[Devices]):
    """Asks ONNX Runtime what it can compute on."""

    task = "devices"

    def _write(self, folder: Path) -> Iterator[None]:
        yield

    def _take(self, folder: Path) -> Generator[None, None, Devices]:
        yield
        providers, version = readDevices(folder)
        return Devices(tuple(providers), version)

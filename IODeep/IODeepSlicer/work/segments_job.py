"""The segments of a result and the image below them, as files for another process."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepSlicer.work.array_file import readArray, writeArray
from IODeepSlicer.work.json_file import readJson, writeJson

if TYPE_CHECKING:
    from IODeepLib.results.in_layers import Layer as LibraryLayer
    from IODeepLib.results.in_layers import LayeredSegment
    from IODeepLib.series import VolumeImage
    from IODeepSlicer.scene.places import Layer

_JOB, _IMAGE, _MEASURED = "segments.json", "image.npy", "measured.json"


@dataclass(frozen=True)
class SegmentsJob:
    """What is segmented, see `IODeepLib.results.in_layers`.

    Attributes:
        image: the `VolumeImage`.
        starts: slice, row, column of its grid at which each layer begins.
        segments: all `LayeredSegment`, in their order.
    """

    image: Any
    starts: Sequence[tuple[int, int, int]]
    segments: Any


def writeSegments(
    folder: Path, job: SegmentsJob, layers: Sequence[Layer]
) -> Generator[None, None, None]:
    """Put `job` and all voxels into `folder`, a piece at each step."""
    voxels = job.image.voxels.array
    yield from writeArray(folder / _IMAGE, voxels)
    for number, layer in enumerate(layers):
        yield from writeArray(folder / f"layer-{number}.npy", layer.array)
    writeJson(folder / _JOB, job, lambda array: _IMAGE if array is voxels else array.tolist())


def readSegments(folder: Path) -> tuple[VolumeImage, list[LibraryLayer], list[LayeredSegment]]:
    """The image, the layers on its grid, and the segments."""
    from msgspec import convert

    from IODeepLib.results.in_layers import Layer, LayeredSegment
    from IODeepLib.series import VolumeImage
    from IODeepSlicer.work.json_file import objectsIn

    job: SegmentsJob = readJson(folder / _JOB, SegmentsJob)
    layers = [
        Layer(_whole(readArray(folder / f"layer-{number}.npy")), start)
        for number, start in enumerate(job.starts)
    ]
    image = convert(job.image, VolumeImage, dec_hook=objectsIn(folder))
    return image, layers, convert(job.segments, list[LayeredSegment])


def measure(folder: Path) -> None:
    """Measure the segments in `folder`."""
    from IODeepLib.results.in_layers import measure_layers

    image, layers, segments = readSegments(folder)
    measured = measure_layers(layers, segments, image.volume(), image)
    figures = [one.figures() for one in measured.segments]
    writeJson(folder / _MEASURED, (measured.unit.name, figures))


def readMeasured(folder: Path) -> tuple[str, list[dict[str, float | None]]]:
    """What the image counts, and the numbers of each segment, in their order."""
    return readJson(folder / _MEASURED, tuple[str, list[dict[str, float | None]]])


def _whole(reading: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(reading)
        except StopIteration as end:
            return end.value

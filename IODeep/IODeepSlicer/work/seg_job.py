"""What the process that makes a DICOM SEG is given, and what it gives back: files in a folder."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepSlicer.work.array_file import readArray, writeArray
from IODeepSlicer.work.json_file import readJson, writeJson

if TYPE_CHECKING:
    from IODeepSlicer.scene.places import Layer

_JOB, _SEG = "seg.json", "seg"


@dataclass(frozen=True)
class SegJob:
    """A result that is to be a DICOM SEG, see `IODeepLib.results.in_layers`.

    Attributes:
        affine, shape, frame_of_reference: of the grid on which the result lies, see `Grid`.
        starts: slice, row, column of that grid at which each layer begins.
        segments: all `LayeredSegment`, in their order.
        known: the `Circumstances`.
        provenance: the `Provenance` of the result.
        files, slices: of the series on which the result lies, and how many slices that has.
        others: the same of the further series that the network read.
    """

    affine: Sequence[Sequence[float]]
    shape: tuple[int, int, int]
    frame_of_reference: str | None
    starts: Sequence[tuple[int, int, int]]
    segments: Any
    known: Any
    provenance: Any
    files: Sequence[Path]
    slices: int
    others: Sequence[tuple[list[Path], int]]


def writeSegJob(folder: Path, job: SegJob, layers: Sequence[Layer]) -> Generator[None, None, None]:
    """Put `job` and the voxels of its layers into `folder`, a piece at each step."""
    for number, layer in enumerate(layers):
        yield from writeArray(folder / f"layer-{number}.npy", layer.array)
    writeJson(folder / _JOB, job)


def makeSeg(folder: Path) -> None:
    """Do the job in `folder`.

    Raises:
        ImageError: no segment has a voxel, or the files are another series.
    """
    import numpy as np
    from msgspec import convert

    from IODeepLib.geometry import Grid
    from IODeepLib.results import Provenance
    from IODeepLib.results.in_layers import Circumstances, LayeredSegment, seg_of_layers
    from IODeepLib.results.in_layers import Layer as LibraryLayer

    job: SegJob = readJson(folder / _JOB, SegJob)
    layers = [
        LibraryLayer(_whole(readArray(folder / f"layer-{number}.npy")), start)
        for number, start in enumerate(job.starts)
    ]
    seg = seg_of_layers(
        layers,
        convert(job.segments, list[LayeredSegment]),
        Grid(job.shape, np.array(job.affine), job.frame_of_reference),
        _series(job.files, job.slices),
        convert(job.provenance, Provenance),
        convert(job.known, Circumstances),
        [_series(files, slices) for files, slices in job.others],
    )
    (folder / _SEG).mkdir()
    seg.save(folder / _SEG / f"{seg.sop_instance_uid}.dcm")


def segFile(folder: Path) -> Path:
    """The file that `makeSeg` wrote, which has its SOP Instance UID for a name."""
    (file,) = (folder / _SEG).iterdir()
    return file


def _series(files: Sequence[Path], slices: int) -> Any:
    from IODeepLib.errors import ImageError
    from IODeepLib.series import find_series

    for part in find_series(list(files)):
        if len(part.frames) == slices:
            return part
    raise ImageError(
        f"files of the image that make no volume of {slices} slices",
        "the files of the image as they were when it was loaded",
        "load the image again, and run again",
    )


def _whole(reading: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(reading)
        except StopIteration as end:
            return end.value

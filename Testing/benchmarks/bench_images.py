"""Images: read, resampled."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import SimpleITK
from harness import Bench, Row, alternate, ratio, seconds
from made import SPACING, ct_series, ct_voxels

NETWORK_SPACING = 1.5  # mm
# Both interpolate linearly; theirs counts in float64.
TOLERANCE = 0.05


def rows(bench: Bench) -> Iterator[Row]:
    """Both."""
    yield _reading(bench)
    yield _resampling(bench)


def _reading(bench: Bench) -> Row:
    from IODeepLib.series import find_series

    count = bench.sizes.slices
    folder = ct_series(bench.folder / "series", (count, *bench.sizes.volume[1:]))

    def ours() -> np.ndarray:
        return find_series(folder)[0].volume().array

    def peer() -> SimpleITK.Image:
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
        return reader.Execute()

    if not np.array_equal(ours(), SimpleITK.GetArrayFromImage(peer())):
        raise RuntimeError("the two read different voxels")
    times = alternate(lambda: seconds(ours), lambda: seconds(peer), bench.sizes.pairs)
    note = "from the folder to the array, on both sides"
    return ratio(f"read a CT series of {count} slices", "ImageSeriesReader", times, 1, note=note)


def _resampling(bench: Bench) -> Row:
    from IODeepLib.geometry import Grid, Volume
    from IODeepLib.voxels.resample import resample

    voxels = ct_voxels(bench.sizes.volume)
    volume = Volume(voxels, Grid(voxels.shape, np.diag([*SPACING, 1.0])))
    target = volume.grid.respaced((NETWORK_SPACING,) * 3)
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(SPACING[::-1])
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(len(os.sched_getaffinity(0)))

    def on(image: SimpleITK.Image, grid: Grid) -> SimpleITK.Image:
        resampler = SimpleITK.ResampleImageFilter()
        resampler.SetSize([int(n) for n in grid.shape[::-1]])
        resampler.SetOutputSpacing(grid.spacing[::-1])
        resampler.SetOutputOrigin([float(v) for v in grid.origin[::-1]])
        resampler.SetInterpolator(SimpleITK.sitkLinear)
        resampler.SetOutputPixelType(SimpleITK.sitkFloat32)
        resampler.UseNearestNeighborExtrapolatorOn()
        return resampler.Execute(image)

    def ours() -> np.ndarray:
        return resample(resample(volume, target), volume.grid).array

    def peer() -> SimpleITK.Image:
        return on(on(image, target), volume.grid)

    inner = (slice(4, -4),) * 3  # beyond the outer voxels' centers the two extrapolate differently
    apart = np.abs(ours() - SimpleITK.GetArrayFromImage(peer()))[inner].max()
    if apart > TOLERANCE:
        raise RuntimeError(f"the two differ by {apart}")
    times = alternate(lambda: seconds(ours), lambda: seconds(peer), bench.sizes.pairs)
    size = "x".join(map(str, voxels.shape[::-1]))
    return ratio(f"resample {size} to 1.5 mm and back", "SimpleITK, a thread per core", times, 1)

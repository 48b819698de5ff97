"""Real label maps that lie on real series, and what is measured of masks by trying everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK
from makers.results import label
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist, squareform

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.segmentation import Segmentation

# The series of `makers.results.SERIES` and the map on its voxels.
LABEL_MAPS = {
    "CT abdomen": "ct_abdomen_totalseg_117class.nii.gz",
    "oblique MR": "mr_t1_forrest_brainmask_deepbet.nii.gz",
}


def as_itk(array: np.ndarray, grid: Grid) -> SimpleITK.Image:
    """With its place; SimpleITK counts the axes the other way round."""
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(grid.spacing[::-1])
    image.SetOrigin([float(v) for v in grid.origin])
    image.SetDirection(grid.directions[:, ::-1].ravel().tolist())
    return image


def label_map(shared_data: Path, name: str, grid: Grid) -> Segmentation:
    """One of `LABEL_MAPS`, with all labels that are in it."""
    image = SimpleITK.ReadImage(str(shared_data / "nifti" / LABEL_MAPS[name]))
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (directions * image.GetSpacing())[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    array = SimpleITK.GetArrayFromImage(image)
    there = Volume(array, Grid(array.shape, affine)).oriented(grid.orientation)
    assert there.grid.same_as(grid)
    values = np.flatnonzero(np.bincount(array.ravel()))[1:]
    labels = tuple(label(int(value)) for value in values)
    return Segmentation(np.ascontiguousarray(there.array), grid, labels)


def brute_diameters(mask: np.ndarray, spacing: tuple[float, float]) -> tuple[float, float]:
    """Of (plane, row, column): the longest and the perpendicular diameter of all pieces.

    From the middles of all edges between pixels in and out, and all pairs of corners of the hull.
    """
    found = [(0.0, 0.0)]
    for plane in mask:
        numbers, count = ndimage.label(plane, np.ones((3, 3)))
        for number in range(1, count + 1):
            found.append(_brute(numbers == number, np.array(spacing)))
    longest = max(one[0] for one in found)
    return longest, max(b for a, b in found if a >= longest * (1 - 1e-9))


def _brute(piece: np.ndarray, spacing: np.ndarray) -> tuple[float, float]:
    padded = np.pad(piece, 1)
    edges = []
    for axis in (0, 1):
        for step in (-1, 1):
            outside = padded & ~np.roll(padded, -step, axis)
            half = np.eye(2)[axis] * step / 2
            edges.append(np.argwhere(outside) + half)
    points = np.concatenate(edges) * spacing
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:
        corners = points
    apart = squareform(pdist(corners))
    pairs = np.argwhere(np.triu(apart) >= apart.max() * (1 - 1e-9))
    return float(apart.max()), max(_chord(corners, *pair) for pair in pairs)


def _chord(corners: np.ndarray, a: int, b: int) -> float:
    """The longest line across that from `a` to `b`, from the half planes of the hull."""
    hull = ConvexHull(corners)
    along = (corners[b] - corners[a]) / np.linalg.norm(corners[b] - corners[a])
    across = np.array([-along[1], along[0]])
    longest = 0.0
    for corner in corners:
        # corner + t * across is inside where normal @ it + offset <= 0 for all half planes.
        rate, rest = hull.equations[:, :2] @ across, -hull.equations[:, 2]
        rest = rest - hull.equations[:, :2] @ corner
        rest[np.abs(rest) < 1e-9] = 0
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = rest / rate
        high = ends[rate > 1e-12].min()
        low = ends[rate < -1e-12].max()
        longest = max(longest, float(high - low))
    return longest

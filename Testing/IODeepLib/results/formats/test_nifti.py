"""Labels as NIfTI, read back by SimpleITK and, in millimeters, by the words of the standard."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from judges import on_grid
from makers.results import label, three_labels
from scipy.spatial.transform import Rotation

from IODeepLib.geometry import Grid
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results.formats.nifti import FILE_NAME, write_nifti

RAS = np.diag([-1, -1, 1, 1])


def oblique(shape: tuple[int, int, int] = (6, 16, 12), *, left_handed: bool = False) -> Grid:
    """A grid at an angle to every axis of the patient."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (25, -40, 110), degrees=True).as_matrix()
    affine[:3, :3] *= (2.5, 0.8, 0.7)
    affine[:3, 0] *= -1 if left_handed else 1
    affine[:3, 3] = (-31.25, 60.5, 812.125)
    return Grid(shape, affine)


def affines(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Index (x, y, z) to RAS millimeters, by the quaternion and by the rows of a file's header."""
    header = gzip.decompress(path.read_bytes())[:348]
    qform_code, sform_code = struct.unpack_from("<2h", header, 252)
    assert qform_code > 0
    assert sform_code > 0
    by_rows = np.vstack(
        [np.array(struct.unpack_from("<12f", header, 280)).reshape(3, 4), [0] * 3 + [1]]
    )
    b, c, d, *offset = struct.unpack_from("<6f", header, 256)
    qfac, *pixdim = struct.unpack_from("<4f", header, 76)
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    turn = Rotation.from_quat([b, c, d, a]).as_matrix()
    by_quaternion = np.eye(4)
    by_quaternion[:3, :3] = turn * (pixdim[0], pixdim[1], pixdim[2] * (qfac or 1))
    by_quaternion[:3, 3] = offset
    return by_quaternion, by_rows


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("values", [(1, 2, 5), (1, 2, 40_000)])
def test_the_label_map_lies_where_the_voxels_lie(
    tmp_path: Path, left_handed: bool, values: tuple[int, int, int]
) -> None:
    segmentation = three_labels(oblique(left_handed=left_handed), values)
    grid = segmentation.grid
    assert isinstance(grid, Grid)
    assert write_nifti(segmentation, tmp_path) == [FILE_NAME]
    image = SimpleITK.ReadImage(str(tmp_path / FILE_NAME))
    assert image.GetPixelID() in (SimpleITK.sitkUInt8, SimpleITK.sitkUInt16)
    np.testing.assert_array_equal(on_grid(image, grid), segmentation.array)
    reverse = grid.affine[:, [2, 1, 0, 3]]  # from (x, y, z)
    for affine in affines(tmp_path / FILE_NAME):
        np.testing.assert_allclose(RAS @ affine, reverse, atol=1e-4)


def test_labels_that_may_overlap_are_volumes(tmp_path: Path) -> None:
    grid = oblique()
    array = (np.random.default_rng(2).random((3, *grid.shape)) > 0.6).astype(np.uint8)
    write_nifti(Segmentation(array, grid, (label(3), label(1), label(2))), tmp_path)
    image = SimpleITK.ReadImage(str(tmp_path / FILE_NAME))
    assert image.GetSize() == (*grid.shape[::-1], 3)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), array)
    np.testing.assert_allclose(
        RAS @ affines(tmp_path / FILE_NAME)[1], grid.affine[:, [2, 1, 0, 3]], atol=1e-4
    )


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_nifti(three_labels(oblique()), tmp_path / name)
    assert (tmp_path / "a" / FILE_NAME).read_bytes() == (tmp_path / "b" / FILE_NAME).read_bytes()

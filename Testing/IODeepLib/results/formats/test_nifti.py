"""Labels as NIfTI, read back by SimpleITK and, in millimeters, by the words of the standard."""

from __future__ import annotations

import csv
import gzip
import struct
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import SimpleITK
from judges import on_grid
from makers.results import label, three_labels
from scipy.spatial.transform import Rotation

from IODeepLib.codes import Code
from IODeepLib.geometry import Grid
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results.formats.label_table import label_table
from IODeepLib.results.formats.nifti import FILE_NAME, TABLE_NAME, write_nifti

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
    assert write_nifti(segmentation, tmp_path, placed=True) == [FILE_NAME, TABLE_NAME]
    image = SimpleITK.ReadImage(str(tmp_path / FILE_NAME))
    assert image.GetPixelID() in (SimpleITK.sitkUInt8, SimpleITK.sitkUInt16)
    np.testing.assert_array_equal(on_grid(image, grid), segmentation.array)
    reverse = grid.affine[:, [2, 1, 0, 3]]  # from (x, y, z)
    for affine in affines(tmp_path / FILE_NAME):
        np.testing.assert_allclose(RAS @ affine, reverse, atol=1e-4)


def test_labels_that_may_overlap_are_volumes(tmp_path: Path) -> None:
    grid = oblique()
    array = (np.random.default_rng(2).random((3, *grid.shape)) > 0.6).astype(np.uint8)
    write_nifti(Segmentation(array, grid, (label(3), label(1), label(300))), tmp_path, placed=True)
    image = SimpleITK.ReadImage(str(tmp_path / FILE_NAME))
    assert image.GetSize() == (*grid.shape[::-1], 3)
    np.testing.assert_array_equal(
        SimpleITK.GetArrayFromImage(image), array * [[[[3]]], [[[1]]], [[[300]]]]
    )
    np.testing.assert_allclose(
        RAS @ affines(tmp_path / FILE_NAME)[1], grid.affine[:, [2, 1, 0, 3]], atol=1e-4
    )


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_nifti(three_labels(oblique()), tmp_path / name, placed=True)
    assert (tmp_path / "a" / FILE_NAME).read_bytes() == (tmp_path / "b" / FILE_NAME).read_bytes()


NAMES = ["=cmd|' /C calc'!A0", 'a "b" <i>,\nc', "肝 ]]> &amp;", "x" * 200]
HOSTILE = tuple(
    label(i, name, type=Code(f"=+{i}", "99X", name[:60].replace("\n", " ")), color=(i, 20, 255))
    for i, name in enumerate(NAMES, 1)
)


def extension(path: Path) -> ElementTree.Element:
    """The only extension of a header, after nifti1.h."""
    data = gzip.decompress(path.read_bytes())
    assert data[348:352] == b"\x01\0\0\0"
    size, code = struct.unpack_from("<2i", data, 352)
    assert code == 30
    assert size % 16 == 0
    assert struct.unpack_from("<f", data, 108) == (352 + size,)
    return ElementTree.fromstring(data[360 : 352 + size].decode())  # noqa: S314 - our own


@pytest.mark.parametrize("overlapping", [False, True])
def test_the_header_has_names_and_colors(tmp_path: Path, overlapping: bool) -> None:
    grid = oblique()
    shape = (4, *grid.shape) if overlapping else grid.shape
    write_nifti(Segmentation(np.zeros(shape, np.uint8), grid, HOSTILE), tmp_path, placed=True)
    volumes = extension(tmp_path / FILE_NAME).findall("VolumeInformation")
    assert [v.get("Index") for v in volumes] == (list("0123") if overlapping else ["0"])
    found = {item.get("Key"): item for v in volumes for item in v.iter("Label")}
    assert [item.text for item in found.values()] == [" ".join(name.split()) for name in NAMES]
    assert [float(found["2"].get(c, "")) * 255 for c in ("Red", "Green", "Blue")] == pytest.approx(
        [2, 20, 255], abs=1e-3
    )


def test_an_image_without_a_place_makes_no_claim_to_one(tmp_path: Path) -> None:
    segmentation = three_labels(Grid((1, 16, 12), np.diag([1, 0.5, 0.25, 1])))
    write_nifti(segmentation, tmp_path, placed=False)
    header = gzip.decompress((tmp_path / FILE_NAME).read_bytes())
    assert struct.unpack_from("<2h", header, 252) == (0, 0)
    image = SimpleITK.ReadImage(str(tmp_path / FILE_NAME))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), segmentation.array)
    assert image.GetSpacing() == (0.25, 0.5, 1)


def test_no_cell_of_the_table_is_a_formula(tmp_path: Path) -> None:
    rows = list(csv.reader(StringIO(label_table(HOSTILE))))
    assert len(rows) == 1 + len(NAMES)
    assert {len(row) for row in rows} == {21}
    assert not [c for row in rows for c in row if c.startswith(("=", "+", "-", "@")) or '"' in c]
    assert rows[3][1] == "肝 ]]> &amp;"

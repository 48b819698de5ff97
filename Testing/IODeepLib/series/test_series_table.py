"""Every row of the table in Docs/series.md: real files, with independent judges."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import highdicom
import numpy as np
import pytest
import SimpleITK
from judges import tool
from pydicom import dcmread
from pydicom.pixels import apply_rescale
from scipy.ndimage import binary_dilation

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Volume
from IODeepLib.recipe import Color
from IODeepLib.series import COLORED, ImageSeries, find_series

ROOT = Path(__file__).resolve().parents[3]
TABLE = (ROOT / "Docs" / "series.md").read_text("utf-8").split("## What is which")[1]
TESTS = "\n".join(p.read_text("utf-8") for p in sorted((ROOT / "Testing").rglob("test_*.py")))

# Decimal strings have 16 characters, and ITK keeps the third direction apart from the positions.
AFFINE_TOLERANCE = 1e-4


OUTCOMES = ("read", "read in color", "corrected", "refused", "no image")


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        of: files, or the name of a test.
        outcome: read, read in color, corrected, refused or no image.
        volumes: how many volumes the files hold.
        judges: names of what reads the same.
        said: words of the series or of the refusal.
    """

    of: str
    outcome: str
    volumes: int
    judges: list[str]
    said: list[str]


def rows() -> list[Row]:
    found = []
    for line in TABLE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] != "what":
            outcome, _, volumes = cells[2].partition(", ")
            judged = cells[3].partition(";")[0].removeprefix("as ")
            judges = judged.split(", ") if cells[3].startswith("as ") else []
            said = re.findall(r'"(.*?)"', cells[3])
            count = int(volumes.removesuffix(" volumes") or 1)
            found.append(Row(cells[1].strip("`"), outcome, count, judges, said))
    return found


ROWS = rows()
ON_FILES = {row.of: row for row in ROWS if not row.of.startswith("test_")}


def test_every_row_is_a_test() -> None:
    assert len(ROWS) > 90
    for row in ROWS:
        assert row.outcome in OUTCOMES, row
        if row.of in ON_FILES:
            assert set(row.judges) <= set(JUDGES), row
            assert row.judges or row.outcome in ("refused", "no image"), row
            assert row.said or row.judges, row
        else:
            assert f"def {row.of}(" in TESTS, row


def test_every_kind_of_file_is_in_a_row(shared_data: Path) -> None:
    """All but segmentations and reports, of which there are examples, and directories."""
    dicom = shared_data / "dicom"
    covered = [dicom / of for of in ON_FILES]
    others = ("seg", "sr_", "DICOMDIR", "README", "TINY_ALPHA", "labelmap", "overlaps")
    for path in dicom.rglob("*"):
        inside = any(path == one or one in path.parents for one in covered)
        image = path.suffix in ("", ".dcm", ".zip") and path.is_file()
        if image and not inside:
            assert any(word in str(path.relative_to(dicom)) for word in others), path


def as_simpleitk(series: ImageSeries) -> None:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(file) for file in series.files])
    image = reader.Execute()
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, :3] = directions[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    if len(series.files) == 1:  # ITK takes another depth for a single image
        affine[:3, 0] = series.grid.affine[:3, 0]
    assert_same(series.volume(), SimpleITK.GetArrayFromImage(image), affine)


def colors_as_simpleitk(series: ImageSeries) -> None:
    (file,) = series.files
    image = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))
    array = image.reshape(*series.grid.shape, 3).astype(int)
    apart = max(
        np.abs(series.volume(color=color).array - array[..., i]).max()
        for i, color in enumerate(Color)
    )
    # Of YBR with half the colors the two round in different places.
    assert apart <= (3 if "422" in series.photometric_interpretation else 0)


def as_highdicom(series: ImageSeries) -> None:
    if len(series.files) == 1:
        judge = highdicom.imread(series.files[0]).get_volume()
    else:
        # Our order is turned round, so that the judge has to sort for itself.
        datasets = [dcmread(file) for file in reversed(series.files)]
        judge = highdicom.get_volume_from_series(datasets)
    assert_same(series.volume(), judge.array, judge.affine)
    assert series.frame_of_reference == judge.frame_of_reference_uid


def as_pydicom(series: ImageSeries) -> None:
    """Pixels as pydicom decodes and rescales them; positions as they stand in the file."""
    volume = series.volume()
    datasets = {file: dcmread(file) for file in series.files}
    for i, frame in enumerate(series.frames):
        dataset = datasets[frame.file.path]
        pixels, rescale = dataset.pixel_array, dataset
        position = dataset.get("ImagePositionPatient")
        if dataset.get("NumberOfFrames", 1) > 1:
            pixels = pixels[frame.number - 1]
            groups = dataset.PerFrameFunctionalGroupsSequence[frame.number - 1]
            rescale = groups.PixelValueTransformationSequence[0]
            position = groups.PlanePositionSequence[0].ImagePositionPatient
        theirs = np.float32(apply_rescale(pixels, rescale))
        image = np.ones(theirs.shape, bool) if volume.padding is None else ~volume.padding[i]
        np.testing.assert_array_equal(volume.array[i][image], theirs[image])
        if "PixelPaddingValue" in dataset:
            np.testing.assert_array_equal(image, pixels != dataset.PixelPaddingValue)
        if series.has_patient_geometry:
            np.testing.assert_allclose(volume.grid.point((i, 0, 0)), position, atol=0.01)


def as_dcm2niix(series: ImageSeries) -> None:
    """It takes away tilt and uneven distances in the same way, in planes of its own."""
    folder = series.files[0].parent
    volume = series.volume()
    with TemporaryDirectory() as out:
        tool("dcm2niix", "-z", "n", "-o", out, folder)
        (corrected,) = Path(out).glob("*_Tilt_Eq_*.nii")
        theirs = SimpleITK.ReadImage(str(corrected))

    def moved(array: np.ndarray) -> np.ndarray:
        own = SimpleITK.GetImageFromArray(array.astype(np.float32))
        own.SetSpacing(volume.grid.spacing[::-1])
        own.SetOrigin([float(v) for v in volume.grid.origin])
        own.SetDirection(volume.grid.directions[:, [2, 1, 0]].ravel().tolist())
        linear = SimpleITK.sitkLinear
        onto = SimpleITK.Resample(own, theirs, SimpleITK.Transform(), linear, -9999.0)
        return SimpleITK.GetArrayFromImage(onto)

    ours, expected = moved(volume.array), SimpleITK.GetArrayFromImage(theirs)
    inside = (ours > -1400) & (expected > -1400)
    if volume.padding is not None:  # it mixes padding with the image at its border
        inside &= moved(binary_dilation(volume.padding, iterations=3)) == 0
    assert inside.mean() > 0.6
    assert np.median(np.abs(ours - expected)[inside]) < 0.5  # Hounsfield units; both round
    assert np.corrcoef(ours[inside], expected[inside])[0, 1] > 0.9995


JUDGES: dict[str, Callable[[ImageSeries], None]] = {
    "SimpleITK": as_simpleitk,
    "SimpleITK's colors": colors_as_simpleitk,
    "highdicom": as_highdicom,
    "pydicom": as_pydicom,
    "dcm2niix": as_dcm2niix,
}


def assert_same(volume: Volume, array: np.ndarray, affine: np.ndarray) -> None:
    """That both are the same voxels in the same places, also if the slices run the other way."""
    if np.dot(affine[:3, 0], volume.grid.affine[:3, 0]) < 0:
        affine = affine.copy()
        affine[:3, 3] += affine[:3, 0] * (len(array) - 1)
        affine[:3, 0] *= -1
        array = array[::-1]
    np.testing.assert_allclose(volume.grid.affine, affine, atol=AFFINE_TOLERANCE)
    image = np.ones(array.shape, bool) if volume.padding is None else ~volume.padding
    np.testing.assert_array_equal(volume.array[image], array[image])


@pytest.mark.parametrize("row", ON_FILES.values(), ids=lambda row: row.of)
def test_row(shared_data: Path, tmp_path: Path, row: Row) -> None:
    path = shared_data / "dicom" / row.of
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path)
        path = tmp_path
    if row.outcome == "no image":
        with pytest.raises(ImageError) as refused:
            find_series(path)
        said = str(refused.value)
    elif row.outcome == "refused":
        (series,) = find_series(path)
        colored = series.photometric_interpretation in COLORED
        with pytest.raises(ImageError) as refused:
            series.volume(color=Color.RED if colored else None)
        said = refused.value.found
    else:
        found = find_series(path)
        assert len(found) == row.volumes
        said = "; ".join(problem for series in found for problem in series.problems)
        for series in found:
            assert bool(series.correction) == (row.outcome == "corrected")
            colored = series.photometric_interpretation in COLORED
            assert colored == (row.outcome == "read in color")
            for judge in row.judges:
                JUDGES[judge](series)
    for words in row.said:
        assert words in said

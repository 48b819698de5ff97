"""Independent programs that judge what was written; they come with the packages of the tests."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import Dataset

from IODeepLib.geometry import Grid


def tool(name: str, *arguments) -> str:
    """What a command beside Python says."""
    command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr


def standard_errors(path: Path) -> list[str]:
    """The errors that dciodvfy finds."""
    said = tool("dciodvfy", "-new", path)
    assert said.strip(), "dciodvfy says at least what it is"
    return [line for line in said.splitlines() if line.startswith("Error")]


PIXELMED = Path("/usr/share/java/pixelmed.jar")


def pixelmed_errors(reports: Sequence[Path]) -> dict[Path, list[str]]:
    """What PixelMed finds wrong in structured reports, by their templates; each must be TID 1500.

    It takes seconds for each: ask for few.
    """
    command = [sys.executable, Path(__file__).parent / "pixelmed.py", PIXELMED, *reports]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {}
    for path, said in json.loads(done.stdout).items():
        lines = said.splitlines()
        assert "Found Root Template TID_1500 (MeasurementReport)" in lines, said
        found[Path(path)] = [line for line in lines if line.startswith("Error")]
    return found


def report_by_dcmqi(path: Path) -> dict[str, Any]:
    """The JSON that tid1500reader makes of a structured report."""
    target = path.with_suffix(".json")
    said = tool("tid1500reader", "--inputDICOM", path, "--outputMetadata", target)
    assert target.exists(), said
    return json.loads(target.read_text(encoding="utf-8"))


def report_by_dcmtk(path: Path) -> str:
    """The text that dsrdump makes of a structured report, in UTF-8."""
    done = subprocess.run(["dsrdump", "+Pl", "+U8", path], capture_output=True)
    said, errors = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 0, errors
    assert not any(line.startswith("E:") for line in errors.splitlines()), errors
    return said


def read_by_dcmqi(path: Path, folder: Path) -> dict[str, SimpleITK.Image]:
    """The images that segimage2itkimage makes, by their number."""
    folder.mkdir()
    places = ["--inputDICOM", path, "--outputDirectory", folder]
    said = tool("segimage2itkimage", *places, "--outputType", "nrrd")
    images = {file.stem: SimpleITK.ReadImage(str(file)) for file in sorted(folder.glob("*.nrrd"))}
    assert images, said
    return images


def map_by_dcmqi(path: Path, folder: Path) -> tuple[SimpleITK.Image, dict]:
    """The image that paramap2itkimage makes of a parametric map, and what it says of it."""
    folder.mkdir()
    places = ["--inputDICOM", path, "--outputDirectory", folder]
    said = tool("paramap2itkimage", *places, "--outputType", "nrrd")
    images = list(folder.glob("*.nrrd"))
    assert len(images) == 1, said
    (words,) = folder.glob("*.json")
    return SimpleITK.ReadImage(str(images[0])), json.loads(words.read_text("utf-8"))


def on_grid(image: SimpleITK.Image, grid: Grid) -> np.ndarray:
    """The voxels of `image` in an array on `grid`, on which its own grid must lie."""
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (directions * image.GetSpacing())[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    array = SimpleITK.GetArrayFromImage(image)
    own = Grid(array.shape, affine)
    there = np.argwhere(array)
    index = grid.index(own.point(there))
    whole = np.rint(index).astype(int)
    assert np.abs(index - whole).max(initial=0) < 0.01, "the voxels lie beside the grid"
    result = np.zeros(grid.shape, array.dtype)
    result[tuple(whole.T)] = array[tuple(there.T)]
    return result


def filled(polygon: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(row, column) of `shape`: which centers lie in a polygon (row, column), by matplotlib."""
    from matplotlib.path import Path as Outline

    rows, columns = np.indices(shape).reshape(2, -1)
    outline = Outline(np.concatenate([polygon, polygon[:1]])[:, ::-1], closed=True)
    return outline.contains_points(np.column_stack([columns, rows])).reshape(shape)


def masks_by_plastimatch(path: Path, grid: Grid, folder: Path) -> dict[str, np.ndarray]:
    """The regions of an RT Structure Set by name, on a grid of axial slices.

    It fills each contour and knows no holes but those that are joined to what is around them.
    """
    folder.mkdir()
    image = SimpleITK.GetImageFromArray(np.zeros(grid.shape, np.uint8))
    image.SetOrigin([float(v) for v in grid.origin])
    image.SetSpacing(grid.spacing[::-1])
    image.SetDirection([float(v) for v in grid.directions[:, ::-1].ravel()])
    SimpleITK.WriteImage(image, str(folder / "grid.nrrd"))
    command = ["plastimatch", "convert", "--input", path, "--fixed", folder / "grid.nrrd"]
    command += ["--output-prefix", folder / "masks", "--prefix-format", "nrrd"]
    subprocess.run(command, check=True, capture_output=True)
    files = sorted((folder / "masks").glob("*.nrrd"))
    return {f.stem: on_grid(SimpleITK.ReadImage(str(f)), grid) != 0 for f in files}


@dataclass(frozen=True)
class Measured:
    """What a reader measures of a segment.

    Attributes:
        millilitres: its volume.
        centre: LPS mm of the middle of its voxels.
        pixels: how many there are on each image, where a reader lays it upon images.
    """

    millilitres: float
    centre: np.ndarray
    pixels: dict[int, int] = field(default_factory=dict)


def measured_by_dcmqi(path: Path, folder: Path) -> dict[int, Measured]:
    """Each segment of a SEG in the volumes that segimage2itkimage makes."""
    found = {}
    fractional = pydicom.dcmread(path, stop_before_pixels=True).SegmentationType == "FRACTIONAL"
    for name, image in read_by_dcmqi(path, folder).items():
        array = SimpleITK.GetArrayFromImage(image)
        if fractional:  # voxels have the probability instead of the number
            array = np.where(array != 0, int(name), 0)
        for number in np.unique(array[array != 0]):
            there = np.argwhere(array == number)
            centre = image.TransformContinuousIndexToPhysicalPoint(there.mean(axis=0)[::-1])
            millilitres = len(there) * float(np.prod(image.GetSpacing())) / 1000
            found[int(number)] = Measured(millilitres, np.array(centre))
    return found


def measured_by_highdicom(path: Path, **tolerance: float) -> dict[int, Measured]:
    """Each segment of a SEG in highdicom's volume; a RuntimeError where it makes none."""
    seg = highdicom.seg.segread(path)
    found = {}
    for number in seg.segment_numbers:
        volume = seg.get_volume(
            combine_segments=False, segment_numbers=[number], skip_overlap_checks=True, **tolerance
        )
        there = np.argwhere(volume.array[..., 0])
        centre = there.mean(axis=0) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        millilitres = len(there) * float(np.prod(volume.spacing)) / 1000
        found[int(number)] = Measured(millilitres, centre)
    return found


def measured_by_ohif(
    jobs: Sequence[tuple[Path, Sequence[Path]]],
) -> list[dict[int, Measured] | str]:
    """Each segment of SEGs upon the images of their series, as the viewer OHIF lays them there.

    Every image counts half the way to its neighbors. A text is why OHIF refuses a SEG.

    Args:
        jobs: a SEG and the files of the images that are shown, as often as wanted: it is the start
            that takes long.
    """
    asked = [
        {
            "seg": str(seg),
            "type": pydicom.dcmread(seg, stop_before_pixels=True).SegmentationType,
            "images": images_shown(images),
        }
        for seg, images in jobs
    ]
    return [
        answer["error"] if "error" in answer else _upon(answer["segments"], job["images"])
        for answer, job in zip(_by_ohif("read_seg.mjs", asked), asked, strict=True)
    ]


def regions_by_ohif(paths: Sequence[Path]) -> list[list[dict[str, Any]]]:
    """The regions of RT Structure Sets, as OHIF takes them: see `ohif/read_rtstruct.mjs`."""
    return _by_ohif("read_rtstruct.mjs", [str(path) for path in paths])


def _by_ohif(script: str, asked: Any) -> Any:
    node, path = shutil.which("node"), Path(__file__).parent / "ohif" / script
    assert node and (path.parent / "node_modules").is_dir(), (
        "found no OHIF to judge with; wanted: Node.js and the packages of OHIF; next: make ohif"
    )
    said = subprocess.run([node, path], input=json.dumps(asked), capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def images_shown(paths: Sequence[Path]) -> list[dict]:
    """Every image of a series, as a viewer knows it, in the order of their normal."""
    shown = []
    for path in paths:
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        own = ds.get("PerFrameFunctionalGroupsSequence", [ds])
        for number, groups in enumerate(own, 1):
            holders = [groups, *ds.get("SharedFunctionalGroupsSequence", []), ds]
            cosines = _stated(holders, "PlaneOrientationSequence", "ImageOrientationPatient")
            shown.append(
                {
                    "sop": ds.SOPInstanceUID,
                    "frame": number if "NumberOfFrames" in ds else 0,
                    "rows": ds.Rows,
                    "columns": ds.Columns,
                    "position": _stated(holders, "PlanePositionSequence", "ImagePositionPatient"),
                    "rowCosines": cosines[:3],
                    "columnCosines": cosines[3:],
                    "spacing": _stated(holders, "PixelMeasuresSequence", "PixelSpacing"),
                    "series": ds.SeriesInstanceUID,
                    "frameOfReference": ds.FrameOfReferenceUID,
                    "thickness": float(ds.get("SliceThickness") or 1),
                }
            )
    normal = np.cross(shown[0]["rowCosines"], shown[0]["columnCosines"])
    return sorted(shown, key=lambda image: float(np.dot(image["position"], normal)))


def _stated(holders: Sequence[Dataset], sequence: str, keyword: str) -> list[float]:
    for holder in holders:
        inside = holder[sequence][0] if sequence in holder else holder
        if keyword in inside:
            return [float(v) for v in inside[keyword]]
    raise KeyError(keyword)


def _upon(segments: dict[str, dict], shown: Sequence[dict]) -> dict[int, Measured]:
    normal = np.cross(shown[0]["rowCosines"], shown[0]["columnCosines"])
    along = np.array([np.dot(image["position"], normal) for image in shown])
    gaps = np.diff(along)
    around = np.concatenate([gaps[:1], gaps, gaps[-1:]])
    depths = (around[:-1] + around[1:]) / 2 if len(gaps) else [shown[0]["thickness"]]
    found = {}
    for number, by_image in segments.items():
        volumes, centres = [], []
        for k, (count, rows, columns) in by_image.items():
            image = shown[int(k)]
            volumes.append(count * float(np.prod(image["spacing"])) * depths[int(k)] / 1000)
            down = np.array(image["columnCosines"]) * image["spacing"][0] * rows / count
            across = np.array(image["rowCosines"]) * image["spacing"][1] * columns / count
            centres.append(np.array(image["position"]) + down + across)
        centre = np.average(centres, axis=0, weights=volumes)
        pixels = {int(k): count for k, (count, _, _) in by_image.items()}
        found[int(number)] = Measured(float(np.sum(volumes)), centre, pixels)
    return found

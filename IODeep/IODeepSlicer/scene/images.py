"""Slicer's volume nodes as images of the library: the voxels, their header, and where they lie."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import slicer
import vtk

from IODeepSlicer.requirements import checkReading
from IODeepSlicer.scene.slice_places import orderShown

if TYPE_CHECKING:
    import numpy as np
    from pydicom.dataset import Dataset

    from IODeepLib.geometry import Grid
    from IODeepLib.series import ImageSeries, VolumeImage

# What a person says about an image whose header does not say it, kept with the volume node.
SAID = {"Modality": "IODeep.Modality", "BodyPartExamined": "IODeep.BodyPartExamined"}

# From a frame of a sequence, while it is run on, to the volume that shows the frames.
FRAME_ROLE = "IODeep.FrameOf"

# From a volume that says how sure a network was, to the result that it is about.
CONFIDENCE_OF_ROLE = "IODeep.ConfidenceOf"

_INSTANCE_UIDS = "DICOM.instanceUIDs"  # core keeps them with volumes from the database
_MOST_SHOWN = 3  # volumes in one


def imageOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> VolumeImage:
    """The image as the user sees it: the node's voxels, where its transforms put them.

    Slices that are shown aslant or unevenly, as they were acquired, are corrected as the library
    corrects those of their series. The voxels are the node's own memory, not a copy.

    Raises:
        ImageError: there are no voxels.
        RequirementsError: images cannot be read yet.
    """
    checkReading()
    from pydicom.dataset import Dataset

    from IODeepLib.errors import ImageError

    if volumeNode.GetImageData() is None or 0 in volumeNode.GetImageData().GetDimensions():
        raise ImageError(
            f"the volume {volumeNode.GetName()!r} has no voxels",
            "an image",
            "choose another volume, or load it",
        )
    series = seriesOf(volumeNode)
    header = Dataset() if series is None else series.header
    said = {k: volumeNode.GetAttribute(a) for k, a in SAID.items()}
    missing = {k: value for k, value in said.items() if value and not header.get(k)}
    if missing:
        header = Dataset(header)
        for keyword, value in missing.items():
            setattr(header, keyword, value)
    acquired = None if series is None else _asAcquired(volumeNode, series, header)
    return _asPlaced(volumeNode, series, header) if acquired is None else acquired


def _asAcquired(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, series: ImageSeries, header: Dataset
) -> VolumeImage | None:
    """The image of slices that are shown in their places, aslant or unevenly; None of others.

    Slicer shows even slices that lie aslant with axes that do, uneven ones with a transform.
    """
    from IODeepLib.geometry import AxisMap, Volume
    from IODeepLib.geometry.slice_stack import SliceStack
    from IODeepLib.series import VolumeImage

    transform = volumeNode.GetParentTransformNode()
    bent = transform is not None and not transform.IsTransformToWorldLinear()
    if not bent and not series.correction:
        return None
    order = orderShown(volumeNode, series)
    if order is None:
        return None
    array = slicer.util.arrayFromVolume(volumeNode)
    turn = AxisMap((0, 1, 2), (order < 0, False, False))
    if isinstance(series.slices, SliceStack):  # in the order of the series
        stack = series.slices
        voxels = Volume(turn.apply(array), stack.first.cropped((0, 0, 0), array.shape))
    else:
        stack, voxels = None, Volume(array, series.grid.turned(turn))
    return VolumeImage(
        voxels,
        header,
        volumeNode.GetName(),
        series.geometry_fault,
        series.problems,
        refusal=_refusal(volumeNode, series),
        stack=stack,
        correction=series.correction,
    )


def _asPlaced(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, series: ImageSeries | None, header: Dataset
) -> VolumeImage:
    """The image where the node's own axes, and linear transforms, have it."""
    import numpy as np

    from IODeepLib.geometry import Grid, Volume
    from IODeepLib.series import VolumeImage

    problems, fault, frame = [], None, None
    if series is not None:
        # What the library corrects where it reads the files, nobody has corrected in the node.
        problems = [said for said in series.problems if said != series.correction]
        fault, frame = series.geometry_fault or _notInPlace(series), series.frame_of_reference
    elif volumeNode.GetAttribute(_INSTANCE_UIDS):
        problems.append("its DICOM files are not in the open DICOM database")
    transform = volumeNode.GetParentTransformNode()
    if transform is not None:
        frame = None
        problems.append(f"the transform {transform.GetName()!r} moves the image")
        if not transform.IsTransformToWorldLinear():
            fault = fault or f"the transform {transform.GetName()!r}, which bends the image"
    array = slicer.util.arrayFromVolume(volumeNode)
    grid = Grid(array.shape, _affine(volumeNode), frame)
    if np.linalg.det(grid.directions) == 0 or not _upright(grid):
        fault = fault or "axes that are not perpendicular"
    return VolumeImage(
        Volume(array, grid),
        header,
        volumeNode.GetName(),
        fault,
        tuple(problems),
        refusal=_refusal(volumeNode, series),
        has_patient_geometry=series is None or series.has_patient_geometry,
        has_spacing=series is None or series.has_spacing,
        has_depth=series is None or series.has_depth,
    )


def _refusal(volumeNode: slicer.vtkMRMLScalarVolumeNode, series: ImageSeries | None) -> str | None:
    """Why the images of a series are no volume of the patient, or None."""
    if series is None:
        return None
    parts = _parts(volumeNode)
    slices = volumeNode.GetImageData().GetDimensions()[2]
    if len(parts) > 1 and sum(len(part.frames) == slices for part in parts) != 1:
        found = "; ".join(part.split_by or part.label for part in parts[:_MOST_SHOWN])
        more = f"; and {len(parts) - _MOST_SHOWN} more" if len(parts) > _MOST_SHOWN else ""
        return f"{len(parts)} volumes in one ({found}{more}), which Slicer did not tell apart"
    return series.refusal or ("a localizer" if series.is_localizer else _notScaled(series))


def _notScaled(series: ImageSeries) -> str | None:
    """Why the node's values may be others than those of the series, or None.

    Slicer's readers know one slope and one intercept for each file.
    """
    byFile: dict[int, set[tuple[float, float]]] = {}
    for frame, scaling in zip(series.frames, series.scalings, strict=True):
        if not scaling.is_rescaling:
            what = f"values that {scaling.unit.attribute} scales, and Slicer does not"
            return f"{what}; use 'iodeep run' on the files"
        byFile.setdefault(id(frame.file), set()).add((scaling.slope, scaling.intercept))
    if any(len(scales) > 1 for scales in byFile.values()):
        return (
            "frames with several rescale slopes in one file, of which Slicer takes one; use "
            "'iodeep run' on the files"
        )
    return None


def _notInPlace(series: ImageSeries) -> str | None:
    """What is wrong with slices that nobody put in their places, and what helps; or None."""
    if not series.correction:
        return None
    what = f"{series.geometry.irregularity}, which are not shown where they lie"
    if len(series.files) < len(series.frames):
        return f"{what}: Slicer does so for images of one frame only; use 'iodeep run' on the file"
    return (
        f"{what}: set 'Acquisition geometry regularization' in Slicer's DICOM settings to its "
        "default, and load the series again"
    )


def _upright(grid: Grid) -> bool:
    import numpy as np

    skew = grid.directions.T @ grid.directions - np.eye(3)
    return bool(np.abs(skew).max() < 1e-3)  # as SimpleITK and most file formats demand


def ijkToRAS(grid: Grid) -> vtk.vtkMatrix4x4:
    """Where the voxels of an array on `grid` lie, as Slicer says it."""
    import numpy as np

    return slicer.util.vtkMatrixFromArray(
        np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine[:, [2, 1, 0, 3]]
    )


def _affine(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """(4, 4): array index (k, j, i) to LPS millimeters in the world."""
    import numpy as np

    ijkToRAS = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRAS)
    transform = volumeNode.GetParentTransformNode()
    if transform is not None and transform.IsTransformToWorldLinear():
        toWorld = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(toWorld)
        vtk.vtkMatrix4x4.Multiply4x4(toWorld, ijkToRAS, ijkToRAS)
    matrix = slicer.util.arrayFromVTKMatrix(ijkToRAS)
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix[:, [2, 1, 0, 3]]


def isFromDatabase(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether the node says that it was loaded from a DICOM database; nothing is looked up."""
    return bool(volumeNode.GetAttribute(_INSTANCE_UIDS))


def seriesOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> ImageSeries | None:
    """The series of the DICOM database that the node was loaded from, if it is still there."""
    parts = _parts(volumeNode)
    slices = volumeNode.GetImageData().GetDimensions()[2] if parts else 0
    return next((part for part in parts if len(part.frames) == slices), next(iter(parts), None))


def storedSeries(
    channels: Sequence[VolumeImage], volumeNodes: Iterable[slicer.vtkMRMLScalarVolumeNode]
) -> list[ImageSeries]:
    """The series of the DICOM database that `channels`, images of these nodes, were loaded from.

    Empty unless all of them were.
    """
    found = [series for node in volumeNodes if (series := seriesOf(node)) is not None]
    byUID = {series.series_instance_uid: series for series in reversed(found)}
    uids = [image.series_instance_uid for image in channels]
    return [byUID[uid] for uid in uids] if all(uid in byUID for uid in uids) else []


def _parts(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> list[ImageSeries]:
    """The volumes that the library makes of the node's files."""
    uids = (volumeNode.GetAttribute(_INSTANCE_UIDS) or "").split()
    database = slicer.dicomDatabase
    if not uids or database is None or not database.isOpen:
        return []
    files = [database.fileForInstance(uid) for uid in uids]
    if not all(file and Path(file).is_file() for file in files):
        return []
    return _series(tuple(files))


@functools.lru_cache(maxsize=32)
def _series(files: tuple[str, ...]) -> list[ImageSeries]:
    from IODeepLib.series import find_series

    return find_series(files)


def stampOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> tuple[object, ...]:
    """What is another one once the voxels are others."""
    voxels = volumeNode.GetImageData()
    return voxels, voxels and voxels.GetMTime()


def notInHeader(image: VolumeImage) -> set[str]:
    """The keywords of `SAID` that the image does not answer, so that a person may."""
    from IODeepLib.selection.facts import found_regions

    known = {"Modality": image.modality, "BodyPartExamined": any(found_regions(image))}
    return {keyword for keyword, value in known.items() if not value}


def isFrame(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether it is a frame of a sequence, while that is run on."""
    return volumeNode.GetNodeReference(FRAME_ROLE) is not None


def otherVolumes(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """The other images in the scene that can fill further channels of a network."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    # A frame of a sequence is no other image than the volume that shows it.
    same = (volumeNode, volumeNode.GetNodeReference(FRAME_ROLE))
    return [
        node
        for node in nodes
        if node not in same
        and not isFrame(node)
        and node.GetNodeReference(CONFIDENCE_OF_ROLE) is None
        and not node.IsA("vtkMRMLLabelMapVolumeNode")
        and node.GetImageData() is not None
        and node.GetImageData().GetNumberOfPoints() > 0
    ]

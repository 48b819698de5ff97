"""What a network found as a DICOM SEG in Slicer's DICOM database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from IODeepSlicer.requirements import checkReading
from IODeepSlicer.scene import images, nodes
from IODeepSlicer.text.messages import errorText

if TYPE_CHECKING:
    from IODeepLib.geometry import Grid
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.model_object import Model
    from IODeepLib.results import Provenance, Seg
    from IODeepLib.series import ImageSeries

# How far outside of the series a voxel may lie, in voxels of the series: rounding, no more.
_ROUNDING = 0.01


@dataclass(frozen=True)
class _Document:
    """What a segmentation says of the run that made it; its provenance is a `Provenance`."""

    empty: bool
    overlapping: bool
    left_out: tuple[str, ...]
    series_instance_uids: tuple[str, ...]
    provenance: Any


def saveToDatabase(
    segmentationNode: slicer.vtkMRMLSegmentationNode, models: Iterable[Model]
) -> str:
    """Write a segmentation of IODeep as DICOM SEG into the study of its image.

    Args:
        segmentationNode: what `nodes.createSegmentationNode` made.
        models: those at hand; the one that made it must be among them.

    Returns:
        The SOP Instance UID.

    Raises:
        ImageError: the image is not from DICOM or was moved, or the segments were changed.
        ModelError: the model is not at hand.
        OutputError: the database does not take it.
    """
    from IODeepLib.errors import OutputError

    seg = _seg(segmentationNode, models)
    with tempfile.TemporaryDirectory(prefix="IODeep-") as folder:
        path = Path(folder, "segmentation.dcm")
        seg.save(path)
        slicer.dicomDatabase.insert(str(path), True, False)
    stored = slicer.dicomDatabase.fileForInstance(seg.sop_instance_uid)
    if not stored or not Path(stored).is_file():
        raise OutputError(
            f"the DICOM database in {slicer.dicomDatabase.databaseDirectory} did not take the file",
            "a database folder that can be written, with free space",
            "check the folder's permissions and space, or choose another database",
        )
    segmentationNode.SetAttribute(nodes.SAVED, seg.sop_instance_uid)
    return seg.sop_instance_uid


def savedFiles(segmentationNode: slicer.vtkMRMLSegmentationNode) -> list[str]:
    """The files of this segmentation in the open DICOM database; none before it is saved."""
    database = slicer.dicomDatabase
    if database is None or not database.isOpen:
        return []
    uids = (segmentationNode.GetAttribute(nodes.SAVED) or "").split()
    files = [database.fileForInstance(uid) for uid in uids]
    return [file for file in files if file and Path(file).is_file()]


def filesToSend(segmentationNode: slicer.vtkMRMLSegmentationNode) -> list[Path]:
    """The files of this segmentation in the open DICOM database, of which there must be some.

    Raises:
        ImageError: it is not saved.
    """
    from IODeepLib.errors import ImageError

    files = savedFiles(segmentationNode)
    if not files:
        raise ImageError(
            f"{segmentationNode.GetName()!r} is not in the DICOM database",
            "a segmentation that is saved there",
            "save it to DICOM first",
        )
    return [Path(file) for file in files]


def saveToFolder(
    segmentationNode: slicer.vtkMRMLSegmentationNode, models: Iterable[Model], folder: Path
) -> Path:
    """Write the same DICOM SEG as `saveToDatabase` into `folder`, and return its file."""
    seg = _seg(segmentationNode, models)
    path = folder / f"{seg.sop_instance_uid}.dcm"
    seg.save(path)
    return path


def _seg(segmentationNode: slicer.vtkMRMLSegmentationNode, models: Iterable[Model]) -> Seg:
    document = _document(segmentationNode)
    from IODeepLib.results import SegmentationType, make_seg

    model = _modelOf(document.provenance, models)
    image, series, others = _images(segmentationNode, document)
    labels = tuple(
        label for label in model.card.recipe.output.labels if label.name not in document.left_out
    )
    segmentation = nodes.segmentationOf(
        segmentationNode,
        labels,
        image.grid,
        overlapping=document.overlapping,
    )
    segmentation = _onGrid(segmentation, series.grid)
    seg = make_seg(
        segmentation, series, document.provenance, seg_type=SegmentationType.BINARY, others=others
    )
    if seg is None:
        raise _nothing(segmentationNode)
    return seg


def savingObstacle(segmentationNode: slicer.vtkMRMLSegmentationNode) -> str:
    """Why it cannot be saved, as far as this is known at once; "" if nothing speaks against it."""
    from IODeepLib.errors import IODeepError

    try:
        _images(segmentationNode, _document(segmentationNode))
    except IODeepError as error:
        return errorText(error)
    return ""


def _document(segmentationNode: slicer.vtkMRMLSegmentationNode) -> _Document:
    checkReading()
    from msgspec import ValidationError, convert

    from IODeepLib.errors import ImageError
    from IODeepLib.results import Provenance

    document = nodes.documentOf(segmentationNode)
    if document is None:
        raise ImageError(
            f"{segmentationNode.GetName()!r} was not made by IODeep",
            "a segmentation that a network found",
            "export it from the Data module",
        )
    try:
        said = convert(document, _Document)
        said = replace(said, provenance=convert(said.provenance, Provenance))
    except ValidationError:
        raise ImageError(
            f"{segmentationNode.GetName()!r} does not say all of what made it",
            "a segmentation as IODeep made it",
            "run the network again",
        ) from None
    if said.empty:
        raise _nothing(segmentationNode)
    return said


def _nothing(segmentationNode: slicer.vtkMRMLSegmentationNode) -> Exception:
    from IODeepLib.errors import ImageError

    return ImageError(
        f"nothing was found in {segmentationNode.GetName()!r}",
        "at least one segment, which a DICOM SEG must have",
        "report in words that nothing was found",
    )


def _modelOf(provenance: Provenance, models: Iterable[Model]) -> Model:
    from IODeepLib.errors import ModelError

    for model in models:
        if model.card.sop_instance_uid == provenance.card_sop_instance_uid:
            return model
    raise ModelError(
        f"the model {provenance.label} is not at hand",
        "its card, which says what the segments are",
        "choose the folder with the model, or load it into the DICOM database",
    )


def _images(
    segmentationNode: slicer.vtkMRMLSegmentationNode, document: _Document
) -> tuple[Any, ImageSeries, list[ImageSeries]]:
    """The image as it is in the scene, its series, and the series of the other channels."""
    from IODeepLib.errors import ImageError

    volumeNode = nodes.imageNodeOf(segmentationNode)
    if volumeNode is None:
        raise ImageError(
            "the image that was segmented is not in the scene",
            "the image, whose instances the DICOM object refers to",
            "load the image and run again",
        )
    series = images.seriesOf(volumeNode)
    if series is None:
        raise ImageError(
            f"the image {volumeNode.GetName()!r} is not from the DICOM database",
            "an image whose instances a DICOM object can refer to",
            "import the image as DICOM, load it from the database and run again",
        )
    image = images.imageOf(volumeNode)
    if image.frame_of_reference != series.frame_of_reference or not _within(
        image.grid, series.grid
    ):
        raise ImageError(
            f"the image {volumeNode.GetName()!r} was moved, turned or enlarged since it was loaded",
            "voxels where the DICOM images have them",
            "undo the transform, or load the image again, and run again",
        )
    bySeries = {}
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        found = images.seriesOf(node)
        if found is not None:
            bySeries[found.series_instance_uid] = found
    wanted = document.series_instance_uids[1:]
    if not all(uid in bySeries for uid in wanted):
        raise ImageError(
            "an image of a further channel is not in the scene any more",
            "all images that the network read",
            "load it and run again",
        )
    return image, series, [bySeries[uid] for uid in wanted]


def _within(grid: Grid, series: Grid) -> bool:
    """Whether `grid` has the axes of `series` and lies in it."""
    import numpy as np

    turned = grid.turned(grid.axis_map(series.orientation))
    if np.abs(turned.directions - series.directions).max() > 1e-4:
        return False
    last = np.array(turned.shape) - 1
    corners = series.index(turned.point(np.array([(0, 0, 0), last])))
    half = (
        np.array(turned.spacing) / np.array(series.spacing) / 2 - 0.5
    )  # of finer or coarser voxels
    return bool(
        (corners[0] - half >= -_ROUNDING).all()
        and (corners[1] + half <= np.array(series.shape) - 1 + _ROUNDING).all()
    )


def _onGrid(segmentation: Segmentation, grid: Grid) -> Segmentation:
    """The labels with axes as those of the series; on its very grid where it is the same."""
    from IODeepLib.geometry import Grid
    from IODeepLib.inference.segmentation import Segmentation

    own = segmentation.grid
    assert isinstance(own, Grid)  # noqa: S101 - a node's voxels lie evenly
    axisMap = own.axis_map(grid.orientation)
    turned = own.turned(axisMap)
    return Segmentation(
        axisMap.apply(segmentation.array),
        grid if turned.same_as(grid) else turned,
        segmentation.labels,
    )

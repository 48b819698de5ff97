"""A segmentation as a DICOM SEG, PS3.3 section A.51, through highdicom.

highdicom makes everything but the frames (see `frames`) and where they lie (see `place`): the
modules, the segments, the algorithm. It is given the patient and the study, all checked before, so
that nothing that a source header holds can make it fail, and one pixel of nowhere, of which nothing
stays. Docs/results.md says what is written where, and why.

An image stands in for the source images because `Segmentation` of highdicom 0.27 and 0.28 takes
patient and study from there and from no argument, and refuses to be given none. What is taken out
again may be called otherwise in its next version: the tests of the results run against its main
branch each week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from IODeepLib.errors import UsageError
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.headers import quiet
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.results import source_images
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.edit import Edit
from IODeepLib.results.equipment import network_equipment, software_versions
from IODeepLib.results.frames import (
    MAX_FRACTIONAL_VALUE,
    FrameTable,
    Mask,
    SegmentationType,
    binary_frames,
    found_labels,
    fractional_frames,
    labelmap_frames,
    labels_overlap,
)
from IODeepLib.results.multiframe import add_frames, without_frames
from IODeepLib.results.place import Place, place_of
from IODeepLib.results.provenance import SOFTWARE, Provenance, shortened
from IODeepLib.results.references import refer_to_sources
from IODeepLib.results.segments import LONGEST_LO, describe_segments
from IODeepLib.results.stand_in import NO_UID, stand_in
from IODeepLib.results.stored_object import StoredObject
from IODeepLib.series import ImageSeries

CONTENT_LABEL = "SEGMENTATION"
_ON_SLICES = "the frames lie on the images themselves: each pixel has its nearest corrected voxel"


@dataclass(frozen=True, slots=True, eq=False)
class Seg(DicomObject):
    """A DICOM SEG.

    Attributes:
        segments: (segment number, label) of everything that was found, in the order of the file.
        missing: the labels that were looked for and not found; they have no segment.
    """

    segments: tuple[tuple[int, Label], ...]
    missing: tuple[Label, ...]


def make_seg(
    segmentation: Segmentation,
    series: ImageSeries,
    provenance: Provenance,
    *,
    seg_type: SegmentationType = SegmentationType.BINARY,
    others: Sequence[ImageSeries] = (),
    edit: Edit | None = None,
    replaces: StoredObject | None = None,
) -> Seg | None:
    """A DICOM SEG of what was found, or None if nothing was found.

    A SEG must have segments (PS3.3 C.8.20.2), and viewers stumble over one whose frames are empty:
    a segmentation without any voxel makes no object, and whoever asked says so.

    Args:
        segmentation: labels on the grid of the series, or on another one in its frame of
            reference, or on the slices of a series that was corrected: a DICOM series of its own,
            with another number and description. Its first axis counts slices.
        series: the images that were segmented.
        provenance: what found the labels.
        seg_type: BINARY; LABELMAP, where segment numbers are label values; or FRACTIONAL, which
            holds probabilities.
        others: further series that the network read.
        edit: what people changed of it; None if nothing. An edited result is a DICOM series of its
            own, with another number and description, and names the SEG that it corrects.
        replaces: the stored SEG whose place it takes, see `replaced`.

    Raises:
        ImageError: the images lack UIDs to refer to, or several of them have no place in space.
        UsageError: LABELMAP for labels that overlap, or FRACTIONAL without probabilities.
    """
    for one in (series, *others):
        obstacle = source_images.seg_obstacle(one)
        if obstacle is not None:
            raise obstacle
    check_seg_type(
        seg_type,
        overlapping=segmentation.overlapping,
        probable=segmentation.probabilities is not None,
    )
    there, found = found_labels(segmentation)
    if not found:
        return None
    place = place_of(segmentation.grid, series)
    if isinstance(place.grid, SliceStack):
        provenance = replace(provenance, notes=(_ON_SLICES, *provenance.notes))
    if edit is not None:
        said = edit.sentences({label.value: label.name for label in found})
        provenance = replace(provenance, notes=(*said, *provenance.notes))
    numbers: Sequence[int] = range(1, len(found) + 1)
    if seg_type is SegmentationType.LABELMAP:
        found = sorted(found, key=lambda label: label.value)
        numbers = [label.value for label in found]
    with quiet():
        descriptions = describe_segments(
            numbers, found, segmentation.labels, provenance, edit or Edit()
        )
        dataset = _frameless(series, place, provenance, seg_type, descriptions, edit)
        corrects = None if edit is None else edit.corrects
        refer_to_sources(dataset, (series, *others), provenance, corrects, replaces)
        dataset.LossyImageCompression = source_images.lossy_compression((series, *others))
        table = _frame_table(dataset, segmentation, seg_type, there)
        add_frames(dataset, table, segmentation.grid.shape[1:], place)
    missing = tuple(label for label in segmentation.labels if label not in found)
    return Seg(dataset, tuple(zip(numbers, found, strict=True)), missing)


def check_seg_type(seg_type: SegmentationType, *, overlapping: bool, probable: bool) -> None:
    """Raise UsageError if a SEG of this type cannot hold what was found, or will be.

    Args:
        seg_type: what was asked for.
        overlapping: whether one voxel can have several labels.
        probable: whether there are probabilities.
    """
    if seg_type is SegmentationType.LABELMAP and overlapping:
        raise UsageError(
            "labels that may overlap, and a LABELMAP segmentation asked for",
            "exclusive labels, or another type: a LABELMAP has one label a voxel",
            "ask for BINARY",
        )
    if seg_type is SegmentationType.FRACTIONAL and not probable:
        raise UsageError(
            "a FRACTIONAL segmentation asked for, and no probabilities",
            "the probability of each label, which networks that give label values do not have",
            "ask for BINARY",
        )


def _frame_table(
    dataset: Dataset, segmentation: Segmentation, seg_type: SegmentationType, there: Mask
) -> FrameTable:
    """The frames, and what `dataset` says about overlaps, which LABELMAP cannot have."""
    if seg_type is SegmentationType.LABELMAP:
        return labelmap_frames(segmentation, dataset.BitsAllocated)
    if seg_type is SegmentationType.FRACTIONAL:
        dataset.SegmentsOverlap = "UNDEFINED"
        return fractional_frames(segmentation, there)
    dataset.SegmentsOverlap = "YES" if labels_overlap(segmentation, there) else "NO"
    return binary_frames(segmentation, there)


def _frameless(
    series: ImageSeries,
    place: Place,
    provenance: Provenance,
    seg_type: SegmentationType,
    descriptions: Sequence[Any],
    edit: Edit | None,
) -> Dataset:
    """Everything that highdicom makes, for one plane of one pixel, which is taken out again."""
    import highdicom as hd

    date, time = source_images.content_time(series.header)
    title = f"{provenance.title} {provenance.version}"
    on_slices = isinstance(place.grid, SliceStack)
    what = f"{provenance.version} segmentation" + (" on its slices" if on_slices else "")
    edited = "" if edit is None else ", edited"
    what += edited
    offset = source_images.ON_SLICES_OFFSET if on_slices else source_images.SEG_OFFSET
    offset = source_images.EDITED_OFFSET if edited else offset
    room = LONGEST_LO - len(f" {what}")
    placed = place.grid is not None
    seg = hd.seg.Segmentation(
        source_images=[stand_in(series, placed=placed)],
        pixel_array=np.zeros((1, 1, 1), np.uint8),
        segmentation_type=seg_type.value,
        segment_descriptions=descriptions,
        series_instance_uid=NO_UID,
        series_number=source_images.series_number(series.header, offset),
        sop_instance_uid=NO_UID,
        instance_number=1,
        manufacturer=SOFTWARE,
        manufacturer_model_name=SOFTWARE,
        software_versions=software_versions(provenance),
        device_serial_number=provenance.card_sop_instance_uid,
        fractional_type="PROBABILITY",
        max_fractional_value=MAX_FRACTIONAL_VALUE,
        content_label=CONTENT_LABEL,
        content_description=shortened(title, LONGEST_LO - len(edited)) + edited,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=False,
        contributing_equipment=[network_equipment(provenance, "the segments", edited=bool(edited))],
        series_description=f"{shortened(provenance.title, room)} {what}",
        content_date=date,
        content_time=time,
        series_date=date,
        series_time=time,
    )
    dataset = without_frames(seg, series, place)
    dataset.ContentCreatorName = "" if edit is None else edit.creator
    # Where there is one segment only, highdicom 0.28 writes it here, and 0.27 in each frame.
    dataset.SharedFunctionalGroupsSequence[0].pop("SegmentIdentificationSequence", None)
    return dataset

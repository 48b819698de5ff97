"""Numbers for each voxel as a DICOM Parametric Map, PS3.3 section A.75, through highdicom.

Patient, study, place and provenance are those of the SEG of the same run, see `seg`. Numbers are in
single precision, and every frame says which part of the body it shows, although the standard lets
them be integers and say nothing: dcmqi 1.5.7, which 3D Slicer reads such maps with, ends at those.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from IODeepLib.codes import Code
from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.headers import quiet
from IODeepLib.results import source_images
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.equipment import network_equipment, software_versions
from IODeepLib.results.frames import FrameTable
from IODeepLib.results.multiframe import add_frames, without_frames
from IODeepLib.results.place import place_of
from IODeepLib.results.provenance import SOFTWARE, Provenance, shortened
from IODeepLib.results.references import refer_to_sources
from IODeepLib.results.segments import LONGEST_LO
from IODeepLib.results.stand_in import NO_UID, stand_in
from IODeepLib.selection.facts import Facts
from IODeepLib.series import ImageSeries

# How a value came of the images. (CID 7203)
_CALCULATED = Code("112187", "DCM", "Unspecified method of calculation")
# Where the images do not say which part of the body they show, and which side of it.
_SOME_PART = Code("123037004", "SCT", "Body structure")
_SIDES, _NO_SIDE = ("R", "L", "B"), "U"


@dataclass(frozen=True, slots=True)
class Quantity:
    """What the numbers of a map are.

    Attributes:
        code: the quantity.
        unit: a UCUM code.
        label: LUT Label (0040,9210), 16 characters at most: readers list maps by it.
        explanation: LUT Explanation (0028,3003), 64 characters at most.
        name: for people; it ends the Series Description.
        offset: what is added to the Series Number of the images.
        lowest, highest: what the numbers may be.
        notes: sentences on how they were made.
    """

    code: Code
    unit: Code
    label: str
    explanation: str
    name: str
    offset: int
    lowest: float
    highest: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ParametricMap(DicomObject):
    """A DICOM Parametric Map."""


def map_obstacle(series: ImageSeries) -> ImageError | None:
    """Why no map can be made of `series`, known before anything is, or None.

    It must lie somewhere: Frame of Reference is mandatory in PS3.3 table A.75-1, and so are the
    places of frames.
    """
    obstacle = source_images.seg_obstacle(series)
    if obstacle is None and not series.has_patient_geometry:
        return ImageError(
            f"series {series.label} does not say where in the patient it lies",
            "images with position and orientation, for a DICOM Parametric Map",
            "use the numbers of the result as they are",
        )
    return obstacle


def make_map(
    plane: Callable[[int], npt.NDArray],
    grid: Grid | SliceStack,
    quantity: Quantity,
    series: ImageSeries,
    provenance: Provenance,
    *,
    others: Sequence[ImageSeries] = (),
) -> ParametricMap:
    """A map of `quantity`, with a frame for each slice of `grid`.

    Args:
        plane: gives the numbers (row, column) of a slice.
        grid: that of the series, or another one in its frame of reference.
        quantity: what they are.
        series: the images that it is a map of.
        provenance: what made it.
        others: further series that the network read.

    Raises:
        ImageError: there is an obstacle.
    """
    for one in (series, *others):
        obstacle = map_obstacle(one)
        if obstacle is not None:
            raise obstacle
    place = place_of(grid, series)
    provenance = replace(provenance, notes=(*quantity.notes, *provenance.notes))
    with quiet():
        made = _frameless(series, provenance, quantity)
        dataset = without_frames(made, series, place)
        dataset.ContentCreatorName = ""  # type 2
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.FrameAnatomySequence = [_anatomy(series)]
        # Of a width of 1 and less: LINEAR is for integers. (PS3.3 section C.11.2.1.3.2)
        shared.FrameVOILUTSequence[0].VOILUTFunction = "LINEAR_EXACT"
        refer_to_sources(dataset, (series, *others), provenance)
        dataset.LossyImageCompression = source_images.lossy_compression((series, *others))
        table = FrameTable(
            np.ones((1, grid.shape[0]), bool),
            lambda _, k: np.asarray(plane(k), "<f4"),
            None,
            _CALCULATED,
        )
        add_frames(dataset, table, grid.shape[1:], place)
    return ParametricMap(dataset)


def _frameless(series: ImageSeries, provenance: Provenance, quantity: Quantity) -> Any:
    """Everything that highdicom makes, for one plane of one pixel, which is taken out again."""
    import highdicom as hd

    date, time = source_images.content_time(series.header)
    what = f"{provenance.version} {quantity.name}"
    title = shortened(provenance.title, LONGEST_LO - len(f" {what}"))
    return hd.pm.ParametricMap(
        source_images=[stand_in(series, placed=True)],
        pixel_array=np.zeros((1, 1, 1), np.float32),
        series_instance_uid=NO_UID,
        series_number=source_images.series_number(series.header, quantity.offset),
        sop_instance_uid=NO_UID,
        instance_number=1,
        manufacturer=SOFTWARE,
        manufacturer_model_name=SOFTWARE,
        software_versions=software_versions(provenance),
        device_serial_number=provenance.card_sop_instance_uid,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_mapping(quantity)],
        content_label="MAP",
        content_description=f"{title} {what}",
        contributing_equipment=[network_equipment(provenance, "what the map shows")],
        series_description=f"{title} {what}",
        content_date=date,
        content_time=time,
        series_date=date,
        series_time=time,
        **_window(quantity),
    )


def _anatomy(series: ImageSeries) -> Dataset:
    """Item of Frame Anatomy Sequence (0020,9071), PS3.3 section C.7.6.16.2.8."""
    facts = Facts(series)
    item = Dataset()
    region = next((codes[0] for codes, _ in facts.anatomy if codes), _SOME_PART)
    item.AnatomicRegionSequence = [region.to_dataset()]
    item.FrameLaterality = next((side for side, _ in facts.sides if side in _SIDES), _NO_SIDE)
    return item


def _mapping(quantity: Quantity) -> Any:
    """Real World Value Mapping Sequence (0040,9096), PS3.3 section C.7.6.16.2.11."""
    import highdicom as hd

    unit, code = (
        hd.sr.CodedConcept(one.value, one.scheme, one.meaning)
        for one in (quantity.unit, quantity.code)
    )
    return hd.pm.RealWorldValueMapping(
        lut_label=quantity.label,
        lut_explanation=quantity.explanation,
        unit=unit,
        value_range=(float(quantity.lowest), float(quantity.highest)),
        slope=1.0,
        intercept=0.0,
        quantity_definition=code,
    )


def _window(quantity: Quantity) -> dict[str, Any]:
    """What is black and white, as the version of highdicom takes it."""
    import highdicom as hd

    center = (quantity.lowest + quantity.highest) / 2
    width = float(quantity.highest - quantity.lowest)
    if "voi_lut_transformations" in inspect.signature(hd.pm.ParametricMap).parameters:
        return {"voi_lut_transformations": [hd.VOILUTTransformation(center, width)]}
    return {"window_center": center, "window_width": width}  # highdicom 0.27

"""A result in plain JSON values, as `result.json` has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from IODeepLib.inference.confidence import confidence_as_json
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.frames import SegmentationType, voxels_at_half
from IODeepLib.results.maps.occlusion import as_json
from IODeepLib.results.run_record import described

if TYPE_CHECKING:
    from IODeepLib.inference.classification import Classification
    from IODeepLib.results.result import Result


def document_of(result: Result) -> dict[str, Any]:
    """All that a result says, but for its voxels."""
    document = described(result.channels, result.provenance) | {
        "reasons": [reason.as_json() for reason in result.reasons],
        "trained_on": [reason.as_json() for reason in result.trained_on],
        "notes": list(result.notes),
    }
    for key, when in (("started", result.started), ("ended", result.ended)):
        if when is not None:
            document[key] = when.isoformat(timespec="seconds")
    if result.stages:
        document["stage_seconds"] = {one.name: round(one.seconds, 3) for one in result.stages}
    if result.segmentation is not None:
        document.update(_of_labels(result, result.segmentation))
    document["sop_instance_uid_report"] = _uid(result.report)
    if result.classification is not None:
        document.update(_of_classes(result, result.classification))
    return document


def _of_labels(result: Result, segmentation: Segmentation) -> Iterator[tuple[str, Any]]:
    yield "empty", result.empty
    volumes = segmentation.volumes()
    sized = result.series.has_voxel_size
    yield (
        "volumes_ml",
        {name: round(volume, 3) if sized else None for name, volume in volumes.items()},
    )
    yield "missing", [name for name, volume in volumes.items() if not volume]
    yield "left_out", list(result.left_out)
    measurements = result.measurements
    yield "measurements", None if measurements is None else measurements.as_json()
    yield "confidence", confidence_as_json(result.confidence)
    if result.seg_type is SegmentationType.FRACTIONAL:
        yield "voxels_at_half", voxels_at_half(segmentation)
    yield "sop_instance_uid", _uid(result.seg)
    on_slices = result.seg_on_slices if result.want_seg_on_slices else None
    yield "sop_instance_uid_on_slices", _uid(on_slices)
    yield "sop_instance_uid_confidence", _uid(result.confidence_map)


def _of_classes(result: Result, found: Classification) -> Iterator[tuple[str, Any]]:
    values = zip(found.labels, found.values, strict=True)
    yield "values", {label.name: value for label, value in values}
    placed = result.series.has_patient_geometry
    occlusion = result.occlusion
    yield "occlusion", None if occlusion is None else as_json(occlusion, placed=placed)
    yield "sop_instance_uid_occlusion", _uid(result.occlusion_map)
    yield "chosen", [label.name for label in found.chosen]


def _uid(made: DicomObject | None) -> str | None:
    return None if made is None else made.sop_instance_uid

"""What a report says of each label: measurement groups of PS3.16 TID 1411 and TID 1501.

A label that was not found is no group, for it has no region: a code among the qualitative
evaluations says so (TID 1500, row 13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IODeepLib.codes import ARTIFICIAL_INTELLIGENCE, LATERALITIES, Code
from IODeepLib.inference.classification import Classification
from IODeepLib.inference.confidence import SegmentConfidence
from IODeepLib.measurements import Measurements, SegmentMeasurements
from IODeepLib.recipe import Label, Task
from IODeepLib.results import source_images
from IODeepLib.results.concepts import concept
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.edit import Edit, by_hand
from IODeepLib.results.provenance import Provenance
from IODeepLib.results.seg import Seg
from IODeepLib.results.sr import quantities as q
from IODeepLib.series import ImageSeries
from IODeepLib.text.derived_uids import derived_uid

if TYPE_CHECKING:
    from highdicom.sr import (
        AlgorithmIdentification,
        CodeContentItem,
        FindingSite,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        QualitativeEvaluation,
        TrackingIdentifier,
        VolumetricROIMeasurementsAndQualitativeEvaluations,
    )

    Group = (
        MeasurementsAndQualitativeEvaluations | VolumetricROIMeasurementsAndQualitativeEvaluations
    )


_MODIFIES = "HAS CONCEPT MOD"
# By its name in `result.json`, what a figure is called, counted in, and derived by; None for what
# the image decides on.
FIGURES: Mapping[str, tuple[Code | None, Code | None, Code | None]] = {
    "volume_ml": (q.VOLUME, q.MILLILITER, None),
    "mean": (None, None, q.MEAN),
    "stdev": (None, None, q.STDEV),
    "minimum": (None, None, q.MINIMUM),
    "median": (None, None, q.MEDIAN),
    "maximum": (None, None, q.MAXIMUM),
    "long_axis_mm": (q.LONG_AXIS, q.MILLIMETER, None),
    "short_axis_mm": (q.SHORT_AXIS, q.MILLIMETER, None),
    "surface_mm2": (q.SURFACE, q.SQUARE_MILLIMETER, None),
    "suv_mean": (q.SUV, q.SUV_UNIT, q.MEAN),
    "suv_stdev": (q.SUV, q.SUV_UNIT, q.STDEV),
    "suv_minimum": (q.SUV, q.SUV_UNIT, q.MINIMUM),
    "suv_median": (q.SUV, q.SUV_UNIT, q.MEDIAN),
    "suv_maximum": (q.SUV, q.SUV_UNIT, q.MAXIMUM),
}


@dataclass(frozen=True, slots=True, eq=False)
class Reported:
    """What all groups of a report have in common.

    Attributes:
        series: the images, and which of them the result lies on first.
        provenance: what found it.
        edit: what people changed of it.
    """

    series: Sequence[ImageSeries]
    provenance: Provenance
    edit: Edit

    def tracking(self, label: Label) -> TrackingIdentifier:
        """The name of a label, and a UID that it has in each report of this network on the images.

        TID 4108. So that whoever compares versions or options of a network finds what to compare.
        """
        from highdicom.sr import TrackingIdentifier

        images = "\n".join(one.series_instance_uid for one in self.series)
        seen = f"{self.provenance.model_uid}\n{images}\n{label.value}\n{label.name}"
        return TrackingIdentifier(uid=derived_uid("tracking", seen), identifier=label.name)

    def algorithm(self, label: Label) -> AlgorithmIdentification | None:
        """What found a label, TID 4019; of one that somebody added, what they said made it."""
        from highdicom.sr import AlgorithmIdentification, CodeContentItem, TextContentItem

        by, edit = self.provenance, self.edit
        if label.value in edit.added:
            return None
        algorithm = AlgorithmIdentification(
            name=by_hand(by.title) if label.value in edit.edited else by.title,
            version=by.version,
            parameters=[by.parameters()],
        )
        # highdicom 0.27 does not take these.
        publisher, family = concept(q.MANUFACTURER), concept(q.FAMILY)
        algorithm.append(TextContentItem(publisher, by.publisher, _MODIFIES))
        algorithm.append(CodeContentItem(family, concept(ARTIFICIAL_INTELLIGENCE), _MODIFIES))
        return algorithm

    def common(self, label: Label) -> dict[str, Any]:
        """What every group says of its label."""
        return {
            "tracking_identifier": self.tracking(label),
            "finding_category": concept(label.category),
            "finding_type": concept(label.type),
            "finding_sites": sites_of(label),
            "algorithm_id": self.algorithm(label),
        }


def sites_of(label: Label) -> list[FindingSite] | None:
    """Where a label is: its region, or itself where only its side is known."""
    from highdicom.sr import FindingSite

    side = LATERALITIES[label.laterality.value] if label.laterality else None
    if side is None and label.modifier in LATERALITIES.values():
        side = label.modifier
    place = label.anatomic_region or (label.type if side else None)
    if place is None:
        return None
    modifier = label.anatomic_region_modifier if label.anatomic_region else None
    return [
        FindingSite(
            concept(place),
            laterality=concept(side) if side else None,
            topographical_modifier=concept(modifier) if modifier else None,
        )
    ]


def segment_groups(
    measurements: Measurements,
    seg: Seg,
    reported: Reported,
    modality: str,
    confidence: Mapping[str, SegmentConfidence],
    probabilities: DicomObject | None = None,
) -> Iterator[Group]:
    """A group for each segment of a SEG, with what was measured of it.

    Args:
        measurements: of all labels that were looked for.
        seg: the SEG with the segments.
        reported: what the groups have in common.
        modality: of the image that was measured.
        confidence: how sure the network is of each segment, by name, as far as that is known.
        probabilities: the map of the probability of each voxel, or None.
    """
    from highdicom.sr import (
        ReferencedSegment,
        SourceSeriesForSegmentation,
        VolumetricROIMeasurementsAndQualitativeEvaluations,
    )

    by_value = {one.label.value: one for one in measurements.segments}
    unit = q.unit_of(measurements.unit)
    quantity = q.quantity_of(unit, modality)
    for number, label in seg.segments:
        source = SourceSeriesForSegmentation(reported.series[0].series_instance_uid)
        yield VolumetricROIMeasurementsAndQualitativeEvaluations(
            **reported.common(label),
            referenced_segment=ReferencedSegment(
                seg.dataset.SOPClassUID, seg.sop_instance_uid, number, source_series=source
            ),
            measurements=[
                *_measured(by_value[label.value], quantity, unit),
                *_sure(confidence.get(label.name), probabilities),
            ],
        )


def not_found(label: Label, reported: Reported) -> CodeContentItem:
    """That a label was looked for and not found: neither a volume of zero nor "absent"."""
    from highdicom.sr import CodeContentItem, ContentSequence

    item = CodeContentItem(concept(label.type), concept(q.NOT_FOUND), "CONTAINS")
    item.ContentSequence = ContentSequence([*reported.tracking(label), *(sites_of(label) or ())])
    return item


def _measured(one: SegmentMeasurements, quantity: Code, unit: Code) -> Iterator[Measurement]:
    """Whatever is known of a segment, with the digits of `result.json`."""
    figures = one.figures()
    for key, (name, counted, derivation) in FIGURES.items():
        value = figures.get(key)
        if value is not None:
            yield _number(name or quantity, value, counted or unit, derivation)


def _sure(
    confidence: SegmentConfidence | None, probabilities: DicomObject | None
) -> Iterator[Measurement]:
    """How sure the network is of a segment, with the digits of `result.json`."""
    figures = {} if confidence is None else confidence.as_json()
    named = {
        "mean_probability": (q.PROBABILITY, q.PERCENT, 100, q.MEAN),
        "entropy_inside": (q.ENTROPY_INSIDE, q.NO_UNITS, 1, None),
        "entropy_border": (q.ENTROPY_BORDER, q.NO_UNITS, 1, None),
        "disagreement": (q.DISAGREEMENT, q.PERCENT, 100, None),
    }
    for key, (name, counted, factor, derivation) in named.items():
        if figures.get(key) is not None:
            source = probabilities if name is q.PROBABILITY else None
            yield _number(name, factor * figures[key], counted, derivation, source)


def judgment_groups(found: Classification, task: Task, reported: Reported) -> Iterator[Group]:
    """A group for each class, whether the image has it and how probable that is, or a quantity.

    Args:
        found: what the network says of the image.
        task: CLASSIFICATION or REGRESSION.
        reported: what the groups have in common.
    """
    probable = all(0 <= value <= 1 for value in found.values)
    for label, value in zip(found.labels, found.values, strict=True):
        if task is Task.REGRESSION:
            number = _number(label.type, value, label.unit or q.NO_UNITS)
            yield _judged(label, reported, [], [number])
            continue
        there = q.PRESENT if label in found.chosen else q.ABSENT
        # Scores that no activation turned into probabilities are none.
        number = (
            _number(q.PROBABILITY, 100 * value, q.PERCENT)
            if probable
            else _number(q.SCORE, value, q.NO_UNITS)
        )
        yield _judged(label, reported, [_evaluation(q.PRESENCE, there)], [number])


def _judged(
    label: Label,
    reported: Reported,
    evaluations: Sequence[QualitativeEvaluation],
    numbers: Sequence[Measurement] = (),
) -> MeasurementsAndQualitativeEvaluations:
    from highdicom.sr import (
        MeasurementsAndQualitativeEvaluations,
        SourceImageForMeasurementGroup,
    )

    images = source_images.image_references(reported.series)
    # Where there are more, all of the image library are meant (TID 1501).
    sources = images if len(images) == 1 else []
    return MeasurementsAndQualitativeEvaluations(
        **reported.common(label),
        qualitative_evaluations=evaluations,
        measurements=numbers,
        source_images=[
            SourceImageForMeasurementGroup(
                item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID
            )
            for item in sources
            if "ReferencedFrameNumber" not in item
        ],
    )


def _evaluation(name: Code, value: Code) -> QualitativeEvaluation:
    from highdicom.sr import QualitativeEvaluation

    return QualitativeEvaluation(concept(name), concept(value))


def _number(
    name: Code,
    value: float,
    unit: Code,
    derivation: Code | None = None,
    source: DicomObject | None = None,
) -> Measurement:
    """A number with its name and unit, to ten digits, and what it was read from. (TID 300)"""
    from highdicom.sr import Measurement, SourceImageForMeasurement

    images = None
    if source is not None:
        uids = source.dataset.SOPClassUID, source.sop_instance_uid
        images = [SourceImageForMeasurement(*uids)]
    return Measurement(
        name=concept(name),
        value=float(f"{value:.10g}"),
        unit=concept(unit),
        derivation=concept(derivation) if derivation else None,
        referenced_images=images,
    )

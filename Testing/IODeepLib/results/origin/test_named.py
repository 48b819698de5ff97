"""What an object names: images that it was made from, and other objects."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    CTImageStorage,
    ParametricMapStorage,
    SegmentationStorage,
)

from IODeepLib.results.origin.named import named_by

IMAGE = ("1.2.3", CTImageStorage, "1.2.3.1")
MAP = ("1.2.4", ParametricMapStorage, "1.2.4.1")
SEG = ("1.2.5", SegmentationStorage, "1.2.5.1")


def report(*named: tuple[str, str, str]) -> Dataset:
    """The header of one with these in its evidence: series, class, instance."""
    header, study = Dataset(), Dataset()
    header.SOPClassUID = ComprehensiveSRStorage
    study.StudyInstanceUID, study.ReferencedSeriesSequence = "1.2", []
    for series_uid, sop_class, uid in named:
        series, item = Dataset(), Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        series.SeriesInstanceUID, series.ReferencedSOPSequence = series_uid, [item]
        study.ReferencedSeriesSequence.append(series)
    header.CurrentRequestedProcedureEvidenceSequence = [study]
    return header


@pytest.mark.parametrize("order", [(IMAGE, MAP, SEG), (MAP, SEG, IMAGE)])
def test_a_map_beside_images_was_made_of_them(order: tuple[tuple[str, str, str], ...]) -> None:
    named = named_by(report(*order))
    assert named.images == {("1.2", "1.2.3"): ("1.2.3.1",)}
    assert set(named.objects) == {"1.2.4.1", "1.2.5.1"}


def test_a_map_alone_is_a_source() -> None:
    named = named_by(report(MAP, SEG))
    assert named.images == {("1.2", "1.2.4"): ("1.2.4.1",)}
    assert named.objects == ("1.2.5.1",)

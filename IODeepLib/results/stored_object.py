"""An object of a result that was stored, and how a later one refers to it."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from IODeepLib.codes import Code


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was stored.

    Attributes:
        study_instance_uid, series_instance_uid, sop_instance_uid: where it is.
        sop_class: its SOP Class UID.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class: str

    def reference(self, purpose: Code | None = None) -> Dataset:
        """A reference to it, with its purpose. (PS3.3 section 10.3)"""
        item = Dataset()
        item.ReferencedSOPClassUID = self.sop_class
        item.ReferencedSOPInstanceUID = self.sop_instance_uid
        if purpose is not None:
            item.PurposeOfReferenceCodeSequence = [purpose.to_dataset()]
        return item

    def series_reference(self) -> Dataset:
        """The same as an item of Referenced Series Sequence. (PS3.3 C.12.2)"""
        series = Dataset()
        series.SeriesInstanceUID = self.series_instance_uid
        series.ReferencedInstanceSequence = [self.reference()]
        return series

    def study_reference(self) -> Dataset:
        """The same as an SR refers to objects. (PS3.3 table C.17-3)"""
        series, study = Dataset(), Dataset()
        series.SeriesInstanceUID = self.series_instance_uid
        series.ReferencedSOPSequence = [self.reference()]
        study.StudyInstanceUID = self.study_instance_uid
        study.ReferencedSeriesSequence = [series]
        return study

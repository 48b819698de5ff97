"""What an object refers to: the images and the network that it was made from."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import RawDataStorage

from IODeepLib.results import source_images
from IODeepLib.results.edit import CORRECTED_PURPOSE
from IODeepLib.results.provenance import NETWORK_PURPOSE, Provenance
from IODeepLib.results.replaced import REPLACED_PURPOSE
from IODeepLib.results.stored_object import StoredObject
from IODeepLib.series import ImageSeries


def refer_to_sources(
    dataset: Dataset,
    series: Sequence[ImageSeries],
    provenance: Provenance,
    corrects: StoredObject | None = None,
    replaces: StoredObject | None = None,
) -> None:
    """Refer to the images, the card, and SEGs that were stored. (PS3.3 C.12.2 and C.12.4)

    Args:
        dataset: an object in the study of the images.
        series: all that the network read.
        provenance: what made the object.
        corrects: the SEG that it is made of, after edits.
        replaces: the SEG whose place it takes.
    """
    dataset.SourceImageSequence = source_images.image_references(series)
    dataset.DerivationDescription = provenance.derivation()
    card = Dataset()
    card.ReferencedSOPClassUID = RawDataStorage
    card.ReferencedSOPInstanceUID = provenance.card_sop_instance_uid
    purpose = Dataset()
    purpose.update(card)
    purpose.PurposeOfReferenceCodeSequence = [NETWORK_PURPOSE.to_dataset()]
    dataset.SourceInstanceSequence = [purpose]

    card_series = Dataset()
    card_series.SeriesInstanceUID = provenance.card_series_instance_uid
    card_series.ReferencedInstanceSequence = [card]
    studies: dict[str, list[Dataset]] = {}
    for study, item in source_images.series_references(series):
        studies.setdefault(study, []).append(item)
    if corrects is not None:
        dataset.SourceImageSequence.append(corrects.reference(CORRECTED_PURPOSE))
    if replaces is not None:
        dataset.ReferencedImageSequence = [replaces.reference(REPLACED_PURPOSE)]
    for stored in filter(None, (corrects, replaces)):  # behind the images, which viewers look for
        studies.setdefault(stored.study_instance_uid, []).append(stored.series_reference())
    studies.setdefault(provenance.card_study_instance_uid, []).append(card_series)
    dataset.ReferencedSeriesSequence = studies.pop(dataset.StudyInstanceUID)
    if studies:
        dataset.StudiesContainingOtherReferencedInstancesSequence = [
            _study(uid, items) for uid, items in studies.items()
        ]


def _study(uid: str, series: Sequence[Dataset]) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = uid
    item.ReferencedSeriesSequence = list(series)
    return item

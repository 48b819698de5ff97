"""A Key Object Selection that points at what was found, PS3.3 section A.35.4, through highdicom.

Viewers open what it names, or mark it, whether they can show segmentations or not.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from IODeepLib.codes import Code
from IODeepLib.headers import quiet
from IODeepLib.results import source_images
from IODeepLib.results.captures.secondary_capture import of_a_result, set_uids, without_clock
from IODeepLib.results.concepts import concept
from IODeepLib.results.encoding import CHARACTER_SET
from IODeepLib.results.equipment import network_equipment
from IODeepLib.results.provenance import Provenance, shortened
from IODeepLib.results.segments import LONGEST_LO
from IODeepLib.series import ImageSeries

_OF_INTEREST = Code("113000", "DCM", "Of Interest")  # CID 7010


def key_objects(named: Sequence[Dataset], series: ImageSeries, provenance: Provenance) -> Dataset:
    """A Key Object Selection in the study of the images, a series of its own.

    Args:
        named: the objects that it names, the first one first, all of that study.
        series: the images that were read.
        provenance: what made the objects.
    """
    import highdicom as hd

    what = f"{provenance.version} key objects"
    room = LONGEST_LO - len(f" {what}")
    with quiet():
        evidence = [_reference(one, series) for one in named]
        content = hd.ko.KeyObjectSelection(
            document_title=concept(_OF_INTEREST),
            referenced_objects=evidence,
            description=f"What {provenance.title} ({provenance.label}) found",
        )
        made = hd.ko.KeyObjectSelectionDocument(
            evidence=evidence,
            content=content,
            series_number=source_images.series_number(
                series.header, source_images.KEY_OBJECTS_OFFSET
            ),
            contributing_equipment=[network_equipment(provenance, "what is named here")],
            series_description=f"{shortened(provenance.title, room)} {what}",
            **of_a_result(series, provenance),
        )
        dataset = Dataset(made)
        dataset.file_meta, dataset.preamble = made.file_meta, made.preamble
        without_clock(dataset)
        dataset.SpecificCharacterSet = CHARACTER_SET
        dataset.update(source_images.patient_and_study(series.header))
        set_uids(dataset, "key objects")
    return dataset


def _reference(named: Dataset, series: ImageSeries) -> Dataset:
    """As much of an object as highdicom looks at."""
    found = source_images.patient_and_study(series.header)
    for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Rows", "Columns"):
        if keyword in named:
            setattr(found, keyword, named[keyword].value)
    return found

"""The contact sheet as a Secondary Capture, PS3.3 section A.8.1, through highdicom."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from IODeepLib.headers import quiet, text
from IODeepLib.results import source_images
from IODeepLib.results.encoding import CHARACTER_SET, encoded
from IODeepLib.results.equipment import network_equipment, software_versions
from IODeepLib.results.provenance import SOFTWARE, Provenance, shortened
from IODeepLib.results.references import refer_to_sources
from IODeepLib.results.segments import LONGEST_LO
from IODeepLib.results.stand_in import NO_UID
from IODeepLib.series import ImageSeries
from IODeepLib.text.derived_uids import derived_uid

# Images of these hold what the patient looks like inside, and no words unless they say so.
_WITHOUT_WORDS = {"CT", "MR", "PT", "NM"}


def sheet_capture(
    sheet: bytes,
    series: ImageSeries,
    provenance: Provenance,
    *,
    others: Sequence[ImageSeries] = (),
) -> Dataset:
    """A contact sheet as an object in the study of the images, a series of its own.

    Args:
        sheet: a PNG, see `contact_sheet`.
        series: the images that were read.
        provenance: what made it.
        others: further series that the network read.
    """
    from PIL import Image

    pixels = np.asarray(Image.open(BytesIO(sheet)).convert("RGB"))
    with quiet():
        made = _capture(pixels, series, provenance)
        dataset = Dataset(made)
        dataset.file_meta, dataset.preamble = made.file_meta, made.preamble
        without_clock(dataset)
        # Type 2C, and of several planes at once. (PS3.3 sections C.7.3.1 and C.7.6.1)
        dataset.Laterality = dataset.PatientOrientation = None
        dataset.ConversionType = "WSD"  # made on a workstation
        dataset.SpecificCharacterSet = CHARACTER_SET
        dataset.update(source_images.patient_and_study(series.header))
        burned_in = _burned_in((series, *others))
        if burned_in:
            dataset.BurnedInAnnotation = burned_in
        refer_to_sources(dataset, (series, *others), provenance)
        dataset.LossyImageCompression = source_images.lossy_compression((series, *others))
        set_uids(dataset, "sheet")
    return dataset


def _capture(pixels: np.ndarray, series: ImageSeries, by: Provenance) -> Any:
    import highdicom as hd

    what = f"{by.version} contact sheet"
    return hd.sc.SCImage(
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),
        study_instance_uid=series.study_instance_uid,
        series_number=source_images.series_number(series.header, source_images.SHEET_OFFSET),
        contributing_equipment=[network_equipment(by, "what the sheet shows")],
        series_description=f"{shortened(by.title, LONGEST_LO - len(f' {what}'))} {what}",
        **of_a_result(series, by),
    )


def of_a_result(series: ImageSeries, by: Provenance) -> dict[str, Any]:
    """What objects of highdicom are told of a result: when, by what, and no UIDs yet."""
    date, time = source_images.content_time(series.header)
    return {
        "series_instance_uid": NO_UID,
        "sop_instance_uid": NO_UID,
        "instance_number": 1,
        "manufacturer": SOFTWARE,
        "manufacturer_model_name": SOFTWARE,
        "software_versions": software_versions(by),
        "device_serial_number": by.card_sop_instance_uid,
        "transfer_syntax_uid": ExplicitVRLittleEndian,
        "content_date": date,
        "content_time": time,
        "series_date": date,
        "series_time": time,
    }


def without_clock(dataset: Dataset) -> None:
    """Take out when an object was made: the same result gives the same one."""
    for keyword in (
        *("InstanceCreationDate", "InstanceCreationTime"),
        *("DateOfSecondaryCapture", "TimeOfSecondaryCapture"),
    ):
        if keyword in dataset:
            delattr(dataset, keyword)
    for item in dataset.ContributingEquipmentSequence:
        item.pop("ContributionDateTime", None)


def set_uids(dataset: Dataset, role: str) -> None:
    """Give it the UIDs that its content decides on."""
    content = hashlib.sha256(encoded(dataset)).hexdigest()
    dataset.SOPInstanceUID = derived_uid(role, content)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SeriesInstanceUID = derived_uid(f"{role} series", content)


def _burned_in(series: Sequence[ImageSeries]) -> str:
    """Burned In Annotation (0028,0301): whether words in the pixels name the patient.

    Those of the sheet do not; those of the images may, and "" is said where that is not known.
    """
    said = [text(one.header, "BurnedInAnnotation").upper() for one in series]
    if "YES" in said:
        return "YES"
    pairs = zip(said, series, strict=True)
    return "NO" if all(v == "NO" or one.modality in _WITHOUT_WORDS for v, one in pairs) else ""

"""Segments as an RT Structure Set, PS3.3 section A.19, which planning of radiotherapy reads.

highdicom has no such object; what it says of patient, network and software is what the SEG says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    UID,
    ImplicitVRLittleEndian,
    RTStructureSetStorage,
)

from IODeepLib.codes import LATERALITIES
from IODeepLib.errors import ImageError, IODeepError
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.headers import quiet
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.results import source_images
from IODeepLib.results.encoding import CHARACTER_SET, encoded, save
from IODeepLib.results.equipment import network_equipment, software_versions
from IODeepLib.results.formats.contours import Region, roi_contours
from IODeepLib.results.formats.segments import Segment, found_segments
from IODeepLib.results.place import place_of
from IODeepLib.results.provenance import SOFTWARE, Provenance, shortened
from IODeepLib.results.references import refer_to_sources
from IODeepLib.results.segments import LONGEST_LO, identify_algorithm
from IODeepLib.results.stand_in import NO_UID, stand_in
from IODeepLib.series import Image, ImageSeries
from IODeepLib.text.derived_uids import derived_uid
from IODeepLib.text.foreign import is_uid, printable

FILE_NAME = "rtstruct.dcm"

# What stands for the study in RT Referenced Study Sequence, which wants an instance: retired, and
# all that readers expect there. (PS3.3 section C.8.8.5)
_DETACHED_STUDY = UID("1.2.840.10008.3.1.2.3.1")
_LONGEST_ST = 1024
# Categories of what is in every patient. (CID 7150)
_ANATOMY = (("91723000", "SCT"), ("123037004", "SCT"))


def images_obstacle(channels: Sequence[Image]) -> IODeepError | None:
    """Why no RT Structure Set can be made of anything that is found in these images, or None."""
    stored = [image for image in channels if isinstance(image, ImageSeries)]
    if len(stored) < len(channels):
        return ImageError(
            "an image that is in memory only",
            "DICOM images, which contours lie on",
            "run on the files of the series",
        )
    for series in stored:
        obstacle = source_images.seg_obstacle(series)
        if obstacle is not None:
            return obstacle
    series = stored[0]
    if not series.has_patient_geometry:
        return ImageError(
            f"series {series.label} does not say where its images lie",
            "position and orientation, for contours in the patient",
            "take the DICOM SEG",
        )
    if not is_uid(series.frame_of_reference or ""):
        return ImageError(
            f"series {series.label} lacks FrameOfReferenceUID",
            "the frame of reference that contours and images share",
            "take the DICOM SEG, which gets one made of the series",
        )
    return None


def contours_obstacle(channels: Sequence[Image], segmentation: Segmentation) -> IODeepError | None:
    """Why none can be made of what was found in images without an obstacle, or None."""
    series = channels[0]
    assert isinstance(series, ImageSeries)  # noqa: S101  see `images_obstacle`
    if segmentation.empty:
        return ImageError("nothing was found", "a segment to outline", "see the notes")
    if _on_images(segmentation, series).empty:
        return ImageError(
            "what was found lies between the slices", "a segment to outline", "take the DICOM SEG"
        )
    return None


def make_rtstruct(
    segmentation: Segmentation,
    series: ImageSeries,
    provenance: Provenance,
    others: Sequence[ImageSeries] = (),
) -> Dataset:
    """An RT Structure Set of what was found, in the planes of the images.

    Args:
        segmentation: labels on the grid of the series.
        series: the images that were segmented.
        provenance: what found the labels.
        others: further series that the network read.

    Returns:
        The object, with file meta information. The two obstacles above stand in the way.
    """
    segmentation = _on_images(segmentation, series)
    place = place_of(segmentation.grid, series)
    segments = found_segments(segmentation)
    numbered = list(enumerate(segments, 1))
    with quiet():
        dataset = _without_contours(series, provenance)
        _refer(dataset, series, others, provenance)
        names = _names([segment.label for segment in segments])
        volumes = segmentation.volumes()
        dataset.StructureSetROISequence = [
            _roi(number, segment.label, name, volumes[segment.label.name], dataset, provenance)
            for (number, segment), name in zip(numbered, names, strict=True)
        ]
        dataset.RTROIObservationsSequence = [_observation(n, one.label) for n, one in numbered]
        contours = roi_contours(_regions(segmentation, numbered), place)
        digest = hashlib.sha256(encoded(dataset))
        digest.update(contours.value or b"")
        dataset.SOPInstanceUID = derived_uid("instance", digest.hexdigest())
        dataset.SeriesInstanceUID = derived_uid("series", digest.hexdigest())
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset[contours.tag] = contours
    # Now all is as it will stand in the file: what is encoded already goes out as it is.
    dataset.set_original_encoding(True, True, convert_encodings(CHARACTER_SET))
    return dataset


def write_rtstruct(dataset: Dataset, folder: Path) -> list[str]:
    """Write what `make_rtstruct` gave into `folder`; the name of the file."""
    save(dataset, folder / FILE_NAME)
    return [FILE_NAME]


def _on_images(segmentation: Segmentation, series: ImageSeries) -> Segmentation:
    """The labels in the planes of the images, from which those of a corrected series are moved."""
    slices = series.slices
    if isinstance(slices, SliceStack) and not segmentation.lies_on(slices):
        return segmentation.on_slices(slices)
    return segmentation


def _regions(
    segmentation: Segmentation, numbered: Sequence[tuple[int, Segment]]
) -> Iterator[Region]:
    for number, one in numbered:
        if segmentation.overlapping:
            layer = segmentation.array[segmentation.labels.index(one.label)]
            mask = layer[one.box] != 0
        else:
            mask = segmentation.array[one.box] == one.label.value
        k, row, column = (part.start for part in one.box)
        yield Region(number, one.color, mask, (k, row, column))


def _without_contours(series: ImageSeries, by: Provenance) -> Dataset:
    """All that is said of patient, study, equipment and the set as a whole."""
    import highdicom as hd

    header = series.header
    date, time = source_images.content_time(header)
    title = f"{by.title} {by.version}"
    dataset = Dataset()
    dataset.SpecificCharacterSet = CHARACTER_SET
    dataset.SOPClassUID, dataset.SOPInstanceUID = RTStructureSetStorage, NO_UID
    dataset.update(source_images.patient_and_study(header))
    dataset.update(source_images.time_zone(header))
    dataset.Modality, dataset.SeriesInstanceUID = "RTSTRUCT", NO_UID
    dataset.SeriesNumber = source_images.series_number(header, source_images.STRUCTURES_OFFSET)
    what = f"{by.version} structures"
    room = LONGEST_LO - len(f" {what}")
    dataset.SeriesDescription = f"{shortened(by.title, room)} {what}"
    dataset.SeriesDate, dataset.SeriesTime = date, time
    dataset.OperatorsName = ""
    dataset.Manufacturer = dataset.ManufacturerModelName = SOFTWARE
    dataset.SoftwareVersions = list(software_versions(by))
    dataset.DeviceSerialNumber = by.card_sop_instance_uid
    dataset.FrameOfReferenceUID = source_images.frame_of_reference(series)
    dataset.PositionReferenceIndicator = ""
    dataset.StructureSetLabel = SOFTWARE
    dataset.StructureSetName = shortened(title, LONGEST_LO)
    dataset.StructureSetDescription = by.derivation()
    dataset.StructureSetDate, dataset.StructureSetTime = date, time
    dataset.InstanceNumber = 1
    dataset.ApprovalStatus = "UNAPPROVED"
    equipment = [Dataset(network_equipment(by, "the structures"))]
    images = stand_in(series, placed=True)
    if images.get("Manufacturer"):
        equipment.insert(0, Dataset(hd.ContributingEquipment.for_image_acquisition(images)))
    for item in equipment:
        item.pop("ContributionDateTime", None)  # the clock, not the content
    dataset.ContributingEquipmentSequence = equipment
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RTStructureSetStorage
    meta.TransferSyntaxUID = ImplicitVRLittleEndian
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    return dataset


def _refer(
    dataset: Dataset, series: ImageSeries, others: Sequence[ImageSeries], by: Provenance
) -> None:
    """Refer to the images as any object does, and as a structure set does. (PS3.3 C.8.8.5)"""
    refer_to_sources(dataset, (series, *others), by)
    ((study_uid, listed),) = source_images.series_references([series])
    images = Dataset()
    images.SeriesInstanceUID = listed.SeriesInstanceUID
    images.ContourImageSequence = listed.ReferencedInstanceSequence
    study = Dataset()
    study.ReferencedSOPClassUID = _DETACHED_STUDY
    study.ReferencedSOPInstanceUID = UID(study_uid)
    study.RTReferencedSeriesSequence = [images]
    frame = Dataset()
    frame.FrameOfReferenceUID = dataset.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    dataset.ReferencedFrameOfReferenceSequence = [frame]


def _names(labels: Sequence[Label]) -> list[str]:
    """A name of at most 64 characters for each, none of them twice: readers know regions by it."""
    names: list[str] = []
    for label in labels:
        whole = printable(label.name).replace("\\", "/")  # which separates values (PS3.5 6.2)
        name, number = shortened(whole, LONGEST_LO), 1
        while name in names:
            number += 1
            end = f" ({number})"
            name = shortened(whole, LONGEST_LO - len(end)) + end
        names.append(name)
    return names


def _roi(
    number: int, label: Label, name: str, milliliters: float, dataset: Dataset, by: Provenance
) -> Dataset:
    """An item of Structure Set ROI Sequence. (PS3.3 section C.8.8.5)"""
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = dataset.FrameOfReferenceUID
    item.ROIName = name
    if not name.isascii():
        item.SpecificCharacterSet = CHARACTER_SET  # OHIF forgets in items that of the object
    if name != label.name:
        item.ROIDescription = shortened(printable(label.name), _LONGEST_ST)
    item.ROIVolume = f"{milliliters:.6g}"
    item.ROIGenerationAlgorithm = label.algorithm_type.value
    item.ROIGenerationDescription = shortened(f"{by.title} {by.version}", LONGEST_LO)
    item.ROIDerivationAlgorithmIdentificationSequence = identify_algorithm(by, edited=False)
    return item


def _observation(number: int, label: Label) -> Dataset:
    """An item of RT ROI Observations Sequence. (PS3.3 section C.8.8.8)

    What is no anatomy gets no interpreted type: whether it is a target is for people to say.
    """
    item = Dataset()
    item.ObservationNumber = item.ReferencedROINumber = number
    code = label.type.to_dataset()
    side = LATERALITIES[label.laterality.value] if label.laterality else None
    modifiers = dict.fromkeys(c for c in (label.modifier, side) if c)
    if modifiers:
        code.SegmentedPropertyTypeModifierCodeSequence = [c.to_dataset() for c in modifiers]
    item.SegmentedPropertyCategoryCodeSequence = [label.category.to_dataset()]
    item.RTROIIdentificationCodeSequence = [code]
    anatomic = (label.category.value, label.category.scheme) in _ANATOMY
    item.RTROIInterpretedType = "ORGAN" if anatomic else ""
    item.ROIInterpreter = ""
    return item

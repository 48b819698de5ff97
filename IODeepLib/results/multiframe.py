"""What all multi-frame results share: their frames and their UIDs.

highdicom makes the modules of an object for one plane of one pixel, of which nothing stays; see
`seg` for why.
"""

from __future__ import annotations

import hashlib

import numpy as np
from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from IODeepLib.results import source_images
from IODeepLib.results.encoding import CHARACTER_SET, encoded
from IODeepLib.results.frames import FrameTable, functional_groups
from IODeepLib.results.place import Place
from IODeepLib.results.stand_in import NO_UID
from IODeepLib.series import ImageSeries
from IODeepLib.text.derived_uids import derived_uid


def without_frames(made: Dataset, series: ImageSeries, place: Place) -> Dataset:
    """What highdicom `made` for one pixel of nowhere, without what it says of that and of now.

    Args:
        made: a SEG or a Parametric Map.
        series: the images that it is of.
        place: where its frames lie.
    """
    dataset = Dataset(made)  # without the tables that highdicom keeps about the frames
    dataset.file_meta, dataset.preamble = made.file_meta, made.preamble
    del dataset.InstanceCreationDate, dataset.InstanceCreationTime  # the clock, not the content
    for item in dataset.ContributingEquipmentSequence:
        item.pop("ContributionDateTime", None)
    dataset.SpecificCharacterSet = CHARACTER_SET
    placed = place.grid is not None
    dataset.update(source_images.image_context(series.header, placed=placed))
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = NO_UID
    for item in dataset.DimensionIndexSequence:
        item.DimensionOrganizationUID = NO_UID
    shared = dataset.SharedFunctionalGroupsSequence[0]
    # Of what these say of the one pixel, nothing stays.
    for keyword in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
        shared.pop(keyword, None)
    for keyword, items in place.shared_groups().items():
        setattr(shared, keyword, items)
    return dataset


def add_frames(dataset: Dataset, table: FrameTable, size: tuple[int, ...], place: Place) -> None:
    """Put the frames in, and the UIDs, which the content decides on.

    Args:
        dataset: what `without_frames` made, and all else in it.
        table: the frames.
        size: rows and columns of each.
        place: where they lie.
    """
    dataset.Rows, dataset.Columns = size
    dataset.NumberOfFrames = len(table)
    slices = np.flatnonzero(table.there.any(axis=0))
    one_stack = len(table) == len(slices) > 1 and (np.diff(slices) == 1).all()
    if place.is_regular and one_stack:
        dataset.DimensionOrganizationType = "3D"
    keyword = "FloatPixelData" if table.seg_type is None else "PixelData"
    del dataset.PerFrameFunctionalGroupsSequence, dataset[keyword]
    pixels = table.pixel_data()
    groups = functional_groups(table, place)
    digest = hashlib.sha256(encoded(dataset))
    digest.update(groups.value or b"")
    digest.update(pixels)
    _set_uids(dataset, digest.hexdigest())
    dataset[groups.tag] = groups
    vr = {1: "OB", 8: "OB", 16: "OW", 32: "OF"}[dataset.BitsAllocated]
    dataset[keyword] = DataElement(keyword, vr, pixels)
    # Now all is as it will stand in the file: what is encoded already goes out as it is.
    dataset.set_original_encoding(False, True, convert_encodings(CHARACTER_SET))


def _set_uids(dataset: Dataset, content: str) -> None:
    dataset.SOPInstanceUID = derived_uid("instance", content)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SeriesInstanceUID = derived_uid("series", content)
    organization = derived_uid("dimension organization", content)
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = organization
    for item in dataset.DimensionIndexSequence:
        item.DimensionOrganizationUID = organization

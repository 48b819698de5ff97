"""The data sets of card and weights, without their large elements.

Raw Data IOD, PS3.3 A.37: Patient, General Study, General Series, General Equipment, Acquisition
Context, Raw Data (C.19.1) and SOP Common. Docs/conformance.md lists the attributes.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, RawDataStorage, generate_uid

from IODeepLib import __version__
from IODeepLib.codes import Code, region_by_code
from IODeepLib.model_object.card import PARENT_PURPOSE, WEIGHTS_PURPOSE, Card
from IODeepLib.model_object.characteristics import sha256
from IODeepLib.model_object.manifest import Part
from IODeepLib.model_object.networks import ARCHITECTURE_FORMAT
from IODeepLib.model_object.private_dictionary import (
    CREATOR_VERSION_UID,
    DICTIONARY,
    Element,
    block_of,
)
from IODeepLib.model_object.weights import WEIGHTS_FORMAT
from IODeepLib.recipe import Recipe

CARD_SERIES, WEIGHTS_SERIES = 1, 2
# Modalities that no network reads (PS3.3 section C.7.3.1.1.1), so that who asks for all images of
# one gets no networks; a notice has one of its own, so that a study shows among its modalities
# that its model is retired.
MODALITY, NOTICE_MODALITY = "OT", "DOC"
_STUDY_ID, _LONGEST_STUDY_ID = "IODEEP", 16
# UIDs of models come from publisher and name within this name space; made once.
_MODELS = uuid.UUID("a94920d3-9c0a-4e5f-9638-3b1dad110ae2")
_IMPLEMENTATION_CLASS_UID = UID("2.25.95919081643068517251043411648447740551")


def new_uid() -> str:
    """A UID of the form 2.25.*, never given before (PS3.5 B.2)."""
    return str(generate_uid(prefix=None))


def model_uid_of(recipe: Recipe) -> str:
    """The UID that all versions of the recipe's model share, without any coordination."""
    if recipe.model_uid:
        return recipe.model_uid
    return f"2.25.{uuid.uuid5(_MODELS, f'{recipe.card.publisher}/{recipe.name}').int}"


def study_id_of(modalities: Sequence[str]) -> str:
    """The Study ID, in which those who search find the modalities that a model reads.

    As many of them, in their order, as 16 characters hold (SH, PS3.5 section 6.2); no character
    that a URL would have to encode.
    """
    found = _STUDY_ID
    for modality in modalities:
        longer = f"{found}-{modality}"
        if len(longer) > _LONGEST_STUDY_ID:
            break
        found = longer
    return found


@dataclass(frozen=True)
class Identity:
    """What all instances of one model version share."""

    recipe: Recipe
    study_uid: str = field(default_factory=new_uid)
    card_series_uid: str = field(default_factory=new_uid)
    weights_series_uid: str = field(default_factory=new_uid)
    created: datetime = field(default_factory=lambda: datetime.now().astimezone())


def card_dataset(
    identity: Identity, texts: Mapping[Element, str], parts: Sequence[Part], parent: Card | None
) -> Dataset:
    """The card without its architectures.

    Args:
        identity: the model version.
        texts: the private text elements, with the architecture format.
        parts: the weights.
        parent: the version that this one was made from.
    """
    recipe = identity.recipe
    applies_to = recipe.applies_to
    dataset = _dataset(identity, identity.card_series_uid, "card")
    dataset.SeriesNumber = CARD_SERIES
    dataset.InstanceNumber = 1
    codes = applies_to.anatomic_regions
    regions = [region for region in map(region_by_code, codes) if region]
    if regions:
        dataset.BodyPartExamined = regions[0].body_part_examined
    if codes:
        dataset.AnatomicRegionSequence = [code.to_dataset() for code in codes]
    one_sided = applies_to.laterality
    unpaired = len(regions) == len(codes) > 0 and not any(region.paired for region in regions)
    dataset.ImageLaterality = one_sided.value if one_sided else "U" if unpaired else "B"
    references = [reference(part.sop_instance_uid, WEIGHTS_PURPOSE) for part in parts]
    if parent is not None:
        references.append(reference(parent.sop_instance_uid, PARENT_PURPOSE))
    if references:
        dataset.ReferencedInstanceSequence = references
    set_private(
        dataset,
        {
            Element.MODALITIES: list(applies_to.modalities),
            Element.CONDITIONS: [code.to_dataset() for code in applies_to.conditions] or None,
            Element.TASK: recipe.task.value,
            **texts,
        },
    )
    return dataset


def network_item(name: str, architecture: bytes) -> Dataset:
    """An item of Networks, which reserves the private block anew (PS3.5 section 7.8.1)."""
    item = Dataset()
    set_private(
        item,
        {
            Element.NETWORK_NAME: name,
            Element.ARCHITECTURE_FORMAT: ARCHITECTURE_FORMAT,
            Element.ARCHITECTURE_LENGTH: len(architecture),
            Element.ARCHITECTURE_DIGEST: sha256(architecture),
            Element.ARCHITECTURE: architecture,
        },
    )
    return item


def weights_dataset(identity: Identity, number: int, count: int) -> Dataset:
    """Part `number` (from 1) of `count`, without its payload."""
    dataset = _dataset(identity, identity.weights_series_uid, "weights")
    dataset.ImageLaterality = "U"  # or else PS3.3 C.7.3.1 wants Laterality: there is no body part
    dataset.SeriesNumber = WEIGHTS_SERIES
    dataset.InstanceNumber = number
    set_private(
        dataset,
        {
            Element.WEIGHTS_FORMAT: WEIGHTS_FORMAT,
            Element.PART_NUMBER: number,
            Element.PART_COUNT: count,
        },
    )
    return dataset


def _dataset(identity: Identity, series_uid: str, what: str) -> Dataset:
    recipe, created = identity.recipe, identity.created
    date, time = created.strftime("%Y%m%d"), created.strftime("%H%M%S")
    dataset = Dataset()
    # SOP Common
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = RawDataStorage
    dataset.SOPInstanceUID = new_uid()
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    dataset.TimezoneOffsetFromUTC = created.strftime("%z")
    # Patient
    dataset.PatientName, dataset.PatientID = "IODeep^Model", "IODEEP"
    dataset.PatientBirthDate = dataset.PatientSex = ""
    # General Study
    dataset.StudyInstanceUID = identity.study_uid
    dataset.StudyDate, dataset.StudyTime = date, time
    dataset.ReferringPhysicianName = dataset.AccessionNumber = ""
    dataset.StudyID = study_id_of(recipe.applies_to.modalities)
    dataset.StudyDescription = recipe.title
    # General Series
    dataset.Modality = MODALITY
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesDate, dataset.SeriesTime = date, time
    dataset.SeriesDescription = f"IODeep-{recipe.name}-{recipe.version}"
    # General Equipment
    dataset.Manufacturer = recipe.card.publisher
    dataset.ManufacturerModelName = recipe.name
    dataset.SoftwareVersions = f"IODeep {__version__}"
    # Acquisition Context
    dataset.AcquisitionContextSequence = []
    # Raw Data
    dataset.ContentDate, dataset.ContentTime = date, time
    dataset.ContentLabel = f"IODEEP_{what.upper()}"
    dataset.ContentDescription = f"{recipe.title}: {what}"[:64]
    dataset.CreatorVersionUID = CREATOR_VERSION_UID
    set_private(
        dataset,
        {
            Element.MODEL_NAME: recipe.name,
            Element.MODEL_VERSION: recipe.version,
            Element.MODEL_UID: model_uid_of(recipe),
        },
    )
    dataset.file_meta = file_meta_of(dataset)
    return dataset


def file_meta_of(dataset: Dataset) -> FileMetaDataset:
    """The file meta information (PS3.10 7.1) of an instance that is written here."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RawDataStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = f"IODEEP_{__version__}"[:16]
    return meta


def set_private(dataset: Dataset, values: Mapping[Element, Any]) -> None:
    """Set private elements; those whose value is None stay away."""
    block = block_of(dataset, create=True)
    assert block is not None  # noqa: S101 - created
    for element, value in values.items():
        if value is not None:
            block.add_new(element, DICTIONARY[element].vr, value)


def reference(sop_instance_uid: str, purpose: Code) -> Dataset:
    """An item of Referenced Instance Sequence (0008,114A)."""
    item = Dataset()
    item.ReferencedSOPClassUID = RawDataStorage
    item.ReferencedSOPInstanceUID = sop_instance_uid
    item.PurposeOfReferenceCodeSequence = [purpose.to_dataset()]
    return item

"""The objects of a round: small signed instances with JSON in them, and differences beside them.

They are Raw Data of a pseudo patient of their own, with a Creator-Version UID of their own, in a
study for each round: nobody who looks for models takes one for a model. Docs/federated.md has all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from pydicom.dataset import Dataset
from pydicom.uid import RawDataStorage

from IODeepLib import __version__
from IODeepLib.errors import InputError
from IODeepLib.federation.records import Outcome, Round, Update, from_json, to_json
from IODeepLib.model_object.characteristics import check_description
from IODeepLib.model_object.datasets import (
    NOTICE_MODALITY,
    file_meta_of,
    new_uid,
    set_private,
)
from IODeepLib.model_object.instance import Instance
from IODeepLib.model_object.private_dictionary import ROUND_VERSION_UID, Element
from IODeepLib.model_object.publishers import signatures_on
from IODeepLib.model_object.writer import save_instance
from IODeepLib.recipe.limits import Uid
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import parse
from IODeepLib.trust.dicom_signature import DicomSignature
from IODeepLib.trust.signer import Signer
from IODeepLib.trust.signing import sign_files

# Neither begins with what models begin with: older readers would take it for a damaged one.
PATIENT_ID, PATIENT_NAME = "FEDERATED-IODEEP", "IODeep^Federation"
# Archives are asked for statements by their numbers; differences are fetched of those alone that
# somebody has signed who may take part.
SERIES = {Round: 1, Update: 2, Outcome: 4}
DIFFERENCE_SERIES = 3
_LABELS = {Round: "ROUND", Update: "ROUND_UPDATE", Outcome: "ROUND_OUTCOME"}
_DIFFERENCE_LABEL = "ROUND_DIFFERENCE"
MOST_BYTES = 2**24  # of a statement; a network of ten thousand tensors has a megabyte of names
Said = TypeVar("Said", Round, Update, Outcome)


@dataclass(frozen=True)
class Statement(Generic[Said]):
    """Something that somebody has said in a round.

    Attributes:
        said: it.
        path: the file.
        sop_instance_uid: its own.
        signatures: those that it bears.
    """

    said: Said
    path: Path
    sop_instance_uid: str
    signatures: tuple[DicomSignature, ...] = field(repr=False)


def write_statement(said: Said, about: Round, path: Path, signer: Signer) -> str:
    """Write and sign an object of a round.

    Args:
        said: what it says.
        about: the round, itself or what it belongs to.
        path: a new file.
        signer: who says it.

    Returns:
        Its SOP Instance UID.

    Raises:
        InputError: it says what is beyond its limits.
    """
    dataset = dataset_of(about, SERIES[type(said)], _LABELS[type(said)], new_uid())
    set_private(dataset, {Element.STATEMENT: to_json(said)})
    save_instance(dataset, path)
    sign_files([path], signer)
    return str(dataset.SOPInstanceUID)


def read_statement(kind: type[Said], path: Path) -> Statement[Said]:
    """What is said in a file.

    Raises:
        InputError: it says nothing of that kind, or is damaged.
    """
    instance = Instance.read(path, ROUND_VERSION_UID)
    check_description(instance)
    said = from_json(kind, instance.text(Element.STATEMENT), instance.where)
    study = instance.standard("StudyInstanceUID")
    if study != said.round_uid:
        raise InputError(
            f"{instance.where} is about the round {said.round_uid} and in the study {study}",
            "an object of the round that it lies with",
            "ask whoever stored it",
        )
    uid = instance.standard("SOPInstanceUID")
    try:
        parse(Uid, uid)
    except StructureError as error:
        raise InputError(
            f"{instance.where} has the SOP Instance UID {error.found}",
            error.wanted,
            "ask whoever stored it",
        ) from None
    return Statement(said, path, uid, signatures_on(instance))


def dataset_of(about: Round, series_number: int, label: str, series_uid: str) -> Dataset:
    """An object of a round without its private elements. All times are in UTC."""
    now = datetime.now(UTC)
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = RawDataStorage, new_uid()
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    dataset.TimezoneOffsetFromUTC = "+0000"
    dataset.PatientName, dataset.PatientID = PATIENT_NAME, PATIENT_ID
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.StudyInstanceUID = about.round_uid
    # Of all objects of a study the same, whoever writes them: nobody knows when the first was made.
    dataset.StudyDate = dataset.StudyTime = ""
    dataset.ReferringPhysicianName = dataset.AccessionNumber = ""
    dataset.StudyID, dataset.StudyDescription = "ROUND", f"Federated round of {about.model}"
    dataset.Modality, dataset.SeriesInstanceUID = NOTICE_MODALITY, series_uid
    dataset.SeriesDate, dataset.SeriesTime = date, time
    dataset.SeriesNumber, dataset.InstanceNumber = series_number, 1
    dataset.SeriesDescription = f"Round-{about.number}-{about.model}-{label.lower()}"[:64]
    dataset.ImageLaterality = "U"  # or else PS3.3 C.7.3.1 wants Laterality: there is no body part
    dataset.Manufacturer = ""
    dataset.SoftwareVersions = f"IODeep {__version__}"
    dataset.AcquisitionContextSequence = []
    dataset.ContentDate, dataset.ContentTime = date, time
    dataset.ContentLabel = label
    dataset.ContentDescription = about.label[:64]
    dataset.CreatorVersionUID = ROUND_VERSION_UID
    dataset.file_meta = file_meta_of(dataset)
    return dataset


def difference_dataset(about: Round, number: int, count: int, series_uid: str) -> Dataset:
    """Part `number` (from 1) of `count` of a difference, without its payload."""
    dataset = dataset_of(about, DIFFERENCE_SERIES, _DIFFERENCE_LABEL, series_uid)
    dataset.InstanceNumber = number
    elements: Mapping[Element, object] = {
        Element.WEIGHTS_FORMAT: "SAFETENSORS",
        Element.PART_NUMBER: number,
        Element.PART_COUNT: count,
    }
    set_private(dataset, elements)
    return dataset

"""A small instance that says that a model version is not to be used any more.

DICOM instances are never edited: whoever withdraws a model adds a notice to its study.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from IODeepLib.codes import Code
from IODeepLib.disk.files import whole_file
from IODeepLib.errors import ModelError
from IODeepLib.model_object.card import Card, referenced
from IODeepLib.model_object.characteristics import check_description
from IODeepLib.model_object.datasets import (
    CARD_SERIES,
    NOTICE_MODALITY,
    new_uid,
    reference,
    set_private,
)
from IODeepLib.model_object.instance import Instance, reading
from IODeepLib.model_object.private_dictionary import Element
from IODeepLib.model_object.publishers import signatures_on
from IODeepLib.model_object.writer import save_instance
from IODeepLib.trust.dicom_signature import DicomSignature
from IODeepLib.trust.signed_bytes import MAC_PARAMETERS, SIGNATURES

RETIRED_PURPOSE = Code("RETIRED", "99IODEEP", "Version that is not to be used any more")
REPLACEMENT_PURPOSE = Code("REPLACEMENT", "99IODEEP", "Version that takes its place")
WITHDRAWN, REPLACED = "WITHDRAWN", "REPLACED"
LONGEST_REASON = 1024  # characters


@dataclass(frozen=True)
class Retirement:
    """The notice that a model version is retired.

    Attributes:
        path: the file.
        sop_instance_uid: the notice's own.
        card_uid: the card of the version that it is about.
        label: that version, as name@version.
        replacement: the version to be used instead, as name@version; "" for none.
        reason: why, in words; may be empty.
        signatures: those that it bears.
    """

    path: Path
    sop_instance_uid: str
    card_uid: str
    label: str
    replacement: str
    reason: str
    signatures: tuple[DicomSignature, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        what = f"replaced by {self.replacement}" if self.replacement else "withdrawn"
        return f"{what}: {self.reason}" if self.reason else what


def retirement_of(instance: Instance) -> Retirement:
    """The notice in an instance that was read from a file."""
    with reading(instance.where):
        card_uid = referenced(instance.dataset, RETIRED_PURPOSE)
        if card_uid is None:
            raise ModelError(
                f"{instance.where} does not say which card it retires",
                "a reference to a card",
                "retire the model again",
            )
        check_description(instance)
        name, version = instance.text(Element.MODEL_NAME), instance.text(Element.MODEL_VERSION)
        return Retirement(
            path=Path(instance.dataset.filename),
            sop_instance_uid=instance.standard("SOPInstanceUID"),
            card_uid=card_uid,
            label=f"{name}@{version}",
            replacement=str(instance.get(Element.REPLACEMENT) or ""),
            reason=str(instance.get(Element.REASON) or ""),
            signatures=signatures_on(instance),
        )


def write_retirement(card: Card, path: Path, *, reason: str, replacement: Card | None) -> None:
    """Write the notice that retires the version of `card`, as an instance of its study.

    Args:
        card: a card in a file, from which patient and study are taken.
        path: the notice.
        reason: why, in words; may be empty.
        replacement: the version that takes its place.

    Raises:
        ModelError: the card is in no file, or the reason is too long.
        OutputError: the file cannot be written.
    """
    if card.path is None or len(reason) > LONGEST_REASON:
        raise ModelError(
            f"a reason of {len(reason)} characters" if card.path else f"no file of {card.label}",
            f"a card in a file, and a reason of at most {LONGEST_REASON} characters",
            "retrieve the card, or shorten the reason",
        )
    dataset = _without_content(card.path)
    now = datetime.now().astimezone()
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.SOPInstanceUID = new_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    dataset.TimezoneOffsetFromUTC = now.strftime("%z")
    dataset.SeriesInstanceUID = new_uid()
    dataset.SeriesDate, dataset.SeriesTime = date, time
    dataset.SeriesNumber = CARD_SERIES
    dataset.Modality = NOTICE_MODALITY
    dataset.InstanceNumber = 1
    dataset.ContentDate, dataset.ContentTime = date, time
    dataset.ContentLabel = "IODEEP_RETIRED"
    dataset.ContentDescription = f"{card.label}: retired"[:64]
    references = [reference(card.sop_instance_uid, RETIRED_PURPOSE)]
    if replacement is not None:
        references.append(reference(replacement.sop_instance_uid, REPLACEMENT_PURPOSE))
    dataset.ReferencedInstanceSequence = references
    set_private(
        dataset,
        {
            Element.MODEL_NAME: card.name,
            Element.MODEL_VERSION: card.version,
            Element.MODEL_UID: card.model_uid,
            Element.STATUS: REPLACED if replacement else WITHDRAWN,
            Element.REASON: reason or None,
            Element.REPLACEMENT: replacement.label if replacement else None,
        },
    )
    with whole_file(path) as new:
        save_instance(dataset, new)


def _without_content(path: Path) -> Dataset:
    """The data set of a card without private elements and signatures: patient, study, anatomy."""
    with reading(str(path)):
        dataset = dcmread(path)
        dataset.remove_private_tags()
        for tag in (MAC_PARAMETERS, SIGNATURES):
            dataset.pop(tag, None)
        meta = dataset.file_meta
        for keyword in ("PrivateInformationCreatorUID", "PrivateInformation"):
            if keyword in meta:
                delattr(meta, keyword)
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return dataset

"""What an object of IODeep says of where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import RawDataStorage

from IODeepLib.errors import InputError
from IODeepLib.headers import items, quiet, text, texts
from IODeepLib.headers.header_file import open_regular, read_header
from IODeepLib.headers.sop_classes import holds_no_image, name_of
from IODeepLib.model_object.instance import is_dicom, read_head
from IODeepLib.results.equipment import DIGESTS
from IODeepLib.results.origin.named import Named, named_by
from IODeepLib.results.origin.parameters import Parameters, parameters_of
from IODeepLib.results.provenance import SOFTWARE, shortened
from IODeepLib.text.foreign import is_uid

_LONGEST_SHOWN = 2000
_WANTED = """
SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID
SeriesDescription Modality Manufacturer ManufacturerModelName SoftwareVersions DeviceSerialNumber
DerivationDescription StructureSetDescription ContributingEquipmentSequence
SourceImageSequence ReferencedSeriesSequence StudiesContainingOtherReferencedInstancesSequence
ReferencedImageSequence PredecessorDocumentsSequence
CurrentRequestedProcedureEvidenceSequence PertinentOtherEvidenceSequence
SegmentationType MaximumFractionalValue SegmentSequence
StructureSetROISequence ConceptNameCodeSequence ContentSequence ContentCreatorName
"""
_TAGS = [tag for keyword in _WANTED.split() if (tag := tag_for_keyword(keyword)) is not None]


@dataclass(frozen=True, eq=False)
class Origin:
    """What an object says of where it comes from; what it does not say is empty.

    Attributes:
        path: the file.
        fetched: whether that is a temporary one, whose name says nothing to people.
        name: how people call it: the name of the file, or, where it was fetched, what it is.
        header: what of it is needed here, see `_WANTED`.
        kind: what it is, such as "Segmentation Storage".
        sop_uid, series_uid, study_uid: its own.
        description: its Series Description.
        title, label, publisher: of the network, its name and version as name@version.
        card_uid: SOP Instance UID of the card of the network.
        network_sha256, weights_sha256: its digests.
        parameters: what its segments say of the run; None if they say nothing.
        software: what made it.
        derivation: how, in sentences.
        named: the images and the objects that it names.
        edited_by: who changed it; "" where nobody is named.
        faults: what in it contradicts itself or is no good.
    """

    path: Path
    fetched: bool
    name: str
    header: Dataset
    kind: str
    sop_uid: str
    series_uid: str
    study_uid: str
    description: str
    title: str
    label: str
    publisher: str
    card_uid: str
    network_sha256: str
    weights_sha256: str
    parameters: Parameters | None
    software: tuple[str, ...]
    derivation: str
    named: Named
    edited_by: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stranger:
    """An object that other software made, or that says nothing of a network.

    Attributes:
        path: the file.
        kind: what it is.
        maker: who says to have made it.
        is_result: whether it is something that was found, and no image of the patient.
        is_ours: whether it says that IODeep made it, and lacks what all results of IODeep have.
    """

    path: Path
    kind: str
    maker: str
    is_result: bool
    is_ours: bool


def origins_in(files: Iterable[Path], *, fetched: bool = False) -> Iterator[Origin | Stranger]:
    """What the DICOM objects among `files` say; files of other kinds are passed over.

    Args:
        files: to be looked at.
        fetched: whether their names say nothing to people.

    Raises:
        InputError: one is damaged.
    """
    for path in files:
        if is_dicom(read_head(path)):
            yield origin_of(path, fetched=fetched)


def origin_of(path: Path, *, fetched: bool = False) -> Origin | Stranger:
    """What the DICOM object in a file says.

    Raises:
        InputError: it cannot be read, or has no UIDs that are such.
    """
    header = _header(path)
    sop_class = text(header, "SOPClassUID")
    if not is_uid(sop_class) and not is_dicom(read_head(path)):
        raise _unreadable(path, "it is no DICOM object")
    kind = name_of(sop_class) if is_uid(sop_class) else "DICOM object of no known class"
    card_uid = text(header, "DeviceSerialNumber")
    if text(header, "Manufacturer") != SOFTWARE or not is_uid(card_uid):
        makers = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions")
        maker = " ".join(dict.fromkeys(filter(None, (text(header, key) for key in makers))))
        ours = text(header, "Manufacturer") == SOFTWARE and sop_class != RawDataStorage
        is_result = holds_no_image(sop_class)
        return Stranger(path, kind, shortened(maker, _LONGEST_SHOWN), is_result, ours)
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        if not is_uid(text(header, keyword)):
            raise _unreadable(path, f"it has the {keyword} {text(header, keyword)[:64]!a}")
    return _of_ours(path, fetched, header, kind, card_uid)


def _of_ours(path: Path, fetched: bool, header: Dataset, kind: str, card_uid: str) -> Origin:
    faults: list[str] = []
    said: Parameters | None = None
    try:
        said = parameters_of(header)
    except InputError as error:
        faults.append(error.found)
    network = _equipment(header, card_uid)
    digests = DIGESTS.search(text(network, "ContributionDescription"))
    sha256, weights = digests.groups() if digests else ("", "")
    if said is not None:
        pairs = ((said.network_sha256, sha256), (said.weights_sha256, weights))
        if any(other and one != other for one, other in pairs):
            faults.append("its segments and its equipment name different networks")
        if said.card != card_uid:
            faults.append("its segments and its equipment name different cards")
        sha256, weights = said.network_sha256, said.weights_sha256
    return Origin(
        path=path,
        fetched=fetched,
        name=_word(header, "SeriesDescription") or kind if fetched else path.name,
        header=header,
        kind=kind,
        sop_uid=text(header, "SOPInstanceUID"),
        series_uid=text(header, "SeriesInstanceUID"),
        study_uid=text(header, "StudyInstanceUID"),
        description=_word(header, "SeriesDescription"),
        title=_word(network, "ManufacturerModelName"),
        label=_word(network, "SoftwareVersions"),
        publisher=_word(network, "Manufacturer"),
        card_uid=card_uid,
        network_sha256=sha256,
        weights_sha256=weights,
        parameters=said,
        software=tuple(shortened(one, 64) for one in texts(header, "SoftwareVersions")[:10]),
        derivation=_word(header, "DerivationDescription")
        or _word(header, "StructureSetDescription"),
        named=named_by(header),
        edited_by=_word(header, "ContentCreatorName"),
        faults=tuple(faults),
    )


def _equipment(header: Dataset, card_uid: str) -> Dataset:
    """The network, as contributing equipment; empty if the object lacks it."""
    for item in items(header, "ContributingEquipmentSequence"):
        if text(item, "DeviceSerialNumber") == card_uid:
            return item
    return Dataset()


def _header(path: Path) -> Dataset:
    try:
        with quiet(), open_regular(path) as stream:
            return read_header(stream, _TAGS)
    except Exception as error:  # pydicom raises whatever a broken file leads it to
        raise _unreadable(path, str(error)) from None


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(f"{path}: {why}", "a DICOM object that is whole", "fetch or copy it again")


def _word(dataset: Dataset, keyword: str) -> str:
    return shortened(text(dataset, keyword), _LONGEST_SHOWN)

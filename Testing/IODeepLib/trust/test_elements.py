"""Elements as they stand in files, and the bytes that are signed, in every encoding."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pydicom
import pytest
from fuzzing.mutate_dicom import nested
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from IODeepLib.errors import InputError
from IODeepLib.trust.elements import DamagedError, Elements
from IODeepLib.trust.object_file import opened_object
from IODeepLib.trust.signed_bytes import (
    Ambiguous,
    UnsignableError,
    feed,
    is_signable,
)


def everything() -> Dataset:
    """A data set with all kinds of VRs, odd lengths, and sequences within sequences."""
    inner = Dataset()
    inner.CodeValue, inner.CodeMeaning = "1", "odd"
    inner.PurposeOfReferenceCodeSequence = [Dataset()]
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    item.PurposeOfReferenceCodeSequence = [inner, inner]
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPInstanceUID = "1.2.345"  # odd: a pad of zero
    dataset.Manufacturer = "Häuser"
    dataset.ReferencedInstanceSequence = [item, Dataset()]
    dataset.AcquisitionContextSequence = []
    dataset.PatientWeight = "70.50"
    dataset.Rows, dataset.SmallestImagePixelValue = 513, 7
    dataset.PixelRepresentation = 0
    dataset.FrameIncrementPointer = [0x00181063, 0x00181065]
    dataset.ExposureTimeInms = 1.25  # FD
    dataset.TableOfXBreakPoints = [65536, 2]  # UL
    dataset.SelectorSSValue = -300
    dataset.SelectorSLValue = -70000
    dataset.SelectorFLValue = 0.5
    dataset.SelectorUVValue = 2**40
    dataset.SelectorSVValue = -(2**40)
    dataset.SelectorOFValue = struct.pack("<3f", 1, 2, 3)
    dataset.SelectorODValue = struct.pack("<2d", 1, 2)
    dataset.SelectorOLValue = struct.pack("<2I", 1, 2)
    dataset.SelectorOBValue = b"\1\2\3\0"
    dataset.SelectorOWValue = struct.pack("<2H", 1, 515)
    dataset.SelectorUTValue = "x" * 70001
    return dataset


def stored(dataset: Dataset, folder: Path, syntax: str, undefined: bool = False) -> Path:
    """A file in this transfer syntax."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.345"
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
    path = folder / "file.dcm"
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    if not little:
        for keyword, kind in (("OF", "I"), ("OD", "Q"), ("OL", "I"), ("OW", "H")):
            element = dataset[f"Selector{keyword}Value"]
            size = len(element.value) // struct.calcsize(kind)
            numbers = struct.unpack(f"<{size}{kind}", element.value)
            element.value = struct.pack(f">{size}{kind}", *numbers)
    pydicom.dcmwrite(
        path, dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True
    )
    return path


def fed(path: Path) -> bytes:
    """All that is signed of a file."""
    pieces: list[bytes] = []
    with opened_object(path) as found:
        for tag, one in found.top.items():
            if is_signable(tag):
                feed(pieces.append, found.elements, one, found.ambiguous)
    return b"".join(pieces)


SYNTAXES = (
    *(ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian),
    DeflatedExplicitVRLittleEndian,
)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_same_is_signed_in_every_encoding(syntax: str, undefined: bool, tmp_path: Path) -> None:
    wanted = fed(stored(everything(), tmp_path, ExplicitVRLittleEndian))
    assert wanted.count(b"\xfe\xff\xdd\xe0") == 5  # ends of sequences
    assert fed(stored(everything(), tmp_path, syntax, undefined)) == wanted


def test_a_plain_data_set_is_signed_as_it_is_encoded(tmp_path: Path) -> None:
    """Without sequences, what is signed is the file from its first element on."""
    dataset = everything()
    del dataset.ReferencedInstanceSequence, dataset.AcquisitionContextSequence
    path = stored(dataset, tmp_path, ExplicitVRLittleEndian)
    assert path.read_bytes().endswith(fed(path))


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
@pytest.mark.parametrize("undefined", [False, True])
def test_elements_lie_where_pydicom_finds_them(
    syntax: str, undefined: bool, tmp_path: Path
) -> None:
    path = stored(everything(), tmp_path, syntax, undefined)
    dataset = pydicom.dcmread(path)
    with opened_object(path) as found:
        assert list(found.top) == [int(element) for element in dataset.keys()]  # noqa: SIM118
        for tag, element in found.top.items():
            raw = dataset.get_item(tag)
            place = raw.value_tell if raw.is_raw else raw.file_tell
            assert place == element.value


def test_what_is_empty(tmp_path: Path) -> None:
    for undefined in (False, True):
        with opened_object(stored(everything(), tmp_path, SYNTAXES[0], undefined)) as found:
            empty = {tag for tag, element in found.top.items() if element.is_empty}
            assert empty == {0x00400555}


def element(tag: tuple[int, int], vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", *tag, vr, len(value)) + value


UID, NAME = element((8, 0x18), b"UI", b"1.2.3\0"), element((0x10, 0x10), b"PN", b"A^B ")
GROUP_2 = element((2, 0x13), b"SH", b"ab")


def sequence(*items: bytes, length: int | None = None) -> bytes:
    content = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
    size = len(content) if length is None else length
    return struct.pack("<HH2sHI", 8, 0x114A, b"SQ", 0, size) + content


DAMAGED = {
    "twice": UID + UID,
    "another order": NAME + UID,
    "cut off": UID + NAME[:-1],
    "cut off in a head": UID + NAME[:5],
    "a length without end": UID + struct.pack("<HH2sHI", 0x20, 0x9999, b"OB", 0, 2**31),
    "a text without a length": UID + struct.pack("<HH2sHI", 0x20, 9, b"UT", 0, 0xFFFFFFFF) + NAME,
    "no VR": UID + struct.pack("<HHI", 0x10, 0x10, 4) + b"A^B ",
    "an item elsewhere": UID + struct.pack("<HHI", 0xFFFE, 0xE000, 0),
    "a sequence longer than the file": sequence(UID, length=2**20),
    "an item longer than its sequence": sequence(UID, length=12),
    "no item in a sequence": sequence()[:-4] + struct.pack("<I", len(UID)) + UID,
    "elements twice in an item": sequence(UID + UID),
    "elements of files in an item": sequence(GROUP_2 + UID),
    "a sequence without end": sequence(UID, length=0xFFFFFFFF),
    "sequences within each other": nested(UID, 30, (8, 0x114A)),
    "thousands of them": nested(UID, 5000, (8, 0x114A)),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_readers_may_understand_in_different_ways_is_refused(damage: str) -> None:
    elements = Elements(io.BytesIO(DAMAGED[damage]), implicit=False, little=True)
    with pytest.raises(DamagedError):
        for one in elements.top(0):
            feed(bytes, elements, one, Ambiguous())


def test_what_looks_explicit_is_not_read_as_implicit() -> None:
    elements = Elements(io.BytesIO(UID + bytes(2**16)), implicit=True, little=True)
    with pytest.raises(DamagedError, match="elements without VR that begin with one"):
        list(elements.top(0))


def test_no_more_elements_are_looked_at_than_files_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("IODeepLib.trust.elements._MOST_READINGS", 1000)
    many = b"".join(element((0x20, 2 * i), b"CS", b"") for i in range(2000))
    with pytest.raises(DamagedError, match="more elements than are looked at"):
        list(Elements(io.BytesIO(many), implicit=False, little=True).top(0))


def endless(*items: bytes) -> bytes:
    """A sequence without a length, of items without one."""
    begin, end, behind = (struct.pack("<HHI", 0xFFFE, n, 0) for n in (0xE000, 0xE00D, 0xE0DD))
    content = b"".join(begin[:4] + b"\xff" * 4 + item + end for item in items)
    return struct.pack("<HH2sHI", 8, 0x114A, b"SQ", 0, 0xFFFFFFFF) + content + behind


@pytest.mark.parametrize("depth", [2, 10])
def test_what_lies_deep_is_not_looked_at_more_often(
    depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of segmentations do, and there may be thousands of them."""
    frames = UID
    for _ in range(depth - 1):
        frames = endless(frames)
    content = endless(*[frames] * 500)
    heads = 500 * 2 * depth  # an item and an element at each level
    monkeypatch.setattr("IODeepLib.trust.elements._MOST_READINGS", 2.1 * heads)
    elements = Elements(io.BytesIO(content), implicit=False, little=True)
    for one in elements.top(0):
        feed(bytes, elements, one, Ambiguous())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (element((0x0017, 0x1001), b"UN", b""), "has lost its VR"),
        (
            struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF)
            + struct.pack("<HHIHHI", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE0DD, 0),
            "is compressed",
        ),
    ],
)
def test_what_is_not_the_same_everywhere_is_not_signed(content: bytes, words: str) -> None:
    content = content.replace(b"UN\0\0", b"UN\0\0\0\0\0\0")
    elements = Elements(io.BytesIO(content), implicit=False, little=True)
    [one] = elements.top(0)
    with pytest.raises(UnsignableError, match=words):
        feed(bytes, elements, one, Ambiguous())


def test_standard_elements_that_came_back_as_un(tmp_path: Path) -> None:
    """From a server whose dictionary is too old: their items are in Implicit VR."""
    dataset = everything()
    wanted = fed(stored(dataset, tmp_path, ExplicitVRLittleEndian))
    inside = DicomBytesIO()
    inside.is_little_endian, inside.is_implicit_VR = True, True
    alone = Dataset()
    alone.ReferencedInstanceSequence = dataset.ReferencedInstanceSequence
    write_dataset(inside, alone)
    value = inside.getvalue()[8:]
    unknown = struct.pack("<HH2sHI", 8, 0x114A, b"UN", 0, len(value)) + value
    path = stored(dataset, tmp_path, ExplicitVRLittleEndian)
    with opened_object(path) as found:
        former = found.top[0x0008114A]
    content = path.read_bytes()
    path.write_bytes(content[: former.start] + unknown + content[former.end :])
    assert fed(path) == wanted


NO_OBJECTS = {
    "no DICOM file": b"something else" * 20,
    "nothing": b"",
    "no transfer syntax": bytes(128) + b"DICM" + GROUP_2 + UID,
    "no data set": bytes(128) + b"DICM" + element((2, 0x10), b"UI", b"1.2.840.10008.1.2.1\0"),
    "a message": bytes(128)
    + b"DICM"
    + element((2, 0x10), b"UI", b"1.2.840.10008.1.2.1\0")
    + element((0, 2), b"UI", b"1.2.3\0")
    + UID,
    "a damaged deflated one": bytes(128)
    + b"DICM"
    + element((2, 0x10), b"UI", b"1.2.840.10008.1.2.1.99")
    + b"\xff" * 100,
}


@pytest.mark.parametrize("what", NO_OBJECTS)
def test_what_is_no_object(what: str, tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(NO_OBJECTS[what])
    words = "cannot be read as all readers would"
    with pytest.raises(InputError, match=words), opened_object(path):
        pass


def test_a_bomb_is_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("IODeepLib.headers.header_file.MOST_INFLATED", 10**6)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = packer.compress(bytes(10**7)) + packer.flush()
    path = tmp_path / "file.dcm"
    head = bytes(128) + b"DICM" + element((2, 0x10), b"UI", b"1.2.840.10008.1.2.1.99")
    path.write_bytes(head + bomb)
    with pytest.raises(InputError, match="inflates to more than"), opened_object(path):
        pass


def test_no_file_and_no_permission(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"none.dcm cannot be read"),
        opened_object(tmp_path / "none.dcm"),
    ):
        pass
    with pytest.raises(InputError, match="a folder, not a file"), opened_object(tmp_path):
        pass

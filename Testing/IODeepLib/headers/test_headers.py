"""Header values as real files have them: right where they are right, missing where they are not."""

from __future__ import annotations

import io
import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from IODeepLib import headers


def as_read(explicit: bool = True, **elements: tuple[str, bytes]) -> Dataset:
    """A data set that comes from a file whose elements hold the given VR and bytes."""
    stream = io.BytesIO()
    for tag, (vr, raw) in sorted((tag_for_keyword(k) or 0, e) for k, e in elements.items()):
        stream.write((tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little"))
        size = vr.encode() + len(raw).to_bytes(2, "little")
        stream.write((size if explicit else len(raw).to_bytes(4, "little")) + raw)
    stream.seek(0)
    with headers.quiet():
        return dcmread(stream, force=True)


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize(
    ("keyword", "vr", "raw", "expected"),
    [
        ("ImagePositionPatient", "DS", b"1.5\\-2 \\ 3e1", (1.5, -2.0, 30.0)),
        ("PixelSpacing", "DS", b"0.5\\0.25\0", (0.5, 0.25)),
        ("PixelSpacing", "DS", b"0.5mm\\0.5", ()),
        ("PixelSpacing", "DS", b"nan\\0.5 ", ()),
        ("PixelSpacing", "DS", b"", ()),
        ("NumberOfFrames", "IS", b"12", (12.0,)),
        ("Rows", "US", b"\x40\x01", (320.0,)),
        ("DiffusionBValue", "FD", b"\0\0\0\0\0\0\xf8\x3f", (1.5,)),
    ],
)
def test_numbers(explicit, keyword, vr, raw, expected):
    dataset = as_read(explicit, SOPClassUID=("UI", b"1.2\0"), **{keyword: (vr, raw)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert headers.numbers(dataset, keyword) == expected
        assert headers.first_number(dataset, keyword) == (expected[0] if expected else None)
        _ = dataset.get(keyword) if expected else None  # converted by pydicom, it reads the same
        assert headers.numbers(dataset, keyword) == expected


def test_big_endian_numbers():
    stream = io.BytesIO(
        b"\x00\x08\x00\x16UI\0\x04" + b"1.2\0" + b"\x00\x28\x00\x10US\0\x02\x01\x40"
    )
    assert headers.integer(dcmread(stream, force=True), "Rows") == 320


def test_text_is_stripped_and_keeps_its_characters():
    dataset = as_read(
        SpecificCharacterSet=("CS", b"ISO_IR 100"),
        SeriesDescription=("LO", "Schädel ".encode("latin-1")),
        ImageType=("CS", b"ORIGINAL \\PRIMARY\\\0"),
        SOPInstanceUID=("UI", b"1.2.3\0"),
        InstanceNumber=("IS", b" 3"),
    )
    assert headers.text(dataset, "SeriesDescription") == "Schädel"
    assert headers.texts(dataset, "ImageType") == ("ORIGINAL", "PRIMARY", "")
    assert headers.text(dataset, "SOPInstanceUID") == "1.2.3"
    assert headers.text(dataset, "InstanceNumber") == "3"
    assert headers.text(dataset, "StudyDescription") == ""


def test_items_of_what_is_no_sequence():
    dataset = as_read(ImageType=("CS", b"A\\B "))
    assert headers.items(dataset, "ImageType") == ()
    assert headers.items(dataset, "ModalityLUTSequence") == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.5", 1.5), (3, 3.0), (None, None), ("", None), ("x", None), (math.inf, None), ([], None)],
)
def test_number_of_a_value(value, expected):
    assert headers.number(value) == expected


def test_integer_has_no_fraction():
    assert headers.integer(as_read(NumberOfFrames=("IS", b"3.0 ")), "NumberOfFrames") == 3
    assert headers.integer(as_read(NumberOfFrames=("IS", b"3.5 ")), "NumberOfFrames") is None


def test_what_is_no_keyword_is_a_mistake_in_the_code():
    with pytest.raises(KeyError, match="EchoTimes"):
        headers.text(Dataset(), "EchoTimes")


@given(
    st.sampled_from(["DS", "IS", "US", "FD", "CS", "LO", "PN", "UI", "SQ", "UN", "DA", "XX"]),
    st.binary(max_size=40),
    st.booleans(),
)
def test_nothing_in_a_file_raises(vr, raw, explicit):
    raw += b" " * (len(raw) % 2)
    elements = dict.fromkeys(
        ("ImagePositionPatient", "Rows", "SeriesDescription", "ImageType"), (vr, raw)
    )
    dataset = as_read(explicit, **elements)
    for keyword in elements:
        assert isinstance(headers.text(dataset, keyword), str)
        assert all(math.isfinite(v) for v in headers.numbers(dataset, keyword))
        assert all(isinstance(i, Dataset) for i in headers.items(dataset, keyword))


@pytest.mark.parametrize(
    ("keyword", "vr", "raw", "shown"),
    [
        ("SeriesDescription", "LO", b"evil\x1b[31m", "evil\ufffd[31m"),
        ("PatientID", "LO", b"A  B", "A B"),
        ("ImageType", "CS", b"A\x07\\B ", "A\ufffd\\B"),
        ("SeriesNumber", "IS", b"7\x1b]0;x\x07", "7\ufffd]0;x\ufffd"),
        ("StudyDate", "DA", b"2024\n\r01", "2024 01"),
        ("PatientComments", "LT", b"one\r\ntwo ", "one two"),
    ],
)
def test_text_is_printable_where_it_enters(keyword, vr, raw, shown):
    dataset = as_read(**{keyword: (vr, raw)})
    assert headers.text(dataset, keyword) == shown
    exact = "\\".join(part.strip() for part in raw.decode("ascii").split("\\"))
    assert "\\".join(headers.exact_texts(dataset, keyword)) == exact


def test_the_directions_of_writing_are_not_turned():
    raw = "abc\u202edef".encode()
    dataset = as_read(SpecificCharacterSet=("CS", b"ISO_IR 192"), SeriesDescription=("LO", raw))
    assert headers.text(dataset, "SeriesDescription") == "abc\ufffddef"


@pytest.mark.parametrize("raw", [b"1.2.3\0", b"1.2\x1b3 ", b"../../x "])
def test_uids_are_as_they_stand(raw):
    dataset = as_read(SeriesInstanceUID=("UI", raw))
    assert headers.text(dataset, "SeriesInstanceUID") == raw.decode().strip(" \0")


@pytest.mark.parametrize(("value", "expected"), [(36, 36.0), ("48", 48.0), ("x", None)])
def test_private_numbers_are_found_by_their_creator(value, expected):
    dataset = Dataset()
    dataset.private_block(0x19, "SOMEBODY", create=True).add_new(0x0A, "US", 5)
    vr = "US" if isinstance(value, int) else "LO"
    dataset.private_block(0x19, "SIEMENS MR HEADER", create=True).add_new(0x0A, vr, value)
    assert headers.private_number(dataset, 0x19, "SIEMENS MR HEADER", 0x0A) == expected
    assert headers.private_number(dataset, 0x19, "NOBODY", 0x0A) is None

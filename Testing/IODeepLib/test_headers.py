"""Header values as real files have them: right where they are right, missing where they are not."""

from __future__ import annotations

import io
import logging
import math
import threading
import warnings

import pydicom.pixels  # noqa: F401 - all of pydicom's loggers are there then
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.misc import warn_and_log

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


def test_code_sequence():
    item, empty = Dataset(), Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "10200004", "SCT", "Liver"
    dataset = Dataset()
    dataset.AnatomicRegionSequence = [item, empty]
    (code,) = headers.code_sequence(dataset, "AnatomicRegionSequence")
    assert (code.value, code.scheme, code.meaning) == ("10200004", "SCT", "Liver")


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


# --- quiet ----------------------------------------------------------------------------------


def test_quiet_within_quiet(caplog):
    with pytest.warns(UserWarning) as warned:
        warn_and_log("before")
        with headers.quiet():
            with headers.quiet():
                warn_and_log("held")
            warn_and_log("held")
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                with headers.quiet():
                    warn_and_log("held")
        warn_and_log("after")
    assert [str(warning.message) for warning in warned] == caplog.messages == ["before", "after"]


def test_quiet_is_for_one_thread(caplog):
    """Two that overlap, of which the first ends first; a third one is never quiet."""
    second_is_in, first_is_out = threading.Event(), threading.Event()

    def overlap() -> None:
        with headers.quiet():
            second_is_in.set()
            first_is_out.wait()
            warn_and_log("held")
        warn_and_log("after the second")

    second = threading.Thread(target=overlap)
    third = threading.Thread(target=warn_and_log, args=("meanwhile",))
    with pytest.warns(UserWarning) as warned:
        with headers.quiet():
            second.start()
            second_is_in.wait()
            third.start()
            third.join()
        warn_and_log("after the first")
        first_is_out.set()
        second.join()
        warn_and_log("after both")
    expected = ["meanwhile", "after the first", "after the second", "after both"]
    assert [str(warning.message) for warning in warned] == caplog.messages == expected


def test_quiet_holds_back_all_of_pydicom(caplog):
    loggers = [
        logger
        for name, logger in logging.Logger.manager.loggerDict.items()
        if name.split(".")[0] == "pydicom" and isinstance(logger, logging.Logger)
    ]
    assert len(loggers) > 3
    with headers.quiet():
        for logger in loggers:
            logger.error("held")
    assert not caplog.records

"""Networks as the first IODeep program stored them are told from everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from IODeepSlicer.sources import first_generation
from makers.first_generation import NAME, write
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

import IODeepLib
from IODeepLib.model_object import Model

MR = Path(IODeepLib.__file__).parent / "demo_data" / "mr_t1" / "IM0000.dcm"


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_they_are_recognised(tmp_path: Path, syntax: str) -> None:
    write(tmp_path / "net.dcm", syntax)
    assert first_generation.nameIn(tmp_path / "net.dcm") == NAME


def test_their_sop_class_is_looked_into() -> None:
    assert first_generation.mayBe(generate_uid())
    assert not first_generation.mayBe("1.2.840.10008.5.1.4.1.1.4")
    assert not first_generation.mayBe("")


def test_nothing_else_is_taken_for_one(tmp_path: Path, network: Model) -> None:
    for path in (MR, network.card.path, *(part.path for part in network.parts)):
        assert first_generation.nameIn(path) is None
    other = tmp_path / "other.dcm"
    write(other, architecture=None)
    assert first_generation.nameIn(other) is None
    other.write_bytes(b"no DICOM")
    assert first_generation.nameIn(other) is None
    assert first_generation.nameIn(tmp_path / "missing.dcm") is None


def test_the_message_says_why_and_what_to_do() -> None:
    text = first_generation.whatToDo()
    assert "cannot run it" in text and "pickle" in text and "ONNX" in text

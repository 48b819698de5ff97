"""The ZIP file in Kaapana's objects: put together byte for byte, and refused if it is not whole."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Answer, refused
from makers import kaapana as maker
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from IODeepLib.errors import ModelError
from IODeepLib.importers import kaapana
from IODeepLib.sources.kaapana import Piece
from IODeepLib.sources.other_networks import read_other

# 1999 bytes that no pattern tells from one another, and an odd number of them.
CONTENT = bytes(i * i % 251 for i in range(1999))
Command = Callable[..., Answer]


def pieces_in(folder: Path) -> list[Piece]:
    found = [read_other(path) for path in sorted(folder.iterdir())]
    return [one for one in found if isinstance(one, Piece)]


def joined(folder: Path) -> bytes:
    path = folder.parent / "joined.zip"
    kaapana.join(pieces_in(folder), path)
    return path.read_bytes()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("piece_size", [2000, 1000, 70])
def test_the_parts_are_put_together(tmp_path: Path, syntax: str, piece_size: int) -> None:
    maker.write(tmp_path / "in", CONTENT, piece_size, syntax)
    assert joined(tmp_path / "in") == CONTENT + b"\0"  # DICOM's pad, which no ZIP reader minds


def test_a_zip_file_with_the_pad_behind_it_is_one(tmp_path: Path) -> None:
    texts = (b"{}", b"{ }")
    content = next(z for z in (maker.zipped({"plans.json": t}) for t in texts) if len(z) % 2)
    maker.write(tmp_path / "in", content)
    joined(tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "joined.zip") as archive:
        assert archive.read("plans.json") in texts


def test_what_dcmtk_makes_of_it_is_read(tmp_path: Path) -> None:
    """Kaapana writes its objects with xml2dcm; this one was made by it, too."""
    maker.write(tmp_path / "model", CONTENT)
    [source] = (tmp_path / "model").iterdir()
    (tmp_path / "in").mkdir()
    xml, target = tmp_path / "object.xml", tmp_path / "in" / "object.dcm"
    subprocess.run(["dcm2xml", "+Eb", "+Wb", source, xml], check=True)
    subprocess.run(["xml2dcm", xml, target], check=True)
    assert dcmread(target).file_meta.ImplementationVersionName.startswith("OFFIS_DCMTK")
    assert joined(tmp_path / "in") == CONTENT + b"\0"


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_part(tmp_path: Path, missing: int) -> None:
    maker.write(tmp_path / "in", CONTENT, 700)
    next((tmp_path / "in").glob(f"*-{missing}.dcm")).unlink()
    with pytest.raises(ModelError, match="of 3 parts"):
        joined(tmp_path / "in")


def test_a_part_twice(tmp_path: Path) -> None:
    maker.write(tmp_path / "in", CONTENT, 700)
    one = next((tmp_path / "in").glob("*-2.dcm"))
    (tmp_path / "in" / "copy.dcm").write_bytes(one.read_bytes())
    with pytest.raises(ModelError, match="of 3 parts"):
        joined(tmp_path / "in")


def test_a_part_that_breaks_off(tmp_path: Path) -> None:
    maker.write(tmp_path / "in", CONTENT)
    [path] = (tmp_path / "in").iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="1900 of 2000 bytes"):
        joined(tmp_path / "in")


def test_bytes_in_another_order(tmp_path: Path) -> None:
    maker.write(tmp_path / "in", CONTENT)
    [path] = (tmp_path / "in").iterdir()
    big = tmp_path / "big.dcm"
    subprocess.run(["dcmconv", "+tb", path, big], check=True)
    big.replace(path)
    assert dcmread(path).file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    with pytest.raises(ModelError, match="Big Endian"):
        joined(tmp_path / "in")


# The command


def call(iodeep: Command, tmp_path: Path, *more: str) -> Answer:
    return iodeep("import", "kaapana", tmp_path / "in", "--out", tmp_path / "out", *more)


def test_no_model(iodeep: Command, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    refused(call(iodeep, tmp_path), 4, "no network of the kind kaapana")
    assert not (tmp_path / "out").exists()


def test_several_models(iodeep: Command, tmp_path: Path) -> None:
    first = maker.write(tmp_path / "in", CONTENT)
    second = maker.write(tmp_path / "in", CONTENT)
    refused(call(iodeep, tmp_path), 2, "2 networks", first, second, "--series UID")
    refused(call(iodeep, tmp_path, "--series", "1.2.3"), 4, "no network of the kind")
    refused(call(iodeep, tmp_path, "--series", "../x"), 2, "a UID")


def test_no_zip_file(iodeep: Command, tmp_path: Path) -> None:
    maker.write(tmp_path / "in", CONTENT)
    refused(call(iodeep, tmp_path), 4, "make no ZIP file")
    assert not (tmp_path / "out").exists()


def test_a_model_of_the_first_nnunet(iodeep: Command, tmp_path: Path) -> None:
    names = ("Task042_X/nnUNetTrainerV2__nnUNetPlansv2.1/plans.pkl", "fold_0/x.model")
    maker.write(tmp_path / "in", maker.zipped(dict.fromkeys(names, b"x")))
    refused(call(iodeep, tmp_path), 4, "nnU-Net 1")
    assert not (tmp_path / "out").exists()


def test_names_that_lead_out_of_the_folder_are_left_out(iodeep: Command, tmp_path: Path) -> None:
    hostile = {"../../../../plans.json": b"{}", "/dataset.json": b"{}", "x/y.txt": b""}
    maker.write(tmp_path / "in", maker.zipped(hostile))
    refused(call(iodeep, tmp_path), 4, "plans.json")
    assert not (tmp_path / "plans.json").exists()

"""Models out of folders and ZIP files, which may be anything."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import pytest
from makers.packed_models import files, flip, make_model
from makers.series import Stack
from numpy import zeros

from IODeepLib.errors import ModelError, OutputError
from IODeepLib.model_object import Model, same_content
from IODeepLib.sources import copies
from IODeepLib.sources.copies import copy_models, may_hold_models


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return make_model(tmp_path, parts=3)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def zipped(path: Path, members: dict[str, bytes | Path], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            data = content.read_bytes() if isinstance(content, Path) else content
            archive.writestr(name, data)
    return path


def whole(model: Model, tmp_path: Path, **more: bytes) -> Path:
    members = {f"packed/{path.name}": path for path in files(model)}
    return zipped(tmp_path / "model.zip", members | more)


def test_a_zip_file_gives_the_model_and_nothing_else(
    model: Model, out: Path, tmp_path: Path
) -> None:
    assert len(files(model)) > 1
    (tmp_path / "ct").mkdir()
    image = next(Stack(zeros((2, 3, 4), "int16")).write(tmp_path / "ct").iterdir())
    inner = whole(model, tmp_path).read_bytes()
    members = {"inner.zip": inner, "image.dcm": image.read_bytes(), "readme.txt": b"hello"}
    (found,) = copy_models(whole(model, tmp_path, **members), out).models
    assert same_content(found.card, model.card) and not found.missing_parts
    assert {path.read_bytes() for path in out.iterdir()} == {
        path.read_bytes() for path in files(model)
    }


def test_so_does_a_folder(model: Model, out: Path, tmp_path: Path) -> None:
    (tmp_path / "packed" / "notes.txt").write_text("hello")
    (found,) = copy_models(tmp_path / "packed", out).models
    assert found.card.label == model.card.label
    assert len(list(out.iterdir())) == len(files(model))
    assert all(path.is_file() for path in files(model))


def test_names_lead_nowhere(model: Model, out: Path, tmp_path: Path) -> None:
    card, *weights = files(model)
    members: dict[str, bytes | Path] = {"../../evil.dcm": card, "/evil.dcm": weights[0]}
    members |= {f"C:\\{i}.dcm": path for i, path in enumerate(weights[1:])}
    before = set(tmp_path.iterdir())
    path = zipped(tmp_path / "names.zip", members)
    (found,) = copy_models(path, out).models
    assert found.missing_parts == ()
    assert set(tmp_path.iterdir()) == before | {path}
    assert all(one.parent == out for one in files(found))


def test_links_are_not_followed(model: Model, out: Path, tmp_path: Path) -> None:
    path = tmp_path / "links.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("card.dcm")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, os.fsencode(model.card.path))
    with pytest.raises(ModelError, match="holds no network"):
        copy_models(path, out)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "broken").symlink_to(tmp_path / "nothing")
    with pytest.raises(ModelError, match="holds no network"):
        copy_models(tmp_path / "folder", out)
    assert not list(out.iterdir())


def test_what_is_no_zip_file(model: Model, out: Path, tmp_path: Path) -> None:
    path = whole(model, tmp_path)
    content = path.read_bytes()
    for broken in (b"", b"PK", content[: len(content) // 2], os.urandom(5000)):
        path.write_bytes(broken)
        with pytest.raises(ModelError, match="no ZIP file that can be read"):
            copy_models(path, out)


def test_damaged_content_is_said(model: Model, out: Path, tmp_path: Path) -> None:
    path = whole(model, tmp_path)
    content = bytearray(path.read_bytes())
    for place in range(2000, len(content) - 2000, 97):
        content[place] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError):
        copy_models(path, out)


def test_a_password_is_not_asked_for(model: Model, out: Path, tmp_path: Path) -> None:
    path = whole(model, tmp_path)
    content = bytearray(path.read_bytes())
    # Bit 0 of the general purpose flags, in local and central headers (APPNOTE 4.3.7, 4.3.12).
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(mark, at + 4)
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError, match="is encrypted"):
        copy_models(path, out)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("damaged", [False, True])
def test_other_ways_to_compress_are_refused_before_they_are_tried(
    model: Model, out: Path, tmp_path: Path, method: int, damaged: bool
) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.write(model.card.path, "card.dcm")
    content = bytearray(path.read_bytes())
    if damaged:
        content[50:70] = bytes(20)
    path.write_bytes(bytes(content))
    assert not may_hold_models(path)
    with pytest.raises(ModelError, match=f"compressed by method {method}"):
        copy_models(path, out)
    assert not list(out.iterdir())


def test_too_many_files(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "MOST_MEMBERS", 10)
    path = zipped(tmp_path / "many.zip", {str(i): b"" for i in range(11)})
    with pytest.raises(ModelError, match="with 11 files"):
        copy_models(path, out)


def test_what_comes_out_counts_and_not_what_it_says(
    model: Model, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte of nothing behind a card, of which the headers say that it is small."""
    path = zipped(tmp_path / "bomb.zip", {"card.dcm": model.card.path.read_bytes() + bytes(2**24)})
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.find(mark)
        content[at + place : at + place + 4] = struct.pack("<I", 5000)
    assert len(content) < 2**20
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError):
        copy_models(path, out)
    assert sum(one.stat().st_size for one in out.iterdir()) < 2**20
    monkeypatch.setattr(copies, "MOST_BYTES", 2**20)
    true = zipped(path, {"card.dcm": model.card.path.read_bytes() + bytes(2**24)})
    for one in out.iterdir():
        one.unlink()
    with pytest.raises(OutputError, match="more than 1048576 bytes"):
        copy_models(true, out)
    assert sum(one.stat().st_size for one in out.iterdir()) < 2**22


def test_a_card_alone_is_a_model_with_missing_parts(
    model: Model, out: Path, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "card.zip", {"card.dcm": model.card.path})
    (found,) = copy_models(path, out).models
    assert found.missing_parts


def test_an_altered_weight_is_found(model: Model, out: Path, tmp_path: Path) -> None:
    part = model.weights()[0]
    flip(part.path, part.payload.offset + part.payload.length - 1)
    path = whole(model, tmp_path)
    with pytest.raises(ModelError):
        copy_models(path, out)


def test_what_may_hold_a_model_is_told_at_a_glance(model: Model, tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    Stack(zeros((2, 3, 4), "int16")).write(tmp_path / "ct")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(whole(model, tmp_path).read_bytes()[:3000])
    path = whole(model, tmp_path)
    assert may_hold_models(path) and may_hold_models(tmp_path / "packed")
    for other in (tmp_path / "ct", broken, tmp_path / "nothing", tmp_path / "network.onnx"):
        assert not may_hold_models(other)

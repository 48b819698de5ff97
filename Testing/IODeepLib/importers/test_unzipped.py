"""ZIP files from anywhere: into our own folder, and no farther."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from IODeepLib.errors import ModelError
from IODeepLib.importers import unzipped
from IODeepLib.importers.unzipped import unzip


def zip_file(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inside"
    made.mkdir()
    return made


def files_in(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_what_is_wanted_comes_out_in_its_folders(tmp_path: Path, folder: Path) -> None:
    path = zip_file(tmp_path / "a.zip", {"x/fold_0/c.pth": b"1" * 5000, "x/no.png": b"2"})
    unzip(path, folder, lambda name: name.endswith(".pth"))
    assert files_in(folder) == {"x/fold_0/c.pth": b"1" * 5000}


@pytest.mark.parametrize(
    "name", ["../out", "x/../../out", "/out", "C:/out", "x\\..\\..\\out", "./out", "x//out", "\x1b"]
)
def test_names_lead_nowhere_else(tmp_path: Path, folder: Path, name: str) -> None:
    unzip(zip_file(tmp_path / "a.zip", {name: b"1", "in": b"2"}), folder)
    assert files_in(folder) == {"in": b"2"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "inside"]


def test_links_are_left_out(tmp_path: Path, folder: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    unzip(tmp_path / "a.zip", folder)
    assert files_in(folder) == {}


def test_what_has_no_room_is_refused(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zip_file(tmp_path / "a.zip", {"a": bytes(10**6), "b": bytes(10**6)})
    monkeypatch.setattr(unzipped, "_MOST_BYTES", 2 * 10**6)
    unzip(path, folder)
    monkeypatch.setattr(unzipped, "_MOST_BYTES", 2 * 10**6 - 1)
    (tmp_path / "other").mkdir()
    with pytest.raises(ModelError, match="more than 999999 bytes"):
        unzip(path, tmp_path / "other")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all"])
def test_what_is_no_zip_file_is_refused(tmp_path: Path, folder: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ModelError, match="cannot be unpacked"):
        unzip(tmp_path / "a.zip", folder)


def test_damage_is_found(tmp_path: Path, folder: Path) -> None:
    path = zip_file(tmp_path / "a.zip", {"a": b"abc" * 1000}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="CRC"):
        unzip(path, folder)


def test_other_methods_are_refused(tmp_path: Path, folder: Path) -> None:
    path = zip_file(tmp_path / "a.zip", {"a": b"abc"}, zipfile.ZIP_LZMA)
    with pytest.raises(ModelError, match="method 14"):
        unzip(path, folder)

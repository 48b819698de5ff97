"""Files that are none, and headers without end: not waited for, and given up within a budget."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from makers.packed_models import make_model
from makers.series import Stack, enhanced, save
from pydicom.uid import DeflatedExplicitVRLittleEndian, RawDataStorage

from IODeepLib.errors import ImageError, IODeepError
from IODeepLib.headers import header_file
from IODeepLib.headers.header_file import NotRegularError, open_regular
from IODeepLib.series import find_series
from IODeepLib.series.image_file import Skipped, read_image_file
from IODeepLib.sources.folder import FolderSource, find_models

SHORT = Path(tempfile.gettempdir())


@pytest.fixture
def strange(tmp_path: Path) -> Iterator[Callable[[str, Path], Path]]:
    """Makes what is no file."""
    sockets = []

    def make(kind: str, path: Path) -> Path:
        if kind == "a pipe":
            os.mkfifo(path)
        elif kind == "a socket":
            sockets.append(socket.socket(socket.AF_UNIX))
            short = Path(tempfile.mkdtemp(dir=SHORT), "s")  # its name may have 108 characters
            sockets[-1].bind(str(short))
            path.symlink_to(short)
        elif kind == "a device":
            path.symlink_to("/dev/zero")
        elif kind == "a link to a pipe":
            os.mkfifo(tmp_path / "the pipe")
            path.symlink_to(tmp_path / "the pipe")
        elif kind == "a link to nothing":
            path.symlink_to(tmp_path / "nowhere")
        return path

    yield make
    for one in sockets:
        one.close()


KINDS = ["a pipe", "a socket", "a device", "a link to a pipe", "a link to nothing"]


@pytest.mark.parametrize("name", ["000a", "000a.dcm"])
@pytest.mark.parametrize("kind", KINDS[:4])
def test_what_is_no_file_is_passed_over(
    tmp_path: Path, strange: Callable[[str, Path], Path], kind: str, name: str
) -> None:
    images = tmp_path / "images"
    Stack().write(images)
    strange(kind, images / name)
    (series,) = find_series(images)
    assert series.volume().array.shape == (5, 6, 7)


@pytest.mark.parametrize("kind", KINDS[:4])
def test_what_is_no_file_is_said_if_it_was_named(
    tmp_path: Path, strange: Callable[[str, Path], Path], kind: str
) -> None:
    path = strange(kind, tmp_path / "strange")
    with pytest.raises(ImageError, match=f"strange: {kind.removeprefix('a link to ')}, not a file"):
        find_series(path)


@pytest.mark.parametrize("kind", KINDS)
def test_models_beside_what_is_no_file(
    tmp_path: Path, strange: Callable[[str, Path], Path], kind: str
) -> None:
    make_model(tmp_path)
    strange(kind, tmp_path / "packed" / "strange")
    assert len(find_models(tmp_path / "packed").models) == 1
    assert FolderSource(tmp_path / "packed").objects("1.2.3", tmp_path) == []


def test_a_file_that_becomes_a_pipe_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one"
    os.mkfifo(path)
    (tmp_path / "file").write_bytes(b"")
    regular = os.stat(tmp_path / "file")  # noqa: PTH116
    monkeypatch.setattr(header_file.os, "stat", lambda _: regular)
    done = []

    def try_it() -> None:
        with pytest.raises(NotRegularError):
            open_regular(path)
        done.append(True)

    thread = threading.Thread(target=try_it, daemon=True)
    thread.start()
    thread.join(20)
    assert done


# --- headers without end --------------------------------------------------------------------

MARK = b"\0" * 128 + b"DICM"
SEQUENCE = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
OPEN_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
CLOSE_ITEM = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
ELEMENT = struct.pack("<HH2sH", 0x0008, 0x0060, b"CS", 2) + b"MR"
META = (
    struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, 30)
    + struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", 22)
    + DeflatedExplicitVRLittleEndian.encode()
)


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return MARK + META + packer.compress(content) + packer.flush()


ENDLESS = {
    "zeros": MARK + b"\0" * 20_000_000,
    "one element again and again": MARK + ELEMENT * 2_000_000,
    "a sequence of empty items": MARK + SEQUENCE + ITEM * 2_000_000,
    "a sequence of small items": MARK + SEQUENCE + (OPEN_ITEM + ELEMENT + CLOSE_ITEM) * 700_000,
    "sequences in sequences": MARK + (SEQUENCE + OPEN_ITEM) * 1_000_000,
    "deflated zeros": deflated(b"\0" * 200_000_000),
    "deflated items": deflated(SEQUENCE + ITEM * 10_000_000),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_headers_without_end(tmp_path: Path, what: str) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(ENDLESS[what])
    read = read_image_file(path)
    assert isinstance(read, Skipped) and read.damaged
    if what == "sequences in sequences":  # that deep Python does not go
        assert read.reason.startswith("damaged: its header cannot be parsed")
    else:
        assert read.reason == "damaged: its header takes too long to read"


def test_a_model_whose_header_does_not_end(tmp_path: Path) -> None:
    sop_class = struct.pack("<HH2sH", 0x0008, 0x0016, b"UI", 24) + RawDataStorage.encode()
    path = tmp_path / "one.dcm"
    path.write_bytes(MARK + sop_class.ljust(32, b"\0") + b"\0" * 20_000_000)
    (problem,) = find_models(tmp_path).problems
    assert "takes too long" in str(problem.error)


def test_items_without_end_where_frames_are_described(tmp_path: Path) -> None:
    """Of known length, so that they are parsed only where they are needed."""
    path = save(enhanced(Stack(), range(5)), tmp_path / "one.dcm")
    whole = path.read_bytes()
    at = whole.index(struct.pack("<HH2s", 0x5200, 0x9230, b"SQ"))
    items = ITEM * 1_000_000
    header = struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, len(items))
    pixels = whole[whole.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW")) :]
    path.write_bytes(whole[:at] + header + items + pixels)
    (series,) = find_series(tmp_path)
    with pytest.raises(ImageError, match="it describes 0 of its 5 frames"):
        series.volume()


@pytest.mark.parametrize("frames", [1, 40, 2000])
def test_rich_headers_are_within_the_budget(tmp_path: Path, frames: int) -> None:
    stack = Stack(np.arange(frames * 4, dtype=np.int16).reshape(frames, 2, 2))
    groups = {
        f"{name}Sequence": lambda _: {"ImageComments": "x"}
        for name in ("FrameContent", "MREcho", "MRModifier", "MRAveraging", "FrameVOILUT")
    }
    ds = enhanced(stack, range(frames), **groups)  # type: ignore[arg-type]
    for one in ds.PerFrameFunctionalGroupsSequence:
        one.is_undefined_length_sequence_item = True
        for element in one:
            element.is_undefined_length = True
    ds["PerFrameFunctionalGroupsSequence"].is_undefined_length = True
    save(ds, tmp_path / "one.dcm")
    (series,) = find_series(tmp_path)
    np.testing.assert_array_equal(series.volume().array, stack.voxels)


# --- other formats --------------------------------------------------------------------------

NIFTI = struct.pack("<I", 348) + b"\0" * 340 + b"n+1\0" + b"\0" * 1000
FORMATS = {
    "a ZIP archive": b"PK\x03\x04" + b"x" * 500,
    "a gzip archive": b"\x1f\x8b\x08\x00" + b"x" * 500,
    "a NIfTI image": NIFTI,
    "a 7z archive": b"7z\xbc\xaf\x27\x1c" + b"x" * 500,
    "a tar archive": b"a".ljust(257, b"\0") + b"ustar\0" + b"\0" * 300,
    "an NRRD image": b"NRRD0004\n" + b"x" * 500,
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + b"x" * 500,
    "a JPEG picture": b"\xff\xd8\xff\xe0" + b"x" * 500,
    "a PDF document": b"%PDF-1.7" + b"x" * 500,
}


@pytest.mark.parametrize("what", ["a NIfTI image", "a tar archive", "an NRRD image"])
def test_what_is_packed_with_gzip(tmp_path: Path, what: str) -> None:
    path = tmp_path / "one.nii.gz"
    noise = np.random.default_rng(1).bytes(10_000)
    path.write_bytes(gzip.compress(FORMATS[what] + noise))
    with pytest.raises(ImageError, match=f"{what}; wanted: a DICOM image"):
        find_series(path)


@pytest.mark.parametrize("what", FORMATS)
def test_other_formats_are_called_by_their_names(tmp_path: Path, what: str) -> None:
    path = tmp_path / "one"
    path.write_bytes(FORMATS[what])
    wanted = "unpack it" if "archive" in what else "name the DICOM files"
    for asked in (path, tmp_path):
        with pytest.raises(IODeepError) as caught:
            find_series(asked)
        assert what.split(maxsplit=1)[1] in caught.value.args[0] and wanted in caught.value.args[2]
        assert "not DICOM" not in str(caught.value)

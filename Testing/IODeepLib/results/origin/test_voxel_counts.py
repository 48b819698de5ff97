"""The voxels of a stored segmentation are counted again, in whatever syntax it is by now."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from command import Answer
from makers.packed_models import altered
from makers.results import PROVENANCE, scattered
from makers.series import Stack
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import (
    MPEG2MPML,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results import SegmentationType, make_seg
from IODeepLib.results.origin.origin import Origin, origin_of
from IODeepLib.results.origin.voxel_counts import counted_voxels
from IODeepLib.series import find_series

BINARY, LABELMAP, FRACTIONAL = SegmentationType


# One each: pydicom would try GDCM's as well, which ends the process at some values.
ENCODERS = {RLELossless: "pydicom", JPEGLSLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg"}


def compress(dataset: Dataset, syntax: str) -> None:
    dataset.compress(syntax, encoding_plugin=ENCODERS[syntax], generate_instance_uid=False)


def by_pydicom(syntax: str) -> Callable[[Path], None]:
    return lambda path: altered(path, lambda dataset: compress(dataset, syntax))


def by_dcmtk(program: str, *options: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        if shutil.which(program) is None:
            pytest.skip(f"no {program} (DCMTK)")
        subprocess.run([program, *options, path, path], check=True, capture_output=True)

    return change


NATIVE = {
    "as it was written": lambda path: None,
    "deflated": by_dcmtk("dcmconv", "+td"),
    "implicit": by_dcmtk("dcmconv", "+ti"),
    "big endian": by_dcmtk("dcmconv", "+tb"),
}
# None of these encoders takes one bit a pixel.
COMPRESSED = {
    "RLE, pydicom": by_pydicom(RLELossless),
    "RLE, DCMTK": by_dcmtk("dcmcrle"),
    "RLE, DCMTK, without a table of the frames": by_dcmtk("dcmcrle", "-ot"),
    "JPEG-LS, pydicom": by_pydicom(JPEGLSLossless),
    "JPEG-LS, DCMTK": by_dcmtk("dcmcjpls"),
    "JPEG-LS, DCMTK, in several fragments": by_dcmtk("dcmcjpls", "+fs", "1"),
    "JPEG, DCMTK": by_dcmtk("dcmcjpeg", "+e1"),
    "JPEG 2000, pydicom": by_pydicom(JPEG2000Lossless),
}
WAYS = [
    *[(kind, way) for kind in SegmentationType for way in NATIVE],
    *[(kind, way) for kind in (LABELMAP, FRACTIONAL) for way in COMPRESSED],
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Segmentation, Path]:
    """Two labels with probabilities by chance, and a folder with a SEG of each type."""
    folder = tmp_path_factory.mktemp("segs")
    (series,) = find_series(Stack(np.zeros((5, 37, 41), np.int16)).write(folder / "images"))
    found = scattered(series.grid)
    chance = np.random.default_rng(2).integers(0, 256, (2, *series.grid.shape), np.uint8)
    found = replace(found, probabilities=chance)
    for kind in SegmentationType:
        made = make_seg(found, series, PROVENANCE, seg_type=kind)
        assert made is not None
        made.save(folder / f"{kind}.dcm")
    return found, folder


def counted(path: Path) -> dict[str, int]:
    found = origin_of(path)
    assert isinstance(found, Origin)
    return counted_voxels(path, found.header).voxels


@pytest.fixture
def seg_of(written: tuple[Segmentation, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of the SEG of a type."""
    return lambda kind: Path(shutil.copy(written[1] / f"{kind}.dcm", tmp_path))


@pytest.mark.parametrize(("kind", "way"), WAYS)
def test_each_syntax_gives_the_voxels_that_were_found(
    kind: SegmentationType,
    way: str,
    written: tuple[Segmentation, Path],
    seg_of: Callable[[str], Path],
) -> None:
    found, _ = written
    path = seg_of(kind)
    (NATIVE | COMPRESSED)[way](path)
    if kind is FRACTIONAL:
        assert found.probabilities is not None
        likely = np.count_nonzero(found.probabilities > 127, axis=(1, 2, 3))
        wanted = {one.name: int(n) for one, n in zip(found.labels, likely, strict=True)}
    else:
        wanted = {one.name: int(np.count_nonzero(found.mask(one))) for one in found.labels}
    assert min(wanted.values()) > 100
    assert counted(path) == wanted


def test_what_nothing_decodes_says_what_would(
    seg_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seg_of(LABELMAP)
    by_pydicom(JPEGLSLossless)(path)
    monkeypatch.setattr(get_decoder(JPEGLSLossless), "_available", {})
    with pytest.raises(ValueError, match=r"^in transfer syntax JPEG-LS.*next: pip install pyjpe"):
        counted(path)


def not_for_pixels(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    dataset.PixelData = encapsulate([b"\0\0"] * int(dataset.NumberOfFrames))
    dataset["PixelData"].is_undefined_length = True


def a_frame_less(dataset: Dataset) -> None:
    compress(dataset, RLELossless)
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=5))
    dataset.PixelData = encapsulate(frames[:-1])


def no_frames_at_all(dataset: Dataset) -> None:
    compress(dataset, RLELossless)
    del dataset.PixelData


def gigabytes(dataset: Dataset) -> None:
    """Empty frames that a decoder would take 17 GB for, one after the other."""
    compress(dataset, RLELossless)
    dataset.Rows = dataset.Columns = 8192
    dataset.NumberOfFrames = 256
    dataset.PixelData = encapsulate([b"\0\0"] * 256)
    del dataset.PerFrameFunctionalGroupsSequence


def a_frame_of_gigabytes(dataset: Dataset) -> None:
    dataset.Rows = dataset.Columns = 65535


def cut_off(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:-40]


def deeper(dataset: Dataset) -> None:
    dataset.BitsAllocated = dataset.BitsStored = 32


def signed(dataset: Dataset) -> None:
    dataset.PixelRepresentation = 1


def of_another_type(dataset: Dataset) -> None:
    dataset.SegmentationType = "SURFACE\x1b[2J"


HOSTILE = {
    not_for_pixels: r"^in transfer syntax MPEG2 .*next: convert",
    a_frame_less: "cannot be decoded",
    no_frames_at_all: "no pixel data|cannot be decoded",
    gigabytes: "17179869184 pixels.*next: convert",
    a_frame_of_gigabytes: "claims images of 65535 x 65535",
    cut_off: "end after",
    deeper: "32 bits|end after",
    signed: "a sign",
    of_another_type: r"of the type SURFACE[^\x1b]*$",
}


@pytest.mark.parametrize("change", HOSTILE, ids=lambda one: one.__name__)
def test_what_cannot_be_counted_says_why(
    change: Callable[[Dataset], None], seg_of: Callable[[str], Path]
) -> None:
    path = seg_of(LABELMAP)
    altered(path, change)
    with pytest.raises(ValueError, match=HOSTILE[change]):
        counted(path)


@pytest.mark.parametrize("one", [0, 256, -1, None])
def test_probabilities_without_a_scale(one: int | None, seg_of: Callable[[str], Path]) -> None:
    path = seg_of(FRACTIONAL)

    def change(dataset: Dataset) -> None:
        if one is None:
            del dataset.MaximumFractionalValue
        else:
            dataset["MaximumFractionalValue"].VR = "SS"
            dataset.MaximumFractionalValue = one

    altered(path, change)
    with pytest.raises(ValueError, match="which value stands for 1"):
        counted(path)


def test_a_scale_of_another_length(seg_of: Callable[[str], Path]) -> None:
    """Half of it is half of it: other software writes 0 to 100."""
    path = seg_of(FRACTIONAL)
    pixels = pydicom.dcmread(path).pixel_array
    altered(path, lambda dataset: setattr(dataset, "MaximumFractionalValue", 201))
    assert sum(counted(path).values()) == np.count_nonzero(pixels >= 100.5)


@pytest.fixture(scope="module")
def fractional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a result whose segmentation holds probabilities."""
    from makers.recipes import label
    from makers.summing_networks import model_of, sums

    from IODeepLib.cli.main import main

    folder = tmp_path_factory.mktemp("fractional")
    values = np.arange(5 * 24 * 28, dtype=np.int16).reshape(5, 24, 28)
    images = Stack(values).write(folder / "images")
    network = sums([[0], [0.001], [-0.001]], spatial=3, bias=[0.5, -2, 0.9])
    labels = [label(1, "bright"), label(2, "dark")]
    output = {"channels": 3, "activation": "softmax", "labels": labels}
    model_of(folder, network, output=output)
    out = folder / "out"
    where = ["--models", str(folder / "model"), "--out", str(out), "--seg-type", "FRACTIONAL"]
    assert main(["run", str(images), *where]) == 0
    return out


def test_probabilities_are_compared_at_one_half(
    fractional: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    out = shutil.copytree(fractional, tmp_path / "out")
    said = json.loads((out / "result.json").read_text("utf-8"))
    decided = {one["label"]: one["voxels"] for one in said["measurements"]["segments"]}
    # Of three classes, one can win with less than a half.
    assert 0 < said["voxels_at_half"]["bright"] < decided["bright"]
    seg = out / "segmentation.dcm"
    line = "2 segments with as many voxels with a probability of a half or more as result.json"
    assert line in iodeep("show", out).out
    by_pydicom(RLELossless)(seg)
    answer = iodeep("show", out)
    assert line in answer.out and answer.status == 0

    def another_voxel(dataset: Dataset) -> None:
        dataset.decompress(generate_instance_uid=False)
        content = bytearray(dataset.PixelData)
        content[0] ^= 0x80
        dataset.PixelData = bytes(content)
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

    altered(seg, another_voxel)
    answer = iodeep("show", out)
    assert answer.status == 4
    assert "voxels with a probability of a half or more, in result.json" in answer.out


def test_a_record_that_does_not_say_it(
    fractional: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    out = shutil.copytree(fractional, tmp_path / "out")
    said = json.loads((out / "result.json").read_text("utf-8"))
    del said["voxels_at_half"]
    (out / "result.json").write_text(json.dumps(said), "utf-8")
    answer = iodeep("show", out)
    assert answer.status == 0
    assert "not checked      segmentation.dcm: result.json does not say how many" in answer.out

"""Voxels come out exactly as they were stored and rescaled, in whatever encoding."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest
from makers.series import Stack, enhanced, image, item, put, save
from PIL import Image
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.tag import Tag
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from IODeepLib.errors import ImageError
from IODeepLib.series import find_series

RANDOM = np.random.default_rng(5)


def noise(dtype: str, shape=(3, 5, 6), low=None, high=None) -> np.ndarray:
    """Random values over the whole range of `dtype`, both ends among them, or from low to high."""
    limits = np.iinfo(dtype)
    low, high = limits.min if low is None else low, limits.max if high is None else high
    values = RANDOM.integers(low, high, shape, dtype=dtype, endpoint=True)
    values.flat[0], values.flat[-1] = low, high
    return values


def ramp(dtype: str, low: int, high: int) -> np.ndarray:
    """(3, 64, 64) values that rise from low to high with ripples: coders refuse pure noise."""
    rise = np.linspace(low, high, 3 * 64 * 64).round()
    ripples = RANDOM.integers(-2, 3, rise.shape)
    return np.clip(rise + ripples, low, high).astype(dtype).reshape(3, 64, 64)


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "dtype"),
    [
        (noise("int16"), 1, 0, "int16"),
        (noise("int16"), 1, -1024, "int32"),
        (noise("int16", low=-2000, high=3000), 1, -1024, "int16"),
        (noise("uint16", high=4095), 1, -1024, "int16"),
        (noise("uint16", low=40000, high=60000), 1, -50000, "int16"),
        (noise("uint16"), 1, -32768, "int16"),
        (noise("uint16"), 1, 0, "int32"),
        (noise("int16"), -1, -1, "int16"),
        (noise("int16"), 3, 7, "int32"),
        (noise("uint16"), 100000, 0, "float32"),
        (noise("uint8"), 1, 0, "int16"),
        (noise("int8"), 2, 5, "int16"),
        (noise("uint8"), 300, 0, "int32"),
        (noise("int32"), 1, 0, "int32"),
        (noise("uint32"), 1, -(2**31), "int32"),
        (noise("uint32"), 1, 0, "float32"),
        (noise("uint16"), 0.0123, -4.5, "float32"),
        (noise("int16"), 1, 0.5, "float32"),
    ],
    ids=lambda v: str(v.dtype) if isinstance(v, np.ndarray) else str(v),
)
def test_rescaling_is_exact_and_as_small_as_it_can_be(tmp_path, stored, slope, intercept, dtype):
    stack = Stack(voxels=stored, common={"RescaleSlope": slope, "RescaleIntercept": intercept})
    (series,) = find_series(stack.write(tmp_path))
    array = series.volume().array
    assert array.dtype == dtype
    if array.dtype.kind == "i":
        np.testing.assert_array_equal(array, stored.astype(object) * slope + intercept)
    else:
        exact = stored.astype(np.float64) * slope + intercept
        np.testing.assert_array_equal(array, exact.astype(np.float32))


def test_every_slice_has_its_own_slope_as_in_pet(tmp_path):
    stack = Stack(voxels=noise("uint16"))

    def change(i: int, ds: Dataset) -> None:
        ds.RescaleSlope, ds.RescaleIntercept = 0.25 * (i + 1), i

    (series,) = find_series(stack.write(tmp_path, change))
    expected = [v * 0.25 * (i + 1) + i for i, v in enumerate(stack.voxels.astype(np.float64))]
    np.testing.assert_array_equal(series.volume().array, np.float32(expected))


@pytest.mark.parametrize("slopes", [(1, 2, 3), (0.5, 0.25, 2)])
def test_every_frame_has_its_own_slope(tmp_path, slopes):
    stack = Stack(voxels=noise("uint8"))
    order = [2, 0, 1]
    ds = enhanced(
        stack,
        order,
        PixelValueTransformationSequence=lambda n: {
            "RescaleSlope": slopes[order[n]],
            "RescaleIntercept": -order[n],
            "RescaleType": "US",
        },
    )
    save(ds, tmp_path / "one.dcm")
    (series,) = find_series(tmp_path)
    expected = [v * slopes[i] - i for i, v in enumerate(stack.voxels.astype(np.float64))]
    np.testing.assert_array_equal(series.volume().array, expected)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("RescaleSlope", "0"),
        ("RescaleSlope", "-0.000"),
        ("RescaleSlope", "NaN"),
        ("RescaleSlope", "inf"),
        ("RescaleSlope", "1,5"),
        ("RescaleIntercept", "none"),
        ("RescaleIntercept", "1e999"),
    ],
)
def test_a_rescaling_that_cannot_be(tmp_path, keyword, value):
    def change(i, ds):
        ds.RescaleSlope, ds.RescaleIntercept = 1, 0
        if i == 2:
            raw = RawDataElement(Tag(keyword), "DS", len(value), value.encode(), 0, False, True)
            ds[keyword] = raw

    (series,) = find_series(Stack().write(tmp_path, change))
    said = f"{keyword} {value} in 1 of 5 images"
    assert said in series.problems[0]
    with pytest.raises(ImageError, match=re.escape(said)):
        series.volume()


@pytest.mark.parametrize("slope", [None, ""])
def test_a_slope_that_is_missing_is_one(tmp_path, slope):
    stack = Stack(common={"RescaleSlope": slope, "RescaleIntercept": ""})
    (series,) = find_series(stack.write(tmp_path))
    np.testing.assert_array_equal(series.volume().array, stack.voxels)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_pixels(tmp_path, dtype):
    stack = Stack(voxels=RANDOM.normal(0, 1e3, (3, 5, 6)).astype(dtype))
    (series,) = find_series(stack.write(tmp_path))
    array = series.volume().array
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, stack.voxels.astype(np.float32))


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
@pytest.mark.parametrize("high_bit", [11, 15])
def test_bits_outside_of_the_stored_ones_do_not_count(tmp_path, dtype, high_bit):
    low, high = (-2048, 2047) if dtype == "int16" else (0, 4095)
    expected = noise(dtype, low=low, high=high)
    junk = RANDOM.integers(0, 16, expected.shape, dtype=np.uint16)
    bits = expected.view(np.uint16) & 0x0FFF
    stored = bits << 4 | junk if high_bit == 15 else bits | junk << 12
    common = {"BitsStored": 12, "HighBit": high_bit}
    (series,) = find_series(Stack(voxels=stored.view(dtype), common=common).write(tmp_path))
    np.testing.assert_array_equal(series.volume().array, expected)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32"])
def test_uncompressed_syntaxes(tmp_path, syntax, dtype):
    stack = Stack(voxels=noise(dtype, shape=(3, 5, 7), high=100))
    for i, ds in enumerate(stack.images()):
        if syntax == ExplicitVRBigEndian:
            # Pixels are words (OW) of 16 bits at most; 32 bit ones are swapped as a whole.
            size = np.dtype(dtype).itemsize
            words = np.frombuffer(ds.PixelData, dtype=f"<u{max(size, 2)}").byteswap()
            ds.PixelData = words.tobytes()
            ds["PixelData"].VR = "OW"
        save(ds, tmp_path / f"{i}.dcm", syntax)
    (series,) = find_series(tmp_path)
    assert series.frames[0].file.transfer_syntax == syntax
    np.testing.assert_array_equal(series.volume().array, stack.voxels)


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
    ],
)
def test_one_bit_a_pixel_has_no_gaps_between_frames(tmp_path, syntax):
    stack = Stack(voxels=noise("uint8", low=0, high=1, shape=(5, 5, 7)))
    ds = enhanced(stack, range(5))
    put(ds, BitsAllocated=1, BitsStored=1, HighBit=0)
    content = np.packbits(stack.voxels, axis=None, bitorder="little").tobytes()
    ds.PixelData = content + b"\0" * (len(content) % 2)
    ds["PixelData"].VR = "OB"
    save(ds, tmp_path / "bits.dcm", syntax)
    (series,) = find_series(tmp_path)
    np.testing.assert_array_equal(series.volume().array, stack.voxels)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize(
    ("dtype", "bits"), [("uint8", 8), ("uint16", 16), ("uint16", 12), ("int16", 16), ("int16", 12)]
)
@pytest.mark.parametrize("multiframe", [False, True])
def test_compressed_syntaxes(tmp_path, syntax, dtype, bits, multiframe):
    shift = 2 ** (bits - 1) if dtype == "int16" else 0
    stack = Stack(voxels=ramp(dtype, -shift, 2**bits - 1 - shift))
    images = [enhanced(stack, [1, 2, 0])] if multiframe else stack.images()
    for i, ds in enumerate(images):
        put(ds, BitsStored=bits, HighBit=bits - 1)
        save(ds, tmp_path / f"{i}.dcm")
        ds = dcmread(tmp_path / f"{i}.dcm")
        ds.compress(syntax, generate_instance_uid=False)
        ds.save_as(tmp_path / f"{i}.dcm")
    (series,) = find_series(tmp_path)
    assert series.frames[0].file.transfer_syntax == syntax
    np.testing.assert_array_equal(series.volume().array, stack.voxels)


def test_jpeg_as_pillow_reads_it(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(ramp("uint8", 0, 255)[0]).save(stream, "JPEG", quality=90)
    ds = image(ramp("uint8", 0, 255)[0])
    ds.PixelData = encapsulate([stream.getvalue()])
    ds["PixelData"].is_undefined_length = True
    save(ds, tmp_path / "jpeg.dcm", JPEGBaseline8Bit)
    (series,) = find_series(tmp_path)
    expected = np.asarray(Image.open(stream)).astype(int)
    assert np.abs(series.volume().array[0] - expected).max() <= 1  # two decoders round


@pytest.mark.parametrize("compressed", [False, True])
def test_the_volumes_of_one_file_take_their_own_frames(tmp_path, compressed):
    stack = Stack(voxels=noise("uint16", shape=(6, 8, 9)))
    ds = enhanced(
        stack, range(6), MREchoSequence=lambda n: {"EffectiveEchoTime": [3.0, 7.0][n % 2]}
    )
    for n, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence = [item(ImagePositionPatient=[0, 0, -(n // 2)])]
    save(ds, tmp_path / "one.dcm")
    if compressed:
        ds = dcmread(tmp_path / "one.dcm")
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(tmp_path / "one.dcm")
    first, second = find_series(tmp_path)
    np.testing.assert_array_equal(first.volume().array, stack.voxels[[4, 2, 0]])
    np.testing.assert_array_equal(second.volume().array, stack.voxels[[5, 3, 1]])


def test_modality_lookup_table(tmp_path):
    table = (RANDOM.permutation(256) * 100).astype(np.uint16)
    entry = Dataset()
    entry.LUTDescriptor, entry.ModalityLUTType = [256, 10, 16], "OD"
    entry.add_new("LUTData", "OW", table.tobytes())
    stack = Stack(voxels=noise("uint16", high=300), common={"ModalityLUTSequence": [entry]})
    (series,) = find_series(stack.write(tmp_path))
    array = series.volume().array
    # PS3.3 section C.11.1.1: the second value is the first one mapped, the ends go on.
    np.testing.assert_array_equal(array, table[np.clip(stack.voxels.astype(int) - 10, 0, 255)])
    assert array.dtype == np.int16


def test_low_values_stay_low_in_monochrome1(tmp_path):
    stack = Stack(common={"PhotometricInterpretation": "MONOCHROME1"})
    (series,) = find_series(stack.write(tmp_path))
    np.testing.assert_array_equal(series.volume().array, stack.voxels)
    assert series.photometric_interpretation == "MONOCHROME1"
    assert series.problems == ("MONOCHROME1: low values are bright",)


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL", "PALETTE COLOR"])
def test_colour_is_listed_and_refused(tmp_path, kind):
    samples = 1 if kind == "PALETTE COLOR" else 3
    ds = image(np.zeros((4, 5 * samples), np.uint8), PhotometricInterpretation=kind)
    save(put(ds, Columns=5, SamplesPerPixel=samples, PlanarConfiguration=0), tmp_path / "c.dcm")
    (series,) = find_series(tmp_path)
    assert series.photometric_interpretation == kind
    with pytest.raises(ImageError, match=f"{kind} with {samples} value.*wanted: one gray value"):
        series.volume()


def test_files_without_preamble_and_meta_information(tmp_path):
    stack = Stack()
    for i, ds in enumerate(stack.images()):
        ds.save_as(tmp_path / f"{i}", implicit_vr=i % 2 == 0, little_endian=True)
        assert (tmp_path / f"{i}").read_bytes()[128:132] != b"DICM"
    (series,) = find_series(tmp_path)
    np.testing.assert_array_equal(series.volume().array, stack.voxels)


def test_compressed_pixels_that_break_off_name_the_file(tmp_path):
    save(image(noise("uint16", shape=(64, 64))), tmp_path / "cut.dcm")
    ds = dcmread(tmp_path / "cut.dcm")
    ds.compress(RLELossless)
    ds.save_as(tmp_path / "cut.dcm")
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "cut.dcm").read_bytes()[:-3000])
    (series,) = find_series(tmp_path)
    with pytest.raises(ImageError, match=r"cut\.dcm cannot be decoded"):
        series.volume()


def test_a_missing_decoder_is_named(tmp_path, monkeypatch):
    save(image(ramp("uint8", 0, 255)[0]), tmp_path / "ls.dcm")
    ds = dcmread(tmp_path / "ls.dcm")
    ds.compress(JPEGLSLossless)
    ds.save_as(tmp_path / "ls.dcm")
    (series,) = find_series(tmp_path)
    monkeypatch.setattr(get_decoder(JPEGLSLossless), "_available", {})
    with pytest.raises(ImageError, match=r"JPEG-LS Lossless.*pip install pyjpegls"):
        series.volume()


@pytest.mark.parametrize(("syntax", "name"), [(MPEG2MPML, "MPEG2 Main"), ("1.2.3", "1.2.3")])
def test_a_syntax_that_nothing_reads_is_named(tmp_path, syntax, name):
    ds = image(noise("uint8", shape=(8, 8)))
    ds.PixelData = encapsulate([ds.PixelData])
    ds["PixelData"].is_undefined_length = True
    save(ds, tmp_path / "video.dcm", MPEG2MPML)
    stored = (tmp_path / "video.dcm").read_bytes()
    other = syntax.ljust(len(MPEG2MPML), "\0").encode()
    (tmp_path / "video.dcm").write_bytes(stored.replace(MPEG2MPML.encode(), other))
    (series,) = find_series(tmp_path)
    with pytest.raises(ImageError, match=f"transfer syntax {name}"):
        series.volume()


@pytest.mark.skipif(shutil.which("dcmcjpeg") is None, reason="no dcmcjpeg (DCMTK) to encode with")
@pytest.mark.parametrize("option", ["+el", "+e1"], ids=["process 14", "selection value 1"])
@pytest.mark.parametrize(
    ("dtype", "bits"), [("uint8", 8), ("uint16", 12), ("uint16", 16), ("int16", 16)]
)
def test_lossless_jpeg_without_the_gpl(tmp_path, option, dtype, bits, monkeypatch):
    """What [codecs] brings decodes it exactly."""
    shift = 2 ** (bits - 1) if dtype == "int16" else 0
    stack = Stack(voxels=ramp(dtype, -shift, 2**bits - 1 - shift))
    (tmp_path / "images").mkdir()
    for i, ds in enumerate(stack.images()):
        put(ds, BitsStored=bits, HighBit=bits - 1)
        plain = save(ds, tmp_path / f"{i}.dcm")
        call = ["dcmcjpeg", option, plain, tmp_path / "images" / plain.name]
        subprocess.run(call, check=True)
    (series,) = find_series(tmp_path / "images")
    decoder = get_decoder(series.frames[0].file.transfer_syntax)
    monkeypatch.setattr(decoder, "_available", without_gpl(decoder))
    np.testing.assert_array_equal(series.volume().array, stack.voxels)


@pytest.mark.skipif(shutil.which("dcmcjpeg") is None, reason="no dcmcjpeg (DCMTK) to encode with")
@pytest.mark.parametrize("bits", [8, 12])
def test_extended_jpeg_without_the_gpl(tmp_path, bits, monkeypatch):
    """With 8 bits it is decoded; with more, what would decode it is named, and its license."""
    ds = image(ramp("uint8" if bits == 8 else "uint16", 0, 2**bits - 1)[0])
    put(ds, BitsStored=bits, HighBit=bits - 1)
    plain = save(ds, tmp_path / "plain.dcm")
    (tmp_path / "images").mkdir()
    subprocess.run(["dcmcjpeg", "+ee", plain, tmp_path / "images" / "i.dcm"], check=True)
    (series,) = find_series(tmp_path / "images")
    decoder = get_decoder(series.frames[0].file.transfer_syntax)
    monkeypatch.setattr(decoder, "_available", without_gpl(decoder))
    if bits == 8:
        expected = ds.pixel_array.astype(int)
        assert np.abs(series.volume().array[0] - expected).max() <= 16  # lossy
        return
    with pytest.raises(ImageError, match=r"more than 8 bits.*GPL-3.*pip install pylibjpeg"):
        series.volume()


def without_gpl(decoder):
    """Its plugins, as if pylibjpeg-libjpeg were not installed, which decodes what others do."""
    return {name: plugin for name, plugin in decoder._available.items() if name != "pylibjpeg"}


def test_nothing_but_one_extra_asks_for_the_gpl():
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = [
        name
        for name, items in {**extras, "": project["dependencies"]}.items()
        if any(item.startswith("pylibjpeg-libjpeg") for item in items)
    ]
    assert named == ["codecs-gpl"]
    assert not any("codecs-gpl" in item for items in extras.values() for item in items)

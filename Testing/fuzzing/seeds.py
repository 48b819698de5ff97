"""What is damaged: real models and images where they are at hand, and made ones everywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
from makers import networks as small_networks
from makers import series
from makers.recipes import liver_recipe, recipe_json
from makers.several_networks import make_several
from makers.signed_objects import publisher, sign
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

import IODeepLib
from IODeepLib.headers.sop_classes import holds_no_image
from IODeepLib.model_object import Model, write_model
from IODeepLib.model_object.retirement import write_retirement
from IODeepLib.recipe import Recipe, read_recipe

_TESTING = Path(__file__).resolve().parents[1]
SHARED = _TESTING.parents[1] / "shared" / "data"
DEMO = Path(IODeepLib.__file__).parent / "demo_data"
# Encoders want more than a few pixels; the arrays' values fit into 12 bits.
STACK = series.Stack((np.arange(5 * 64 * 64) % 4000).astype(np.int16).reshape(5, 64, 64))
_LONGEST = 300_000  # bytes; more of a file would only be more pixels


@cache
def networks() -> tuple[tuple[Path, Recipe], ...]:
    """ONNX files, each with a recipe that it agrees with."""
    found = [(DEMO / "demo_network.onnx", read_recipe(DEMO / "recipe.json"))]
    for path in sorted(SHARED.glob("models/*.onnx")):
        found.append((path, read_recipe(_TESTING / "recipes" / f"{path.stem}.json")))
    return tuple(found)


def models(folder: Path) -> tuple[Model, ...]:
    """The networks, and made ones of every kind, packed in `folder`."""
    folder.mkdir()
    packed = [write_model(path, recipe, folder / path.stem) for path, recipe in networks()]
    for i, content in enumerate(made_networks()):
        path = folder / f"made{i}.onnx"
        path.write_bytes(content)
        packed.append(write_model(path, liver_recipe(), folder / f"made{i}", max_part_bytes=9000))
    packed.append(make_several(folder))
    return tuple(packed)


def signed(folder: Path) -> tuple[Path, ...]:
    """Cards, a part and a notice, signed once and twice, in three encodings."""
    folder.mkdir()
    model = make_several(folder)
    notice = folder / "packed" / "notice.dcm"
    write_retirement(model.card, notice, reason="wrong", replacement=None)
    paths = [*sorted((folder / "packed").iterdir())[:2], notice]
    for kind in ("P-256", "RSA"):
        sign(paths, folder / "keys", publisher(kind))
    others = []
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        others.append(path.with_name(f"implicit-{path.name}"))
        dataset.save_as(others[-1], implicit_vr=True, little_endian=True)
        others.append(path.with_name(f"deflated-{path.name}"))
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.save_as(others[-1])
    return (*paths, *others)


@cache
def made_networks() -> tuple[bytes, ...]:
    """Small networks: functions, subgraphs, typed data, all types of tensors."""
    made = (
        small_networks.conv(3),
        small_networks.two_inputs(),
        small_networks.reshaping(),
        small_networks.branching(),
        small_networks.typed(),
        small_networks.all_types(),
        small_networks.custom(function=True),
    )
    return tuple(network.SerializeToString() for network in made)


def onnx_files() -> tuple[bytes, ...]:
    """ModelProtos, made ones and small real ones."""
    real = [path.read_bytes() for path, _ in networks() if path.stat().st_size < 500_000]
    return (*made_networks(), *real)


def recipes() -> tuple[bytes, ...]:
    """Recipes as JSON."""
    made = recipe_json()
    files = [DEMO / "recipe.json", *sorted((_TESTING / "recipes").glob("*.json"))]
    return (json.dumps(made).encode(), *(path.read_bytes() for path in files))


def classic(folder: Path) -> tuple[bytes, ...]:
    """Images of one slice each."""
    return (*_made_images(folder), *_real(lambda ds: "NumberOfFrames" not in ds, _native))


def enhanced(folder: Path) -> tuple[bytes, ...]:
    """Images of many frames."""
    path = series.save(series.enhanced(STACK, (2, 0, 1, 4, 3)), folder / "enhanced.dcm")
    return (path.read_bytes(), *_real(lambda ds: "NumberOfFrames" in ds, _native))


def compressed(folder: Path) -> tuple[bytes, ...]:
    """Images in the transfer syntaxes that a decoder or a converter has to deal with."""
    made = []
    for i, syntax in enumerate(
        (JPEGLSLossless, JPEG2000Lossless, RLELossless, DeflatedExplicitVRLittleEndian, "big")
    ):
        ds = STACK.image(2)
        path = folder / f"compressed{i}.dcm"
        if syntax == DeflatedExplicitVRLittleEndian:
            series.save(ds, path, syntax)
        elif syntax == "big":
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").byteswap().tobytes()
            series.save(ds, path, ExplicitVRBigEndian)
        else:
            series.save(ds, path)
            ds = pydicom.dcmread(path)
            ds.compress(syntax, generate_instance_uid=False)
            ds.save_as(path)
        made.append(path.read_bytes())
    return (*made, *_real(lambda ds: True, lambda syntax: not _native(syntax)))


def _made_images(folder: Path) -> Iterator[bytes]:
    ds = STACK.image(2)
    yield series.save(ds, folder / "explicit.dcm").read_bytes()
    ds = STACK.image(2)
    yield series.save(ds, folder / "implicit.dcm", ImplicitVRLittleEndian).read_bytes()
    ds = series.image(np.ones((4, 5), np.float32))
    yield series.save(ds, folder / "float.dcm").read_bytes()


@cache
def _real_files() -> tuple[Path, ...]:
    """Real DICOM files that are short enough, one or two of every folder."""
    found = []
    for folder, _, names in sorted(os.walk(SHARED / "dicom")):
        short = [Path(folder, n) for n in sorted(names)]
        short = [path for path in short if 0 < path.stat().st_size <= _LONGEST]
        few = short[:2] if len(short) > 30 else short
        found += [path for path in few if path.suffix not in (".txt", ".md", ".json", ".jpeg")]
    return tuple(found)


def _real(wanted, syntax_wanted) -> Iterator[bytes]:
    for path in _real_files():
        try:
            ds = pydicom.dcmread(path, stop_before_pixels=True)
            is_image = "Rows" in ds and not holds_no_image(ds.SOPClassUID)
            fits = is_image and wanted(ds) and syntax_wanted(ds.file_meta.TransferSyntaxUID)
        except Exception:  # some are damaged on purpose
            fits = False
        if fits:
            yield path.read_bytes()


def _native(syntax: str) -> bool:
    return syntax in (ImplicitVRLittleEndian, pydicom.uid.ExplicitVRLittleEndian)

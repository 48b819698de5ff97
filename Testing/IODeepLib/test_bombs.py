"""Small files that claim to be enormous: refused in 2 s, within 1 GB of memory, with the reason.

All are read by one other process, whose memory and time are limited; see `fuzzing.limits`.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from fuzzing.mutate_dicom import nested
from makers import networks
from makers.packed_models import altered, files, make_model
from makers.recipes import recipe_json
from makers.results import PROVENANCE, three_labels
from makers.series import Stack, enhanced, image, save
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from IODeepLib.onnx_file.wire import DELIMITED, encode_delimited, encode_tag, encode_varint
from IODeepLib.results import SegmentationType, make_seg
from IODeepLib.series import find_series

BOMBS: dict[str, tuple[str, str, Callable[[Path], Path]]] = {}
READ = """
import json, sys, time
from pathlib import Path
from IODeepLib.errors import InputError, IODeepError
from IODeepLib.model_object import verify
from IODeepLib.onnx_file import OnnxFile
from IODeepLib.recipe import read_recipe
from IODeepLib.model_object.safetensors_file import decode_header, header_size
from IODeepLib.results.origin.origin import origin_of
from IODeepLib.results.origin.voxel_counts import counted_voxels
from IODeepLib.series import find_series
from IODeepLib.sources.folder import find_model
from fuzzing.limits import limit_this_process
def payload(path):
    content = path.read_bytes()
    size = header_size(content, len(content), "a payload")
    decode_header(content[:size], len(content), "a payload")
def voxels(path):
    try:
        counted_voxels(path, origin_of(path).header)
    except ValueError as error:
        raise InputError(str(error), "voxels to count", "see above")
READERS = {
    "image": lambda path: [series.volume() for series in find_series(path)],
    "model": lambda path: verify(find_model(path.parent)),
    "network": OnnxFile.open,
    "recipe": read_recipe,
    "payload": payload,
    "voxels": voxels,
}
limit_this_process()
for name, reader, path in json.loads(sys.argv[1]):
    start = time.process_time()
    try:
        READERS[reader](Path(path))
        said = "it was read"
    except IODeepError as error:
        said = str(error)
    print(json.dumps([name, said, time.process_time() - start]), flush=True)
"""


def bomb(reader: str, words: str) -> Callable:
    """A function that writes a file, which the reader must refuse with these words."""

    def note(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
        BOMBS[make.__name__] = (reader, words, make)
        return make

    return note


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float]]:
    """What was said of each bomb, and how long it took."""
    jobs = []
    for name, (reader, _, make) in BOMBS.items():
        folder = tmp_path_factory.mktemp(name)
        jobs.append((name, reader, str(make(folder))))
    child = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(jobs)],
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in child.stdout.splitlines()]
    if child.returncode:
        lines.append([jobs[len(lines)][0], child.stderr[-2000:], 0.0])
    return {name: (said, seconds) for name, said, seconds in lines}


@bomb("image", "damaged: it claims 2000000000 frames in")
def frames(folder: Path) -> Path:
    ds = image(np.ones((4, 5), np.int16), NumberOfFrames=2_000_000_000)
    return save(ds, folder / "image.dcm")


@bomb("image", "damaged: it claims images of 65535 x 65535 pixels")
def rows_and_columns(folder: Path) -> Path:
    return save(image(np.ones((4, 5), np.int16), Rows=65535, Columns=65535), folder / "i.dcm")


@bomb("image", "its pixel data end after 70 of 134217728000 bytes")
def all_three(folder: Path) -> Path:
    ds = enhanced(Stack(), (0, 1, 2, 3, 4))
    ds.Rows = ds.Columns = 8192
    ds.NumberOfFrames = 1000
    ds.PixelData = ds.PixelData[:70]
    del ds.PerFrameFunctionalGroupsSequence
    return save(ds, folder / "image.dcm")


def compressed(folder: Path, syntax: str, stream: bytes, **attributes: object) -> Path:
    ds = image(np.ones((64, 64), np.uint8), **attributes)
    ds.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)])
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    return save(ds, folder / "image.dcm", syntax)


@bomb("image", "64 x 64 pixels, its codestream 60000 x 60000")
def jpeg_2000(folder: Path) -> Path:
    path = save(image((np.arange(4096) % 255).astype(np.uint8).reshape(64, 64)), folder / "i.dcm")
    ds = pydicom.dcmread(path)
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    at = ds.PixelData.index(b"\xff\x4f\xff\x51") + 8
    ds.PixelData = ds.PixelData[:at] + struct.pack(">II", 60000, 60000) + ds.PixelData[at + 8 :]
    ds.save_as(path)
    return path


@bomb("image", "64 x 64 pixels, its codestream 65535 x 65535")
def jpeg(folder: Path) -> Path:
    frame = struct.pack(">HHBHHB", 0xFFC0, 11, 8, 65535, 65535, 1) + b"\x01\x11\x00"
    scan = struct.pack(">HHB", 0xFFDA, 8, 1) + b"\x01\x00\x00\x3f\x00" + b"\xff\xd9"
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    return compressed(folder, JPEGBaseline8Bit, b"\xff\xd8" + app + frame + scan)


@bomb("image", "64 x 64 pixels, its codestream 65535 x 65535")
def jpeg_ls(folder: Path) -> Path:
    frame = struct.pack(">HHBHHB", 0xFFF7, 11, 8, 65535, 65535, 1) + b"\x01\x11\x00"
    scan = struct.pack(">HHB", 0xFFDA, 8, 1) + b"\x01\x00\x00\x00\x00" + b"\xff\xd9"
    return compressed(folder, JPEGLSLossless, b"\xff\xd8" + frame + scan)


def a_seg(folder: Path, change: Callable[[pydicom.Dataset], object]) -> Path:
    """Label values in frames of 64 x 64."""
    (series,) = find_series(Stack(np.zeros((3, 64, 64), np.int16)).write(folder / "images"))
    found = three_labels(series.volume().grid)
    made = make_seg(found, series, PROVENANCE, seg_type=SegmentationType.LABELMAP)
    assert made is not None
    made.save(folder / "seg.dcm")
    altered(folder / "seg.dcm", change)
    return folder / "seg.dcm"


@bomb("voxels", "17179869184 pixels, and more than")
def empty_frames_of_a_seg(folder: Path) -> Path:
    def change(ds: pydicom.Dataset) -> None:
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        ds.Rows, ds.Columns, ds.NumberOfFrames = 8192, 8192, 256
        ds.PixelData = encapsulate([b"\0\0"] * 256)
        del ds.PerFrameFunctionalGroupsSequence

    return a_seg(folder, change)


@bomb("voxels", "64 x 64 pixels, its codestream 65535 x 65535")
def a_frame_of_a_seg(folder: Path) -> Path:
    def change(ds: pydicom.Dataset) -> None:
        ds.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
        size = struct.pack(">HBHH", 11, 8, 64, 64)
        ds.PixelData = ds.PixelData.replace(size, struct.pack(">HBHH", 11, 8, 65535, 65535))

    return a_seg(folder, change)


@bomb("voxels", "2000000000 frames in")
def frames_of_a_seg(folder: Path) -> Path:
    return a_seg(folder, lambda ds: setattr(ds, "NumberOfFrames", 2_000_000_000))


@bomb("image", "cannot be decoded")
def run_lengths(folder: Path) -> Path:
    """Two segments that run beyond the pixels: the decoder panics, which is no Exception."""
    segment = b"\x81\x01" * 40
    header = struct.pack("<16I", 2, 64, 64 + len(segment), *[0] * 13)
    deep = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    return compressed(folder, RLELossless, header + segment * 2, **deep)


@bomb("image", "damaged: it inflates to more than 268435456 bytes")
def deflated_image(folder: Path) -> Path:
    path = save(image(np.ones((4, 5), np.int16)), folder / "i.dcm", DeflatedExplicitVRLittleEndian)
    content = path.read_bytes()
    head = struct.pack("<HH2sHI", 0x0009, 0x0010, b"OB", 0, 2**29)
    deflater = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    length = struct.unpack_from("<I", content, 140)[0]
    with path.open("wb") as file:
        file.write(content[: 144 + length])
        file.write(deflater.compress(head))
        for _ in range(2**29 // 2**24):
            file.write(deflater.compress(bytes(2**24)))
        file.write(deflater.flush())
    return path


@bomb("image", "damaged: its header cannot be parsed (maximum recursion depth")
def nested_sequences(folder: Path) -> Path:
    path = save(image(np.ones((4, 5), np.int16)), folder / "image.dcm")
    content = path.read_bytes()
    length = struct.unpack_from("<I", content, 140)[0]
    deep = nested(b"", 100_000, (0x0008, 0x1110))
    path.write_bytes(content[: 144 + length] + deep + content[144 + length :])
    return path


@bomb("image", "damaged: its header cannot be parsed (MemoryError)")
def an_element_of_4_gb(folder: Path) -> Path:
    path = save(image(np.ones((4, 5), np.int16)), folder / "image.dcm")
    content = path.read_bytes()
    at = content.index(struct.pack("<HH2s", 0x0008, 0x0008, b"CS"))
    claim = struct.pack("<HH2sHI", 0x0008, 0x0008, b"UT", 0, 2**32 - 2)
    path.write_bytes(content[:at] + claim + content[at:])
    return path


def card_with(folder: Path, extra: bytes) -> Path:
    """A card with elements in front of its private block."""
    path = files(make_model(folder))[0]
    (folder / "network.onnx").unlink()
    content = path.read_bytes()
    at = content.index(struct.pack("<HH2s", 0x0017, 0x0010, b"LO"))
    path.write_bytes(content[:at] + extra + content[at:])
    return path


@bomb("model", "cannot be read (RecursionError")
def nested_sequences_in_a_card(folder: Path) -> Path:
    return card_with(folder, nested(b"", 100_000, (0x0016, 0x0011)))


@bomb("model", "has lost the private block")
def a_card_whose_element_is_4_gb(folder: Path) -> Path:
    return card_with(folder, struct.pack("<HH2sHI", 0x0016, 0x0011, b"UT", 0, 2**32 - 2))


@bomb("model", "deflated and no card")
def a_deflated_card(folder: Path) -> Path:
    path = files(make_model(folder))[0]
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.add_new(0x00420011, "OB", bytes(2 * 10**8))
    ds.save_as(path)
    assert path.stat().st_size < 2_000_000
    return path


@bomb("network", "has 4 bytes, its shape")
def a_tensor_that_does_not_exist(folder: Path) -> Path:
    network = networks.conv(3)
    network.graph.initializer[0].raw_data = b"1234"
    network.graph.initializer[0].dims[:] = [2**20, 2**20]
    return networks.save(network, folder / "n.onnx")


@bomb("network", "cannot be read as an ONNX model")
def a_length_beyond_the_file(folder: Path) -> Path:
    content = networks.conv(3).SerializeToString()
    (folder / "n.onnx").write_bytes(content + b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
    return folder / "n.onnx"


@bomb("network", "messages within each other")
def nested_subgraphs(folder: Path) -> Path:
    """A graph in an attribute in a node in a graph, 10,000 times."""
    heads, length = [], 0
    for _ in range(10_000):
        for number in (6, 5, 1):
            heads.append(encode_tag(number, DELIMITED) + encode_varint(length))
            length += len(heads[-1])
    graph = b"".join(reversed(heads))
    outline = networks.conv(3)
    outline.ClearField("graph")
    content = outline.SerializeToString() + encode_delimited(7, graph)
    (folder / "n.onnx").write_bytes(content)
    return folder / "n.onnx"


def payload(folder: Path, header: bytes) -> Path:
    (folder / "p").write_bytes(len(header).to_bytes(8, "little") + header)
    return folder / "p"


@bomb("payload", "is described by")
def shapes_of_large_numbers(folder: Path) -> Path:
    """Their product alone would take minutes."""
    shape = "[" + ",".join(["9" * 4000] * 3000) + "]"
    entry = f'{{"dtype":"F32","shape":{shape},"data_offsets":[0,4]}}'
    return payload(folder, f'{{"a":{entry}}}'.encode())


@bomb("payload", "a header of")
def a_header_of_many_lists(folder: Path) -> Path:
    return payload(folder, b"[" + b"[]," * 2**23 + b"[]]")


@bomb("recipe", "JSON that cannot be read")
def nested_brackets(folder: Path) -> Path:
    (folder / "r.json").write_text("[" * 100_000 + "]" * 100_000)
    return folder / "r.json"


@bomb("recipe", "JSON that cannot be read")
def nested_objects(folder: Path) -> Path:
    text = json.dumps(recipe_json())[:-1] + ', "after": ' + '{"a":' * 100_000 + "1" + "}" * 100_001
    (folder / "r.json").write_text(text)
    return folder / "r.json"


@bomb("recipe", "at most 4000000 characters")
def gigabytes_of_text(folder: Path) -> Path:
    with (folder / "r.json").open("wb") as file:
        file.truncate(3 * 2**30)
    return folder / "r.json"


@pytest.mark.parametrize("name", BOMBS)
def test_it_is_refused(name: str, answers: dict[str, tuple[str, float]]) -> None:
    said, seconds = answers[name]
    assert BOMBS[name][1] in said
    assert seconds < 2

"""What the benchmarks work on: networks, recipes, series, all made here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from IODeepLib.recipe import Label, Recipe, recipe_from_json

if TYPE_CHECKING:
    from IODeepLib.geometry import Grid
    from IODeepLib.inference.segmentation import Segmentation

OPSET = 17
SPACING = (1.0, 0.8, 0.8)  # mm between slices, rows, columns
LEVELS = (16, 32, 64, 128)
LIVER = {"value": "10200004", "scheme": "SCT", "meaning": "Liver"}
STRUCTURE = {"value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure"}


def recipe(name: str, classes: int = 2, **input_: Any) -> Recipe:
    """For a CT, with `classes` channels out."""
    labels = [
        {"value": i, "name": f"Label {i}", "category": STRUCTURE, "type": LIVER}
        for i in range(1, classes)
    ]
    document = {
        "schema": "iodeep-recipe/1",
        "name": name,
        "version": "1.0.0",
        "title": "A network for benchmarks",
        "applies_to": {"modalities": ["CT"]},
        "input": {"channels": [{"name": "CT"}], "orientation": "LPS", **input_},
        "output": {"channels": classes, "labels": labels, "activation": "softmax"},
        "card": {"publisher": "IODeep", "intended_use": "Benchmarks.", "licence": "MIT"},
    }
    return recipe_from_json(json.dumps(document))


def network_of(path: Path, size: int, width: int) -> Path:
    """3D convolutions of `width` channels, with weights of about `size` bytes in the file."""
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(0)
    nodes, weights, tensor, channels, made = [], [], "image", 1, 0
    while made < size:
        kernel = rng.random((width, channels, 3, 3, 3), np.float32)
        name = f"weight{len(nodes)}"
        weights.append(numpy_helper.from_array(kernel, name))
        made += kernel.nbytes
        out = f"layer{len(nodes)}"
        nodes.append(helper.make_node("Conv", [tensor, name], [out], pads=[1] * 6))
        tensor, channels = out, width
    return _save(nodes, weights, tensor, path)


def network_beside(path: Path, size: int, width: int) -> Path:
    """The same, with all weights but the first as external data in `path`.data; little is held."""
    from onnx import TensorProto, helper
    from onnx.external_data_helper import set_external_data

    shape = (width, width, 3, 3, 3)
    layer = np.random.default_rng(0).random(shape, np.float32).tobytes()
    data = path.with_name(f"{path.name}.data")
    nodes, weights, tensor = [], [], "image"
    first = helper.make_tensor("first", TensorProto.FLOAT, (width, 1, 1, 1, 1), [1.0] * width)
    nodes.append(helper.make_node("Conv", [tensor, "first"], ["layer0"]))
    with data.open("wb") as file:
        while file.tell() < size:
            weight = TensorProto(name=f"weight{len(nodes)}", data_type=TensorProto.FLOAT)
            weight.dims.extend(shape)
            weight.raw_data = b""
            set_external_data(weight, data.name, file.tell(), len(layer))
            weight.ClearField("raw_data")
            file.write(layer)
            weights.append(weight)
            tensor, out = f"layer{len(nodes) - 1}", f"layer{len(nodes)}"
            nodes.append(helper.make_node("Conv", [tensor, weight.name], [out], pads=[1] * 6))
    return _save(nodes, [first, *weights], f"layer{len(nodes) - 1}", path)


def pointwise(path: Path, classes: int, channels: int = 1) -> Path:
    """Scores of each voxel from itself alone: a network that costs next to nothing.

    Of several channels the first counts most.
    """
    from onnx import helper, numpy_helper

    slopes = np.linspace(-1, 1, classes, dtype=np.float32)
    kernel = slopes[:, None] / np.arange(1, channels + 1, dtype=np.float32)
    weights = [
        numpy_helper.from_array(kernel.reshape(classes, channels, 1, 1, 1), "slopes"),
        numpy_helper.from_array(np.abs(slopes[::-1]).copy(), "offsets"),
    ]
    node = helper.make_node("Conv", ["image", "slopes", "offsets"], ["scores"])
    return _save([node], weights, "scores", path, channels)


def unet(path: Path, classes: int, wide: float = 1.0) -> Path:
    """A 3D U-Net: two convolutions with instance norm a level, transposed convolutions upward.

    Its levels have `wide` times as many channels as `LEVELS` says.
    """
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(0)
    levels = [round(wide * width) for width in LEVELS]
    nodes: list[Any] = []
    weights: list[Any] = []

    def constant(values: np.ndarray) -> str:
        name = f"weight{len(weights)}"
        weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def node(kind: str, inputs: list[str], **attributes: Any) -> str:
        out = f"{kind}{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def conv(tensor: str, before: int, after: int, stride: int = 1) -> str:
        kernel = rng.standard_normal((after, before, 3, 3, 3)) / np.sqrt(27 * before)
        inputs = [tensor, constant(kernel), constant(np.zeros(after))]
        tensor = node("Conv", inputs, pads=[1] * 6, strides=[stride] * 3)
        inputs = [tensor, constant(np.ones(after)), constant(np.zeros(after))]
        return node("LeakyRelu", [node("InstanceNormalization", inputs)], alpha=0.01)

    tensor, before, skips = "image", 1, []
    for level, width in enumerate(levels):
        tensor = conv(tensor, before, width, 2 if level else 1)
        tensor = conv(tensor, width, width)
        skips.append(tensor)
        before = width
    for width, skip in zip(levels[-2::-1], skips[-2::-1], strict=True):
        kernel = constant(rng.standard_normal((before, width, 2, 2, 2)) / np.sqrt(before))
        tensor = node("ConvTranspose", [tensor, kernel], strides=[2] * 3)
        tensor = node("Concat", [tensor, skip], axis=1)
        tensor = conv(conv(tensor, 2 * width, width), width, width)
        before = width
    kernel = constant(rng.standard_normal((classes, before, 1, 1, 1)) / np.sqrt(before))
    tensor = node("Conv", [tensor, kernel])
    return _save(nodes, weights, tensor, path)


def _save(nodes: list[Any], weights: list[Any], output: str, path: Path, channels: int = 1) -> Path:
    from onnx import TensorProto, helper

    sizes = [None] * 3
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, *sizes])
    scores = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "network", [image], [scores], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def ct_voxels(shape: tuple[int, int, int]) -> np.ndarray:
    """(slice, row, column) int16: smooth structures with noise, in Hounsfield units."""
    z, y, x = (np.linspace(0, 12 * np.pi, n, dtype=np.float32) for n in shape)
    plane = np.sin(y)[:, None] * np.cos(x)
    noise = np.random.default_rng(0).integers(-50, 50, shape, np.int16)
    for i, phase in enumerate(np.sin(z)):
        noise[i] += (300 * (plane + phase)).astype(np.int16)
    return noise


def organs(shape: tuple[int, int, int], segments: int) -> np.ndarray:
    """(slice, row, column) uint8: ellipsoids by chance, the later ones over the earlier ones."""
    rng = np.random.default_rng(0)
    array = np.zeros(shape, np.uint8)
    for value in range(1, segments + 1):
        radius = np.array(shape) * rng.uniform(0.05, 0.12, 3)
        centre = rng.uniform(radius, np.array(shape) - radius)
        box = tuple(
            slice(int(max(0, c - r)), int(min(n, c + r + 1)))
            for c, r, n in zip(centre, radius, shape, strict=True)
        )
        lines = [
            ((np.arange(part.start, part.stop) - c) / r) ** 2
            for part, c, r in zip(box, centre, radius, strict=True)
        ]
        inside = lines[0][:, None, None] + lines[1][:, None] + lines[2] <= 1
        array[box][inside] = value
    return array


def labels_of(segments: int) -> tuple[Label, ...]:
    """Labels from 1 to `segments`."""
    from IODeepLib.codes import Code

    return tuple(
        Label(value=i, name=f"Label {i}", category=Code(**STRUCTURE), type=Code(**LIVER))
        for i in range(1, segments + 1)
    )


def organ_segmentation(grid: Grid, segments: int) -> Segmentation:
    """`organs` on a grid."""
    from IODeepLib.inference.segmentation import Segmentation

    return Segmentation(organs(grid.shape, segments), grid, labels_of(segments))


def ct_series(folder: Path, shape: tuple[int, int, int]) -> Path:
    """A CT series of `shape`, one file a slice."""
    folder.mkdir()
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for i, plane in enumerate(ct_voxels(shape)):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20200101", "120000", "1", ""
        ds.PatientID, ds.PatientName, ds.PatientSex, ds.PatientBirthDate = "1", "Doe^Jane", "F", ""
        ds.ReferringPhysicianName = ds.PositionReferenceIndicator = ds.Manufacturer = ""
        ds.Modality, ds.BodyPartExamined = "CT", "ABDOMEN"
        ds.SeriesNumber, ds.InstanceNumber, ds.AcquisitionNumber = 1, i + 1, 1
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.ImagePositionPatient = [-200, -200, i * SPACING[0]]
        ds.PixelSpacing, ds.SliceThickness = list(SPACING[1:]), SPACING[0]
        ds.Rows, ds.Columns = plane.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
        ds.PixelData = (plane + 1024).astype(np.uint16).tobytes()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.save_as(folder / f"{i:04}.dcm", enforce_file_format=True)
    return folder


def models_in_memory(folder: Path, count: int, kinds: int = 500) -> list[Any]:
    """Models of one packed card under other names and UIDs, as a source reads them.

    They ask for `kinds` different combinations of modality, anatomic region and age.
    """
    from IODeepLib.codes import regions
    from IODeepLib.model_object import Model, write_model
    from IODeepLib.sources.folder import find_model
    from IODeepLib.text.records import dump

    if not (folder / "named").is_dir():
        write_model(
            network_of(folder / "named.onnx", 10**5, 16), recipe("model-0"), folder / "named"
        )
    one = find_model(folder / "named")
    asked = json.loads(one.card.recipe_json)
    places = [dump(region.code) for region in regions()]
    models = []
    for i in range(count):
        kind = i % kinds
        asked["name"] = f"model-{i}"
        asked["applies_to"] = {
            "modalities": ["CT", "MR"] if kind % 3 else ["MR"],
            "anatomic_regions": [places[kind % len(places)]],
            "patient_age": {"max": 20 + kind // len(places)},
        }
        card = replace(
            one.card,
            name=asked["name"],
            model_uid=f"2.25.{i + 1}",
            sop_instance_uid=f"2.25.{i + 1}.1",
            recipe_json=json.dumps(asked),
        )
        _ = card.requirements  # a source has read them
        models.append(Model(card, one.parts))
    return models

"""A network's architecture with its external data in the DICOM files themselves.

The place of each payload in its file is added to each tensor's own. What goes to ONNX Runtime names
nothing but payloads, and is read once more to prove it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from IODeepLib.disk.byte_ranges import ByteRange, joined
from IODeepLib.errors import ModelError
from IODeepLib.machine.memory import check_room
from IODeepLib.model_object import Model, Weights, read_architecture
from IODeepLib.onnx_file import ExternalData, OnnxFile


def placed(model: Model, name: str = "") -> tuple[bytes, Path | None, list[str]]:
    """A network's ModelProto with its external data in the DICOM files, and their common folder.

    And what should be said of it.
    """
    parts = model.weights()
    onnx, part_of = read_architecture(model, name)
    what = f"tensors of a size that stands in {model.label}"
    notes = check_room(onnx.largest, what, "another network") if onnx.largest else []
    if not parts:
        return joined(onnx.rewritten({})), None, notes
    folder, locations = _locations(parts)
    places = {}
    for tensor in onnx.tensors:
        if tensor.external:
            index = part_of[tensor.name]
            offset = parts[index].payload.offset + tensor.external.offset
            places[tensor.name] = ExternalData(locations[index], offset, tensor.external.length)
    network = joined(onnx.rewritten(places))
    payloads = {name: part.payload for name, part in zip(locations, parts, strict=True)}
    _check_places(OnnxFile(network, onnx.name), payloads)
    return network, folder, notes


def _check_places(network: OnnxFile, payloads: Mapping[str, ByteRange]) -> None:
    """Proof that ONNX Runtime is told to read payloads, and nothing else.

    Args:
        network: the ModelProto as it goes to ONNX Runtime, read anew.
        payloads: by location, what may be read there.

    Raises:
        ModelError: it names something else.
    """
    for tensor in network.tensors:
        place = tensor.external
        if place is None:
            continue
        payload = payloads.get(place.location, ByteRange(Path(), 0, -1))
        begin, end = place.offset, place.offset + place.length
        if begin < payload.offset or end > payload.offset + payload.length:
            raise ModelError(
                f"{network.name} would read {tensor.name!r} from {place.location!r}, bytes "
                f"{begin} to {end}",
                "a range within the model's own weights",
                "do not use this model",
            )


def _locations(parts: Sequence[Weights]) -> tuple[Path, list[str]]:
    """The folder above all parts, and where each one lies in it."""
    paths = [part.path.resolve() for part in parts]  # ONNX Runtime follows no links out
    try:
        folder = Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:
        raise ModelError(
            "the weights lie on several drives (" + ", ".join(map(str, paths)) + ")",
            "all parts of a model on one drive",
            "copy them into one folder",
        ) from None
    for path in paths:
        if any("\ud800" <= character <= "\udfff" for character in str(path)):  # PEP 383
            raise ModelError(
                f"the path {path}, which is no UTF-8",
                "one that ONNX Runtime can be given",
                "rename the folder, or copy the model to another one",
            )
    return folder, [path.relative_to(folder).as_posix() for path in paths]

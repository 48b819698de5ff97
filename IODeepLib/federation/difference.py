"""A difference as DICOM objects: tensors in parts, written as those of a model's weights are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from IODeepLib.disk.byte_ranges import ByteRange, chunks, joined
from IODeepLib.errors import InputError
from IODeepLib.federation.records import Round, Update
from IODeepLib.federation.statement import difference_dataset
from IODeepLib.federation.tensors import VALUE_BYTES, Float32, Tensor
from IODeepLib.model_object import MAX_PART_BYTES, Manifest, Part
from IODeepLib.model_object.characteristics import check_description
from IODeepLib.model_object.datasets import new_uid
from IODeepLib.model_object.instance import Instance
from IODeepLib.model_object.manifest import SCHEMA
from IODeepLib.model_object.private_dictionary import ROUND_VERSION_UID, Element
from IODeepLib.model_object.safetensors_file import (
    TensorEntry,
    decode_header,
    encode_header,
    header_size,
)
from IODeepLib.model_object.writer import InstanceWriter

MOST_BESIDE_PAYLOAD = 2**20


def part_name(number: int) -> str:
    """The file of part `number`, counted from 1."""
    return f"difference-{number}.dcm"


def write_difference(
    tensors: Mapping[str, Float32], about: Round, folder: Path, most: int = MAX_PART_BYTES
) -> Manifest:
    """Write the parts of a difference to a folder.

    Args:
        tensors: in the round's order.
        about: the round.
        folder: where they go.
        most: bytes of a part, unless one tensor alone has more.
    """
    groups = _split(tensors, most)
    series_uid = new_uid()
    parts = []
    for number, names in enumerate(groups, 1):
        entries, end = [], 0
        for name in names:
            begin, end = end, end + tensors[name].size * VALUE_BYTES
            entries.append(TensorEntry(name, "F32", tensors[name].shape, begin, end))
        content = [
            encode_header(entries),
            *(tensors[name].astype("<f4").tobytes() for name in names),
        ]
        writer = InstanceWriter(
            difference_dataset(about, number, len(groups), series_uid),
            Element.PAYLOAD,
            Element.PAYLOAD_LENGTH,
            Element.PAYLOAD_DIGEST,
        )
        digest = writer.write(folder / part_name(number), content)
        length = sum(map(len, content))
        parts.append(Part(writer.sop_instance_uid, length, digest, tuple(names)))
    return Manifest(SCHEMA, series_uid, tuple(parts))


def read_difference(
    update: Update, files: Sequence[Path], wanted: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The tensors of a difference where they lie, in the order of `wanted`.

    Args:
        update: what its site says of it, and has signed.
        files: the instances of its series.
        wanted: the same tensors of the parent.

    Raises:
        InputError: it is incomplete, was altered, or has other tensors than those that are wanted.
    """
    there: dict[str, Instance] = {}
    for path in files:
        instance = Instance.read(path, ROUND_VERSION_UID)
        there[instance.standard("SOPInstanceUID")] = instance
    found: dict[str, Tensor] = {}
    for number, part in enumerate(update.weights.parts, 1):
        where = f"part {number} of {len(update.weights.parts)}"
        held = there.get(part.sop_instance_uid)
        if held is None:
            raise InputError(f"{where} is missing", "all parts", "have it sent again")
        for name, tensor in _tensors(held, part, where).items():
            if name in found:
                raise InputError(f"{where} has {name!r} again", "each once", "have it made again")
            found[name] = tensor
    _check_same(found, wanted)
    return {name: found[name] for name in wanted}


def check_manifest(update: Update, wanted: Mapping[str, Tensor]) -> None:
    """Raise InputError unless an update announces what is wanted: before that is fetched."""
    names = [name for part in update.weights.parts for name in part.tensors]
    if sorted(names) != sorted(wanted):
        odd = sorted(set(names) ^ set(wanted))
        raise InputError(
            f"it has {len(names)} tensors; too many or missing: "
            + (", ".join(map(repr, odd[:3])) or "some are there twice"),
            f"the {len(wanted)} that the round trains",
            "have it made again",
        )
    values = sum(tensor.size for tensor in wanted.values()) * VALUE_BYTES
    length = sum(part.length for part in update.weights.parts)
    most = values + len(update.weights.parts) * MOST_BESIDE_PAYLOAD
    if not values <= length <= most:
        raise InputError(f"it has {length} bytes", f"{values} to {most}", "have it made again")


def _tensors(instance: Instance, part: Part, where: str) -> dict[str, Tensor]:
    """The tensors of a part, which is proved by its digest."""
    payload = instance.content(Element.PAYLOAD, part.length)
    if not isinstance(payload, ByteRange):
        raise InputError(f"{where} is deflated", "Explicit VR Little Endian", "store it as it was")
    check_description(instance)
    digest = hashlib.sha256()
    for chunk in chunks([payload]):
        digest.update(chunk)
    if digest.hexdigest() != part.sha256:
        raise InputError(
            f"{where} was altered: its SHA-256 is {digest.hexdigest()}",
            f"{part.sha256}, which its site has signed",
            "have it sent again",
        )
    size = header_size(joined([payload._replace(length=min(8, part.length))]), part.length, where)
    entries, begin = decode_header(joined([payload._replace(length=size)]), payload.length, where)
    if tuple(entry.name for entry in entries) != part.tensors:
        raise InputError(f"{where} has other tensors than it says", "those", "have it made again")
    found = {}
    for entry in entries:
        if entry.dtype != "F32":
            raise InputError(f"{entry.name!r} is {entry.dtype}", "F32", "have it made again")
        values = ByteRange(
            payload.path, payload.offset + begin + entry.begin, entry.end - entry.begin
        )
        found[entry.name] = Tensor(entry.shape, values)
    return found


def _check_same(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    if found.keys() != wanted.keys():
        odd = sorted(found.keys() ^ wanted.keys())
        raise InputError(
            f"it has {len(found)} tensors; {odd[0]!r} is too many or missing",
            f"the {len(wanted)} that the round trains",
            "have it made again",
        )
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape:
            raise InputError(
                f"its {name!r} is {found[name].shape}", f"{tensor.shape}", "have it made again"
            )


def _split(tensors: Mapping[str, Float32], most: int) -> list[list[str]]:
    """The names in each part: in their order, as many as fit."""
    groups: list[list[str]] = []
    size = 0
    for name, tensor in tensors.items():
        if not groups or size + tensor.nbytes > most:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += tensor.nbytes
    return groups

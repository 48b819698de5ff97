"""From ONNX files and a recipe to DICOM instances."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from IODeepLib.disk.byte_ranges import ByteRange, Piece, joined, size_of
from IODeepLib.disk.files import whole_folder
from IODeepLib.errors import ModelError, RecipeError, UsageError
from IODeepLib.machine.parallel import in_parallel
from IODeepLib.machine.progress import Advance, Advancing, Progress
from IODeepLib.model_object.architecture import payload_name
from IODeepLib.model_object.card import Card, read_card
from IODeepLib.model_object.characteristics import sha256
from IODeepLib.model_object.datasets import (
    Identity,
    card_dataset,
    network_item,
    set_private,
    weights_dataset,
)
from IODeepLib.model_object.manifest import SCHEMA, Manifest, Part
from IODeepLib.model_object.model import Model
from IODeepLib.model_object.networks import (
    ARCHITECTURE_FORMAT,
    MAX_ARCHITECTURE_BYTES,
    MOST_NETWORKS,
    SEVERAL,
    listed,
)
from IODeepLib.model_object.private_dictionary import Element
from IODeepLib.model_object.safetensors_file import RESERVED_NAME, TensorEntry, encode_header
from IODeepLib.model_object.weights import read_weights
from IODeepLib.model_object.writer import InstanceWriter, save_instance
from IODeepLib.onnx_file import DATA_TYPES, ExternalData, OnnxFile, Tensor
from IODeepLib.onnx_file.graph import read_graph
from IODeepLib.onnx_file.trained import trained_tensors
from IODeepLib.recipe import Recipe, recipe_parts
from IODeepLib.text.records import MOST_ITEMS

CARD_FILE_NAME = "card.dcm"
# A server needs about three times an object's size in memory.
MAX_PART_BYTES = 512 * 2**20
# Smaller tensors stay in the architecture, but for those that are trained: they carry shapes, which
# ONNX Runtime wants at hand.
MIN_MOVED_BYTES = 1024
_MAX_PARTS = MOST_ITEMS  # of a list in the manifest; 2 TB in parts of the usual size
_ENTRY_BYTES = 128  # more than a header entry needs besides the tensor's name
# One network, or the path of each by the name that the recipe gives it.
OnnxPaths = Path | str | Mapping[str, Path | str]


def write_model(
    onnx_path: OnnxPaths,
    recipe: Recipe,
    out_dir: Path | str,
    *,
    parent: Card | None = None,
    max_part_bytes: int = MAX_PART_BYTES,
    check: Callable[[Model], None] | None = None,
    progress: Progress | None = None,
) -> Model:
    """Write the instances of a model version: `card.dcm` and `weights-N.dcm`.

    The recipe is believed; `IODeepLib.publish.pack` holds it against the network.
    The weights go from file to file and are never held. The folder appears whole or not at all.

    Args:
        onnx_path: the network; its weights inside, or beside it as external data. For a recipe
            that names its networks, the path of each by its name.
        recipe: what it needs, gives and may be used on.
        out_dir: a new or empty folder.
        parent: the version that this one was made from, to which the card then refers.
        max_part_bytes: a part's payload is at most so long, unless one tensor alone is longer.
        check: called with the finished model before the folder appears; it raises to undo all.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        RecipeError: it uses other networks than those that are given.
        ModelError: a network cannot be read, or cannot be run by ONNX Runtime alone.
        OutputError: the folder cannot be written, or something else is there.
    """
    networks = _opened(onnx_path, recipe, max_part_bytes)
    _check_rest(networks)
    out_dir = Path(out_dir)
    identity = Identity(recipe)
    groups = [group for network in networks for group in network.groups]
    total = sum(tensor.nbytes for group in groups for tensor in group)
    advance = Advancing(progress, total, f"packing {recipe.name}@{recipe.version}")
    advance(0)
    with whole_folder(out_dir) as folder:
        parts = _write_parts(folder, identity, networks, advance)
        _write_card(folder / CARD_FILE_NAME, identity, networks, parts, parent)
        if check is not None:
            check(_read(folder, len(parts)))
    return _read(out_dir, len(parts))


@dataclass(frozen=True)
class _Network:
    """A network that is packed.

    Attributes:
        name: "" for the only one of a model.
        onnx: it.
        groups: its weights, as they go into parts.
        places: where each tensor is that does not stay in the architecture.
    """

    name: str
    onnx: OnnxFile
    groups: Sequence[Sequence[Tensor]]
    places: dict[str, ExternalData | ByteRange] = field(default_factory=dict)

    def architecture(self) -> list[Piece]:
        """The ModelProto for the card, when the parts are written."""
        for tensor in self.onnx.tensors:
            if tensor.external and tensor.name not in self.places:  # a small one comes in
                self.places[tensor.name] = self.onnx.values(tensor)
        return self.onnx.rewritten(self.places)


def _opened(paths: OnnxPaths, recipe: Recipe, max_part_bytes: int) -> list[_Network]:
    """The networks in the order in which the recipe names them."""
    given = dict(paths) if isinstance(paths, Mapping) else {"": paths}
    wanted = recipe.network_names
    if set(given) != set(wanted):
        raise RecipeError(
            f"recipe: it uses {listed(wanted)}; given: {listed(sorted(given))}",
            "a file for each network that the recipe uses, and no other",
            "name each with its file (pack --network NAME=FILE), or correct the recipe",
        )
    networks, count = [], 0
    for name in wanted:
        onnx = OnnxFile.open(given[name])
        groups = _split(_weights_of(onnx), max_part_bytes)
        networks.append(_Network(name, onnx, groups))
        count += len(groups)
    if len(networks) > MOST_NETWORKS:
        raise RecipeError(
            f"recipe: {len(networks)} networks",
            f"at most {MOST_NETWORKS}",
            "leave some of them out",
        )
    if count > _MAX_PARTS:
        raise UsageError(
            f"{max_part_bytes} bytes at most make {count} parts",
            f"at most {_MAX_PARTS} parts",
            "allow longer parts",
        )
    return networks


def _write_parts(
    folder: Path, identity: Identity, networks: Sequence[_Network], advance: Advance
) -> list[Part]:
    """Write the weights, several parts at once, and keep where each tensor is."""
    writers, contents, jobs = [], [], []
    groups = [(network, group) for network in networks for group in network.groups]
    for number, (network, group) in enumerate(groups, 1):
        writer = InstanceWriter(
            weights_dataset(identity, number, len(groups)),
            Element.PAYLOAD,
            Element.PAYLOAD_LENGTH,
            Element.PAYLOAD_DIGEST,
        )
        header, offsets = _layout(group)
        content: list[Piece] = [header, *(network.onnx.values(tensor) for tensor in group)]
        for tensor, offset in zip(group, offsets, strict=True):
            place = ExternalData(payload_name(number), offset, tensor.nbytes)
            network.places[tensor.name] = place
        path = folder / weights_file_name(number)
        jobs.append(functools.partial(writer.write, path, content))
        writers.append(writer)
        contents.append(content)
    return [
        Part(
            writer.sop_instance_uid,
            size_of(content),
            digest,
            tuple(tensor.name for tensor in group),
            tuple(tensor.name for tensor in group if tensor.typed),
            network.name,
        )
        for writer, content, digest, (network, group) in zip(
            writers, contents, in_parallel(jobs, advance), groups, strict=True
        )
    ]


def _read(folder: Path, parts: int) -> Model:
    weights = tuple(read_weights(folder / weights_file_name(i + 1)) for i in range(parts))
    return Model(read_card(folder / CARD_FILE_NAME), weights)


def weights_file_name(number: int) -> str:
    """The file that `write_model` writes for part `number`, counted from 1."""
    return f"weights-{number}.dcm"


def _weights_of(onnx: OnnxFile) -> list[Tensor]:
    """What is trained, and all that is large: two versions then differ in their weights alone."""
    trained = trained_tensors(read_graph(onnx))
    return [
        tensor
        for tensor in onnx.tensors
        if bool(tensor.inline or tensor.external)
        and tensor.name != RESERVED_NAME
        and (_is_large(tensor) or tensor.name in trained)
    ]


def _check_rest(networks: Sequence[_Network]) -> None:
    rest = 0
    for network in networks:
        tensors = [tensor for group in network.groups for tensor in group if tensor.inline]
        rest += size_of(network.onnx.rewritten({})) - sum(tensor.nbytes for tensor in tensors)
    if rest > MAX_ARCHITECTURE_BYTES:
        names = ", ".join(network.onnx.name for network in networks)
        raise ModelError(
            f"{names} has {rest / 1e6:.0f} MB that are no plain values of initializers and "
            "Constant nodes",
            f"at most {MAX_ARCHITECTURE_BYTES / 1e6:.0f} MB, for they go into the card",
            "save the model with raw_data, without sparse tensors and large attributes",
        )


def _split(tensors: Sequence[Tensor], limit: int) -> list[list[Tensor]]:
    """The tensors of each part: all small ones, then the others in their order, as many as fit.

    Within a part wide types come first and small ones last: without gaps between them, each tensor
    then begins at a multiple of its value size.
    """
    groups: list[list[Tensor]] = []
    size = 0
    for tensor in sorted(tensors, key=_is_large):
        cost = tensor.nbytes + len(tensor.name.encode()) + _ENTRY_BYTES
        if not groups or size + cost > limit:
            groups.append([])
            size = 0
        groups[-1].append(tensor)
        size += cost
    for group in groups:
        group.sort(key=_place)
    return groups


def _is_large(tensor: Tensor) -> bool:
    return tensor.nbytes >= MIN_MOVED_BYTES


def _place(tensor: Tensor) -> tuple[int, bool]:
    return -DATA_TYPES[tensor.data_type].bits, not _is_large(tensor)


def _layout(group: Sequence[Tensor]) -> tuple[bytes, list[int]]:
    """The safetensors header of a part, and where in the payload each tensor begins."""
    entries: list[TensorEntry] = []
    for tensor in group:
        dtype = DATA_TYPES[tensor.data_type].safetensors
        begin = entries[-1].end if entries else 0
        shape = tensor.shape if dtype else (tensor.nbytes,)
        entries.append(TensorEntry(tensor.name, dtype or "U8", shape, begin, begin + tensor.nbytes))
    header = encode_header(entries)
    return header, [len(header) + entry.begin for entry in entries]


def _write_card(
    path: Path,
    identity: Identity,
    networks: Sequence[_Network],
    parts: Sequence[Part],
    parent: Card | None,
) -> None:
    recipe, model_card = recipe_parts(identity.recipe)
    manifest = Manifest(SCHEMA, identity.weights_series_uid, tuple(parts)).to_json()
    several = networks[0].name != ""
    texts = {
        Element.ARCHITECTURE_FORMAT: SEVERAL if several else ARCHITECTURE_FORMAT,
        Element.RECIPE: recipe,
        Element.MODEL_CARD: model_card,
        Element.MANIFEST: manifest,
        Element.RECIPE_DIGEST: sha256(recipe),
        Element.MODEL_CARD_DIGEST: sha256(model_card),
        Element.MANIFEST_DIGEST: sha256(manifest),
    }
    dataset = card_dataset(identity, texts, parts, parent)
    if several:
        items = [network_item(one.name, joined(one.architecture())) for one in networks]
        set_private(dataset, {Element.NETWORKS: items})
        save_instance(dataset, path)
        return
    InstanceWriter(
        dataset, Element.ARCHITECTURE, Element.ARCHITECTURE_LENGTH, Element.ARCHITECTURE_DIGEST
    ).write(path, networks[0].architecture())

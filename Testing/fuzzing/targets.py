"""The readers that are fed with damaged files, and what each of them is fed with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pydicom
from fuzzing import (
    answers,
    mutate_bytes,
    mutate_dicom,
    mutate_json,
    mutate_protobuf,
    seeds,
    trust_targets,
    two_readers,
)
from makers import hostile_networks
from makers.results import PROVENANCE

from IODeepLib.disk.byte_ranges import joined, size_of
from IODeepLib.errors import IODeepError
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.model_object import Manifest, Model, read_architecture, verify
from IODeepLib.model_object.private_dictionary import Element
from IODeepLib.model_object.safetensors_file import decode_header, encode_header, header_size
from IODeepLib.onnx_file import OnnxFile
from IODeepLib.recipe import read_recipe, recipe_from_json, recipe_from_parts, recipe_to_json
from IODeepLib.results import make_seg
from IODeepLib.selection import select
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.sources.folder import models_in_files
from IODeepLib.trust import signature_words
from IODeepLib.trust.dicom_signature import Integrity
from IODeepLib.trust.signature_reading import read_signatures


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        seeds: undamaged contents.
        damage: makes a damaged one of a seed; the third argument are all seeds.
        read: puts the content in its place and reads it; True if all of it could be read.
    """

    seeds: Sequence[bytes]
    damage: Callable[[Random, bytes, Sequence[bytes]], bytes]
    read: Callable[[bytes], bool]


NAMES = (
    *("card", "signed card", "weights", "safetensors", "onnx", "onnx twice", "recipe", "manifest"),
    *("certificate", "revocation list", "time stamp", "trust list", "signature"),
    *("search answer", "retrieve answer"),
    *("image", "enhanced image", "compressed image"),
)
_SIGNED = {  # each text or architecture and the element with its digest
    Element.RECIPE: Element.RECIPE_DIGEST,
    Element.MODEL_CARD: Element.MODEL_CARD_DIGEST,
    Element.MANIFEST: Element.MANIFEST_DIGEST,
    Element.ARCHITECTURE: Element.ARCHITECTURE_DIGEST,
}


def target(name: str, folder: Path) -> Target:
    """The target `name`, with its files in the empty `folder`."""
    return _MAKERS[name](folder)


def _read_all(*steps: Callable[[], object]) -> bool:
    """Do every step, whatever came of the one before; True if all went well."""
    well = True
    for step in steps:
        try:
            step()
        except IODeepError:
            well = False
    return well


# --- models ---------------------------------------------------------------------------------


def _all_of_models(files: Sequence[Path]) -> bool:
    """All that is read of models before one is run."""
    library = models_in_files(files)
    steps: list[Callable[[], object]] = []
    for model in library.models:
        steps.append(lambda m=model: m.card.title)
        for network in model.card.networks:
            steps.append(lambda m=model, n=network.name: read_architecture(m, n))
        steps.append(lambda m=model: verify(m))
    return _read_all(*steps) and not library.problems and bool(library.models)


def _instances(folder: Path, place: int) -> tuple[list[bytes], Callable[[bytes], bool]]:
    """The cards (0) or first parts (1) of models, and a reader of a model that has another."""
    models = [model for model in seeds.models(folder / "seeds") if model.parts]
    files = [[m.card.path, *(part.path for part in m.weights())] for m in models]
    studies = [model.card.study_instance_uid.encode() for model in models]
    changed = folder / "changed.dcm"

    def read(content: bytes) -> bool:
        changed.write_bytes(content)
        known = (i for i, study in enumerate(studies) if study in content)
        rest = list(files[next(known, 0)])
        rest[place] = changed
        return _all_of_models(rest)

    return [paths[place].read_bytes() for paths in files], read


def _card(folder: Path) -> Target:
    contents, read = _instances(folder, 0)
    return Target(contents, mutate_dicom.damaged, read)


def _weights(folder: Path) -> Target:
    contents, read = _instances(folder, 1)
    return Target(contents, mutate_dicom.damaged, read)


def _signed_card(folder: Path) -> Target:
    contents, read = _instances(folder, 0)

    def damage(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
        tree = {node.tag: node for node in mutate_dicom.parsed(data)}
        donors = [{n.tag: n.value for n in mutate_dicom.parsed(rng.choice(others))}]
        there = tree.keys() & donors[0].keys()  # of several networks there is no architecture
        element = rng.choice([one for one in _SIGNED if (0x0017, 0x1000 + one) in there])
        tag = (0x0017, 0x1000 + element)
        if element is Element.ARCHITECTURE:
            length = tree[0x0017, 0x1000 + Element.ARCHITECTURE_LENGTH]
            size = int.from_bytes(length.value, "little")
            changed = mutate_protobuf.damaged(rng, tree[tag].value[:size], [donors[0][tag]])
            length.value = len(changed).to_bytes(4, "little")
        else:
            texts = [donor[tag].strip(b" ") for donor in donors]
            changed = mutate_json.damaged(rng, tree[tag].value.strip(b" "), texts)
        tree[tag].value = changed + (b"\0" if element is Element.ARCHITECTURE else b" ") * (
            len(changed) % 2
        )
        former = tree[0x0017, 0x1000 + _SIGNED[element]].value
        digest = hashlib.sha256(changed).hexdigest().encode()
        # It stands in the description of the block as well.
        return data[:132] + mutate_dicom.encoded(list(tree.values())).replace(former, digest)

    return Target(contents, damage, read)


def _safetensors(folder: Path) -> Target:
    """Headers; before each, the length of the whole file in eight bytes."""
    headers = []
    for model in seeds.models(folder / "seeds"):
        for part in model.weights():
            start = joined([part.payload._replace(length=min(part.payload.length, 100_000))])
            size = header_size(start, part.payload.length, "seed")
            headers.append(part.payload.length.to_bytes(8, "little") + start[:size])

    def damage(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
        changed = mutate_json.damaged(rng, data[16:], [other[16:] for other in others])
        length = len(changed) if rng.random() < 0.9 else rng.getrandbits(rng.choice((8, 32, 64)))
        total = int.from_bytes(data[:8], "little") + len(changed) - len(data[16:])
        return total.to_bytes(8, "little") + length.to_bytes(8, "little") + changed

    def read(content: bytes) -> bool:
        total, start = int.from_bytes(content[:8], "little"), content[8:]
        return _read_all(lambda: encode_header(decode_header(start, total, "a payload")[0]))

    return Target(headers, damage, read)


def _onnx(folder: Path) -> Target:
    path = folder / "model.onnx"
    (folder / "data.bin").write_bytes(bytes(1000))

    def all_of_it() -> None:
        onnx = OnnxFile.open(path)
        pieces = onnx.rewritten({})
        assert size_of(pieces) == path.stat().st_size
        for tensor in onnx.tensors:
            if tensor.inline or tensor.external:
                joined([onnx.values(tensor)])

    def read(content: bytes) -> bool:
        path.write_bytes(content)
        return _read_all(all_of_it)

    return Target(seeds.onnx_files(), mutate_protobuf.damaged, read)


def _onnx_twice(folder: Path) -> Target:
    """Architectures of cards, and what hostile ones are made of, by two readers."""
    cards = [
        model.card.read_architecture(network.name)
        for model in seeds.models(folder / "seeds")
        for network in model.card.networks
    ]
    made = [hostile_networks.in_initializer(place) for place in hostile_networks.PLACES.values()]
    made += [*hostile_networks.AMBIGUOUS.values(), *hostile_networks.ELSEWHERE.values()]
    made += [hostile_networks.with_node(hostile_networks.constant(hostile_networks.OUR_PLACE))]

    def read(content: bytes) -> bool:
        return _read_all(lambda: two_readers.check(content))

    return Target([*cards, *made], mutate_protobuf.damaged, read)


def _recipe(folder: Path) -> Target:
    path = folder / "recipe.json"

    def all_of_it() -> None:
        recipe = read_recipe(path)
        text = recipe_to_json(recipe)
        assert recipe_from_json(text.encode().decode()) == recipe

    def read(content: bytes) -> bool:
        path.write_bytes(content)
        return _read_all(all_of_it)

    return Target(seeds.recipes(), mutate_json.damaged, read)


def _manifest(folder: Path) -> Target:
    cards = [model.card for model in seeds.models(folder / "seeds")]
    texts = [card.manifest.to_json().encode() for card in cards]
    texts += [card.model_card_json.encode() for card in cards]

    def read(content: bytes) -> bool:
        text = content.decode("utf-8", "replace")
        manifest = _read_all(lambda: Manifest.from_json(text, "seed").to_json().encode())
        recipe = _read_all(lambda: recipe_from_parts(cards[0].recipe_json, text))
        return manifest or recipe

    return Target(texts, mutate_json.damaged, read)


# --- trust ----------------------------------------------------------------------------------


def _trust(contents: Sequence[bytes], read: Callable[[bytes], bool]) -> Target:
    return Target(contents, mutate_bytes.damaged, read)


def _signature(folder: Path) -> Target:
    """Signed objects. Where one is found intact, pydicom has to see what was signed."""
    paths = seeds.signed(folder / "seeds")
    changed = folder / "changed.dcm"
    whole = {str(ds.SOPInstanceUID): ds for ds in map(pydicom.dcmread, paths)}

    def all_of_it() -> None:
        for one in read_signatures(changed):
            json.dumps([signature_words.words(one), signature_words.as_json(one)])
            values = []
            if one.integrity is not Integrity.INTACT:
                continue
            with suppress(Exception):  # then nobody reads it
                dataset = pydicom.dcmread(changed)
                former = whole[str(dataset.SOPInstanceUID)]
                values = [(f"{tag:08X}", dataset[tag], former[tag]) for tag in one.covered]
            assert [name for name, new, old in values if new != old] == []

    def read(content: bytes) -> bool:
        changed.write_bytes(content)
        return _read_all(all_of_it)

    return Target([path.read_bytes() for path in paths], mutate_dicom.damaged, read)


# --- answers of servers ---------------------------------------------------------------------


def _answers(contents: Sequence[bytes], read: Callable[[bytes], bool]) -> Target:
    return Target(contents, answers.damaged, read)


# --- images ---------------------------------------------------------------------------------


def _images(folder: Path, contents: Sequence[bytes]) -> Target:
    """A series in a folder, one of whose files is damaged."""
    models = seeds.models(folder / "seeds")
    series_folder = seeds.STACK.write(folder / "series")
    changed = series_folder / "002.dcm"

    def read(content: bytes) -> bool:
        changed.write_bytes(content)
        found: list[ImageSeries] = []
        well = _read_all(lambda: found.extend(find_series(series_folder)))
        well &= _read_all(lambda: find_series(changed))
        for series in found:
            steps = [lambda s=series: s.label, lambda s=series: s.problems]
            steps += [lambda s=series: select(s, models, found), lambda s=series: _seg(s, models)]
            well &= _read_all(*steps) or changed not in series.files
        return well

    return Target(contents, mutate_dicom.damaged, read)


def _seg(series: ImageSeries, models: Sequence[Model]) -> None:
    """Read the voxels and make a segmentation of them, as a run does."""
    volume = series.volume()
    if volume.array.size > 2**20:
        return
    card = models[0].card
    array = np.zeros(volume.array.shape, np.uint8)
    array.flat[array.size // 2] = card.recipe.output.labels[0].value
    segmentation = Segmentation(array, volume.grid, card.recipe.output.labels)
    make_seg(segmentation, series, PROVENANCE)
    if isinstance(series.slices, SliceStack):
        make_seg(segmentation.on_slices(series.slices), series, PROVENANCE)


_MAKERS: dict[str, Callable[[Path], Target]] = {
    "card": _card,
    "signed card": _signed_card,
    "weights": _weights,
    "safetensors": _safetensors,
    "onnx": _onnx,
    "onnx twice": _onnx_twice,
    "recipe": _recipe,
    "manifest": _manifest,
    "certificate": lambda folder: _trust(*trust_targets.certificates(folder)),
    "revocation list": lambda folder: _trust(*trust_targets.revocation_lists(folder)),
    "time stamp": lambda folder: _trust(*trust_targets.time_stamps(folder)),
    "trust list": lambda folder: _trust(*trust_targets.trust_lists(folder)),
    "signature": _signature,
    "search answer": lambda folder: _answers(*answers.found(folder)),
    "retrieve answer": lambda folder: _answers(*answers.retrieved(folder)),
    "image": lambda folder: _images(folder, seeds.classic(folder)),
    "enhanced image": lambda folder: _images(folder, seeds.enhanced(folder)),
    "compressed image": lambda folder: _images(folder, seeds.compressed(folder)),
}

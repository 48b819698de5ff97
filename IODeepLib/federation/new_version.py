"""The version that comes out of a round: its parent's network with other values in it.

The parent is unpacked, and values of the same length are written over the former ones, a piece at a
time: of all updates together no more than one piece of each is ever in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.disk.files import temporary_folder, writing
from IODeepLib.errors import ModelError
from IODeepLib.federation.averaging import combined
from IODeepLib.federation.records import Round, Rule, Taken
from IODeepLib.federation.tensors import Float64, Tensor, trained_in
from IODeepLib.machine.progress import Advancing, Progress
from IODeepLib.model_object import Model, unpack, write_model
from IODeepLib.model_object.new_version import earlier_performance
from IODeepLib.onnx_file import OnnxFile
from IODeepLib.publish import pack
from IODeepLib.recipe import Measurement, Recipe
from IODeepLib.text.wording import counted
from IODeepLib.trust.signer import Signer

_RULES = {
    Rule.MEAN: "their mean, weighted by cases",
    Rule.MEDIAN: "the median of each value",
    Rule.TRIMMED: "the mean of each value without the {trim} highest and {trim} lowest",
}


def new_version(
    parent: Model,
    said: Round,
    taken: Sequence[Taken],
    differences: Sequence[Mapping[str, Tensor]],
    recipe: Recipe,
    out: Path,
    signer: Signer | None = None,
    progress: Progress | None = None,
) -> Model:
    """Write the version that these updates make of `parent` to the folder `out`.

    Raises:
        ModelError: it cannot be run, or its values are no numbers.
        OutputError: the folder cannot be written.
    """
    with temporary_folder() as folder:
        path = unpack(parent, folder / "parent")
        _overwrite(path, parent, said, taken, differences, progress)
        return pack(path, recipe, out, parent=parent.card, signer=signer)


def network_digest(
    parent: Model,
    said: Round,
    taken: Sequence[Taken],
    differences: Sequence[Mapping[str, Tensor]],
    recipe: Recipe,
) -> str:
    """The network digest of the version that these updates make of `parent`, with this recipe."""
    with temporary_folder() as folder:
        path = unpack(parent, folder / "parent")
        _overwrite(path, parent, said, taken, differences)
        return write_model(path, recipe, folder / "again").card.network_digest


def recipe_of(
    parent: Model,
    said: Round,
    taken: Sequence[Taken],
    epsilon: float | None,
    figures: Sequence[Measurement] = (),
) -> Recipe:
    """The recipe of the version that comes out: what its card says of how it was made.

    Args:
        parent: the version before.
        said: the round.
        taken: the updates that it is made of.
        epsilon: what the rounds so far have spent, see `accountant`.
        figures: what the coordinator has measured of it.
    """
    recipe = parent.card.recipe
    sites, cases = counted(len(taken), "site"), sum(one.cases for one in taken)
    made = (
        f"Tuned from {said.parent} in round {said.number}, by {sites} with {cases} cases "
        f"as they say: {_RULES[said.rule].format(trim=said.trim)}; differences clipped to "
        f"{said.clip:g}"
    )
    if epsilon is None:
        made += ", without noise, so that nothing bounds what they give away."
    else:
        made += (
            f", with noise of {said.noise:g} times that: epsilon {epsilon:.3g} at delta "
            f"{said.delta:g} for all that one site has."
        )
    card = replace(
        recipe.card,
        training_data=f"{recipe.card.training_data} {made}".strip(),
        performance=(*earlier_performance(parent.card), *figures),
    )
    return replace(recipe, version=said.version, card=card)


def _overwrite(
    path: Path,
    parent: Model,
    said: Round,
    taken: Sequence[Taken],
    differences: Sequence[Mapping[str, Tensor]],
    progress: Progress | None = None,
) -> None:
    """Put the values that come of the updates into the ONNX file at `path`."""
    before = trained_in(parent, said)
    places = _places(path, before)
    weights = [one.weight for one in taken]
    total = sum(tensor.size for tensor in before.values())
    advance = Advancing(progress, total, f"averaging {counted(len(taken), 'update')}")
    for name, tensor in before.items():
        changes = combined([one[name] for one in differences], weights, said.rule, said.trim)
        place = places[name]
        with writing(place.path), place.path.open("r+b") as file:
            file.seek(place.offset)
            for old, change in zip(tensor.pieces(), changes, strict=True):
                file.write(_added(old, change, name))
                advance(len(old))


def _added(old: Float64, change: Float64, name: str) -> bytes:
    with np.errstate(over="ignore"):
        new = (old + change).astype("<f4")
    if not np.isfinite(new).all():
        raise ModelError(
            f"{name!r} of the new version would have values that are no numbers of float32",
            "updates that leave it what it was",
            "look at the round's clipping norm",
        )
    return new.tobytes()


def _places(path: Path, wanted: Mapping[str, Tensor]) -> dict[str, ByteRange]:
    """Where the values of the tensors lie in the files that were unpacked."""
    onnx = OnnxFile.open(path)
    return {one.name: onnx.values(one) for one in onnx.tensors if one.name in wanted}

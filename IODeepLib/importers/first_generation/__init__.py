"""Networks that the first IODeep program stored: a description, a pickle, and ONNX of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IODeepLib.disk.files import temporary_folder
from IODeepLib.errors import ModelError
from IODeepLib.importers.choice import files_of
from IODeepLib.importers.draft import Draft
from IODeepLib.importers.first_generation import recipe
from IODeepLib.importers.first_generation.architecture import Architecture, read_architecture
from IODeepLib.importers.first_generation.conversion import NEXT, Choices
from IODeepLib.importers.first_generation.layers import convert
from IODeepLib.importers.first_generation.weights import Unit, read_weights
from IODeepLib.machine.progress import Progress
from IODeepLib.sources import Source
from IODeepLib.sources.first_generation import FirstGeneration
from IODeepLib.sources.other_networks import read_other

_GRAY, _COLOR = 1, 3
# What protobuf holds in one file, and room for the graph itself.
_MOST_BYTES = 2**31 - 2**26


@contextmanager
def draft(
    source: Source,
    series: str | None = None,
    choices: Choices | None = None,
    labels: Sequence[str] = (),
    progress: Progress | None = None,
) -> Iterator[Draft]:
    """What such an object says.

    Args:
        source: a folder or PACS with it.
        series: its Series Instance UID, where there are several.
        choices: what it does not say of the network.
        labels: what the channels of the output are, in order, without the background.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        UsageError: there are several, or more or fewer labels than channels.
        ModelError: there is none, it is damaged, or a layer cannot be converted.
        SourceError: the PACS failed.
    """
    with temporary_folder() as folder:
        one = _read(files_of(source, "first-generation", series, folder, progress))
        architecture = read_architecture(one.architecture)
        units = read_weights(one.path, folder)
        model = _network(one, architecture, units, choices or Choices())
        yield _draft(one, architecture, model, labels)


def _read(files: Sequence[Path]) -> FirstGeneration:
    found = [one for one in map(read_other, files) if isinstance(one, FirstGeneration)]
    if len(found) != 1:
        raise ModelError(
            f"{len(found)} networks of the first IODeep program in {len(files)} files",
            "one",
            "check the UID, or give a folder with that file alone",
        )
    return found[0]


def _network(
    one: FirstGeneration, architecture: Architecture, units: list[Unit], choices: Choices
) -> Any:
    size = sum(array.nbytes for unit in units for array in unit.tensors.values())
    if size > _MOST_BYTES:
        raise ModelError(
            f"weights of {size / 1e9:.1f} GB", f"{_MOST_BYTES / 1e9:.1f} GB at most", NEXT
        )
    channels = _channels(architecture, units)
    if channels not in (_GRAY, _COLOR):
        raise ModelError(f"a network of {channels} channels", "one, or three", NEXT)
    # The program fills three channels with one gray image.
    copied = channels == _COLOR and one.samples_per_pixel != f"{_COLOR}"
    return convert(architecture, units, choices, _COLOR if copied else 1)


def _channels(architecture: Architecture, units: list[Unit]) -> int:
    first = units[0].weight if units else None
    known = first.shape[1] if first is not None and first.ndim == 4 else None
    return architecture.input_shape(known)[0]


def _draft(
    one: FirstGeneration, architecture: Architecture, model: Any, labels: Sequence[str]
) -> Draft:
    image, scores = (
        [dim.dim_value for dim in value.type.tensor_type.shape.dim][1:]
        for value in (model.graph.input[0], model.graph.output[0])
    )
    last = next(layer.kind for layer in reversed(architecture.layers) if layer.kind != "dropout")
    of_pixels = len(scores) > 1
    output, missing, assumed = recipe.output_of(scores[0], last, of_pixels, labels)
    values = {
        **recipe.names_of(one),
        "task": "SEGMENTATION" if of_pixels else "CLASSIFICATION",
        "applies_to": recipe.applies_to(one),
        "input": recipe.input_of(one, *image),
        "output": output,
    }
    source = f"{one.name or one.path.name}, of the first IODeep program"
    made = Draft(source, lambda folder: _write(model, folder), values, missing)
    made.assumed += [*assumed, *recipe.ASSUMED]
    return made


def _write(model: Any, folder: Path) -> Path:
    path = folder / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path

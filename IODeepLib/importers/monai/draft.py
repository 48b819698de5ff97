"""From a bundle to a draft: what its configs and metadata say, and what is still to be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.draft import Draft, Missing
from IODeepLib.importers.monai import metadata
from IODeepLib.importers.monai.after import Decided, decided_by
from IODeepLib.importers.monai.before import Image, images_of
from IODeepLib.importers.monai.bundle import Bundle
from IODeepLib.importers.monai.config import Config
from IODeepLib.importers.monai.conversion import even_sizes, ready_network, write_network
from IODeepLib.importers.monai.inferer import Windows, windows_of
from IODeepLib.importers.monai.labels import labels_of
from IODeepLib.importers.monai.metadata import Tensor
from IODeepLib.importers.monai.network import Definition
from IODeepLib.importers.monai.scripts import known_classes
from IODeepLib.importers.monai.workflow import Workflow, workflow_of
from IODeepLib.recipe import Task

_CLASSES = ("classes", "labels", "probabilities")
_ORIENTATION = Missing(
    "input.orientation",
    "where the axes of the training files grow toward: the bundle has no Orientationd; 'source' "
    "means the columns, rows and slices of the series as they lie",
    "RAS",
)


def monai_draft(bundle: Bundle, network: Path | None = None, torchscript: bool = False) -> Draft:
    """What a MONAI bundle says, as a draft.

    Args:
        bundle: has to be open until the draft is written.
        network: the network as ONNX, where the bundle's own is not to be built.
        torchscript: whether a program in models/*.ts may be run to make ONNX of it.

    Raises:
        ModelError: what the bundle has or does that is not understood, by name.
    """
    try:
        return _draft(bundle, network, torchscript)
    except RecursionError:
        raise ModelError(
            f"{bundle.config.name}, which is nested without end",
            "a plain config",
            "correct the config",
        ) from None


def _draft(bundle: Bundle, network: Path | None, torchscript: bool) -> Draft:
    flow = workflow_of(Config.read(bundle.config, known_classes(bundle.scripts)))
    reads = metadata.tensor_of(bundle.metadata, "inputs")
    gives = metadata.tensor_of(bundle.metadata, "outputs")
    network = network or ready_network(bundle, flow)
    definition = _definition(flow, optional=network is not None or torchscript)
    dims = definition.dims if definition else _dims(bundle.metadata, flow)
    channels = _agreed(flow, "reads", reads.channels, definition.channels if definition else None)
    classes = _agreed(flow, "gives", gives.channels, definition.classes if definition else None)
    windows = windows_of(flow.inferer, dims)
    images = images_of(
        flow.before, dims=dims, channels=channels, flat=dims == 2 and not windows.across
    )
    decided = decided_by(flow.after, flow.preprocessing)
    judges = definition.judges if definition else gives.kind in _CLASSES
    task = Task.CLASSIFICATION if judges else Task.SEGMENTATION
    assumed: list[str] = []
    input_ = _input(images, windows, dims, channels, reads, assumed)
    if task is Task.SEGMENTATION:
        _check_way_back(decided, images[0])
    output = _output(decided, classes, task, bool(images[0].grid), assumed)
    labels = labels_of(decided, gives, classes, task)
    output["labels"] = labels.recipe
    assumed += [labels.assumed] if labels.assumed else []
    if task is Task.SEGMENTATION and "patch_size" not in input_ and definition:
        shape = input_.get("grid", {}).get("shape")
        step = even_sizes(definition, channels, shape, bundle)
        input_ |= {"divisible_by": step} if step > 1 else {}
    card = metadata.card(bundle.metadata, bundle.licence)
    if "licence" in card:
        assumed.append(f"the license of the weights is that of the bundle, {card['licence']}")
    recipe = metadata.about(bundle.metadata, bundle.name) | {
        "task": task.value,
        "applies_to": {"modalities": [reads.modality]} if reads.modality else {},
        "input": input_,
        "output": output,
        "card": card,
    }
    after = _steps_after(decided, output["labels"])
    if after:
        recipe["after"] = after
    missing = [] if "orientation" in input_ else [_ORIENTATION]
    if "channels" not in input_:
        missing.append(_missing_channels(channels))
    draft = Draft(
        f"the bundle {bundle.name}",
        lambda folder: (
            network or write_network(bundle, flow, definition, draft.recipe, classes, folder)
        ),
        recipe,
        [*missing, *labels.missing],
        assumed,
    )
    return draft


def _definition(flow: Workflow, optional: bool) -> Definition | None:
    """The network as the config defines it; None where another file may take its place."""
    try:
        return Definition(flow.network)
    except ModelError:
        if not optional:
            raise
        return None


def _dims(metadata: dict[str, Any], flow: Workflow) -> int:
    """Axes of a network that the config does not define, by its metadata."""
    formats = metadata.get("network_data_format", {}).get("inputs", {})
    for one in formats.values() if isinstance(formats, dict) else ():
        shape = one.get("spatial_shape") if isinstance(one, dict) else None
        if isinstance(shape, list) and len(shape) in (2, 3):
            return len(shape)
    raise flow.network.error("a network of unknown axes", "spatial_shape in metadata.json")


def _agreed(flow: Workflow, does: str, said: int | None, defined: int | None) -> int:
    """The number of channels that metadata and config both say, or one of them."""
    if said and defined and said != defined:
        raise flow.network.error(
            f"a network that {does} {defined} channels, and {said} in metadata.json",
            "the same number",
            "correct the one that is wrong",
        )
    count = said or defined
    if not count:
        raise flow.network.error(
            f"a network that {does} nobody knows how many channels",
            "num_channels in metadata.json",
            "write it there",
        )
    return count


def _input(
    images: list[Image],
    windows: Windows,
    dims: int,
    channels: int,
    reads: Tensor,
    assumed: list[str],
) -> dict[str, Any]:
    first = images[0]
    input_: dict[str, Any] = {}
    named = _channels(images, channels, reads)
    if named:
        input_["channels"] = named
    if first.orientation is not None:
        input_["orientation"] = first.orientation
    elif reads.colors or first.colors:
        input_["orientation"] = "source"
        assumed.append("pictures are read as they lie, their columns first")
    letters = "XYZ" if dims == 3 else "XYZ".replace(windows.across or "Z", "")
    input_["axis_order"] = f"NC{letters}"
    if first.grid:
        input_["grid"] = first.grid
    steps = [_steps(image) for image in images]
    for key, place in (("intensity_before_grid", 0), ("intensity", 1)):
        if all(one == steps[0] for one in steps):
            if steps[0][place]:
                input_[key] = steps[0][place]
        else:
            for channel, own in zip(named, steps, strict=True):
                channel[key] = own[place]
    if first.crop:
        input_["crop"] = first.crop
    return input_ | windows.keys


def _steps(image: Image) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The steps before the grid and after it; on the image's own voxels there is one list."""
    return (image.before, image.after) if image.grid else ([], image.before + image.after)


def _channels(images: list[Image], channels: int, reads: Tensor) -> list[dict[str, Any]]:
    """The recipe's channels; [] where nobody says what they are."""
    if reads.colors:
        return [{"name": color, "color": color} for color in reads.colors]
    if len(images) == channels > 1:
        return [{"name": image.key} for image in images]
    names = [reads.names.get(i, "") for i in range(channels)]
    if channels == 1:
        return [{"name": reads.modality or names[0] or "image"}]
    if all(names) and len(set(names)) == channels:
        return [{"name": name, "words": [name]} for name in names]
    return []


def _missing_channels(channels: int) -> Missing:
    example = ", ".join(f'{{"name": "{i + 1}"}}' for i in range(channels))
    why = (
        f"what the {channels} channels are: metadata.json names fewer of them in channel_def; one "
        "alone is copied to all, as gray pictures are to the colors"
    )
    return Missing("input.channels", why, f"[{example}]")


def _check_way_back(decided: Decided, image: Image) -> None:
    """Refuse what does not come back to the image's own voxels as a recipe says it."""
    if image.grid and not decided.inverted:
        raise ModelError(
            "a result that stays on the network's voxels",
            "Invertd behind Spacingd or Resized",
            "put Invertd into the config's postprocessing",
        )
    if image.grid.get("mode") != "resize":
        return
    # Resized goes back in its own mode: averages, or PyTorch's older kind of nearest voxel.
    nearest = decided.output.get("label_interpolation") == "nearest-even"
    if nearest or image.grid.get("interpolation", "linear") != "linear":
        way = "nearest_interp" if nearest else "the mode of Resized"
        raise ModelError(
            f"Invertd with {way}, behind Resized",
            "Resized with mode 'bilinear' or 'trilinear', and nearest_interp false",
            "correct the config, or import the network as ONNX ('iodeep import onnx')",
        )


def _output(
    decided: Decided, classes: int, task: Task, resampled: bool, assumed: list[str]
) -> dict[str, Any]:
    output: dict[str, Any] = {"channels": classes, **decided.output}
    if task is not Task.SEGMENTATION:
        if output.get("decision") == "argmax" and "activation" not in output:
            output["activation"] = "softmax"
            assumed.append("probabilities are softmax: the bundle names only the likeliest class")
        ways = ("interpolate", "decide_on", "label_interpolation")
        output = {key: value for key, value in output.items() if key not in ways}
        output.setdefault("decision", "argmax")
        return output | {"blend": "probabilities"}
    if not decided.has_labels:
        by_itself = output.get("activation") == "sigmoid"
        output["decision"] = "threshold" if by_itself else "argmax"
        assumed.append(
            "labels where a probability is above 0.5: the bundle saves probabilities"
            if by_itself
            else "labels by the highest channel: the bundle saves scores"
        )
    if not resampled:  # on the image's own voxels there is no way back
        for key in ("interpolate", "decide_on", "label_interpolation"):
            output.pop(key, None)
    return output


def _steps_after(decided: Decided, labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The recipe's steps, with names of labels for the bundle's values or channels."""
    found = []
    for step in decided.after:
        wanted = step.get("labels")
        if wanted is not None:
            key = "channel" if any("channel" in label for label in labels) else "value"
            step["labels"] = [x.get("name", "") for x in labels if x.get(key) in wanted]
        found.append({key: value for key, value in step.items() if value != []})
    return found

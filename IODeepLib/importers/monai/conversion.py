"""The network of a bundle as an ONNX file: built and filled, taken as it is, or traced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.errors import ModelError
from IODeepLib.importers import packages
from IODeepLib.importers.export import export
from IODeepLib.importers.monai.bundle import Bundle
from IODeepLib.importers.monai.network import Definition
from IODeepLib.importers.monai.weights import checkpoint_name, fill
from IODeepLib.importers.monai.workflow import Workflow
from IODeepLib.importers.packages import first_line

if TYPE_CHECKING:
    import torch

_ONNX = "model.onnx"
# Voxels along an axis that a network is tried on, in parts of what it may want a multiple of. Three
# is odd, so that what halves once more notices; of one, some normalizations measure nothing.
_PARTS = 3
_STEPS = (1, 2, 4, 8, 16, 32)
_TRIAL = 32  # voxels along an axis where all sizes are open


def ready_network(bundle: Bundle, flow: Workflow) -> Path | None:
    """The bundle's network as ONNX, where it has no weights to build one."""
    return None if bundle.model(checkpoint_name(flow.loaders)[0]) else bundle.model(_ONNX)


def write_network(
    bundle: Bundle,
    flow: Workflow,
    definition: Definition | None,
    recipe: dict[str, Any],
    classes: int,
    folder: Path,
) -> Path:
    """Write a bundle's network as ONNX into a folder.

    Args:
        bundle: where the weights are.
        flow: which of them are loaded.
        definition: the network; None where a program in models/*.ts is to be traced.
        recipe: as it is with all answers: it says on which sizes the network is called.
        classes: channels that the network shall give.
        folder: for the new file.

    Raises:
        ModelError: weights that do not fit, a network that disagrees with its metadata, or one that
            cannot be exported.
    """
    name, key = checkpoint_name(flow.loaders)
    weights = bundle.model(name)
    if definition is None:
        module = _traced(_script(bundle, name))
    elif weights is None:
        raise _no_weights(bundle, name)
    else:
        module = definition.build(bundle.models)
        fill(module, weights, key)
        if len(recipe["input"]["channels"]) == 1 and (definition.channels or 1) > 1:
            module = _copying(module, definition.channels or 1)
    shape, open_sizes = _shape(recipe)
    _check(module, shape, classes, recipe["task"] == "SEGMENTATION", bundle)
    export(module, shape, folder / _ONNX, f"the bundle {bundle.name}", open_sizes)
    return folder / _ONNX


def even_sizes(
    definition: Definition, channels: int, shape: list[int] | None, bundle: Bundle
) -> int:
    """What the sizes of a network's input have to be multiples of, so that it gives as many voxels.

    It is tried out, without weights.

    Args:
        definition: the network.
        channels: that it reads.
        shape: the sizes that it will be called with, if they are always the same.
        bundle: where its files are.
    """
    torch = packages.torch()
    module = definition.build(bundle.models)
    for step in _STEPS:
        sizes = [step * _PARTS] * definition.dims
        if shape is not None:
            sizes = [-(-n // step) * step for n in shape]
        try:
            with torch.no_grad():
                found = module(torch.zeros(1, channels, *sizes))
        except Exception:  # noqa: S112 - what does not go, goes with another size or never
            continue
        if isinstance(found, torch.Tensor) and list(found.shape[2:]) == sizes:
            return step
    return 1


def _shape(recipe: dict[str, Any]) -> tuple[list[int], bool]:
    """The tensor that the network is called with, and whether its sizes vary."""
    input_ = recipe["input"]
    axes = [letter for letter in input_["axis_order"] if letter in "XYZ"]
    step = input_.get("divisible_by", 1)
    sizes = input_.get("patch_size") or [
        -(-n // step) * step for n in input_.get("grid", {}).get("shape", ())
    ]
    whole = not sizes
    sizes = sizes or [-(-_TRIAL // step) * step] * len(axes)
    return [1, len(input_["channels"]), *sizes], whole


def _check(
    module: torch.nn.Module, shape: list[int], classes: int, segments: bool, bundle: Bundle
) -> None:
    torch = packages.torch()
    try:
        with torch.no_grad():
            found = module(torch.zeros(*shape))
    except MemoryError:
        raise
    except Exception as error:  # of any kind, from any layer of the network
        raise ModelError(
            f"{bundle.name}: a network that does not take {shape} ({first_line(str(error))})",
            "the channels and sizes that metadata.json and the inferer say",
            "correct what is wrong there",
        ) from None
    if not isinstance(found, torch.Tensor):
        return  # the export says what it is
    wanted = [1, classes, *(shape[2:] if segments else ())]
    if list(found.shape) != wanted:
        raise ModelError(
            f"{bundle.name}: a network that gives {list(found.shape)} for {shape}",
            f"{wanted}, by metadata.json and config",
            "correct what is wrong there",
        )


def _copying(module: torch.nn.Module, channels: int) -> torch.nn.Module:
    """A network that is given one channel, and copies it to all that the other one reads."""
    torch = packages.torch()

    class Copying(torch.nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.network = module

        def forward(self, image: Any) -> Any:
            return self.network(torch.cat([image] * channels, 1))

    return Copying().eval()


def _script(bundle: Bundle, name: str) -> Path:
    path = bundle.model(Path(name).stem + ".ts") or bundle.model("model.ts")
    if path is None:
        raise _no_weights(bundle, Path(name).stem + ".ts")
    return path


def _traced(path: Path) -> torch.nn.Module:
    torch = packages.torch()
    try:
        return torch.jit.load(str(path), map_location="cpu").eval()
    except MemoryError:
        raise
    except Exception as error:  # whatever is wrong with the file
        raise ModelError(
            f"{path.name}, which PyTorch cannot read ({first_line(str(error))})",
            "TorchScript",
            "fetch or make it again",
        ) from None


def _no_weights(bundle: Bundle, name: str) -> ModelError:
    models = bundle.models
    there = sorted(p.name for p in models.iterdir()) if models.is_dir() else []
    scripts = any(one.endswith(".ts") for one in there)
    return ModelError(
        f"{bundle.name} without models/{name}"
        + (f", but with {', '.join(there)}" if there else ""),
        "the weights that the config loads, or models/model.onnx",
        "--run-torchscript, if you trust it (Docs/import/monai.md says what it may do)"
        if scripts
        else "fetch them: large_files.yml in the bundle says where from",
    )

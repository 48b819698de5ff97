"""The weights of a bundle, put into the network that its config defines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.errors import ModelError
from IODeepLib.importers import packages
from IODeepLib.importers.checkpoint import read_checkpoint
from IODeepLib.importers.monai.config import Node
from IODeepLib.importers.monai.expressions import Unread

if TYPE_CHECKING:
    import torch

DEFAULT = "model.pt"
# Under which names programs put a network's weights beside other things.
_USUAL = ("model", "state_dict", "network", "net")


def checkpoint_name(loaders: list[Node]) -> tuple[str, str]:
    """The file of weights that a config loads, and the key of the network in it.

    Raises:
        ModelError: an expression that is not read, where it matters.
    """
    for loader in loaders:
        path, what = loader.get("load_path"), loader.get("load_dict")
        if path is None:
            continue
        if not isinstance(path.raw, str):
            text = path.raw.text if isinstance(path.raw, Unread) else path.raw
            raise path.error(f"the file of weights ${text}", "its name")
        keys = list(what.raw) if what is not None and isinstance(what.raw, dict) else []
        return Path(path.raw.replace("\\", "/")).name, str(keys[0]) if keys else ""
    return DEFAULT, ""


def fill(module: torch.nn.Module, path: Path, key: str) -> None:
    """Put the weights in a file into a network; all of them have to fit.

    Args:
        module: the network.
        path: what torch.save wrote.
        key: where in it the weights are, unless it holds nothing else.

    Raises:
        ModelError: the file is damaged or holds programs, or a parameter does not fit.
    """
    torch = packages.torch()
    held = _state(read_checkpoint(path), key)
    wanted = module.state_dict()
    for name, tensor in wanted.items():
        if name not in held:
            near = ", ".join(list(held)[:3])
            raise _misfit(path, f"no parameter {name} (it begins with {near})", _shape(tensor))
        if not isinstance(held[name], torch.Tensor):
            raise _misfit(path, f"{name}, a {type(held[name]).__name__}", _shape(tensor))
        if held[name].shape != tensor.shape:
            raise _misfit(path, f"{name} of {_shape(held[name])}", _shape(tensor))
    for name in held:
        if name not in wanted:
            raise _misfit(path, f"{name}, which the network does not have", "the config's network")
    module.load_state_dict(held, strict=True)
    module.float()


def _state(whole: dict[str, Any], key: str) -> dict[str, Any]:
    for name in (key, *_USUAL):
        if name and isinstance(whole.get(name), dict):
            return whole[name]
    return whole


def _shape(tensor: Any) -> str:
    return f"a tensor of {' × '.join(map(str, tensor.shape)) or 'one value'}"


def _misfit(path: Path, found: str, wanted: str) -> ModelError:
    return ModelError(
        f"weights that do not fit: {path.name} has {found}",
        wanted,
        "give the config and the weights of one and the same network",
    )

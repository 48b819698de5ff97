"""What a training has come to, as one safetensors file: whole or not there, and never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from IODeepLib.disk.files import whole_file
from IODeepLib.errors import ModelError
from IODeepLib.recipe.limits import Index
from IODeepLib.text.json_text import StructureError, parse_json
from IODeepLib.text.records import Record, dump, parse
from IODeepLib.training.torch_network import TorchNetwork

NAME = "checkpoint.safetensors"
_KEY = "iodeep-training"
_WEIGHTS, _BEST, _OPTIMIZER = "weights/", "best/", "optimizer/"


class Look(Record):
    """What was seen after some steps.

    Attributes:
        step: after how many.
        dice: on the held-out patients; None without any.
        loss: the mean since the look before; None before the first step.
    """

    step: Index
    dice: float | None = None
    loss: float | None = None


class State(Record):
    """How far a training is.

    Attributes:
        what: a digest of what is trained, on what, and how.
        step: how many steps were made.
        best: after how many of them it was best.
        looks: at the held-out patients.
        ended: whether nothing is left to do.
    """

    what: str
    step: Index = 0
    best: Index = 0
    looks: tuple[Look, ...] = ()
    ended: bool = False


def save(
    folder: Path,
    state: State,
    network: TorchNetwork,
    best: Mapping[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write it; what was there before stays until it is whole."""
    tensors = {_BEST + name: value for name, value in best.items()}
    for name, parameter in network.parameters_by_name.items():
        tensors[_WEIGHTS + name] = parameter.detach()
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, torch.Tensor):
                tensors[f"{_OPTIMIZER}{key}/{name}"] = value
    on_processor = {name: value.cpu().contiguous() for name, value in tensors.items()}
    with whole_file(folder / NAME) as path:
        save_file(on_processor, path, {_KEY: json.dumps(dump(state))})


def load(
    folder: Path, what: str, network: TorchNetwork, optimizer: torch.optim.Optimizer
) -> tuple[State, dict[str, torch.Tensor]] | None:
    """Go on from there: the state and the best weights so far; None if there is nothing.

    Raises:
        ModelError: it is of another training, or damaged.
    """
    path = folder / NAME
    if not path.exists():
        return None
    parameters = network.parameters_by_name
    try:
        with safe_open(path, "pt") as file:
            state: State = parse(State, parse_json((file.metadata() or {}).get(_KEY, "")))
            if state.what != what:
                raise ModelError(
                    f"{path} of another training",
                    "the same model, data and settings as when it began",
                    "give the same again, or remove that folder",
                )
            best = {}
            with torch.no_grad():
                for name, parameter in parameters.items():
                    parameter.copy_(file.get_tensor(_WEIGHTS + name))
                    best[name] = file.get_tensor(_BEST + name).to(parameter.device)
            for full in file.keys():  # noqa: SIM118 - it is no mapping
                if full.startswith(_OPTIMIZER):
                    key, _, name = full.removeprefix(_OPTIMIZER).partition("/")
                    _put(optimizer, parameters[name], key, file.get_tensor(full))
    except (SafetensorError, StructureError, OSError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"{path}, which cannot be read ({str(error)[:200]})",
            "what a training left",
            "remove that folder, and begin anew",
        ) from None
    return state, best


def _put(optimizer: torch.optim.Optimizer, parameter: torch.Tensor, key: str, value: Any) -> None:
    # The count of steps stays on the processor.
    optimizer.state[parameter][key] = value.to(parameter.device) if value.dim() else value

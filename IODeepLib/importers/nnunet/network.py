"""nnU-Net's networks, built from the plans: the class of the trainer need not exist.

They are built without memory; the weights of the checkpoint then take their places, so that plans
can ask for no more than the checkpoint has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from IODeepLib.errors import ModelError
from IODeepLib.importers import packages
from IODeepLib.importers.foreign_json import Foreign, take
from IODeepLib.importers.nnunet.plans import Architecture
from IODeepLib.importers.packages import first_line
from IODeepLib.text.records import Many

if TYPE_CHECKING:
    import torch

NETWORKS = ("PlainConvUNet", "ResidualEncoderUNet")
_PACKAGE = "dynamic_network_architectures."
_PARTS = {
    *("Conv2d", "Conv3d", "InstanceNorm2d", "InstanceNorm3d", "BatchNorm2d", "BatchNorm3d"),
    *("LeakyReLU", "ReLU", "ELU", "GELU", "SiLU", "PReLU"),
    *("Dropout", "Dropout2d", "Dropout3d"),
}
_BLOCKS = ("BasicBlockD", "BottleneckD")
_IMPORTED = ("conv_op", "norm_op", "dropout_op", "nonlin", "block")
# What torch.compile and training on several GPUs put before every name.
_WRAPPERS = re.compile(r"^(?:_orig_mod\.|module\.)+")
_NEXT = "export the network as ONNX, and import that: iodeep import onnx"

_Few = Annotated[int, Meta(ge=1, le=64)]
_Sizes = Many[Many[_Few] | _Few] | _Few
_Numbers = dict[str, bool | int | float | None] | None


class _Arguments(Foreign):
    """What a network may be called with, within limits that no network comes near."""

    n_stages: Annotated[int, Meta(ge=1, le=16)]
    features_per_stage: Many[Annotated[int, Meta(ge=1, le=2**16)]] | int
    conv_op: str
    kernel_sizes: _Sizes
    strides: _Sizes
    n_conv_per_stage_decoder: Many[_Few] | _Few
    n_conv_per_stage: Many[_Few] | _Few | None = None
    n_blocks_per_stage: Many[_Few] | _Few | None = None
    conv_bias: bool = False
    norm_op: str | None = None
    norm_op_kwargs: _Numbers = None
    dropout_op: str | None = None
    dropout_op_kwargs: _Numbers = None
    nonlin: str | None = None
    nonlin_kwargs: _Numbers = None
    nonlin_first: bool = False
    block: str | None = None
    bottleneck_channels: Many[int] | int | None = None
    stem_channels: int | None = None
    stochastic_depth_p: float = 0.0
    squeeze_excitation: bool = False
    squeeze_excitation_reduction_ratio: float = 1.0 / 16


def build(
    architecture: Architecture, channels: int, heads: int, weights: Mapping[str, Any], source: str
) -> torch.nn.Module:
    """The network of the plans with the weights of a checkpoint.

    Args:
        architecture: what the plans say.
        channels: of the input.
        heads: channels of the output.
        weights: the state dict.
        source: how messages call the checkpoint.

    Raises:
        ModelError: the network is of another class, or the weights do not fit.
    """
    module = _empty(architecture, channels, heads)
    _fill(module, weights, heads, source)
    return module


def _empty(architecture: Architecture, channels: int, heads: int) -> torch.nn.Module:
    """The network without memory for its weights."""
    torch = packages.torch()
    name = architecture.network_class_name
    kind = name.rpartition(".")[2]
    if not name.startswith(_PACKAGE) or kind not in NETWORKS:
        raise ModelError(f"a network of the class {name}", " or ".join(NETWORKS), _NEXT)
    unet = packages.unet()
    arguments = take(_Arguments, architecture.arch_kwargs, "plans.json, arch_kwargs")
    foreign = set(architecture.arch_kwargs) - {*_Arguments.__struct_fields__, "deep_supervision"}
    if foreign:
        raise ModelError(f"plans.json: {kind} with {sorted(foreign)[0]!r}", "what it knows", _NEXT)
    kwargs = {
        key: getattr(arguments, key)
        for key in architecture.arch_kwargs
        if key not in foreign | {"deep_supervision"}
    }
    kwargs |= {key: _part(kwargs[key]) for key in _IMPORTED if kwargs.get(key) is not None}
    try:
        with torch.device("meta"):
            return getattr(unet, kind)(
                input_channels=channels, num_classes=heads, deep_supervision=False, **kwargs
            )
    except Exception as error:  # whatever its code makes of arguments that do not go together
        raise ModelError(
            f"plans.json: a {kind} that cannot be built ({first_line(str(error))})",
            "arguments that go together",
            "take the folder as the training left it",
        ) from None


def _part(name: str) -> Any:
    """A class of PyTorch, or a block, by the path that plans have of it."""
    kind = name.rpartition(".")[2]
    if kind in _BLOCKS and name.startswith(_PACKAGE):
        return getattr(packages.unet(), kind)
    if kind not in _PARTS or not name.startswith("torch.nn."):
        raise ModelError(f"plans.json: {name}", "one of " + ", ".join(sorted(_PARTS)), _NEXT)
    return getattr(packages.torch().nn, kind)


def _fill(module: torch.nn.Module, tensors: Mapping[str, Any], heads: int, source: str) -> None:
    """Put the weights into their places.

    Raises:
        ModelError: one is missing, has another shape, or has no place.
    """
    torch = packages.torch()
    given = {_WRAPPERS.sub("", str(name)): value for name, value in tensors.items()}
    wanted = module.state_dict()
    for name, place in wanted.items():
        found = given.get(name)
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else None
        if found is not None and shape is not None and not _is_usable(found, place):
            raise ModelError(
                f"{source}: {name}, numbers of the kind {found.dtype} ({found.layout})",
                f"dense ones like {place.dtype}",
                "take the checkpoint as the training left it",
            )
        if shape is not None and ".seg_layers." in name and shape[0] != heads == place.shape[0]:
            raise ModelError(
                f"{source}: a network with {shape[0]} outputs",
                f"{heads}, as dataset.json has labels",
                "take dataset.json and checkpoint of one training",
            )
        if shape != tuple(place.shape):
            raise ModelError(
                f"{source}: {name} "
                + ("is missing" if shape is None else f"has the shape {shape}"),
                f"one of {tuple(place.shape)}, as the plans say",
                "take plans.json and checkpoint of one training; if the trainer changed the "
                "network, export it as ONNX yourself: iodeep import onnx",
            )
    for name in given:
        if name not in wanted:
            raise ModelError(
                f"{source}: {name}, which the network of the plans does not have",
                "the weights of that network alone",
                _NEXT,
            )
    module.load_state_dict({name: given[name] for name in wanted}, assign=True)
    module.float()


def _is_usable(found: Any, place: Any) -> bool:
    """Whether a tensor has numbers of the kind that the network computes with."""
    dense = found.layout == packages.torch().strided and not found.is_meta
    return dense and found.is_floating_point() == place.is_floating_point()

"""The network of a bundle, built from what its config says: a closed list of MONAI's classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.importers import packages
from IODeepLib.importers.checkpoint import read_checkpoint
from IODeepLib.importers.memory_budget import BudgetError, memory_budget
from IODeepLib.importers.monai.call import own_name, unknown
from IODeepLib.importers.monai.config import Node
from IODeepLib.importers.monai.expressions import Stored, Unread
from IODeepLib.importers.packages import first_line

if TYPE_CHECKING:
    import torch

# Classes and functions of monai.networks.nets that make a network of one input and one output.
_SEGMENTING = (
    *("UNet", "BasicUNet", "BasicUNetPlusPlus", "AttentionUnet", "DynUNet"),
    *("FlexibleUNet", "UNETR", "SwinUNETR", "VNet", "SegResNet", "SegResNetDS"),
    *("HighResNet", "DiNTS", "MedNeXt", "QuickNAT"),
)
_JUDGING = (
    *("DenseNet", "DenseNet121", "DenseNet169", "DenseNet201", "DenseNet264"),
    *("ResNet", "ResNet10", "ResNet18", "ResNet34", "ResNet50", "ResNet101", "ResNet152"),
    *("SENet154", "SEResNet50", "SEResNet101", "SEResNet152", "SEResNext50", "SEResNext101"),
    *("EfficientNetBN", "TorchVisionFCModel"),
)
KNOWN = _SEGMENTING + _JUDGING
_LOWER = {name.lower(): name for name in KNOWN}
# Made beside a network, as one of its arguments.
_PARTS = ("TopologyInstance",)
# Arguments that are set, whatever the config says: weights come from the bundle, not from the net.
_SET = {"pretrained": False, "progress": False, "weights": None, "device": "cpu"}
# Arguments that MONAI no longer has, and that changed no weight.
_GONE = {"SwinUNETR": ("img_size",)}
_IN = ("in_channels", "n_input_channels")
_OUT = ("out_channels", "num_classes")
_LARGEST = 10_000  # of a number; networks have some thousand channels at most
# Bytes that a network may take as it is built: for what it tries out, and for weights that the file
# holds in half as many, or which are made twice.
_FREE, _WIDER = 2**30, 4
_EXPORT = "export it as ONNX (python -m monai.bundle onnx_export) and give it with --network"
# torchvision's networks that scale their input themselves where they were made with its weights.
_TRANSFORMING = ("inception_v3", "googlenet")


class Definition:
    """A network as a config defines it.

    Attributes:
        node: where.
        name: of the class.
        arguments: plain values, and what is `Stored` in files.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        name = own_name(node.target)
        self.name = _LOWER.get(name.lower(), "")
        if not self.name:
            raise unknown(node, "network", KNOWN, _EXPORT)
        self.arguments = _arguments(node)

    @property
    def dims(self) -> int:
        """2 or 3 spatial axes.

        Raises:
            ModelError: the config says neither.
        """
        default = {"TorchVisionFCModel": 2, "FlexibleUNet": 2, "EfficientNetBN": 2}
        dims = self.arguments.get("spatial_dims", default.get(self.name, 3))
        if dims not in (2, 3):
            raise self.node.error(f"spatial_dims {dims!r}", "2 or 3")
        return int(dims)

    @property
    def judges(self) -> bool:
        """Whether it judges a whole image, and segments none."""
        return self.name in _JUDGING

    @property
    def channels(self) -> int | None:
        """How many it reads, as far as the config says it."""
        return 3 if self.name == "TorchVisionFCModel" else self._first(_IN)

    @property
    def classes(self) -> int | None:
        """How many it gives, as far as the config says it."""
        return self._first(_OUT)

    def build(self, files: Path) -> torch.nn.Module:
        """The network, with the weights that it is born with.

        Args:
            files: the folder with the bundle's files of tensors.

        Raises:
            ModelError: MONAI cannot make it of these arguments.
        """
        nets = packages.monai_networks()
        sizes = [path.stat().st_size for path in files.glob("*") if path.is_file()]
        try:
            with memory_budget(_FREE + _WIDER * max(sizes, default=0)):
                wanted = self._filled(self.arguments, nets, files)
                made = _made(getattr(nets, self.name), self.name, wanted, self.node)
        except BudgetError:
            raise self.node.error(
                f"{self.name} with far more weights than the files in models/ hold",
                "the network that they are of",
            ) from None
        if self.arguments.get("pretrained") and wanted.get("model_name") in _TRANSFORMING:
            for part in made.modules():
                if hasattr(part, "transform_input"):
                    part.transform_input = True
        return made.eval()

    def _first(self, keys: tuple[str, ...]) -> int | None:
        values = [self.arguments.get(key) for key in keys]
        return next((x for x in values if isinstance(x, int) and not isinstance(x, bool)), None)

    def _filled(self, value: Any, nets: Any, files: Path) -> Any:
        if isinstance(value, Stored):
            return _stored(value, files, self.node)
        if isinstance(value, _Part):
            inner = self._filled(value.arguments, nets, files)
            return _made(getattr(nets, value.name), value.name, inner, self.node)
        if isinstance(value, dict):
            return {key: self._filled(item, nets, files) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, nets, files) for item in value]
        return value


class _Part:
    def __init__(self, name: str, arguments: dict[str, Any]) -> None:
        self.name, self.arguments = name, arguments


def _arguments(node: Node) -> dict[str, Any]:
    """Its values; of those that are set anyway, no expression matters."""
    items = node.arguments().items()
    return {k: _value(x) for k, x in items if k not in _SET or not isinstance(x.raw, Unread)}


def _value(node: Node) -> Any:
    if isinstance(node.raw, Stored):
        return node.raw
    if node.target:
        if own_name(node.target) not in _PARTS:
            raise node.error(f"{node.target}", f"one of {', '.join(_PARTS)}, or a value")
        return _Part(own_name(node.target), _arguments(node))
    if isinstance(node.raw, list):
        return [_value(item) for item in node.items()]
    value = node.plain()
    for number in _numbers(value):
        if abs(number) > _LARGEST:
            raise node.error(f"{number}", f"numbers up to {_LARGEST}")
    return value


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [x for item in value for x in _numbers(item)]
    return [value] if isinstance(value, (int, float)) else []


def _made(kind: Callable[..., Any], name: str, arguments: dict[str, Any], node: Node) -> Any:
    known = inspect.signature(kind).parameters
    open_ended = any(item.kind is item.VAR_KEYWORD for item in known.values())
    given = {k: v for k, v in arguments.items() if k in known or k not in _GONE.get(name, ())}
    given |= {k: v for k, v in _SET.items() if k in known}
    for key in given:
        if key not in known and not open_ended:
            raise node.error(f"{name} with the argument {key}", f"one of {', '.join(known)}")
    try:
        return kind(**given)
    except (MemoryError, BudgetError):
        raise
    except Exception as error:  # what others raise for arguments that cannot be
        what = f"{type(error).__name__}: {first_line(str(error))}"
        raise node.error(f"{name}, which MONAI does not make ({what})", "its arguments") from None


def _stored(value: Stored, files: Path, node: Node) -> Any:
    """What a file of the bundle holds, under a key where one is named."""
    path = files / Path(value.path.replace("\\", "/")).name
    if not path.is_file():
        raise node.error(f"{path.name}, which is not in the bundle's models/", "that file")
    whole = read_checkpoint(path, arrays=True)
    if not value.key:
        return whole
    if value.key not in whole:
        raise node.error(f"{path.name} without {value.key!r}", "that key")
    return whole[value.key]

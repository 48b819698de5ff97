"""The architecture in an object of the first IODeep program, as its parser counts the layers.

It is JSON, or the same as Python writes it: a literal that is parsed and never run. The sections
are those of github.com/CHILab1/DNN-parser (README.md, Unet.json): `architecture` names the layers;
the n-th layer that has weights takes `cn<n>` output channels and the kernel `kernel<n>`, the n-th
pooling `pool<n>`; `skip_connection` says which layer's output is joined to which one's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.text.json_text import StructureError, parse_json

_LONGEST = 200_000  # characters; Unet.json has 1,600
_MOST_LAYERS = 1_000
_DEEPEST = 8  # brackets within one another; there are two
_LARGEST = 2**20  # of any number
WITH_KERNEL = {"cnn1d", "cnn2d", "dsc1d", "dsc2d"}
BLOCKS = {"doubleconv", "elbowunet", "updoubleconv", "updoubleconv_out"}
POOLS = {"maxpool1d", "maxpool2d", "avgpool1d", "avgpool2d"}
_NEXT = "export the network to ONNX with the program that trained it: iodeep import onnx"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer.

    Attributes:
        number: as the architecture counts.
        code: as it stands there, such as "doubleConv".
        width: the output channels that are said of it, or None.
        kernel: of a convolution or pooling, or None.
        joined: the number of the layer whose output is joined to its own, or None.
    """

    number: int
    code: str
    width: int | None = None
    kernel: int | None = None
    joined: int | None = None

    @property
    def kind(self) -> str:
        """The code in small letters: it is written in several ways."""
        return self.code.casefold()

    def __str__(self) -> str:
        return f"layer {self.number}, {self.code}"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network without its weights.

    Attributes:
        layers: in order.
        sizes: of the input as they stand there: rows, columns, channels or channels, rows, columns.
        channels_last: which of both, where it is said.
        stride, padding: of single convolutions (cnn2d, dsc2d).
    """

    layers: tuple[Layer, ...]
    sizes: tuple[int, int, int]
    channels_last: bool | None
    stride: int
    padding: int

    def input_shape(self, channels: int | None) -> tuple[int, int, int]:
        """(channels, rows, columns); where nothing is said, as the first weights have channels."""
        a, b, c = self.sizes
        last = self.channels_last
        if channels is not None and channels in (a, c) and a != c:
            last = channels == c
        return (c, a, b) if last else (a, b, c)


def read_architecture(text: str) -> Architecture:
    """The architecture that `text` describes.

    Raises:
        ModelError: it is no such description.
    """
    sections = _literal(text)
    backend = str(_only(sections, "backend", "pytorch")).casefold()
    if backend not in ("pytorch", "torch"):
        raise ModelError(f"an architecture for {backend}", "one for PyTorch", _NEXT)
    shape = _section(sections, "input_shape")
    sizes = tuple(_number(shape, f"input_shape{i}", "input_shape") for i in range(3))
    data_format = _only(sections, "data_format", None)
    last = None if data_format is None else data_format == "channels_last"
    stride = int(_only(sections, "stride", 1))
    padding = int(_only(sections, "padding_conv", 0))
    if not (1 <= stride <= _LARGEST and 0 <= padding <= _LARGEST):
        raise ModelError(f"stride {stride} and padding {padding}", "small whole numbers", _NEXT)
    layers = tuple(_layers(sections))
    return Architecture(layers, (sizes[0], sizes[1], sizes[2]), last, stride, padding)


def _literal(text: str) -> dict[str, Any]:
    """The object that JSON or Python writes so; nothing of it is run."""
    if len(text) > _LONGEST:
        raise ModelError(f"an architecture of {len(text)} characters", f"{_LONGEST} at most", _NEXT)
    depth = deepest = 0
    for character in text:  # Python's own parser goes as deep as it is led
        depth += (character in "{[(") - (character in "}])")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise ModelError(f"brackets of {deepest} levels", f"{_DEEPEST} at most", _NEXT)
    try:
        value = parse_json(text)
    except StructureError:
        try:
            tree = ast.parse(text.strip(), mode="eval")
            _refuse_repeated(tree)
            value = ast.literal_eval(tree)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ModelError(
                f"an architecture that is no description ({text[:40]!r})",
                "JSON, or a dictionary as Python writes it",
                _NEXT,
            ) from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ModelError("an architecture without names", "sections with names", _NEXT)
    return value


def _layers(sections: Mapping[str, Any]) -> Iterator[Layer]:
    codes = _section(sections, "architecture")
    if not 1 <= len(codes) <= _MOST_LAYERS:
        raise ModelError(f"{len(codes)} layers", f"1 to {_MOST_LAYERS}", _NEXT)
    numbers = sorted(_as_number(key, "the number of a layer") for key in codes)
    if numbers != list(range(1, len(codes) + 1)) or set(map(str, numbers)) != set(codes):
        raise ModelError("layers that are not counted from 1", "1, 2, 3, ...", _NEXT)
    joined = _skips(sections, len(codes))
    convolutions = pools = 0
    for number in numbers:
        code = codes[str(number)]
        if not isinstance(code, str) or not 1 <= len(code) <= 40 or not code.isprintable():
            raise ModelError(f"layer {number}, {str(code)[:40]!r}", "a code of a layer", _NEXT)
        width = kernel = None
        if code.casefold() in WITH_KERNEL | BLOCKS:
            convolutions += 1
            width = _number(
                _section(sections, "convolutional"), f"cn{convolutions}", f"layer {number}"
            )
            kernel = _number(
                _section(sections, "kernel"), f"kernel{convolutions}", f"layer {number}"
            )
        elif code.casefold() in POOLS:
            pools += 1
            kernel = _number(_section(sections, "pooling"), f"pool{pools}", f"layer {number}")
        yield Layer(number, code, width, kernel, joined.get(number))


def _skips(sections: Mapping[str, Any], count: int) -> dict[int, int]:
    """By the number of the layer that another one's output is joined to."""
    result: dict[int, int] = {}
    pairs = sections.get("skip_connection", {})
    for key, value in _mapping(pairs, "skip_connection").items():
        source, target = (_as_number(item, "skip_connection") for item in (key, value))
        if not 1 <= source < target <= count or target in result:
            raise ModelError(
                f"the skip connection from layer {source} to {target}",
                f"one to a later layer of {count}, one to each",
                _NEXT,
            )
        result[target] = source
    return result


def _section(sections: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _mapping(sections.get(name), name)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ModelError(f"an architecture without {name}", "this section", _NEXT)
    return value


def _only(sections: Mapping[str, Any], name: str, default: Any) -> Any:
    """The one value of a section that may be missing; its key is its own name."""
    value = sections.get(name, {})
    found = value.get(name, default) if isinstance(value, dict) else value
    return _as_number(found, name) if isinstance(default, int) else found


def _number(section: Mapping[str, Any], key: str, of: str) -> int:
    number = _as_number(section.get(key, "nothing"), f"{key} of {of}")
    if not 1 <= number <= _LARGEST:
        raise ModelError(f"{key} of {of}: {number}", f"1 to {_LARGEST}", _NEXT)
    return number


def _as_number(value: Any, what: str) -> int:
    """A whole number, which may stand there as text."""
    text = str(value)
    plain = isinstance(value, (int, str)) and not isinstance(value, bool)
    if not plain or not text.isdecimal() or not text.isascii() or len(text) > 7:
        raise ModelError(f"{what}: {text[:40]!r}", "a whole number", _NEXT)
    return int(text)


def _refuse_repeated(tree: ast.Expression) -> None:
    """Python takes the last of repeated keys, and says nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            if len(set(keys)) < len(node.keys):
                raise ValueError("a key for the second time")

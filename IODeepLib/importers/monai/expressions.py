"""What stands in MONAI's configs as Python, read as data: a closed list of forms, nothing is run.

A text behind "$" is parsed by Python's own parser, and the tree is walked. What the forms below do
not cover is an `Unread`: it is no error by itself, for most of a config (where the images of the
authors lie, which GPU they have) has nothing to do with what the network needs.

- values, lists and dictionaries of values; "+" between two texts or two lists; "-" of a number
- references, `@a::b` and `@a#b`, and items of what they refer to
- `A if CONDITION else B` and `not CONDITION`, where the condition is known
- `X.to(...)`, `X.cuda()`, `X.eval()`, `copy.deepcopy(X)`, `list(X)`, `tuple(X)`: X; `len(X)`
- `torch.float32` and the like, `monai.utils.CommonKeys.IMAGE` and the like
- `torch.load(PATH)` and items of it, also in `torch.from_numpy(...)`: tensors of a file
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from IODeepLib.errors import ModelError

# MONAI's own pattern of a reference (monai/bundle/reference_resolver.py); "#" is the older "::".
REFERENCE = re.compile(r"@\w*(?:(?:::|#)\w*)*", re.ASCII)
_LONGEST = 10_000  # characters of an expression, and of a text or items of a list that it makes
_PLACE = "iodeep_reference_"
_SAME = {"to", "cuda", "cpu", "eval", "float"}  # methods that give what they are called on
_COPIES = {"copy.deepcopy", "deepcopy", "copy.copy", "list", "tuple"}
_MODULES = {"torch", "numpy", "np"}
_TYPES = re.compile(r"(float|int|uint)(8|16|32|64)|bool|float|long", re.ASCII)
_KEYS = re.compile(r"monai\.utils\.(?:enums\.)?CommonKeys\.(IMAGE|LABEL|PRED|LOSS)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unread:
    """An expression of none of the known forms."""

    text: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Tensors in a file of the bundle: all of it, or what it holds under a key."""

    path: str
    key: str = ""


class _NoKnownFormError(Exception):
    """A part of an expression is of no known form."""


def read(text: str, refer: Callable[[str], Any]) -> Any:
    """The value of an expression, without its "$".

    Args:
        text: the expression.
        refer: gives what a reference (without "@") means, as it stands in the config.

    Returns:
        A plain value, what a reference means, a `Stored`, or an `Unread`.

    Raises:
        ModelError: a reference to nothing, or an expression that grows without end.
    """
    names: list[str] = []

    def place(found: re.Match[str]) -> str:
        names.append(found[0][1:])
        return f"{_PLACE}{len(names) - 1} "

    try:
        if len(text) > _LONGEST or _PLACE in text:
            raise _NoKnownFormError
        tree = ast.parse(REFERENCE.sub(place, text).strip(), mode="eval")
        return _Reader(names, refer).value(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, _NoKnownFormError):
        return Unread(text)


class _Reader:
    def __init__(self, names: list[str], refer: Callable[[str], Any]) -> None:
        self._names, self._refer = names, refer

    def value(self, node: ast.expr) -> Any:
        """What a part of an expression means."""
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                # What stands behind "@" or "$" in a text would be taken for more than a text.
                if isinstance(value, str) and (_PLACE in value or value[:1] in ("$", "%")):
                    raise _NoKnownFormError
                return value
            case ast.Name(id=name) if name.startswith(_PLACE):
                return self._refer(self._names[int(name.removeprefix(_PLACE))])
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self.value(item) for item in items]
            case ast.Dict(keys=keys, values=values):
                return {self._key(k): self.value(v) for k, v in zip(keys, values, strict=True)}
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._number(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._condition(operand)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _joined(self.value(left), self.value(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self._condition(test) else orelse)
            case ast.Subscript(value=whole, slice=index):
                return _item(self.value(whole), self.value(index))
            case ast.Attribute():
                return _constant(ast.unparse(node))
            case ast.Call():
                return self._call(node)
        raise _NoKnownFormError

    def _call(self, node: ast.Call) -> Any:
        name = ast.unparse(node.func)
        first = node.args[0] if node.args else None
        if isinstance(node.func, ast.Attribute) and node.func.attr in _SAME:
            return self.value(node.func.value)
        if first is None:
            raise _NoKnownFormError
        if name in _COPIES and len(node.args) == 1:
            return self.value(first)
        if name == "len":
            value = self.value(first)
            if isinstance(value, (list, dict, str)):
                return len(value)
        if name == "torch.load":
            path = self.value(first)
            if isinstance(path, str):
                return Stored(path)
        if name in ("torch.from_numpy", "torch.tensor", "torch.as_tensor"):
            value = self.value(first)
            if isinstance(value, Stored):
                return value
        raise _NoKnownFormError

    def _key(self, node: ast.expr | None) -> str:
        value = None if node is None else self.value(node)
        if not isinstance(value, str):
            raise _NoKnownFormError
        return value

    def _number(self, node: ast.expr) -> int | float:
        value = self.value(node)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _NoKnownFormError
        return value

    def _condition(self, node: ast.expr) -> bool:
        value = self.value(node)
        if value is not None and not isinstance(value, (bool, int)):
            raise _NoKnownFormError
        return bool(value)


def _joined(left: Any, right: Any) -> Any:
    texts = isinstance(left, str) and isinstance(right, str)
    if not texts and not (isinstance(left, list) and isinstance(right, list)):
        raise _NoKnownFormError
    if len(left) + len(right) > _LONGEST:
        raise ModelError(
            f"an expression that makes more than {_LONGEST} characters or items",
            "a config that describes one network",
            "correct the config",
        )
    return left + right


def _item(whole: Any, index: Any) -> Any:
    if isinstance(whole, Stored) and isinstance(index, str) and not whole.key:
        return Stored(whole.path, index)
    try:
        if isinstance(whole, dict) or (isinstance(whole, list) and isinstance(index, int)):
            return whole[index]
    except (KeyError, IndexError, TypeError):
        pass
    raise _NoKnownFormError


def _constant(name: str) -> str:
    """`torch.float32` and the like, and the keys that MONAI has names for."""
    key = _KEYS.fullmatch(name)
    if key:
        return key[1].lower()
    module, _, rest = name.rpartition(".")
    if module in _MODULES and _TYPES.fullmatch(rest):
        return rest
    raise _NoKnownFormError

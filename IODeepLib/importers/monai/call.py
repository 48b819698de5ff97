"""A transform or an inferer of a config: what it is called, and its arguments, each asked for once.

An argument that nobody asks for is one that is not understood, and refused by name: what it changes
would be missing in the recipe.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.monai.config import NEXT, Node, shortened
from IODeepLib.importers.monai.expressions import Unread

_OWN = re.compile(r"(?:monai(?:\.[a-z_0-9]+)*\.)?([A-Za-z0-9]+)", re.ASCII)
# MONAI has three names for each transform of dictionaries.
_DICTIONARY = re.compile(r"(?<=[a-z])(?:D|Dict)$")


def own_name(target: str) -> str:
    """The name of a class of MONAI's; "" for those of others.

    `monai.transforms.LoadImageD`, `LoadImageDict` and `LoadImaged` are one.
    """
    found = _OWN.fullmatch(target)
    return _DICTIONARY.sub("d", found[1]) if found else ""


class Call:
    """What a config makes, with what it is made of.

    Attributes:
        node: where it stands.
        name: of the class; of one that is not MONAI's, as it stands there.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.name = _name(node)
        self._arguments = node.arguments()

    def again(self) -> Call:
        """The same with all arguments but those that name what it works on."""
        call = Call(self.node)
        call.keys()
        return call

    def raw(self, key: str) -> Node | None:
        """An argument as it stands, once."""
        return self._arguments.pop(key, None)

    def has(self, key: str) -> bool:
        """Whether an argument is there that was not asked for yet."""
        return key in self._arguments

    def take(self, key: str, default: Any = None) -> Any:
        """An argument as a plain value.

        Raises:
            ModelError: it is an expression that is not read.
        """
        node = self._arguments.pop(key, None)
        return default if node is None else node.plain()

    def one(self, key: str, default: Any = None, place: int = 0) -> Any:
        """An argument that may be a list with one value for each key; then the one at `place`."""
        value = self.take(key, default)
        if isinstance(value, list):
            return value[min(place, len(value) - 1)] if value else default
        return value

    def true(self, key: str, default: bool = False, place: int = 0) -> bool:
        """A yes or no, as Python takes it: any text is a yes."""
        return bool(self.one(key, default, place))

    def number(self, key: str, default: float | None = None) -> float:
        """A number.

        Raises:
            ModelError: it is none, or not there.
        """
        value = self.one(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(f"{key} {value!r}", "a number")
        return value

    def numbers(self, key: str) -> list[float]:
        """One number or a list of them.

        Raises:
            ModelError: there are others in it, or it is not there.
        """
        value = self.take(key)
        values = value if isinstance(value, list) else [value]
        if any(isinstance(x, bool) or not isinstance(x, (int, float)) for x in values):
            raise self.error(f"{key} {value!r}", "numbers")
        return values

    def keys(self) -> list[str]:
        """The keys of the data that it works on, whether or not all of them are there."""
        self.ignore("allow_missing_keys", "lazy")
        value = self.take("keys", [])
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(x, str) for x in values):
            raise self.error(f"keys {value!r}", "texts")
        return values

    def ignore(self, *keys: str) -> None:
        """Arguments that change nothing of what counts, whatever they are."""
        for key in keys:
            self._arguments.pop(key, None)

    def want(self, key: str, *allowed: Any, default: Any = None) -> None:
        """Refuse an argument of any other value than these; of a list, each of its values.

        Raises:
            ModelError: it has.
        """
        value = self.take(key, default)
        for x in value if isinstance(value, list) else [value]:
            if x not in allowed and x is not None:
                words = " or ".join(repr(one) for one in allowed) or "nothing"
                raise self.error(f"{key} {x!r}", words)

    def done(self) -> None:
        """Refuse arguments that nobody asked for.

        Raises:
            ModelError: there is one.
        """
        for key in self._arguments:
            raise self.error(f"the argument {key}, which is not understood", "no such argument")

    def error(self, found: str, wanted: str) -> ModelError:
        """An error that names the class and the place."""
        return self.node.error(f"{self.name} with {found}", wanted)


def _name(node: Node) -> str:
    return own_name(node.target) or node.config.known.get(node.target, node.target)


def unknown(node: Node, kind: str, known: tuple[str, ...], next_step: str = NEXT) -> ModelError:
    """An error for what is of no known class.

    Args:
        node: where it stands.
        kind: what it is, such as "transform".
        known: the classes that are known.
        next_step: what to do.
    """
    name = node.target
    if not name:
        raw = node.raw
        name = f"${shortened(raw.text)}" if isinstance(raw, Unread) else "of no class"
    elif not own_name(name):
        name = f"{name}, which is Python of the bundle's own"
    if len(known) == 1:
        return node.error(f"the {kind} {name}", f"MONAI's {known[0]}", next_step)
    close = difflib.get_close_matches(own_name(node.target), known, 3, 0.0) if node.target else ()
    few = ", ".join(close or known[:3])
    return node.error(
        f"the {kind} {name}",
        f"one of the {len(known)} that Docs/import/monai.md lists, such as {few}",
        next_step,
    )

"""A bundle's config: JSON or YAML whose values refer to each other, read and never carried out.

MONAI's words: `@a::b` refers to what another place means, `%a::b` copies what stands there,
`$...` is Python (`expressions` has what of it is read), `_target_` names a class and the other keys
beside it are its arguments, `_disabled_` leaves an item out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers import packages
from IODeepLib.importers.monai import expressions
from IODeepLib.importers.monai.expressions import REFERENCE, Stored, Unread
from IODeepLib.text.json_text import MAX_JSON_CHARACTERS, StructureError, parse_json

SUFFIXES = (".json", ".yaml", ".yml")
# Far more than any config needs; one that refers to itself has no end.
_MOST_STEPS = 20_000
_MOST_IN_A_ROW = 64
# Keys beside `_target_` that are no arguments; the others change what is made of them.
_SILENT = {"_target_", "_disabled_", "_desc_", "_requires_"}
NEXT = "correct the config, or import the network as ONNX ('iodeep import onnx')"


class Config:
    """The values of a config, and what they mean."""

    def __init__(
        self, values: dict[str, Any], name: str, known: Mapping[str, str] | None = None
    ) -> None:
        """Take the values of a config.

        Args:
            values: as they stand there.
            name: of the file, for messages.
            known: classes of the bundle's own scripts, and what they are called here.
        """
        self.name = name
        self.known = dict(known or {})
        self._values = values
        self._steps = 0

    @classmethod
    def read(cls, path: Path, known: Mapping[str, str] | None = None) -> Config:
        """The config in a file; of the bundle's own scripts, `known` classes mean something.

        Raises:
            ModelError: it cannot be read, or is no JSON or YAML object.
        """
        return cls(read_object(path), path.name, known)

    def find(self, *ids: str) -> Node | None:
        """The first of these places that the config has."""
        for one in ids:
            if one.split("::")[0] in self._values:
                return self.node(f"@{one}", one)
        return None

    def node(self, raw: Any, path: str) -> Node:
        """A value as it stands at `path`, followed to what it means."""
        return Node(self, self._followed(raw, path), path)

    def step(self, path: str) -> None:
        """Count a step, so that all comes to an end.

        Raises:
            ModelError: there were too many.
        """
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise ModelError(
                f"{self.name}: {path}: references that go on after {_MOST_STEPS} steps",
                "a config that describes one network",
                NEXT,
            )

    def _followed(self, raw: Any, path: str) -> Any:
        for _ in range(_MOST_IN_A_ROW):
            self.step(path)
            if not isinstance(raw, str):
                return raw
            if raw.startswith("$"):
                if raw[1:].lstrip().startswith("import "):
                    return Unread(raw[1:])
                raw = expressions.read(
                    raw[1:].strip(), lambda id_: self._followed(self._raw(id_, path), path)
                )
            elif REFERENCE.fullmatch(raw):
                raw = self._raw(raw[1:], path)
            elif raw.startswith("%"):
                raw = self._copied(raw[1:], path)
            else:
                return raw
        raise ModelError(
            f"{self.name}: {path}: references that lead in a circle", "a value at their end", NEXT
        )

    def _copied(self, id_: str, path: str) -> Any:
        if any(suffix in id_ for suffix in SUFFIXES):
            raise ModelError(
                f"{self.name}: {path}: a part of another file, %{id_}",
                "a config in one file",
                "put that part into the config",
            )
        return self._raw(id_, path)

    def _raw(self, id_: str, path: str) -> Any:
        """What stands at an id."""
        here: Any = self._values
        for key in id_.replace("#", "::").split("::"):
            self.step(path)
            here = self._followed(here, path)
            if isinstance(here, Unread):
                return here
            if isinstance(here, dict) and key in here:
                here = here[key]
            elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
                here = here[int(key)]
            else:
                raise ModelError(
                    f"{self.name}: {path} refers to {id_}, which is not there",
                    "the id of something in the config",
                    NEXT,
                )
        return here


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a config, with what it means.

    Attributes:
        config: where it is.
        raw: a plain value, an `Unread`, a `Stored`, or a dict or list of values as they stand.
        path: what leads to it, with "::" between the keys.
    """

    config: Config
    raw: Any
    path: str

    @property
    def target(self) -> str:
        """What `_target_` names; "" where nothing is made."""
        name = self.get("_target_")
        return name.raw if name is not None and isinstance(name.raw, str) else ""

    @property
    def disabled(self) -> bool:
        """Whether it is left out; an expression that is not read leaves nothing out.

        That is whether a file is there, in all configs seen. MONAI takes the text "true", too.
        """
        value = self.get("_disabled_")
        if value is None or isinstance(value.raw, Unread):
            return False
        text = value.raw.strip().lower() if isinstance(value.raw, str) else value.raw
        return text is True or text == "true"

    def get(self, key: str) -> Node | None:
        """What stands under a key of an object; None if nothing does."""
        if not isinstance(self.raw, dict) or key not in self.raw:
            return None
        return self.config.node(self.raw[key], f"{self.path}::{key}")

    def items(self) -> list[Node]:
        """The items of a list; what is one item alone is a list of it."""
        items = self.raw if isinstance(self.raw, list) else [self.raw]
        return [self.config.node(x, f"{self.path}::{i}") for i, x in enumerate(items)]

    def arguments(self) -> dict[str, Node]:
        """The arguments of what `_target_` names.

        Raises:
            ModelError: it is not simply called with them.
        """
        found = {}
        for key in self.raw if isinstance(self.raw, dict) else ():
            if key in _SILENT:
                continue
            if key.startswith("_") and key.endswith("_"):
                raise self.error(f"{key}, which is not understood", "a plain object")
            node = self.get(key)
            assert node is not None  # noqa: S101 - it was listed
            found[key] = node
        return found

    def plain(self) -> Any:
        """The value with all that is in it, as plain values.

        Raises:
            ModelError: a part of it is an expression that is not read; the message has it.
        """
        self.config.step(self.path)
        if isinstance(self.raw, Unread):
            raise self.error(f"the Python expression ${shortened(self.raw.text)}", "a value")
        if isinstance(self.raw, Stored):
            raise self.error("tensors of a file", "a value")
        if isinstance(self.raw, dict):
            pairs = ((key, self.get(key)) for key in self.raw)
            return {key: node.plain() for key, node in pairs if node is not None}
        if isinstance(self.raw, list):
            return [item.plain() for item in self.items()]
        if self.raw is not None and not isinstance(self.raw, (bool, int, float, str)):
            raise self.error(f"a {type(self.raw).__name__}", "a number, a text or a list")
        return self.raw

    def walk(self) -> Iterator[Node]:
        """The items of a list that are not disabled."""
        return (item for item in self.items() if not item.disabled)

    def error(self, found: str, wanted: str, next_step: str = NEXT) -> ModelError:
        """An error that names the place."""
        return ModelError(f"{self.config.name}: {self.path}: {found}", wanted, next_step)


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON or YAML file.

    Raises:
        ModelError: it cannot be read, or holds anything else.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_JSON_CHARACTERS + 1)
        value = parse_json(text) if path.suffix == ".json" else _yaml(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path.name}: {error}", "text in UTF-8", "check the bundle") from None
    except StructureError as error:
        raise ModelError(f"{path.name}: {error.found}", error.wanted, "correct the file") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path.name} holds no object", "keys and values", "correct the file")
    return value


def _yaml(text: str) -> Any:
    yaml = packages.yaml()
    if len(text) > MAX_JSON_CHARACTERS:
        raise StructureError("$", f"{len(text)} characters", f"at most {MAX_JSON_CHARACTERS}")
    try:
        # An alias stands for all that its anchor has: some lines of them are millions of values.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise StructureError(
                "$", "YAML with aliases (*name)", "YAML without, as MONAI writes it"
            )
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        what = " ".join(str(error).split())
        raise StructureError("$", f"no YAML ({shortened(what)})", "plain YAML") from None


def shortened(text: str, most: int = 120) -> str:
    """The beginning of a text, for a message."""
    return text if len(text) <= most else f"{text[:most]}..."

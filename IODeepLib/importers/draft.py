"""What an importer makes of a source: a recipe with holes, and the network behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from IODeepLib.recipe import SCHEMA


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that the recipe needs and the source does not say.

    Attributes:
        path: where it belongs in the recipe, such as "input.orientation".
        why: what it is, and why nobody but the author knows, for people; no full stop.
        example: an answer, as it is given on the command line.
    """

    path: str
    why: str
    example: str


@dataclass
class Draft:
    """What a source says, before anybody is asked.

    Attributes:
        source: how messages call it.
        write: writes the network as an ONNX file into the folder that it is given, and says where
            (of several, by their names in the recipe); called once all answers are there. What is
            wrong with the weights it raises.
        recipe: the recipe as plain JSON values, as far as it is known.
        missing: what must be answered; a path that `recipe` has is not asked for.
        assumed: what the source does not say and was taken for granted: sentences for people.
        finish: called with the recipe once all answers are in it, to bring them to where they
            belong.
    """

    source: str
    write: Callable[[Path], Path | Mapping[str, Path]]
    recipe: dict[str, Any] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    finish: Callable[[dict[str, Any]], None] = lambda recipe: None

    def __post_init__(self) -> None:
        self.recipe = {"schema": SCHEMA} | self.recipe
        for part in ("applies_to", "card"):
            self.recipe.setdefault(part, {})
        if "version" not in self.recipe:
            self.recipe["version"] = "1.0.0"
            self.assumed.append("version 1.0.0")
        self.missing += _unless_named(_ALWAYS, self.missing)


# What hardly any source says, in the order in which it is asked.
_ALWAYS = (
    Missing("name", "a short name, the same for all versions of the model", "liver-ct"),
    Missing("title", "one line for people", "Liver on CT"),
    Missing("applies_to.modalities", "the DICOM modalities of the images it reads", "CT"),
    Missing(
        "applies_to.anatomic_regions",
        "the body parts that its images show, or any",
        "Abdomen",
    ),
    Missing("card.publisher", "who gives the network away", "Example Hospital"),
    Missing("card.intended_use", "what it is meant for", "Research only"),
    Missing("card.licence", "under which license, by its SPDX identifier", "CC-BY-4.0"),
)


def _unless_named(items: tuple[Missing, ...], named: list[Missing]) -> Iterator[Missing]:
    paths = {item.path for item in named}
    return (item for item in items if item.path not in paths)

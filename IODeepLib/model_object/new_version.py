"""What a version says that was made of another one: its number, and what is known of the former."""

from __future__ import annotations

import re
from collections.abc import Collection

from msgspec.structs import replace

from IODeepLib.errors import UsageError
from IODeepLib.model_object.card import Card
from IODeepLib.recipe import Measurement, Recipe
from IODeepLib.recipe.limits import Version
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import parse


def next_version(version: str, taken: Collection[str] = ()) -> str:
    """The next minor version that is not taken.

    >>> next_version("1.1.0"), next_version("1.2.0-rc.1", {"1.3.0"})
    ('1.2.0', '1.4.0')
    """
    major, minor = (int(part) for part in re.findall(r"\d+", version)[:2])
    while True:
        minor += 1
        if f"{major}.{minor}.0" not in taken:
            return f"{major}.{minor}.0"


def with_version(card: Card, version: str) -> Recipe:
    """The recipe of `card` for the version that is made of it.

    Raises:
        UsageError: it is none, or the same one.
    """
    try:
        version = str(parse(Version, version))
    except StructureError as error:
        raise UsageError(f"--version {error.found}", error.wanted, "correct --version") from None
    if version == card.version:
        raise UsageError(
            f"--version {version}, which {card.label} has itself",
            "another version: one that was published never changes",
            "correct --version",
        )
    return replace(card.recipe, version=version)


def earlier_performance(card: Card) -> tuple[Measurement, ...]:
    """What was measured of the version before: of the new one it is not known."""
    return tuple(
        replace(one, metric=f"{one.metric} (of {card.version})")
        for one in card.recipe.card.performance
    )

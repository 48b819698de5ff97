"""What the second version of the recipe added: a recipe that calls itself the first has none of it.

Older versions of IODeep read the first and would refuse such a card, or worse, read it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from IODeepLib.recipe import (
    SCHEMAS,
    SOURCE_ORIENTATION,
    Channel,
    Conform,
    CropAbove,
    Input,
    Interpolation,
    LargestComponent,
    MinMax,
    ModelCard,
    Output,
    Outside,
    Per,
    PercentileClip,
    PercentileScale,
    Recipe,
    Resize,
    Spacing,
)
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Record

# Keys of records that were there before.
KEYS: dict[type[Record], frozenset[str]] = {
    Recipe: frozenset({"networks", "stages"}),
    Input: frozenset({"patch_starts", "gaussian", "mirror", "label_interpolation"}),
    Channel: frozenset({"stage", "label"}),
    Spacing: frozenset({"anchor", "clip", "separate_axis"}),
    Resize: frozenset({"clip"}),
    Conform: frozenset({"clip", "axes"}),
    PercentileClip: frozenset({"of_stage"}),
    MinMax: frozenset({"of_stage"}),
    Output: frozenset({"ensemble", "interpolate", "label_interpolation"}),
    LargestComponent: frozenset({"on"}),
    ModelCard: frozenset({"trained_on"}),
}
# Records and words in places that were there before.
RECORDS = (CropAbove, PercentileScale)
WORDS = frozenset(
    {
        Interpolation.NEAREST_EVEN,
        Interpolation.CUBIC,
        Interpolation.AREA,
        Outside.REFLECT,
        Per.IMAGE,
    }
)


def refuse_keys_of_second(recipe: Recipe) -> None:
    """Refuse a recipe that calls itself the first and is not.

    Raises:
        StructureError: it names the key.
    """
    if recipe.schema != SCHEMAS[0]:
        return
    for path, found in _of_second(recipe, "$"):
        raise StructureError(
            path, f"{found}, which {SCHEMAS[0]} does not have", f"{SCHEMAS[1]!r} as schema"
        )


def _of_second(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The place and a name of all that is new in `value`."""
    if isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _of_second(item, f"{path}[{i}]")
    elif isinstance(value, Record):
        if isinstance(value, RECORDS):
            yield path, f"{type(value).__struct_config__.tag or 'an object'!r}"
        new = KEYS.get(type(value), frozenset())
        for field in msgspec.structs.fields(value):
            item = getattr(value, field.name)
            if item == field.default:
                continue
            if field.name in new:
                yield f"{path}.{field.name}", "a key"
            elif field.name == "orientation" and item == SOURCE_ORIENTATION:
                yield f"{path}.{field.name}", repr(item)
            else:
                yield from _of_second(item, f"{path}.{field.name}")
    elif isinstance(value, StrEnum) and value in WORDS:  # texts of people may be the same
        yield path, repr(value.value)

"""What a recipe asks of a series: the small part of it that selection looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import msgspec

from IODeepLib.recipe.applies_to import AppliesTo
from IODeepLib.recipe.input import Channel, Input
from IODeepLib.recipe.intensity import (
    Clip,
    MinMax,
    PercentileScale,
    Quantise,
    SuvBw,
    Window,
    ZScore,
)
from IODeepLib.text.json_text import parse_json
from IODeepLib.text.records import Record, parse


@dataclass(frozen=True)
class Requirements:
    """What a network asks of a series.

    Attributes:
        applies_to: which series it may be run on.
        channels: what fills its input.
        spatial_dims: 2 (slice by slice) or 3.
        slice_axis: the side of the patient, such as "S", toward which the slices that a 2D network
            reads are counted; "" for a 3D network, and where slices are read as they were acquired.
        absolute: of each channel, whether the network reads values in their own unit, such as HU.
    """

    applies_to: AppliesTo
    channels: tuple[Channel, ...]
    spatial_dims: int
    slice_axis: str
    absolute: tuple[bool, ...]

    @cached_property
    def key(self) -> bytes:
        """Equal for those that ask the same in the same words: what holds for one holds for all."""
        return msgspec.json.encode(
            (self.applies_to, self.channels, self.spatial_dims, self.slice_axis, self.absolute)
        )


class _Asking(Record):
    """The part of a recipe that asks something. Labels, of which there may be hundreds, do not."""

    applies_to: AppliesTo
    input: Input


def parse_requirements(recipe_json: str) -> Requirements:
    """What the JSON of a recipe asks; what else is in it is not looked at.

    Raises:
        StructureError: it is no JSON, or what it asks is not valid.
    """
    whole = parse_json(recipe_json)
    if isinstance(whole, dict):
        whole = {key: whole[key] for key in _Asking.__struct_fields__ if key in whole}
    asking: _Asking = parse(_Asking, whole)
    input_ = asking.input
    return Requirements(
        asking.applies_to,
        input_.channels,
        input_.spatial_dims,
        input_.working_orientation[:1] if input_.spatial_dims == 2 else "",
        tuple(_reads_absolute(input_, channel) for channel in input_.channels),
    )


def _reads_absolute(input_: Input, channel: Channel) -> bool:
    """Whether what a channel gives the network depends on the unit of the image's values.

    It does unless the image is brought to a range or a spread measured on itself, before anything
    that tells its values from each other by fixed numbers: then every linear scale gives the same.
    """
    before, after = input_.steps(channel)
    for step in before + after:
        if isinstance(step, (Clip, Window, Quantise)):
            return True
        measured = isinstance(step, ZScore) and step.mean is step.std is None
        # SUV have a check of their own.
        if measured or isinstance(step, (MinMax, PercentileScale, SuvBw)):
            return False
    return True

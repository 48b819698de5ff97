"""What a recipe asks of a series: the small part of it that selection looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
from IODeepLib.recipe.stages import series_channels
from IODeepLib.text.json_text import StructureError, parse_json
from IODeepLib.text.records import Many, Record, parse


@dataclass(frozen=True)
class Requirements:
    """What a network asks of a series.

    Attributes:
        applies_to: which series it may be run on.
        channels: what fills its input, with all stages of the model.
        spatial_dims: 2 (slice by slice), or 3 if any stage reads volumes.
        slice_axes: the sides of the patient, such as "S", toward which the slices that 2D networks
            read are counted; none for 3D networks, and where slices are read as they were acquired.
        absolute: of each channel, whether the network reads values in their own unit, such as HU.
    """

    applies_to: AppliesTo
    channels: tuple[Channel, ...]
    spatial_dims: int
    slice_axes: tuple[str, ...]
    absolute: tuple[bool, ...]

    @cached_property
    def key(self) -> bytes:
        """Equal for those that ask the same in the same words: what holds for one holds for all."""
        return msgspec.json.encode(
            (self.applies_to, self.channels, self.spatial_dims, self.slice_axes, self.absolute)
        )


class _AskingStage(Record):
    """The part of a stage that asks something."""

    input: Input


class _Asking(Record):
    """The part of a recipe that asks something. Labels, of which there may be hundreds, do not."""

    applies_to: AppliesTo
    input: Input | None = None
    stages: Many[_AskingStage] = ()


def parse_requirements(recipe_json: str) -> Requirements:
    """What the JSON of a recipe asks; what else is in it is not looked at.

    Raises:
        StructureError: it is no JSON, or what it asks is not valid.
    """
    whole = parse_json(recipe_json)
    if isinstance(whole, dict):
        whole = _asking_part(whole, _Asking)
        if isinstance(whole.get("stages"), list):
            whole["stages"] = [_asking_part(item, _AskingStage) for item in whole["stages"]]
    asking: _Asking = parse(_Asking, whole)
    if (asking.input is None) != bool(asking.stages):
        found = "it, beside stages" if asking.stages else "nothing"
        raise StructureError("$.input", found, "it, or stages that have it")
    if asking.input is not None:
        inputs: tuple[Input, ...] = (asking.input,)
        channels = asking.input.channels
        absolute = tuple(_reads_absolute(asking.input, channel) for channel in channels)
    else:
        inputs = tuple(stage.input for stage in asking.stages)
        channels = series_channels(inputs)
        counting = {
            channel.name
            for input_ in inputs
            for channel in input_.channels
            if channel.stage is None and _reads_absolute(input_, channel)
        }
        absolute = tuple(channel.name in counting for channel in channels)
    flat = [input_.working_orientation[:1] for input_ in inputs if input_.spatial_dims == 2]
    return Requirements(
        asking.applies_to,
        channels,
        max(input_.spatial_dims for input_ in inputs),
        tuple(axis for axis in dict.fromkeys(flat) if axis),
        absolute,
    )


def _asking_part(value: Any, kind: type[Record]) -> Any:
    """Of a JSON object what `kind` has; what is no object, as it is."""
    if not isinstance(value, dict):
        return value
    return {key: value[key] for key in kind.__struct_fields__ if key in value}


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

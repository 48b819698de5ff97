"""What was done to the images, and how the networks were run, in sentences.

Not what a recipe asks for, but what became of it on these images: sizes, spacings, and the values
that were measured. Lists of three numbers run along the axes of the working orientation, which a
sentence names (PS3.3 section C.7.6.1.1.1 has the letters): rows, columns and slices as the network
has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Box
from IODeepLib.inference.network_grid import separate_axis
from IODeepLib.inference.network_run import mirror_images
from IODeepLib.inference.patches import Patches
from IODeepLib.recipe import (
    Activation,
    Aggregate,
    Channel,
    Clip,
    Conform,
    Crop,
    CropAbove,
    Decision,
    Input,
    IntensityStep,
    MinMax,
    Native,
    Over,
    Per,
    PercentileClip,
    PercentileScale,
    Quantise,
    Region,
    ScaleOffset,
    Stage,
    Task,
    Window,
    ZScore,
)
from IODeepLib.text.wording import counted
from IODeepLib.voxels.intensity import Done

_OVER = {
    Over.ALL: "",
    Over.NONZERO: " over the non-zero voxels",
    Over.MASK: " over the non-zero voxels of all channels and their holes",
}
_PER = {Per.VOLUME: "", Per.SLICE: " of each slice", Per.IMAGE: " of all channels together"}


def numbers(values: Iterable[float]) -> str:
    """Sizes along axes: `0.7 × 0.7 × 5`."""
    return " × ".join(f"{value:.4g}" for value in values)


def voxels(shape: Iterable[int]) -> str:
    """How many voxels there are along axes."""
    return f"{' × '.join(map(str, shape))} voxels"


def cropped(before: Sequence[int], after: Sequence[int], crop: Crop | CropAbove) -> list[str]:
    """That an image was cropped, if anything was cut off."""
    if tuple(before) == tuple(after):
        return []
    what = "the non-zero voxels"
    if isinstance(crop, CropAbove):
        what = f"the voxels above {crop.above:g}"
        if crop.component is not None:
            what = f"the largest connected piece of {what}"
        what += f" and {counted(crop.margin, 'voxel')} around them" if crop.margin else ""
    return [f"cropped to {what}: from {voxels(before)} to {voxels(after)}"]


def looked_at(shape: Sequence[int], box: Box, region: Region) -> str:
    """Which part of the series a stage looked at."""
    labels = ", ".join(region.labels or ("all labels",))
    part = voxels(one.stop - one.start for one in box)
    return (
        f"looked only at {labels} of stage {region.stage} and {region.margin:g} mm around: "
        f"{part} of {voxels(shape)}"
    )


def turned(source: Grid, seen: Grid) -> list[str]:
    """That the axes were turned, if they were."""
    if source.orientation == seen.orientation:
        return []
    return [f"turned from the axes {source.orientation} to {seen.orientation}"]


def brought(volumes: Sequence[Volume], channels: Sequence[Channel], source: Grid) -> list[str]:
    """Which channels were brought to the voxels of the first one's series."""
    names = [c.name for v, c in zip(volumes, channels, strict=True) if v.grid is not source]
    if not names:
        return []
    return [f"{', '.join(names)} resampled to the voxels of the first series, linear"]


def filled(labels: Sequence[Channel]) -> list[str]:
    """Which labels of earlier stages the network was given."""
    return [f"given {one.label} of stage {one.stage} as channel {one.name}" for one in labels]


def regridded(seen: Grid, network: Grid, input_: Input, *, sized: bool) -> list[str]:
    """How the image came to the network's voxels.

    Args:
        seen: the voxels of the series, turned to the working orientation.
        network: those of the network.
        input_: what the recipe asks for.
        sized: whether millimeters are known.
    """
    mode = input_.grid
    if isinstance(mode, Native) or network.same_as(seen):
        return []
    way, separate = mode.interpolation.value, separate_axis(seen, mode)
    if separate is not None:
        axis = network.orientation[separate.axis]
        way += f" in the planes, {separate.interpolation.value} along the axis {axis}"
    way += ", smoothed before" if mode.anti_alias else ""
    way += ", within the range of values before" if mode.clip else ""
    was, now = voxels(seen.shape), voxels(network.shape)
    if sized:
        was = f"{numbers(seen.spacing)} mm ({was})"
        now = f"{numbers(network.spacing)} mm ({now})"
    said = f"resampled along {network.orientation} from {was} to {now}, {way}"
    if isinstance(mode, Conform):
        said += f", cropped and padded around the center ({mode.outside.value} outside)"
    return [said]


def intensity(channels: Mapping[str, Sequence[Done]]) -> Iterator[str]:
    """What was done to the values of each channel, in order; channels alike are said once."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, done in channels.items():
        said = tuple(filter(None, (_step(*one) for one in done)))
        if said:
            alike.setdefault(said, []).append(name)
    for said, names in alike.items():
        whose = "" if len(channels) == 1 else f" of {', '.join(names)}"
        yield f"values{whose} {', then '.join(said)}"


def _step(step: IntensityStep, used: Sequence[float] | None) -> str:
    """A step; `used` are the values that it measured, none where each slice has its own."""
    if used is None:
        return ""  # there was no voxel to measure, so that nothing changed
    whose = _PER[getattr(step, "per", Per.VOLUME)] + _OVER[getattr(step, "over", Over.ALL)]
    if stage := getattr(step, "of_stage", None):
        whose += f" of stage {stage}"
    pair = f" ({used[0]:.6g} and {used[1]:.6g})" if used else ""
    match step:
        case Clip():
            return f"clipped to {step.lower:g} to {step.upper:g}"
        case Window():
            return f"windowed (center {step.center:g}, width {step.width:g}) to 0 to 1"
        case ScaleOffset():
            offset = f" plus {step.offset:g}" if step.offset else ""
            return f"multiplied by {step.scale:.6g}{offset}"
        case Quantise():
            return f"rounded to {step.levels} levels from 0 to 1"
        case ZScore():
            return f"normalized by mean and standard deviation{whose}{pair}"
        case PercentileClip():
            return f"clipped to the percentiles {step.lower:g} and {step.upper:g}{whose}{pair}"
        case PercentileScale():
            scaled = f"percentiles {step.lower:g} and {step.upper:g}{whose}{pair}"
            clipped = ", clipped" if step.clip else ""
            return f"scaled: {scaled} to {step.low:g} and {step.high:g}{clipped}"
        case MinMax():
            range_ = f"minimum and maximum{whose}{pair}"
            return f"scaled: {range_} to {step.lower:g} and {step.upper:g}"
        case _:
            return ""  # suv_bw is a factor by now


def networks(stage: Stage, input_: Input, shape: tuple[int, int, int], task: Task) -> Iterator[str]:
    """How networks were run on an image, and what became of what they gave.

    Args:
        stage: which networks.
        input_: as it was for this image.
        shape: of the image on the network's voxels.
        task: what the networks are for.
    """
    output, patches = stage.output, Patches.of(shape, input_)
    flat = input_.spatial_dims == 2
    size = patches.size[int(flat) :]
    what = "slice by slice" if flat else "on the whole image"
    if input_.patch_size is not None:
        what = f"on {counted(len(patches), 'patch', 'patches')} of {voxels(size)}"
        what += f", overlap {input_.overlap:g}, {input_.importance_map.value} weights"
    if input_.neighbours:
        what += f", with {counted(input_.neighbours, 'slice')} on either side"
    said = f"run {what}"
    if (count := len(stage.network_names)) > 1:
        said += f", mean of the {output.ensemble.value} of {count} networks"
    if (mirrored := len(mirror_images(input_))) > 1:
        said += f", mean of {mirrored} mirror images ({input_.mirror})"
    yield said
    if task is not Task.SEGMENTATION:
        if len(patches) > 1:
            yield f"{_AGGREGATES[output.aggregate]} of all answers"
        return
    if output.decision is Decision.LABELS:
        yield "labels as the network gives them"
        return
    activation = "" if output.activation is Activation.NONE else f" after {output.activation.value}"
    rule = output.decision.value
    if output.decision is not Decision.ARGMAX:
        rule += f" ({output.threshold:g})"
    where = output.decide_on.value
    yield f"decided by {rule}{activation} on the voxels of the {_WHERE[where]}"


_AGGREGATES = {Aggregate.MEAN: "the mean", Aggregate.MAXIMUM: "the maximum"}
_WHERE = {"source": "series", "network": "network"}

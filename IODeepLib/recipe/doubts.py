"""What is odd in a recipe and may be meant: said when a network is packed and when it is shown."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator

from IODeepLib.codes import distance, region_by_code, region_by_term
from IODeepLib.recipe import (
    Blend,
    Conform,
    Gaussian,
    ImportanceMap,
    IntensityStep,
    Interpolation,
    Label,
    MinimumVolume,
    MinMax,
    PatchStarts,
    PercentileScale,
    Quantise,
    Range,
    Recipe,
    Spacing,
    SuvBw,
    Window,
)
from IODeepLib.recipe.contradictions import named_modalities, steps_of
from IODeepLib.recipe.meanings import codes_of, doubt_of
from IODeepLib.recipe.stages import located, located_labels

# Modality (0008,0060) of images, PS3.3 C.7.3.1.1.1, CID 29 and the retired ones still met.
_MODALITIES = """
AR BDUS BI BMD CFM CR CT DG DMS DX ES GM IO IVOCT IVUS LEN LS MG MR NM OCT OP OPM OPT OPTBSV OPTENF
OSS OT PA PT PX RF RG RTIMAGE SM TG US XA XC CF DF DS EC FA FS LP MA MS ST
"""
# Of one part of the body, or of what lies in it.
_SHOWN = {"MG": "BREAST", "PX": "JAW", "OP": "EYE", "OPT": "EYE", "IVOCT": "HEART"}

# Voxels of scans of people and of small animals; others are meters or micrometers by mistake.
_USUAL_SPACING = Range(0.01, 100.0)  # mm
# Steps that make values from 0 to 1, if they are told so.
_TO_ONE = (MinMax, PercentileScale, Window)
# No organ is larger: a component below it is always removed.
_LARGEST_ORGAN = 20_000.0  # mL
_OLDEST = 130.0  # years
# A card from elsewhere is shown, too, and each name is looked for in five languages, a millisecond.
_MOST_LABELS = 1000


def doubts(recipe: Recipe) -> tuple[str, ...]:
    """What is odd and may be meant, a sentence each that begins with its place in the recipe."""
    return (
        *_odd_modalities(recipe),
        *_unknown_regions(recipe),
        *_regions_elsewhere(recipe),
        *_odd_input(recipe),
        *_idle_keys(recipe),
        *_odd_labels(recipe),
        *_odd_rest(recipe),
        *_odd_training(recipe),
    )


def _odd_modalities(recipe: Recipe) -> Iterator[str]:
    for path, modality in named_modalities(recipe):
        if modality not in _MODALITIES.split():
            yield f"{path}: {modality!r} is no modality of images in PS3.3 C.7.3.1.1.1"
    for key in ("modalities", "anatomic_regions", "conditions", "planes"):
        values = getattr(recipe.applies_to, key)
        for value in (value for value, count in Counter(values).items() if count > 1):
            yield f"$.applies_to.{key}: {value} more than once"


def _regions_elsewhere(recipe: Recipe) -> Iterator[str]:
    asked = recipe.applies_to
    shown = [region_by_term(_SHOWN.get(modality, "")) for modality in asked.modalities]
    for i, code in enumerate(asked.anatomic_regions):
        region = region_by_code(code)
        if region is None or None in shown:
            continue
        if all(distance(region, one) is None for one in shown if one is not None):
            kind = f"images of {', '.join(asked.modalities)}"
            yield f"$.applies_to.anatomic_regions[{i}]: {kind} do not show {code.meaning}"


def _odd_input(recipe: Recipe) -> Iterator[str]:
    for path, stage in located(recipe.all_stages):
        grid = stage.input.grid
        for i, size in enumerate(grid.spacing if isinstance(grid, (Spacing, Conform)) else ()):
            if size not in _USUAL_SPACING:
                yield f"{path}.input.grid.spacing[{i}]: {size:g} mm is no usual size of a voxel"
        names = Counter(channel.name for channel in stage.input.channels)
        for name in (name for name, count in names.items() if count > 1):
            yield f"{path}.input.channels: {name!r} more than once"
    for path, channel, steps in steps_of(recipe):
        yield from (f"{path}: {found}, for the channel {channel.name!r}" for found in _odd(steps))


def _odd(steps: tuple[IntensityStep, ...]) -> Iterator[str]:
    for i, step in enumerate(steps):
        before = steps[:i]
        if isinstance(step, MinMax) and step.lower > step.upper:
            yield f"min_max from {step.lower:g} to {step.upper:g} inverts the image"
        if isinstance(step, SuvBw) and before:
            yield "the steps before suv_bw are not in SUV"
        if isinstance(step, Quantise) and not any(isinstance(s, _TO_ONE) for s in before):
            yield "quantise takes values from 0 to 1, which no step before it makes"


def _idle_keys(recipe: Recipe) -> Iterator[str]:
    """Keys that change nothing, given what else the recipe says."""
    for path, stage in located(recipe.all_stages):
        input_, output = stage.input, stage.output
        interpolation = getattr(input_.grid, "interpolation", Interpolation.CUBIC)
        if getattr(input_.grid, "clip", False) and interpolation is not Interpolation.CUBIC:
            yield f"{path}.input.grid.clip: {interpolation.value} never leaves the range"
        if input_.patch_size is None and input_.patch_starts is not PatchStarts.STRIDE:
            yield f"{path}.input.patch_starts: there are no patches"
        weighted = input_.importance_map is ImportanceMap.GAUSSIAN
        if input_.gaussian != Gaussian() and not (input_.patch_size and weighted):
            what = "the weights are constant" if input_.patch_size else "there are no patches"
            yield f"{path}.input.gaussian: {what}"
        if output.interpolate is Blend.PROBABILITIES and output.decides_on_network:
            yield f"{path}.output.interpolate: what is decided on the network's voxels are labels"


def _odd_labels(recipe: Recipe) -> Iterator[str]:
    count = sum(len(stage.output.labels) for stage in recipe.all_stages)
    labels = tuple(itertools.islice(located_labels(recipe.all_stages), _MOST_LABELS))
    if len(labels) < count:
        place = "$.stages[*].output.labels" if recipe.stages else "$.output.labels"
        yield f"{place}: {count}, of which only the first {_MOST_LABELS} were looked at"
    for path, code in codes_of(recipe.applies_to, labels):
        said = doubt_of(path, code)
        if said:
            yield said
    found = recipe.labels[:_MOST_LABELS]
    alike = Counter(map(_meaning, found))
    for meaning, count in alike.items():
        if count > 1:
            place = "$.stages[*].output.labels" if recipe.stages else "$.output.labels"
            yield (
                f"{place}: {count} of {len(found)} have the type {meaning[0]} and no "
                "modifier, region or laterality that sets them apart"
            )
    for path, label in labels:
        named, coded = region_by_term(label.name), region_by_code(label.type)
        if named is not None and coded is not None and distance(named, coded) is None:
            yield (
                f"{path}: the name {label.name!r} is another body part than the type, {label.type}"
            )
        part = region_by_code(label.anatomic_region or label.type)
        if label.laterality is not None and part is not None and not part.paired:
            yield f"{path}.laterality: {part.code.meaning} is no paired structure"


def _unknown_regions(recipe: Recipe) -> Iterator[str]:
    for i, code in enumerate(recipe.applies_to.anatomic_regions):
        if region_by_code(code) is None:
            yield (
                f"$.applies_to.anatomic_regions[{i}]: the table of body parts does not have "
                f"{code}: series with this very code fit, and of all others it is unknown"
            )


def _meaning(label: Label) -> tuple[object, ...]:
    return (
        label.type,
        label.modifier,
        label.anatomic_region,
        label.anatomic_region_modifier,
        label.laterality,
    )


def _odd_rest(recipe: Recipe) -> Iterator[str]:
    age = recipe.applies_to.patient_age
    if age is not None and age.min is not None and age.min > _OLDEST:
        yield f"$.applies_to.patient_age.min: nobody is {age.min:g} years old"
    for i, step in enumerate(recipe.after):
        if isinstance(step, MinimumVolume) and step.millilitres > _LARGEST_ORGAN:
            yield f"$.after[{i}].millilitres: no component has {step.millilitres:g} mL"
    for i, measured in enumerate(recipe.card.performance):
        share = any(
            word in measured.metric.casefold() for word in ("dice", "dsc", "jaccard", "iou")
        )
        if share and not 0 <= measured.value <= 1:
            yield (
                f"$.card.performance[{i}].value: {measured.metric} is from 0 to 1, not "
                f"{measured.value:g}"
            )


def _odd_training(recipe: Recipe) -> Iterator[str]:
    """Ranges of the training data that no series has on which the network may be run."""
    trained = recipe.card.trained_on
    if trained is None:
        return
    for key in ("pixel_spacing", "slice_spacing", "slices", "patient_age"):
        known, asked = getattr(trained, key), getattr(recipe.applies_to, key)
        if known is not None and asked is not None and not _meet(known, asked):
            yield f"$.card.trained_on.{key}: {known}, and $.applies_to.{key} asks for {asked}"
    age = trained.patient_age
    if age is not None and age.min is not None and age.min > _OLDEST:
        yield f"$.card.trained_on.patient_age.min: nobody is {age.min:g} years old"


def _meet(one: Range, other: Range) -> bool:
    least = max(-math.inf if end.min is None else end.min for end in (one, other))
    most = min(math.inf if end.max is None else end.max for end in (one, other))
    return least <= most

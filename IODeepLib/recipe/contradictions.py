"""Recipes that contradict themselves: what no value by itself is wrong in, and nobody can mean.

It is refused when a network is packed. A card that was packed before is read nonetheless: reading
asks only whether each value is possible.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from IODeepLib.errors import RecipeError
from IODeepLib.recipe import (
    Activation,
    Axes,
    Blend,
    Channel,
    Conform,
    Decision,
    IntensityStep,
    Interpolation,
    LargestComponent,
    OnGrid,
    Output,
    Recipe,
    Stage,
    SuvBw,
    Task,
)
from IODeepLib.recipe.meanings import codes_of, refuse_what_is_no_code
from IODeepLib.recipe.second_version import refuse_keys_of_second
from IODeepLib.recipe.stages import located, located_labels
from IODeepLib.text.json_text import StructureError

# What people write for a Modality (0008,0060).
_MISTAKEN = {
    **dict.fromkeys(("MRI", "NMR", "MRT", "IRM", "FMRI"), "MR"),
    **dict.fromkeys(("CAT", "CTA", "CBCT", "QCT", "TAC", "TDM"), "CT"),
    **dict.fromkeys(("PET", "PETCT", "PET_CT", "TEP"), "PT"),
    **dict.fromkeys(("XR", "XRAY", "X_RAY", "CXR", "DR", "RX"), "DX or CR"),
    **dict.fromkeys(("MAMMO", "MMG", "DBT"), "MG"),
    **dict.fromkeys(("ULTRASOUND", "USG", "ECHO"), "US"),
    "SPECT": "NM",
    "DSA": "XA",
    "WSI": "SM",
}


def refuse_contradictions(recipe: Recipe) -> None:
    """Refuse what cannot be meant.

    Raises:
        RecipeError: it names the place in the recipe.
    """
    try:
        refuse_keys_of_second(recipe)
        _check_modalities(recipe)
        _check_ranges(recipe)
        _check_steps(recipe)
        for path, stage in located(recipe.all_stages):
            if recipe.task_of(stage) is Task.SEGMENTATION:
                _check_output(f"{path}.output", stage.output)
                _check_ways(path, stage)
        _check_early_steps(recipe)
        for path, code in codes_of(recipe.applies_to, located_labels(recipe.all_stages)):
            refuse_what_is_no_code(path, code)
    except StructureError as error:
        raise RecipeError(
            f"recipe: {error.path}: {error.found}",
            error.wanted,
            "correct the recipe there (Docs/recipe.md describes every key)",
        ) from None


def named_modalities(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Every modality of the recipe, with its JSON path."""
    for i, modality in enumerate(recipe.applies_to.modalities):
        yield f"$.applies_to.modalities[{i}]", modality
    for path, stage in located(recipe.all_stages):
        for i, channel in enumerate(stage.input.channels):
            if channel.modality is not None:
                yield f"{path}.input.channels[{i}].modality", channel.modality


def _check_modalities(recipe: Recipe) -> None:
    for path, modality in named_modalities(recipe):
        if modality in _MISTAKEN:
            wanted = f"{_MISTAKEN[modality]}, as Modality (0008,0060) has it"
            raise StructureError(path, repr(modality), wanted)
    allowed, wanted_by = recipe.applies_to.modalities, recipe.series_channels
    if all(channel.modality not in (None, *allowed) for channel in wanted_by):
        raise StructureError(
            "$.input.channels" if recipe.input is not None else "$.stages",
            f"channels for {', '.join(str(channel.modality) for channel in wanted_by)} only, "
            f"of a network for {', '.join(allowed)}",
            "a channel that the series it is run on can fill",
        )


def _check_ranges(recipe: Recipe) -> None:
    least = {"pixel_spacing": 1e-6, "slice_spacing": 1e-6, "slices": 1.0, "patient_age": 0.0}
    least["field_of_view"] = 1e-6
    places = {"$.applies_to": recipe.applies_to, "$.card.trained_on": recipe.card.trained_on}
    for (path, place), (key, lowest) in itertools.product(places.items(), least.items()):
        asked = getattr(place, key, None)
        if asked is not None and asked.max is not None and asked.max < lowest:
            raise StructureError(
                f"{path}.{key}.max",
                f"{asked.max:g}",
                f"{lowest:g} or more: no image has less",
            )


def steps_of(recipe: Recipe) -> Iterator[tuple[str, Channel, tuple[IntensityStep, ...]]]:
    """The path of the input, and the channels with all their intensity steps, in order."""
    for path, stage in located(recipe.all_stages):
        for channel in stage.input.channels:
            before, after = stage.input.steps(channel)
            yield f"{path}.input", channel, before + after


def _check_steps(recipe: Recipe) -> None:
    for path, channel, steps in steps_of(recipe):
        count = sum(isinstance(step, SuvBw) for step in steps)
        if count > 1:
            found = f"suv_bw {count} times for the channel {channel.name!r}"
            raise StructureError(path, found, "once")
        modalities = (channel.modality,) if channel.modality else recipe.applies_to.modalities
        if count and "PT" not in modalities:
            found = f"suv_bw for the channel {channel.name!r}, of {', '.join(modalities)}"
            raise StructureError(path, found, "PT: others have no uptake values")


def _check_output(path: str, output: Output) -> None:
    if output.decision is Decision.LABELS and output.channels != 1:
        found = f"{output.channels}, of a network that gives label values itself"
        raise StructureError(f"{path}.channels", found, "1, or another decision than 'labels'")
    thresholded = output.decision in (Decision.THRESHOLD, Decision.REGIONS)
    probable = thresholded and output.activation is not Activation.NONE
    if probable and not 0 < output.threshold < 1:
        found = f"{output.threshold:g}, of probabilities: all voxels or none"
        raise StructureError(f"{path}.threshold", found, "more than 0 and less than 1")
    if output.decision is Decision.ARGMAX:
        if output.channels == 1:
            found = "1: the only channel always has the highest score"
            raise StructureError(f"{path}.channels", found, "2 or more, or decision 'threshold'")
        taken: dict[int, str] = {}
        for i, channel in enumerate(output.label_channels):
            name = output.labels[i].name
            first = taken.setdefault(channel, name)
            if first != name:
                found = f"the channel {channel}, which is that of {first!r}"
                raise StructureError(f"{path}.labels[{i}]", found, "a channel of its own")


def _check_ways(path: str, stage: Stage) -> None:
    """What is done on the network's voxels, and between them and those of the series."""
    input_, output = stage.input, stage.output
    if output.decision is Decision.LABELS:
        if input_.mirror:
            found = f"{input_.mirror!r}, of a network that gives label values: they have no mean"
            raise StructureError(f"{path}.input.mirror", found, "no mirror images")
        if output.interpolate is Blend.PROBABILITIES:
            found = "'probabilities', of a network that gives label values"
            raise StructureError(f"{path}.output.interpolate", found, "'scores'")
    if output.decides_on_network:
        return
    wanted = "decide_on 'network'"
    if output.label_interpolation is not Interpolation.NEAREST_EXACT:
        found = f"{output.label_interpolation.value!r}, where labels are decided on the series'"
        raise StructureError(f"{path}.output.label_interpolation", f"{found} voxels", wanted)
    if isinstance(input_.grid, Conform) and input_.grid.axes is Axes.PATIENT:
        found = "'patient', where labels are decided on the series' voxels"
        raise StructureError(f"{path}.input.grid.axes", found, wanted)


def _check_early_steps(recipe: Recipe) -> None:
    """Steps on the network's voxels want labels there, which the result of stages has not."""
    top = ("$", recipe.after, None if recipe.stages else recipe.output)
    own = ((path, stage.after, stage.output) for path, stage in located(recipe.all_stages))
    for path, steps, output in (top, *own):
        for i, step in enumerate(steps):
            if not isinstance(step, LargestComponent) or step.on is OnGrid.SOURCE:
                continue
            where = f"{path}.after[{i}].on"
            if output is None:
                raise StructureError(
                    where, "'network', of the result of several", "it in the steps of a stage"
                )
            if not output.decides_on_network:
                found = "'network', where labels are decided on the series' voxels"
                raise StructureError(where, found, "decide_on 'network'")

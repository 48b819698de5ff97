"""Models of several networks: stages, in order, each with an input, an output and steps of its own.

A stage may read the labels of an earlier one: as channels (nnU-Net's cascade), or as the place that
it looks at. What no other stage reads is the result.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Annotated

from msgspec import Meta

from IODeepLib.recipe.input import Channel, Input, LabelInterpolation
from IODeepLib.recipe.intensity import MinMax, Per, PercentileClip, PercentileScale
from IODeepLib.recipe.limits import Name, NetworkName
from IODeepLib.recipe.output import AfterStep, Blend, Decision, Label, Output
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, Record

# What channels of one name must say alike: they are one series.
_OF_SERIES = ("modality", "words", "attributes", "color")


class Region(Record):
    """The box around labels of an earlier stage (of all of them, unless they are named).

    It is wider by `margin` mm on each side: by whole voxels of the series, rounded down, as
    TotalSegmentator's crop_to_mask does, and no farther than the image.
    """

    stage: str
    labels: Many[str] | None = None
    margin: Annotated[float, Meta(ge=0, le=1e6)] = 0.0


class Stage(Record):
    """A step of a model.

    Its networks are of one architecture, and what they give is averaged. Without a list it has
    one, of the stage's name.
    """

    name: Name
    input: Input
    output: Output
    networks: Many[NetworkName] = ()
    after: Many[AfterStep] = ()
    region: Region | None = None

    def __post_init__(self) -> None:
        check_networks(self.networks, self.output)

    @property
    def network_names(self) -> tuple[str, ...]:
        """What its networks are called; the only network of a model has no name: ""."""
        return self.networks or (self.name,)

    @property
    def reads(self) -> frozenset[str]:
        """The names of the stages whose labels it reads."""
        named = {channel.stage for channel in self.input.channels if channel.stage is not None}
        return frozenset(named | ({self.region.stage} if self.region else set()))

    @property
    def measured_by(self) -> frozenset[str]:
        """The names of the stages that measured values which its own steps take."""
        given = self.input
        steps = (step for c in given.channels for steps in given.steps(c) for step in steps)
        named = {getattr(step, "of_stage", None) for step in steps}
        return frozenset(name for name in named if name is not None)


def check_networks(networks: Sequence[str], output: Output) -> None:
    """Refuse networks that cannot be told apart, or whose outputs cannot be averaged.

    Raises:
        StructureError: they are such.
    """
    _each_once("$.networks", networks)
    if len(networks) > 1 and output.decision is Decision.LABELS:
        found = f"{len(networks)}, of which each gives label values"
        raise StructureError("$.networks", found, "one network: label values have no mean")
    if output.ensemble is Blend.PROBABILITIES and output.blend is not Blend.PROBABILITIES:
        raise StructureError(
            "$.output.ensemble",
            f"'probabilities', with blend {output.blend.value!r}",
            "blend 'probabilities' as well: there are no scores left to blend",
        )


def result_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages whose labels are the result: those that no other one reads."""
    read = frozenset[str]().union(*(stage.reads for stage in stages))
    return tuple(stage for stage in stages if stage.name not in read)


def needed_stages(stages: Sequence[Stage], labels: Container[str]) -> tuple[Stage, ...]:
    """The stages that these labels of the result need, in order: their own, and what those need."""
    needed = {
        stage.name
        for stage in result_stages(stages)
        if any(label.name in labels for label in stage.output.labels)
    }
    for stage in reversed(stages):  # what a stage needs is earlier
        if stage.name in needed:
            needed |= stage.reads | stage.measured_by
    return tuple(stage for stage in stages if stage.name in needed)


def series_channels(inputs: Sequence[Input]) -> tuple[Channel, ...]:
    """The channels of stages that series fill, those of one name once, in their order.

    Raises:
        StructureError: those of one name are not of one series, or a stage has none.
    """
    found: dict[str, Channel] = {}
    for i, input_ in enumerate(inputs):
        path, own = f"$.stages[{i}].input.channels", set()
        for j, channel in enumerate(input_.channels):
            if channel.stage is not None:
                continue
            if channel.name in own:
                raise StructureError(
                    f"{path}[{j}].name", f"{channel.name!r} for the second time", "each once"
                )
            own.add(channel.name)
            first = found.setdefault(channel.name, channel)
            for key in _OF_SERIES:
                if getattr(channel, key) != getattr(first, key):
                    raise StructureError(
                        f"{path}[{j}].{key}",
                        f"another one than in an earlier stage, for the channel {channel.name!r}",
                        "the same in all stages, for they read one series; or another name",
                    )
        if not own:
            raise StructureError(path, "labels of earlier stages only", "a channel with an image")
    if len({channel.color is None for channel in found.values()}) > 1:
        raise StructureError(
            "$.stages", "a color for some channels only", "one for each of them, or for none"
        )
    return tuple(found.values())


def check_stages(stages: Sequence[Stage]) -> None:
    """Refuse stages that refer to what is not there, and a result that means two things.

    Raises:
        StructureError: it names the place.
    """
    earlier: dict[str, Stage] = {}
    for path, stage in located(stages):
        _check_stage(path, stage, earlier)
        earlier[stage.name] = stage
    if "" in earlier:  # the only network of a recipe
        return
    _each_once("$.stages", [stage.name for stage in stages], ".name")
    series_channels([stage.input for stage in stages])
    _check_networks_of_all(stages)
    _check_result(stages)


def check_steps(path: str, steps: Iterable[AfterStep], labels: Iterable[Label]) -> None:
    """Refuse steps on labels that are not there.

    Raises:
        StructureError: they are such.
    """
    names = dict.fromkeys(label.name for label in labels)
    for i, step in enumerate(steps):
        for j, name in enumerate(step.labels or ()):
            if name not in names:
                raise StructureError(
                    f"{path}[{i}].labels[{j}]", repr(name), "one of " + ", ".join(names)
                )


def _check_stage(path: str, stage: Stage, earlier: dict[str, Stage]) -> None:
    check_steps(f"{path}.after", stage.after, stage.output.labels)
    if stage.region is not None:
        other = _earlier(f"{path}.region.stage", stage.region.stage, earlier)
        for i, name in enumerate(stage.region.labels or ()):
            _label(f"{path}.region.labels[{i}]", name, other)
    for j, channel in enumerate(stage.input.channels):
        where = f"{path}.input.channels[{j}]"
        if channel.stage is not None and channel.label is not None:
            other = _earlier(f"{where}.stage", channel.stage, earlier)
            _label(f"{where}.label", channel.label, other)
            per_class = stage.input.label_interpolation is LabelInterpolation.PER_CLASS
            if per_class and other.output.overlapping:
                raise StructureError(
                    f"{path}.input.label_interpolation",
                    f"'per_class', for labels of {other.name!r} that may overlap",
                    "'nearest-exact': among labels that overlap, none wins",
                )
        for step in (step for steps in stage.input.steps(channel) for step in steps):
            of_stage = getattr(step, "of_stage", None)
            if isinstance(step, _Measuring) and of_stage is not None:
                other = _earlier(f"{where}: of_stage", of_stage, earlier)
                _check_measured(where, step, channel, other)


_Measuring = MinMax | PercentileClip | PercentileScale


def _check_measured(path: str, step: _Measuring, channel: Channel, other: Stage) -> None:
    """Whether the other stage measures the two values, once."""
    kind = type(step).__struct_config__.tag
    found = [
        one
        for theirs in other.input.channels
        if theirs.name == channel.name and theirs.stage is None
        for steps in other.input.steps(theirs)
        for one in steps
        if type(one) is type(step)
    ]
    if len(found) != 1 or found[0].of_stage is not None or found[0].per is Per.SLICE:
        raise StructureError(
            f"{path}: of_stage",
            f"{other.name!r}, which measures no two values or several for {kind}",
            f"a stage with one step {kind} for the channel {channel.name!r}, not per slice",
        )


def _earlier(path: str, name: str, earlier: dict[str, Stage]) -> Stage:
    if name not in earlier:
        wanted = "one of " + ", ".join(earlier) if earlier else "nothing: no stage is earlier"
        raise StructureError(path, repr(name), wanted)
    return earlier[name]


def _label(path: str, name: str, stage: Stage) -> None:
    names = [label.name for label in stage.output.labels]
    if name not in names:
        raise StructureError(path, repr(name), "one of " + ", ".join(names))


def _check_networks_of_all(stages: Sequence[Stage]) -> None:
    """Names become file names, of which some systems do not tell "A" from "a"."""
    known: dict[str, str] = {}
    for i, stage in enumerate(stages):
        for name in stage.network_names:
            first = known.setdefault(name.casefold(), name)
            if first != name:
                found = f"{name!r}, beside {first!r}"
                raise StructureError(f"$.stages[{i}].networks", found, "names that differ in more")


def _check_result(stages: Sequence[Stage]) -> None:
    parts = {stage.name for stage in result_stages(stages)}
    seen: set[object] = set()
    for i, stage in enumerate(stages):
        if stage.name not in parts:
            continue
        path = f"$.stages[{i}].output"
        if len(parts) > 1 and stage.output.overlapping:
            raise StructureError(
                f"{path}.decision",
                "labels that may overlap, in one of several stages of the result",
                "one label, or another decision: a later stage paints over an earlier one",
            )
        for j, label in enumerate(stage.output.labels):
            for key in ("value", "name"):
                if (key, getattr(label, key)) in seen:
                    raise StructureError(
                        f"{path}.labels[{j}].{key}",
                        f"{getattr(label, key)!r} for the second time in the result",
                        "each once",
                    )
                seen.add((key, getattr(label, key)))


def _each_once(path: str, names: Sequence[str], key: str = "") -> None:
    seen = set()
    for i, name in enumerate(names):
        if name.casefold() in seen:
            raise StructureError(f"{path}[{i}]{key}", f"{name!r} for the second time", "each once")
        seen.add(name.casefold())


def located_labels(stages: Sequence[Stage]) -> Iterator[tuple[str, Label]]:
    """Every label of the stages, with its JSON path."""
    for path, stage in located(stages):
        for i, label in enumerate(stage.output.labels):
            yield f"{path}.output.labels[{i}]", label


def located(stages: Sequence[Stage]) -> Iterator[tuple[str, Stage]]:
    """Each stage with its JSON path; the only network of a recipe stands at its top."""
    for i, stage in enumerate(stages):
        yield (f"$.stages[{i}]" if stage.name else "$"), stage

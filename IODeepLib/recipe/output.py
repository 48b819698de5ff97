"""How the network's output tensor becomes labels, and what is done to them afterwards."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from IODeepLib.codes import Code
from IODeepLib.recipe.applies_to import Laterality
from IODeepLib.recipe.grid import Interpolation, OnGrid
from IODeepLib.recipe.limits import Byte, Count, Index, Positive, Title
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, OneOrMore, Record


class AlgorithmType(StrEnum):
    """Segment Algorithm Type (0062,0008)."""

    AUTOMATIC = "AUTOMATIC"
    SEMIAUTOMATIC = "SEMIAUTOMATIC"


class Label(Record):
    """One thing that the network finds: a segment, a class, or a measured quantity."""

    value: Annotated[int, Meta(ge=1, le=65535)]
    name: Title
    category: Code
    type: Code
    modifier: Code | None = None
    anatomic_region: Code | None = None
    anatomic_region_modifier: Code | None = None
    laterality: Laterality | None = None
    color: tuple[Byte, Byte, Byte] | None = None
    algorithm_type: AlgorithmType = AlgorithmType.AUTOMATIC
    channel: Index | None = None
    unit: Code | None = None


class Activation(StrEnum):
    """What turns the network's scores into probabilities."""

    NONE = "none"
    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"


class Decision(StrEnum):
    """How scores become labels."""

    ARGMAX = "argmax"  # the channel with the highest score; a channel without label is background
    THRESHOLD = "threshold"  # each label by itself; labels may overlap
    REGIONS = "regions"  # thresholded regions painted in the order of the labels, as nnU-Net does
    LABELS = "labels"  # the network gives label values itself


class Blend(StrEnum):
    """What is averaged where patches overlap and over networks, or what is interpolated."""

    SCORES = "scores"
    PROBABILITIES = "probabilities"


class Aggregate(StrEnum):
    """How the outputs of several slices or patches of one image become one (no segmentation)."""

    MEAN = "mean"
    MAXIMUM = "maximum"


_OF_LABELS = (Interpolation.NEAREST_EXACT, Interpolation.NEAREST_EVEN, Interpolation.LINEAR)


class Output(Record):
    """How the network's output tensor becomes labels."""

    channels: Count
    labels: OneOrMore[Label]
    name: str | None = None
    activation: Activation = Activation.NONE
    decision: Decision = Decision.ARGMAX
    threshold: float = 0.5
    blend: Blend = Blend.SCORES
    decide_on: OnGrid = OnGrid.SOURCE
    aggregate: Aggregate = Aggregate.MEAN
    interpolate: Blend = Blend.SCORES  # what is brought to the series' voxels, to be decided there
    # How labels that were decided on the network's voxels are: MONAI rounds halves to even voxels
    # ("nearest-even"), or interpolates the values and rounds these ("linear").
    label_interpolation: Interpolation = Interpolation.NEAREST_EXACT
    ensemble: Blend = Blend.SCORES  # what is averaged over several networks, patch by patch

    def __post_init__(self) -> None:
        if self.label_interpolation not in _OF_LABELS:
            raise StructureError(
                "$.label_interpolation",
                repr(self.label_interpolation.value),
                " or ".join(repr(way.value) for way in _OF_LABELS),
            )
        for key in ("value", "name"):
            seen = set()
            for i, label in enumerate(self.labels):
                item = getattr(label, key)
                if item in seen:
                    raise StructureError(
                        f"$.labels[{i}].{key}", f"{item!r} for the second time", "each once"
                    )
                seen.add(item)
        if self.decision is Decision.LABELS:
            return
        for i, channel in enumerate(self.label_channels):
            if channel >= self.channels:
                raise StructureError(
                    f"$.labels[{i}]",
                    f"channel {channel} of {self.channels}",
                    f"a channel from 0 to {self.channels - 1}",
                )

    @property
    def overlapping(self) -> bool:
        """Whether a voxel may have several labels."""
        return self.decision is Decision.THRESHOLD and len(self.labels) > 1

    @property
    def decides_on_network(self) -> bool:
        """Whether labels are there before they are brought to the series' voxels."""
        return self.decision is Decision.LABELS or self.decide_on is OnGrid.NETWORK

    @property
    def interpolates_probabilities(self) -> bool:
        """Whether what is brought to the series' voxels are probabilities already."""
        return Blend.PROBABILITIES in (self.blend, self.interpolate)

    @property
    def label_channels(self) -> tuple[int, ...]:
        """The output channel that holds the scores of each label, zero based.

        Where the label does not say it: its value for argmax, its place in the list otherwise.
        """
        argmax = self.decision is Decision.ARGMAX
        places = [label.value if argmax else i for i, label in enumerate(self.labels)]
        own = [label.channel for label in self.labels]
        return tuple(p if o is None else o for p, o in zip(places, own, strict=True))


class Connectivity(StrEnum):
    """Which voxels are neighbors: by faces (6 of them) or also by edges and corners (26)."""

    FACES = "faces"
    CORNERS = "corners"


class LargestComponent(Record, tag_field="step", tag="largest_component"):
    """Keep the largest connected component, of each label or of all of them `together`.

    On the network's voxels it is done before the labels are brought to those of the series.
    """

    labels: Many[str] | None = None
    together: bool = False
    connectivity: Connectivity = Connectivity.CORNERS
    on: OnGrid = OnGrid.SOURCE


class FillHoles(Record, tag_field="step", tag="fill_holes"):
    """Fill what a label encloses completely."""

    labels: Many[str] | None = None


class MinimumVolume(Record, tag_field="step", tag="minimum_volume"):
    """Remove connected components smaller than `millilitres`."""

    millilitres: Positive
    labels: Many[str] | None = None
    connectivity: Connectivity = Connectivity.CORNERS


AfterStep = LargestComponent | FillHoles | MinimumVolume

"""How the network's output tensor becomes labels, and what is done to them afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from IODeepLib.codes import Code
from IODeepLib.recipe.applies_to import Laterality
from IODeepLib.recipe.limits import Byte, Count, Index, Positive, Title
from IODeepLib.structured import Limits, StructureError


class AlgorithmType(StrEnum):
    """Segment Algorithm Type (0062,0008)."""

    AUTOMATIC = "AUTOMATIC"
    SEMIAUTOMATIC = "SEMIAUTOMATIC"


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that the network finds: a segment, a class, or a measured quantity."""

    value: Annotated[int, Limits(minimum=1, maximum=65535)]
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
    """What is averaged where patches overlap."""

    SCORES = "scores"
    PROBABILITIES = "probabilities"


class DecideOn(StrEnum):
    """On which voxels the decision is made; the other grid gets it by resampling."""

    SOURCE = "source"
    NETWORK = "network"


class Aggregate(StrEnum):
    """How the outputs of several slices or patches of one image become one (no segmentation)."""

    MEAN = "mean"
    MAXIMUM = "maximum"


@dataclass(frozen=True, slots=True)
class Output:
    """How the network's output tensor becomes labels."""

    channels: Count
    labels: Annotated[tuple[Label, ...], Limits(length=1)]
    name: str | None = None
    activation: Activation = Activation.NONE
    decision: Decision = Decision.ARGMAX
    threshold: float = 0.5
    blend: Blend = Blend.SCORES
    decide_on: DecideOn = DecideOn.SOURCE
    aggregate: Aggregate = Aggregate.MEAN

    def __post_init__(self) -> None:
        for key in ("value", "name"):
            seen = [getattr(label, key) for label in self.labels]
            for i, item in enumerate(seen):
                if item in seen[:i]:
                    raise StructureError(
                        f"$.labels[{i}].{key}", f"{item!r} for the second time", "each once"
                    )
        if self.decision is Decision.LABELS:
            return
        for i, label in enumerate(self.labels):
            if self.channel_of(label) >= self.channels:
                raise StructureError(
                    f"$.labels[{i}]",
                    f"channel {self.channel_of(label)} of {self.channels}",
                    f"a channel from 0 to {self.channels - 1}",
                )

    def channel_of(self, label: Label) -> int:
        """The output channel that holds the scores of `label`, zero based.

        Where the label does not say it: its value for argmax, its place in the list otherwise.
        """
        if label.channel is not None:
            return label.channel
        return label.value if self.decision is Decision.ARGMAX else self.labels.index(label)


class Connectivity(StrEnum):
    """Which voxels are neighbours: by faces (6 of them) or also by edges and corners (26)."""

    FACES = "faces"
    CORNERS = "corners"


@dataclass(frozen=True, slots=True)
class LargestComponent:
    """Keep the largest connected component, of each label or of all of them `together`."""

    tag: ClassVar[str] = "step"
    labels: tuple[str, ...] | None = None
    together: bool = False
    connectivity: Connectivity = Connectivity.CORNERS


@dataclass(frozen=True, slots=True)
class FillHoles:
    """Fill what a label encloses completely."""

    tag: ClassVar[str] = "step"
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class MinimumVolume:
    """Remove connected components smaller than `millilitres`."""

    tag: ClassVar[str] = "step"
    millilitres: Positive
    labels: tuple[str, ...] | None = None
    connectivity: Connectivity = Connectivity.CORNERS


AfterStep = LargestComponent | FillHoles | MinimumVolume

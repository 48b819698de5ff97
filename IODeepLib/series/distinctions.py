"""What tells volumes in one place apart: echo, time point, b-value, the dimensions of an image."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from pydicom.datadict import dictionary_VR, keyword_for_tag

from IODeepLib.geometry.tolerances import UPRIGHTNESS, groups
from IODeepLib.headers import first_number, items, numbers, texts
from IODeepLib.series.frames import Frame

_NUMERIC = ("DS", "IS", "FD", "FL", "US", "UL")


class Distinguishing(Protocol):
    """What has a value for every frame; frames of one volume have the same."""

    @property
    def name(self) -> str:
        """What is counted: "echo"."""

    def value(self, frame: Frame) -> tuple[Hashable, ...]:
        """The comparable value of a frame; () where it has none."""

    def words(self, value: tuple[Hashable, ...]) -> str:
        """The value as a user knows it, or ""."""


@dataclass(frozen=True, slots=True)
class Distinction:
    """An attribute that tells volumes in the same place apart.

    Attributes:
        name: what is counted: "echo".
        keyword: the attribute.
        sequences: the functional group that holds it in enhanced images.
        shown: its value in words, with {} for the value; "" shows the number alone.
    """

    name: str
    keyword: str
    sequences: tuple[str, ...] = ()
    shown: str = ""

    def value(self, frame: Frame) -> tuple[Hashable, ...]:
        """The comparable value of a frame; () where it has none."""
        holder = frame.holder(self.keyword, *self.sequences)
        if holder is None:
            return ()
        if dictionary_VR(self.keyword) in _NUMERIC:
            # Six digits, so that the same echo time written in two ways stays the same.
            return tuple(float(f"{v:.6g}") for v in numbers(holder, self.keyword))
        return texts(holder, self.keyword)

    def words(self, value: tuple[Hashable, ...]) -> str:
        """The value as a user knows it."""
        shown = "\\".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value)
        return self.shown.format(shown) if shown and self.shown else ""


_FRAME_TYPES = (
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "XRay3DFrameTypeSequence",
)
_GRADIENT = ("MRDiffusionSequence", "DiffusionGradientDirectionSequence")

# In the order in which they are tried.
DISTINCTIONS = (
    Distinction("image type", "ImageType", (), "{}"),
    *(Distinction("image type", "FrameType", (s,), "{}") for s in _FRAME_TYPES),
    Distinction("component", "ComplexImageComponent", ("MRImageFrameTypeSequence",), "{}"),
    Distinction("stack", "StackID", ("FrameContentSequence",), "{}"),
    Distinction("echo", "EffectiveEchoTime", ("MREchoSequence",), "TE {} ms"),
    Distinction("echo", "EchoTime", (), "TE {} ms"),
    Distinction("echo", "EchoNumbers"),
    Distinction("inversion", "InversionTimes", ("MRModifierSequence",), "TI {} ms"),
    Distinction("inversion", "InversionTime", (), "TI {} ms"),
    Distinction("flip angle", "FlipAngle", ("MRTimingAndRelatedParametersSequence",), "{} degrees"),
    Distinction("b-value", "DiffusionBValue", ("MRDiffusionSequence",), "b = {} s/mm2"),
    Distinction("gradient direction", "DiffusionGradientOrientation", _GRADIENT, "{}"),
    Distinction("tube voltage", "KVP", ("CTXRayDetailsSequence",), "{} kV"),
    Distinction("kernel", "ConvolutionKernel", ("CTReconstructionSequence",), "{}"),
    Distinction("time point", "TemporalPositionIndex", ("FrameContentSequence",)),
    Distinction("time point", "TemporalPositionIdentifier"),
    Distinction(
        "phase",
        "NominalCardiacTriggerDelayTime",
        ("CardiacSynchronizationSequence",),
        "trigger time {} ms",
    ),
    Distinction("phase", "TriggerTime", (), "trigger time {} ms"),
    Distinction("time point", "FrameReferenceTime", (), "{} ms"),
    Distinction("acquisition", "AcquisitionNumber"),
)

# Times differ from slice to slice, so that what counts is the order in each place.
CLOCKS = (
    Distinction("time point", "FrameAcquisitionDateTime", ("FrameContentSequence",), "{}"),
    Distinction("time point", "AcquisitionDateTime", (), "{}"),
    Distinction("time point", "TriggerTime", (), "trigger time {} ms"),
    Distinction("time point", "AcquisitionTime", (), "time {}"),
    Distinction("time point", "ContentTime", (), "time {}"),
)


class InPlane:
    """Where in its plane an image lies: two fields of view beside each other are two volumes."""

    name = "field of view"

    def __init__(self, frames: Sequence[Frame]) -> None:
        first = frames[0]
        assert first.spacing is not None and first.orientation is not None  # noqa: S101
        positions = np.array([frame.position for frame in frames]) @ first.orientation.T
        tolerance = UPRIGHTNESS * min(first.spacing)
        found = groups(positions, lambda a, b: np.linalg.norm(a - b, axis=-1), tolerance)
        self._numbers = {id(f): n for f, n in zip(frames, found.tolist(), strict=True)}

    def value(self, frame: Frame) -> tuple[Hashable, ...]:
        """The number of its place."""
        return (self._numbers[id(frame)],)

    def words(self, value: tuple[Hashable, ...]) -> str:
        """Nothing: the number says it."""
        return ""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension that an enhanced image itself declares. (PS3.3 section C.7.6.17)"""

    name: str
    index: int

    def value(self, frame: Frame) -> tuple[Hashable, ...]:
        holder = frame.holder("DimensionIndexValues", "FrameContentSequence")
        found = numbers(holder, "DimensionIndexValues") if holder is not None else ()
        return found[self.index : self.index + 1]

    def words(self, value: tuple[Hashable, ...]) -> str:
        return ""


def dimensions(frame: Frame) -> list[Dimension]:
    """Those that the image of `frame` declares."""
    found = []
    for i, item in enumerate(items(frame.file.header, "DimensionIndexSequence")):
        pointer = first_number(item, "DimensionIndexPointer")
        found.append(Dimension(keyword_for_tag(int(pointer or 0)) or "dimension", i))
    return found

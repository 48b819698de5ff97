"""The volumes within one series: what differs, or lies in one place twice, is not one volume.

Size, pixel spacing, frame of reference and orientation always separate. Echoes, time points,
b-values and the like separate only where several images lie in the same place, because many of
these attributes also vary from slice to slice of one volume.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.datadict import dictionary_VR, keyword_for_tag

from IODeepLib.headers import first_number, integer, items, numbers, text, texts
from IODeepLib.series.frames import Frame
from IODeepLib.series.repeats import without_repeats
from IODeepLib.series.slices import SAME_PLACE_MM, along_normal, normal_of

# Direction cosines of one stack: 1e-4 moves the corner of a 512 pixel image by 0.03 pixels.
SAME_ORIENTATION = 1e-4

# Pixel spacings of one stack, as a part: 1e-4 is a twentieth of a pixel over 512.
SAME_SPACING = 1e-4

_NUMERIC = ("DS", "IS", "FD", "FL", "US", "UL")

# Image Type value 3 of a scout image. (PS3.3 section C.8.2.1.1.1, C.8.3.1.1.1)
LOCALIZER = "LOCALIZER"


@dataclass(frozen=True, slots=True)
class Part:
    """The frames of one volume, sorted along their normal, and what sets them apart.

    Attributes:
        left_out: how many further frames show the same voxels in the same places.
    """

    frames: tuple[Frame, ...]
    split_by: str
    left_out: int = 0


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
    Distinction("acquisition", "AcquisitionNumber"),
)

# Times differ from slice to slice, so that what counts is the order in each place.
_CLOCKS = (
    Distinction("time point", "FrameAcquisitionDateTime", ("FrameContentSequence",), "{}"),
    Distinction("time point", "AcquisitionDateTime", (), "{}"),
    Distinction("time point", "TriggerTime", (), "trigger time {} ms"),
    Distinction("time point", "AcquisitionTime", (), "time {}"),
    Distinction("time point", "ContentTime", (), "time {}"),
)


def split(frames: Sequence[Frame]) -> list[Part]:
    """The volumes of one series, each sorted along its normal."""
    placed = [f for f in frames if f.is_placed]
    unplaced = [f for f in frames if not f.is_placed]
    parts = _split_unplaced(unplaced, "without position" if placed else "")
    for group, words in _by_shape(placed, "with position" if unplaced else ""):
        parts += _split_repeats(group, words)
    return parts


def is_localizer(frame: Frame) -> bool:
    """Whether a frame is a scout image."""
    return LOCALIZER in texts(frame.file.header, "ImageType")[2:3]


def in_place(distances: np.ndarray) -> np.ndarray:
    """(n,) number of the place of each distance, counted from the smallest; equal ones share it."""
    order = np.argsort(distances, kind="stable")
    steps = np.diff(distances[order]) > SAME_PLACE_MM
    places = np.empty(len(distances), dtype=np.intp)
    places[order] = np.concatenate(([0], np.cumsum(steps)))
    return places


def _split_unplaced(frames: Sequence[Frame], words: str) -> list[Part]:
    """Each file for itself: nothing says how the images of two files lie to each other."""
    by_file = defaultdict(list)
    for frame in frames:
        by_file[id(frame.file)].append(frame)
    groups = sorted(by_file.values(), key=_instance_number)
    return [
        Part(tuple(group), _join(words, _nth("image", i, len(groups))))
        for i, group in enumerate(groups)
    ]


def _instance_number(frames: Sequence[Frame]) -> tuple[int, str]:
    file = frames[0].file
    return integer(file.header, "InstanceNumber") or 0, str(file.path)


def _by_shape(frames: list[Frame], words: str) -> list[tuple[list[Frame], str]]:
    """Groups of frames that fit upon each other."""
    groups = [(frames, words)] if frames else []
    steps: tuple[tuple[str, Callable[[Frame], Hashable], Callable[[Frame], str]], ...] = (
        ("", is_localizer, _localizer),
        ("matrix", _matrix, lambda f: f"{f.rows} x {f.columns} {_matrix(f)[2]}"),
        ("frame of reference", _frame_of_reference, lambda f: ""),
        ("pixel spacing", _Cluster(lambda f: np.log(f.spacing or 1.0), SAME_SPACING), _spacing),
        ("orientation", _Cluster(_directions, SAME_ORIENTATION), _plane),
    )
    for name, key, shown in steps:
        finer = []
        for group, so_far in groups:
            found: dict[Hashable, list[Frame]] = defaultdict(list)
            for frame in group:
                found[key(frame)].append(frame)
            for i, part in enumerate(found.values()):
                label = _nth(name, i, len(found), shown(part[0]))
                finer.append((part, _join(so_far, label)))
        groups = finer
    return groups


class _Cluster:
    """Gives frames the number of the first seen vector that lies within a tolerance of theirs."""

    def __init__(self, vector: Callable[[Frame], np.ndarray], tolerance: float) -> None:
        self._vector, self._tolerance = vector, tolerance
        self._seen: list[np.ndarray] = []

    def __call__(self, frame: Frame) -> int:
        vector = self._vector(frame)
        for i, seen in enumerate(self._seen):
            if np.abs(vector - seen).max() <= self._tolerance:
                return i
        self._seen.append(vector)
        return len(self._seen) - 1


def _localizer(frame: Frame) -> str:
    return "the localizer" if is_localizer(frame) else "without the localizer"


def _matrix(frame: Frame) -> tuple[int, int, str]:
    return frame.rows, frame.columns, text(frame.file.header, "PhotometricInterpretation")


def _frame_of_reference(frame: Frame) -> str:
    return text(frame.file.header, "FrameOfReferenceUID")


def _spacing(frame: Frame) -> str:
    return "{:.4g} x {:.4g} mm".format(*(frame.spacing or ()))


def _directions(frame: Frame) -> np.ndarray:
    assert frame.orientation is not None  # noqa: S101
    return frame.orientation.ravel()


def _plane(frame: Frame) -> str:
    return ("sagittal", "coronal", "axial")[int(np.abs(normal_of(frame)).argmax())]


def _split_repeats(frames: list[Frame], words: str) -> list[Part]:
    """Volumes with one frame in each place, as far as an attribute tells the frames apart."""
    distances = along_normal(frames)
    places = in_place(distances)
    deepest = int(np.bincount(places).max())
    if deepest > 1:
        for groups, labels in _separations(frames, places, deepest):
            parts = []
            for group, label in zip(groups, labels, strict=True):
                parts += _split_repeats([frames[i] for i in group], _join(words, label))
            return parts
    single = without_repeats(frames, places.tolist()) if deepest > 1 else frames
    order = np.argsort(along_normal(single), kind="stable")
    return [Part(tuple(single[i] for i in order), words, len(frames) - len(single))]


def _separations(
    frames: list[Frame], places: np.ndarray, deepest: int
) -> Iterator[tuple[list[list[int]], list[str]]]:
    """Ways to take repeated frames apart, best first: (groups of indices, labels)."""
    tried: list[Distinction | _InPlane | _Dimension] = [_InPlane(), *DISTINCTIONS]
    for distinction in tried + list(_dimensions(frames[0])):
        values = [distinction.value(f) for f in frames]
        kinds = sorted(set(values), key=_sortable)
        # An attribute that has more values than one place has frames varies along the volume.
        if not 1 < len(kinds) <= deepest:
            continue
        groups = [[i for i, v in enumerate(values) if v == kind] for kind in kinds]
        if max(max(Counter(places[g].tolist()).values()) for g in groups) < deepest:
            words = [distinction.words(kind) for kind in kinds]
            yield groups, [_nth(distinction.name, i, len(kinds), w) for i, w in enumerate(words)]
    for clock in _CLOCKS:
        values = [clock.value(f) for f in frames]
        ranked = _rank(values, places)
        if ranked:
            words = [clock.words(min((values[i] for i in g), key=_sortable)) for g in ranked]
            yield ranked, [_nth(clock.name, i, len(ranked), w) for i, w in enumerate(words)]


def _rank(values: list[tuple[Hashable, ...]], places: np.ndarray) -> list[list[int]]:
    """The first of each place, the second of each place, ...; [] if that is not well defined."""
    by_place = defaultdict(list)
    for i, place in enumerate(places.tolist()):
        by_place[place].append(i)
    counts = {len(indices) for indices in by_place.values()}
    distinct = all(len({values[i] for i in g}) == len(g) for g in by_place.values())
    if len(counts) != 1 or not distinct:
        return []
    ordered = [sorted(g, key=lambda i: _sortable(values[i])) for g in by_place.values()]
    return [list(nth) for nth in zip(*ordered, strict=True)]


@dataclass(frozen=True, slots=True)
class _Dimension:
    """A dimension that an enhanced image itself declares. (PS3.3 section C.7.6.17)"""

    name: str
    index: int

    def value(self, frame: Frame) -> tuple[Hashable, ...]:
        holder = frame.holder("DimensionIndexValues", "FrameContentSequence")
        found = numbers(holder, "DimensionIndexValues") if holder is not None else ()
        return found[self.index : self.index + 1]

    def words(self, value: tuple[Hashable, ...]) -> str:
        return ""


class _InPlane:
    """Where in its plane an image lies: two fields of view beside each other are two volumes."""

    name = "field of view"

    def value(self, frame: Frame) -> tuple[Hashable, ...]:
        assert frame.orientation is not None and frame.position is not None  # noqa: S101
        return tuple(np.round(frame.orientation @ frame.position, 2).tolist())

    def words(self, value: tuple[Hashable, ...]) -> str:
        return ""


def _dimensions(frame: Frame) -> list[_Dimension]:
    found = []
    for i, item in enumerate(items(frame.file.header, "DimensionIndexSequence")):
        pointer = first_number(item, "DimensionIndexPointer")
        found.append(_Dimension(keyword_for_tag(int(pointer or 0)) or "dimension", i))
    return found


def _sortable(value: tuple[Hashable, ...]) -> tuple:
    """Numbers before words, nothing first."""
    return tuple((isinstance(v, str), v) for v in value)


def _nth(name: str, i: int, count: int, shown: str = "") -> str:
    if count < 2:
        return ""
    nth = f"{name} {i + 1} of {count}" if name else ""
    return _join(nth, shown.strip())


def _join(*words: str) -> str:
    return ", ".join(filter(None, words))

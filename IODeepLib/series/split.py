"""The volumes within one series: what differs, or lies in one place twice, is not one volume.

Size, pixel spacing, frame of reference and orientation always separate. Echoes, time points,
b-values and the like separate only where several images lie in the same place, or the slices of
several volumes between each other's, because many of these attributes also vary from slice to slice
of one volume.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from IODeepLib.geometry import tolerances
from IODeepLib.geometry.tolerances import is_even, parallel, same_pixels
from IODeepLib.headers import integer, text
from IODeepLib.series.distinctions import CLOCKS, DISTINCTIONS, Distinguishing, InPlane, dimensions
from IODeepLib.series.frames import Frame
from IODeepLib.series.kinds import is_localizer
from IODeepLib.series.repeats import without_repeats
from IODeepLib.series.slices import along_normal, normal_of

# Slices that show a distance: fewer are even whatever they are.
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Subseries:
    """The frames of one volume, sorted along their normal, and what sets them apart.

    Attributes:
        repeats: how many further frames show the same voxels in the same places.
    """

    frames: tuple[Frame, ...]
    split_by: str
    repeats: int = 0


def split(frames: Sequence[Frame]) -> list[Subseries]:
    """The volumes of one series, each sorted along its normal."""
    placed = [f for f in frames if f.is_placed]
    misplaced = tuple(f for f in frames if not f.is_placed and f.misplaced)
    unplaced = [f for f in frames if not f.is_placed and not f.misplaced]
    several = len(list(filter(None, (placed, misplaced, unplaced)))) > 1
    parts = _split_unplaced(unplaced, "without position" if several else "")
    if misplaced:  # refused, all of them at once
        parts.append(Subseries(misplaced, "with a position that cannot be" if several else ""))
    for group, words in _by_shape(placed, "with position" if several else ""):
        parts += _split_repeats(group, words)
    return parts


def _split_unplaced(frames: Sequence[Frame], words: str) -> list[Subseries]:
    """Each file for itself: nothing says how the images of two files lie to each other."""
    by_file = defaultdict(list)
    for frame in frames:
        by_file[id(frame.file)].append(frame)
    groups = sorted(by_file.values(), key=_instance_number)
    return [
        Subseries(tuple(group), _join(words, _nth("image", i, len(groups))))
        for i, group in enumerate(groups)
    ]


def _instance_number(frames: Sequence[Frame]) -> tuple[int, str]:
    file = frames[0].file
    return integer(file.header, "InstanceNumber") or 0, str(file.path)


def _by_shape(frames: list[Frame], words: str) -> list[tuple[list[Frame], str]]:
    """Groups of frames that fit upon each other."""
    groups = [(frames, words)] if frames else []
    steps: tuple[tuple[str, Callable[[list[Frame]], Sequence], Callable[[Frame], str]], ...] = (
        ("", _each(is_localizer), _localizer),
        ("matrix", _each(_matrix), lambda f: f"{f.rows} x {f.columns} {_matrix(f)[2]}"),
        ("frame of reference", _each(_frame_of_reference), lambda f: ""),
        ("pixel spacing", _pixels, _spacing),
        ("orientation", _directions, _plane),
    )
    for name, keys, shown in steps:
        finer = []
        for group, so_far in groups:
            found: dict[Hashable, list[Frame]] = defaultdict(list)
            for key, frame in zip(keys(group), group, strict=True):
                found[key].append(frame)
            for i, part in enumerate(found.values()):
                label = _nth(name, i, len(found), shown(part[0]))
                finer.append((part, _join(so_far, label)))
        groups = finer
    return groups


def _each(key: Callable[[Frame], Hashable]) -> Callable[[list[Frame]], Sequence]:
    return lambda frames: [key(frame) for frame in frames]


def _pixels(frames: list[Frame]) -> Sequence:
    """The number of the group of frames with pixels of one size that each one belongs to."""
    spacings = np.array([frame.spacing for frame in frames], dtype=np.float64)
    return same_pixels(spacings, (frames[0].rows, frames[0].columns)).tolist()


def _directions(frames: list[Frame]) -> Sequence:
    """The number of the group of parallel frames that each one belongs to."""
    first = frames[0]
    assert first.spacing is not None  # noqa: S101
    directions = np.array([frame.orientation for frame in frames])
    return parallel(directions, (first.rows, first.columns), first.spacing).tolist()


def _localizer(frame: Frame) -> str:
    return "the localizer" if is_localizer(frame) else "without the localizer"


def _matrix(frame: Frame) -> tuple[int, int, str]:
    return frame.rows, frame.columns, text(frame.file.header, "PhotometricInterpretation")


def _frame_of_reference(frame: Frame) -> str:
    return text(frame.file.header, "FrameOfReferenceUID")


def _spacing(frame: Frame) -> str:
    return "{:.4g} x {:.4g} mm".format(*(frame.spacing or ()))


def _plane(frame: Frame) -> str:
    return ("sagittal", "coronal", "axial")[int(np.abs(normal_of([frame])).argmax())]


def _split_repeats(frames: list[Frame], words: str) -> list[Subseries]:
    """Volumes with one frame in each place, as far as an attribute tells the frames apart."""
    distances = along_normal(frames)
    places = tolerances.places(distances)
    deepest = int(np.bincount(places).max())
    if deepest > 1:
        for groups, labels in _separations(frames, places, deepest):
            parts = []
            for group, label in zip(groups, labels, strict=True):
                parts += _split_repeats([frames[i] for i in group], _join(words, label))
            return parts
    elif apart := _interleaved(frames, distances):
        return [
            part
            for group, label in zip(*apart, strict=True)
            for part in _split_repeats([frames[i] for i in group], _join(words, label))
        ]
    single = without_repeats(frames, places.tolist()) if deepest > 1 else frames
    order = np.argsort(along_normal(single), kind="stable")
    return [Subseries(tuple(single[i] for i in order), words, len(frames) - len(single))]


def _separations(
    frames: list[Frame], places: np.ndarray, deepest: int
) -> Iterator[tuple[list[list[int]], list[str]]]:
    """Ways to take repeated frames apart, best first: (groups of indices, labels)."""
    for distinction in _tried(frames):
        values = [distinction.value(f) for f in frames]
        kinds = sorted(set(values), key=_sortable)
        # An attribute that has more values than one place has frames varies along the volume.
        if not 1 < len(kinds) <= deepest:
            continue
        groups = [[i for i, v in enumerate(values) if v == kind] for kind in kinds]
        if max(max(Counter(places[g].tolist()).values()) for g in groups) < deepest:
            words = [distinction.words(kind) for kind in kinds]
            yield groups, [_nth(distinction.name, i, len(kinds), w) for i, w in enumerate(words)]
    for clock in CLOCKS:
        values = [clock.value(f) for f in frames]
        ranked = _rank(values, places)
        if ranked:
            words = [clock.words(min((values[i] for i in g), key=_sortable)) for g in ranked]
            yield ranked, [_nth(clock.name, i, len(ranked), w) for i, w in enumerate(words)]


def _tried(frames: list[Frame]) -> list[Distinguishing]:
    return [InPlane(frames), *DISTINCTIONS, *dimensions(frames[0])]


def _interleaved(
    frames: list[Frame], distances: np.ndarray
) -> tuple[list[list[int]], list[str]] | None:
    """Volumes whose slices lie between each other's: each of them even, all together not.

    Resampled as one volume, they would be mixed.
    """
    if is_even(np.sort(distances)):
        return None
    for distinction in _tried(frames):
        values = [distinction.value(f) for f in frames]
        kinds = sorted(set(values), key=_sortable)
        if not 1 < len(kinds) <= len(frames) // FEWEST:
            continue
        groups = [[i for i, v in enumerate(values) if v == kind] for kind in kinds]
        extents = sorted((distances[g].min(), distances[g].max()) for g in groups)
        overlap = any(low[1] > high[0] for low, high in pairwise(extents))
        if overlap and all(len(g) >= FEWEST and is_even(np.sort(distances[g])) for g in groups):
            words = [distinction.words(kind) for kind in kinds]
            return groups, [_nth(distinction.name, i, len(kinds), w) for i, w in enumerate(words)]
    return None


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

"""The numbers that objects hold, to be compared with those of `result.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from IODeepLib.headers import first_number, integer, items, quiet, text
from IODeepLib.measurements.segment import OF_IMAGE, SUV
from IODeepLib.results.origin.parameters import concept_of, measurement_groups
from IODeepLib.results.sr import quantities as q
from IODeepLib.results.sr.groups import FIGURES
from IODeepLib.text.foreign import plain

_TRACKING = ("112039", "DCM")  # TID 4108
_DERIVATION = ("121401", "DCM")
# Name (None for the values of the image) and derivation to the name in `result.json`.
_BY_CODES = {
    (
        None if name is None else (name.value, name.scheme),
        None if derivation is None else (derivation.value, derivation.scheme),
    ): key
    for key, (name, _, derivation) in FIGURES.items()
}
_PROBABILITY = (q.PROBABILITY.value, q.PROBABILITY.scheme)  # in percent, elsewhere from 0 to 1


def reported(header: Dataset) -> dict[str, dict[str, float]]:
    """The figures of each measurement group of a report of segments, by its tracking identifier."""
    return {name: _named(dict(_figures(group))) for name, group in _groups(header)}


def _named(figures: dict[str, float]) -> dict[str, float]:
    """Of images whose own unit is SUV, there is one set of values; it has the plain names."""
    if any(name in figures for name in OF_IMAGE):
        return figures
    return {name.removeprefix(SUV): value for name, value in figures.items()}


def judged(header: Dataset) -> dict[str, float]:
    """The value of each label in a report on a whole image, by its tracking identifier."""
    return {
        name: value / 100 if code == _PROBABILITY else value
        for name, group in _groups(header)
        for code, value, _ in list(_numbers(group))[:1]
    }


def _groups(header: Dataset) -> Iterator[tuple[str, tuple[Dataset, ...]]]:
    for group in measurement_groups(header):
        names = [plain(text(one, "TextValue")) for one in group if concept_of(one) == _TRACKING]
        if names:
            yield names[0], group


def _numbers(group: tuple[Dataset, ...]) -> Iterator[tuple[tuple[str, str], float, Dataset]]:
    """The code, the value, and the item of each number."""
    for item in group:
        for measured in items(item, "MeasuredValueSequence")[:1]:
            value = first_number(measured, "NumericValue")
            if value is not None:
                yield concept_of(item), value, item


def _figures(group: tuple[Dataset, ...]) -> Iterator[tuple[str, float]]:
    for name, value, item in _numbers(group):
        if name == _PROBABILITY:
            continue  # how sure it is; it has a derivation, too
        derivation = next(
            (
                concept_of(one, "ConceptCodeSequence")
                for one in items(item, "ContentSequence")
                if concept_of(one) == _DERIVATION
            ),
            None,
        )
        pairs = ((name, derivation), (name, None), (None, derivation))
        key = next((_BY_CODES[pair] for pair in pairs if pair in _BY_CODES), None)
        if key is not None:
            yield key, value


def counted_voxels(path: Path) -> dict[str, int]:
    """How many voxels each segment of a DICOM SEG has, by its label.

    Raises:
        ValueError: they cannot be counted; the words say why.
    """
    try:
        with quiet():
            dataset = dcmread(path)
            kind = text(dataset, "SegmentationType")
            if dataset.file_meta.TransferSyntaxUID.is_compressed:
                raise ValueError("its frames are compressed")
            if kind not in ("BINARY", "LABELMAP"):
                raise ValueError(f"it is of the type {kind or 'unknown'}")
            labels = _labels(dataset)
            by_number = _of_binary(dataset) if kind == "BINARY" else _of_labelmap(dataset)
    except ValueError:
        raise
    except Exception as error:  # pydicom raises whatever a broken file leads it to
        raise ValueError(f"it cannot be read ({error})") from None
    return {name: by_number[number] for number, name in labels.items()}


def _labels(dataset: Dataset) -> dict[int, str]:
    numbers: dict[int, str] = {}
    for item in items(dataset, "SegmentSequence"):
        numbers[integer(item, "SegmentNumber") or 0] = plain(text(item, "SegmentLabel"))
    if len(set(numbers.values())) < len(numbers):
        raise ValueError("several of its segments have one label")
    return numbers


def _frames(dataset: Dataset, bits: int) -> tuple[int, int, Any]:
    """How many frames, how many pixels each, and the bytes of all of them."""
    frames = integer(dataset, "NumberOfFrames") or 1
    pixels = (integer(dataset, "Rows") or 0) * (integer(dataset, "Columns") or 0)
    content = np.frombuffer(dataset.PixelData, np.uint8)
    if pixels < 1 or frames < 1 or frames * pixels * bits > 8 * content.size:
        raise ValueError("its header announces more pixels than it has")
    return frames, pixels, content


def _of_binary(dataset: Dataset) -> Counter[int]:
    """Frame by frame: a bit a pixel, and no gap between frames. (PS3.5 section 8.1.1)"""
    frames, pixels, content = _frames(dataset, 1)
    groups = dataset.PerFrameFunctionalGroupsSequence
    shared = dataset.SharedFunctionalGroupsSequence[0]
    found: Counter[int] = Counter()
    for i in range(frames):
        own = groups[i] if "SegmentIdentificationSequence" in groups[i] else shared
        number = own.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        begin, end = i * pixels, (i + 1) * pixels
        bits = np.unpackbits(content[begin // 8 : (end + 7) // 8], bitorder="little")
        found[int(number)] += int(np.count_nonzero(bits[begin % 8 :][:pixels]))
    return found


def _of_labelmap(dataset: Dataset) -> Counter[int]:
    allocated = integer(dataset, "BitsAllocated") or 0
    if allocated not in (8, 16):
        raise ValueError(f"its pixels have {allocated} bits")
    frames, pixels, content = _frames(dataset, allocated)
    values = content[: frames * pixels * allocated // 8].view(f"<u{allocated // 8}")
    found: Counter[int] = Counter()
    for frame in values.reshape(frames, pixels):
        numbers, counts = np.unique(frame, return_counts=True)
        found.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
    return found

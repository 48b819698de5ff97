"""The numbers that reports hold, to be compared with those of `result.json`."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from IODeepLib.headers import first_number, items, text
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

"""What came out of a run as numbers, one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator

from IODeepLib.batch.terms import Measured
from IODeepLib.results.formats.measurement_table import measure_of
from IODeepLib.results.result import Result

_LONGEST_UNIT = 64  # characters; what a PACS says of a unit may be a page


def measured(result: Result) -> tuple[Measured, ...]:
    """What was measured of each segment, or said of the whole image, as far as it is known."""
    found = [*_of_segments(result), *_of_image(result)]
    return tuple(one for one in found if math.isfinite(one[2]))


def _of_segments(result: Result) -> Iterator[Measured]:
    measurements = result.measurements
    if measurements is None:
        return
    unit_of_image = measurements.unit.name[:_LONGEST_UNIT]
    for segment in measurements.segments:
        for figure, value in segment.figures().items():
            if value is not None:
                measure, unit = measure_of(figure, unit_of_image)
                yield segment.label.name, measure, float(value), unit


def _of_image(result: Result) -> Iterator[Measured]:
    said = result.classification
    if said is not None:
        for label, value in zip(said.labels, said.values, strict=True):
            unit = label.unit.value if label.unit is not None else ""
            yield label.name, "value", float(value), unit

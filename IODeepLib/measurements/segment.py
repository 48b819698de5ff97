"""The measurements of segments, as numbers and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from IODeepLib.geometry.arrays import Box
from IODeepLib.measurements.uptake import Uptake
from IODeepLib.recipe import Label
from IODeepLib.series import Unit
from IODeepLib.voxels.label_tally import Measured

# Enough for any use. The last digits of a float depend on the order in which a processor adds, and
# the same run gives the same bytes.
_DIGITS = 10
# The figures of the image's values, and what those of SUV by body weight begin with.
OF_IMAGE = ("mean", "stdev", "minimum", "median", "maximum")
SUV = "suv_"


@dataclass(frozen=True, slots=True)
class SegmentMeasurements:
    """What was measured of a segment; None for what is not known or has no meaning.

    Attributes:
        label: what was looked for.
        voxels: how many it has; 0 where it was not found, and then the others are None.
        volume_ml: milliliters; None where the size of a voxel is not known.
        values: of the image in it; None where no voxel of it has a value.
        long_axis_mm, short_axis_mm: the longest diameter in an axial plane, and the one at right
            angles to it.
        surface_mm2: of a segment that is more than a few voxels.
        suv_factor: what makes SUV by body weight of the values; None where that is not known.
        box: the smallest one that holds it, along the axes of the grid.
    """

    label: Label
    voxels: int
    volume_ml: float | None = None
    values: Measured | None = None
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    surface_mm2: float | None = None
    box: Box | None = field(default=None, compare=False)
    suv_factor: float | None = None

    def figures(self) -> dict[str, float | int | None]:
        """All numbers by name, in the order of tables, to ten digits."""
        values = self.values
        found: dict[str, float | int | None] = {
            "voxels": self.voxels,
            "volume_ml": rounded(self.volume_ml),
            "voxels_with_value": 0 if values is None else values.voxels,
            "mean": rounded(None if values is None else values.mean),
            "stdev": rounded(None if values is None else values.stdev),
            "minimum": rounded(None if values is None else values.minimum),
            "median": rounded(None if values is None else values.median),
            "maximum": rounded(None if values is None else values.maximum),
            "long_axis_mm": rounded(self.long_axis_mm),
            "short_axis_mm": rounded(self.short_axis_mm),
            "surface_mm2": rounded(self.surface_mm2),
        }
        if self.suv_factor is not None:
            for name in OF_IMAGE:
                value = None if values is None else getattr(values, name)
                suv = None if value is None else value * self.suv_factor
                found[f"{SUV}{name}"] = rounded(suv)
        return found


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured of all segments.

    Attributes:
        unit: what the values count; its name is "" where the image does not say.
        segments: in the order of the labels that were looked for.
        uptake: how values become SUV by body weight; None where they are of no PET.
    """

    unit: Unit
    segments: tuple[SegmentMeasurements, ...]
    uptake: Uptake | None = None

    def as_json(self) -> dict[str, Any]:
        """As it stands in `result.json`."""
        suv = {} if self.uptake is None else {"suv": str(self.uptake)}
        return {
            "unit": self.unit.name,
            **suv,
            "segments": [{"label": one.label.name, **one.figures()} for one in self.segments],
        }


def rounded(value: float | None) -> float | None:
    """To as many digits as files hold."""
    return None if value is None else float(f"{value:.{_DIGITS}g}")

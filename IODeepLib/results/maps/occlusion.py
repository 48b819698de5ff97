"""What a network that judges a whole image looks at, as a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from IODeepLib.codes import Code
from IODeepLib.inference.occlusion import Occlusion
from IODeepLib.results.maps.confidence import NO_UNITS
from IODeepLib.results.maps.parametric_map import ParametricMap, Quantity, make_map
from IODeepLib.results.provenance import Provenance, shortened
from IODeepLib.results.source_images import OCCLUSION_OFFSET
from IODeepLib.series import ImageSeries

# No context group has it; 99 begins a private scheme. (PS3.16 section 8.2)
_CHANGE = Code("OCCLUSION", "99IODEEP", "Change of the answer where the image is covered")
_LONGEST_LO = 64  # PS3.5 section 6.2
_DECIMALS = 6


def occlusion_map(
    found: Occlusion,
    series: ImageSeries,
    provenance: Provenance,
    *,
    others: Sequence[ImageSeries] = (),
) -> ParametricMap:
    """The changes of the answer; the arguments and errors are those of `make_map`."""
    array = found.volume.array
    low, high = float(array.min()), float(array.max())
    quantity = Quantity(
        code=_CHANGE,
        unit=found.label.unit or NO_UNITS,
        label="OCCLUSION",
        explanation=shortened(f"{found.label.name}: value less that without", _LONGEST_LO),
        name="occlusion",
        offset=OCCLUSION_OFFSET,
        lowest=low,
        highest=max(high, float(np.nextafter(np.float32(low), np.float32(np.inf)))),
        notes=(sentence(found),),
    )
    return make_map(
        lambda k: array[k], found.volume.grid, quantity, series, provenance, others=others
    )


def sentence(found: Occlusion) -> str:
    """What was done, for people."""
    blocks = " x ".join(map(str, found.blocks))
    size = f" of {' x '.join(f'{mm:.1f}' for mm in found.size)} mm" if found.size else ""
    return (
        f"each of {blocks} blocks{size} was covered with the mean of the image, in "
        f"{found.runs} runs of the network; the map is how much the value of {found.label.name}, "
        f"{found.value:.4g}, is lower without it"
    )


def as_json(found: Occlusion, *, placed: bool) -> dict[str, Any]:
    """As in `result.json`: for the blocks that count most, where in the patient they lie.

    Args:
        found: what was found.
        placed: whether it is known where in the patient the image lies.
    """
    array = found.volume.array
    document: dict[str, Any] = {
        "label": found.label.name,
        "value": found.value,
        "blocks": list(found.blocks),
        "block_mm": [round(mm, 3) for mm in found.size] if found.size else None,
        "runs": found.runs,
    }
    for key, most in (("for", array.max()), ("against", array.min())):
        point = found.volume.grid.point(np.argwhere(array == most).mean(axis=0))
        document[key] = {
            "change": round(float(most), _DECIMALS),
            "center": [round(float(mm), 2) for mm in point] if placed else None,
        }
    return document

"""How sure a network is of what it decided, as a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from IODeepLib.codes import Code
from IODeepLib.inference.segmentation import CERTAIN, Segmentation
from IODeepLib.results.maps.parametric_map import ParametricMap, Quantity, make_map
from IODeepLib.results.provenance import Provenance
from IODeepLib.results.source_images import CONFIDENCE_OFFSET
from IODeepLib.series import ImageSeries

PROBABILITY = Code("122157", "DCM", "Probability")
NO_UNITS = Code("1", "UCUM", "no units")
_PROBABILITY = Quantity(
    code=PROBABILITY,
    unit=NO_UNITS,
    label="PROBABILITY",
    explanation="Probability of what was decided; 0 where nobody looked",
    name="confidence",
    offset=CONFIDENCE_OFFSET,
    lowest=0,
    highest=1,
    notes=("each voxel has the probability of what the network decided there",),
)


def confidence_map(
    segmentation: Segmentation,
    series: ImageSeries,
    provenance: Provenance,
    *,
    others: Sequence[ImageSeries] = (),
) -> ParametricMap | None:
    """The probability of what was decided; None where the segmentation has no confidence.

    The arguments and errors are those of `parametric_map.make_map`.
    """
    confidence = segmentation.confidence
    if confidence is None:
        return None
    return make_map(
        lambda k: confidence[0, k] / np.float32(CERTAIN),
        segmentation.grid,
        _PROBABILITY,
        series,
        provenance,
        others=others,
    )

"""What can be measured of what a network found: how large it is, and the image in it.

    found = measure(segmentation, volume, image)
    for one in found.segments:
        one.label.name, one.volume_ml, one.values

Docs/results.md defines each number, and says how those of other software differ.
"""

from IODeepLib.measurements.measure import measure
from IODeepLib.measurements.segment import Measurements, SegmentMeasurements
from IODeepLib.measurements.size import Size, size_of

__all__ = ["Measurements", "SegmentMeasurements", "Size", "measure", "size_of"]

"""DICOM image series, sorted and checked, and their voxels.

    for series in find_series(Path("study")):
        if not series.problems:
            volume = series.volume()

`find_series` reads headers only. A DICOM series that holds several volumes (echoes, time points,
a localizer) gives one `ImageSeries` each, with `split_by` in words. `ImageSeries.volume` reads the
voxels, or refuses with the measured figures. `VolumeImage` is an image that is in memory already.
"""

from IODeepLib.series.colors import COLORED
from IODeepLib.series.find import find_series
from IODeepLib.series.frames import Frame
from IODeepLib.series.image_series import ImageSeries
from IODeepLib.series.obstacles import GREY
from IODeepLib.series.scaling import HOUNSFIELD, Unit
from IODeepLib.series.slices import SliceGeometry
from IODeepLib.series.volume_image import Image, VolumeImage

__all__ = [
    "COLORED",
    "GREY",
    "HOUNSFIELD",
    "Frame",
    "Image",
    "ImageSeries",
    "SliceGeometry",
    "Unit",
    "VolumeImage",
    "find_series",
]

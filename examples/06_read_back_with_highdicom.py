"""Read a result back: with highdicom, as whoever reads DICOM SEG may; IODeep is not needed."""

import argparse
from pathlib import Path

import highdicom
import numpy as np

import IODeepLib  # which has the data of the demonstration

DEMO = Path(IODeepLib.__file__).parent / "demo_data"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("seg", nargs="?", type=Path, default=DEMO / "reference_seg.dcm")
arguments = parser.parse_args()

seg = highdicom.seg.segread(arguments.seg)
print(f"{seg.SegmentationType}, {seg.number_of_segments} segments, study {seg.StudyInstanceUID}")

# What each segment is, in codes that every program knows, and what found it.
for number in seg.segment_numbers:
    segment = seg.get_segment_description(number)
    category, type_ = segment.segmented_property_category, segment.segmented_property_type
    print(f"{number} {segment.segment_label}: {type_.meaning} ({category.meaning})", end="")

    # The voxels (slice, row, column) and where they lie.
    volume = seg.get_volume(segment_numbers=[number])
    voxels = np.count_nonzero(volume.array)
    print(f", {voxels * np.prod(volume.spacing) / 1000:.1f} mL of {volume.spatial_shape} voxels")

# From voxel indices to millimeters in the patient (left, posterior, superior).
print(np.round(volume.affine, 2))

"""Results as files: DICOM SEG, pictures, and where they come from.

    seg = make_seg(segmentation, series, provenance)
    if seg is not None:  # something was found
        seg.save("segmentation.dcm")

Docs/results.md says what a DICOM SEG of IODeep holds and why.
"""

from IODeepLib.results.edit import Edit
from IODeepLib.results.frames import SegmentationType
from IODeepLib.results.pictures.overlay import overlay_picture
from IODeepLib.results.provenance import Provenance, weights_digest
from IODeepLib.results.replaced import Replaced
from IODeepLib.results.seg import Seg, check_seg_type, make_seg
from IODeepLib.results.source_images import seg_obstacle
from IODeepLib.results.stored_object import StoredObject
from IODeepLib.text.derived_uids import derived_uid

__all__ = [
    "Edit",
    "Provenance",
    "Replaced",
    "Seg",
    "SegmentationType",
    "StoredObject",
    "check_seg_type",
    "derived_uid",
    "make_seg",
    "overlay_picture",
    "seg_obstacle",
    "weights_digest",
]

"""Coded concepts and body parts: the table, the tree, the words."""

from IODeepLib.codes.code import (
    ARTIFICIAL_INTELLIGENCE,
    BILATERAL,
    LATERALITIES,
    LEFT,
    RIGHT,
    SEGMENTATION,
    SOURCE_IMAGE,
    UNILATERAL,
    Code,
    is_sct_concept,
)
from IODeepLib.codes.regions import (
    Region,
    RegionMatch,
    distance,
    is_within,
    laterality_in_text,
    region_by_code,
    region_by_term,
    regions,
    regions_in_text,
)

__all__ = [
    "ARTIFICIAL_INTELLIGENCE",
    "BILATERAL",
    "LATERALITIES",
    "LEFT",
    "RIGHT",
    "SEGMENTATION",
    "SOURCE_IMAGE",
    "UNILATERAL",
    "Code",
    "Region",
    "RegionMatch",
    "distance",
    "is_sct_concept",
    "is_within",
    "laterality_in_text",
    "region_by_code",
    "region_by_term",
    "regions",
    "regions_in_text",
]

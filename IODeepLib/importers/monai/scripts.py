"""Python that bundles bring along: never run, but some of it is known by its digest.

What a script of the public zoo does was read by us; a file with the same bytes does the same.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

# SHA-256 of a script, with what its classes are called here. Concatenating and merging are those of
# Project-MONAI/model-zoo dfae206d, renalStructures_CECT_segmentation/scripts/my_transforms.py.
_KNOWN = {
    "d780252d1a30adce08d1a94cb348c1792b4f42b12fc761f5be93b1b8278a2ead": {
        "ConcatImages": "ConcatImages",
        "MergeClassesd": "MergeClassesd",
    },
}
_LONGEST = 1_000_000  # bytes


def known_classes(folder: Path) -> dict[str, str]:
    """The classes of scripts that are known, by the names that a config calls them."""
    found = {}
    for path in sorted(folder.glob("*.py")) if folder.is_dir() else ():
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(_LONGEST)).hexdigest()
        for name, meaning in _KNOWN.get(digest, {}).items():
            found[f"scripts.{path.stem}.{name}"] = meaning
    return found

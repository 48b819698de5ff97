"""All orientations that the three axes of an array can have."""

from __future__ import annotations

import itertools

# 48 of them: six orders of the axes, eight choices of the sides.
ORIENTATIONS = [
    "".join(letters)
    for axes in itertools.permutations(("LR", "PA", "SI"))
    for letters in itertools.product(*axes)
]

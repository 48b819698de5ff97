"""A ball of known place and size in CT slices that lie as they like: what a result must measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from makers.series import Stack

CENTRE = np.array([7.0, -12.0, 31.0])  # LPS mm
RADIUS = 20.0
MILLILITRES = 4 / 3 * np.pi * RADIUS**3 / 1000
BRIGHT = 1000  # inside; outside it is 0
PIXEL, SIZE = 1.0, 96


def _stack(along: np.ndarray, down: float = 0.0, across: float = 0.0) -> np.ndarray:
    """(n, 3) LPS mm of the first pixels: `down` and `across` mm beside for each mm `along`."""
    middle = along - along.mean()
    starts = np.stack([across * middle, down * middle, middle], axis=1)
    return CENTRE + starts - np.array([PIXEL, PIXEL, 0]) * (SIZE - 1) / 2


_EVEN = np.arange(0, 60, 2.0)
KINDS = {
    "even and upright": _stack(_EVEN),
    "tilted by 18 degrees": _stack(_EVEN, down=np.tan(np.radians(18))),
    "tilted by -18 degrees": _stack(_EVEN, down=-np.tan(np.radians(18))),
    "tilted across": _stack(_EVEN, down=0.2, across=-0.3),
    "a missing slice": _stack(np.delete(_EVEN, 14)),
    "two distances": _stack(np.concatenate([np.arange(0, 30, 1.5), np.arange(30, 61, 3.0)])),
}


def write(folder: Path, kind: str) -> Path:
    """A CT series with the ball, on slices of this kind."""
    starts = KINDS[kind]
    rows, columns = np.mgrid[:SIZE, :SIZE] * PIXEL
    inside = []
    for x, y, z in starts:
        offsets = np.stack([x + columns, y + rows, np.full_like(rows, z)], axis=-1) - CENTRE
        inside.append(np.linalg.norm(offsets, axis=-1) <= RADIUS)
    voxels = np.array(inside).astype(np.int16) * BRIGHT
    common = {"Modality": "CT", "SeriesDescription": f"Ball, {kind}", "PatientName": "Ball"}
    common |= {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}

    def place(i: int, ds) -> None:
        ds.ImagePositionPatient = [f"{value:.8f}"[:16] for value in starts[i]]

    folder.mkdir(parents=True, exist_ok=True)
    return Stack(voxels, (2.0, PIXEL, PIXEL), common=common).write(folder, place)

"""Grids as MONAI's Spacingd lays them."""

from __future__ import annotations

import numpy as np
import pytest

from IODeepLib.geometry import Grid

data = pytest.importorskip("monai.data.utils")


@pytest.mark.parametrize("degrees", [0.0, 0.1, 1.0, 20.0])
def test_voxels_of_an_aslant_grid_lie_as_in_monai(degrees):
    """MONAI on an affine in float32, as NIfTI files have it."""
    turned = np.eye(4)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned[1:3, 1:3] = (c, -s), (s, c)
    turned[:3, 3] = (-30.3, 20.7, 11.1)
    grid = Grid((40, 51, 62), turned @ np.diag([2.0, 1.5, 1.1, 1.0]))
    made = grid.respaced_from_first((1.7, 1.9, 0.9))
    affine = grid.affine.astype(np.float32).astype(float)
    wanted = data.zoom_affine(affine, (1.7, 1.9, 0.9), diagonal=False)
    shape, offset = data.compute_shape_offset(grid.shape, affine, wanted)
    assert made.shape == tuple(shape)
    np.testing.assert_allclose(made.origin, offset, atol=1e-4)
    moved = np.abs(made.origin - grid.origin).max()
    assert (moved > 0.1) == (degrees >= 1)

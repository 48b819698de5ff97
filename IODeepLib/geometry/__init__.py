"""Where voxels lie: grids in the patient, stacks of slices, and how far apart is still the same."""

from IODeepLib.geometry.grid import AxisMap, Grid, Volume, is_orientation

__all__ = ["AxisMap", "Grid", "Volume", "is_orientation"]

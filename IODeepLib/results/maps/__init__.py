"""Maps of numbers, voxel by voxel: how sure a network is, and what it looks at."""

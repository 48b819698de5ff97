"""A model tried on a series: what its network sees, and what looks wrong."""

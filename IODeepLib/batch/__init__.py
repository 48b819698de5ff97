"""Cohorts: all studies of a folder or a PACS are read by the models that fit them, each once.

from IODeepLib import batch

summary = batch.map("studies", "models", "out", workers=2)
"""

from IODeepLib.batch.cohort import map

__all__ = ["map"]

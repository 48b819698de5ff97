"""Cohorts with truth: series and the segmentations that are right about them, split by patient.

    cohort = collect("studies", model)
    write_cohort(cohort, "cohort.json")
    for case in read_cohort("cohort.json").of(Split.TRAIN):
        loaded = load(case, model)

A cohort file stays where its images are. It names no patient, and holds no pixels: it says which
files belong together, which segment of a DICOM SEG is which label, and how all of them looked when
it was written, so that what changed since is noticed.
"""

from IODeepLib.cohort.collecting import collect
from IODeepLib.cohort.file import read_cohort, write_cohort
from IODeepLib.cohort.loading import Loaded, load
from IODeepLib.cohort.records import Case, Cohort, Split

__all__ = ["Case", "Cohort", "Loaded", "Split", "collect", "load", "read_cohort", "write_cohort"]

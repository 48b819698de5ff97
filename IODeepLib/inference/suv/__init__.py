"""Standardised uptake values by body weight: what a PET series says of dose, decay and weight.

SUVbw is activity per milliliter, divided by the dose per gram of the patient, both at the time to
which the voxels are corrected for decay. The rules are those that QIBA agreed with the makers of
scanners (qibawiki.rsna.org, "Standardized Uptake Value"); units and corrections are in PS3.3
section C.8.9.1. What is not stated is never guessed at, and what cannot be true is not believed.
"""

from IODeepLib.inference.suv.factor import in_suv, suv_factor

__all__ = ["in_suv", "suv_factor"]

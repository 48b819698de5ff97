"""The header of a PET with fluorine 18, in Bq/ml, from which SUV by body weight is known."""

from __future__ import annotations

from typing import Any

from makers.series import item
from pydicom.uid import PositronEmissionTomographyImageStorage

HALF_LIFE = 6586.2  # seconds
DOSE, WEIGHT = 374e6, 70.0  # Bq, kg
DECAYED = DOSE * 2 ** (-3600 / HALF_LIFE)  # an hour after the injection


def pet_header(drug: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Injected at 9:00, scanned from 10:00 on; `drug` and `changes` replace what they name."""
    given = {
        "RadionuclideTotalDose": DOSE,
        "RadionuclideHalfLife": HALF_LIFE,
        "RadiopharmaceuticalStartTime": "090000.00",
        **(drug or {}),
    }
    return {
        "SOPClassUID": PositronEmissionTomographyImageStorage,
        "Modality": "PT",
        "Units": "BQML",
        "CorrectedImage": ["NORM", "ATTN", "DECY"],
        "DecayCorrection": "START",
        "PatientWeight": WEIGHT,
        "SeriesDate": "20200102",
        "SeriesTime": "100000.00",
        "AcquisitionDate": "20200102",
        "AcquisitionTime": "100002",
        "RadiopharmaceuticalInformationSequence": [item(**given)],
        **changes,
    }

"""What all DICOM objects that are made of a result have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from IODeepLib.results.encoding import save


@dataclass(frozen=True, slots=True, eq=False)
class DicomObject:
    """A DICOM object that is complete.

    Attributes:
        dataset: the object, with file meta information.
    """

    dataset: Dataset

    @property
    def sop_instance_uid(self) -> str:
        """(0008,0018)."""
        return str(self.dataset.SOPInstanceUID)

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        save(self.dataset, path)

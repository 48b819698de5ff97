"""Objects as archives and other programs write them again: in another transfer syntax."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.uid import ImplicitVRLittleEndian


def by_dcmtk(*options: str) -> Callable[[Path], None]:
    """Through DCMTK's dcmconv."""

    def convert(path: Path) -> None:
        subprocess.run(["dcmconv", *options, path, path], check=True, capture_output=True)

    return convert


def by_pydicom(path: Path) -> None:
    """Read and written by pydicom, as Implicit VR."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(path, implicit_vr=True, little_endian=True)

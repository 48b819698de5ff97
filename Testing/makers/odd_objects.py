"""Objects that no server should have, in real servers that have them nevertheless."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import requests
from pacs.servers import Orthanc
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.uid import generate_uid


def put(orthanc: Orthanc, path: Path) -> None:
    """Store a file by Orthanc's own interface, as whoever may store there can."""
    url = f"http://127.0.0.1:{orthanc.http_port}/instances"
    requests.post(url, data=path.read_bytes(), timeout=60).raise_for_status()


def changed(path: Path, copy: Path, change: Callable[[pydicom.Dataset], object]) -> Path:
    """A copy of the file at `path` with another SOP Instance UID, changed; at `copy`."""
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    change(dataset)
    dataset.save_as(copy)
    return copy


def set_uid(dataset: pydicom.Dataset, keyword: str, value: str) -> None:
    """A UID that is none: pydicom writes it where the VR is another one."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    dataset[tag] = DataElement(tag, "LO", value)

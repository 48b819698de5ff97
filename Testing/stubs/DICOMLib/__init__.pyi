from typing import Any

from DICOMLib import DICOMUtils as DICOMUtils

class DICOMLoadable:
    files: list[str]
    name: str
    tooltip: str
    warning: str
    selected: bool
    confidence: float
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...

class DICOMPlugin:
    loadType: str
    tags: dict[str, str]
    def __init__(self) -> None: ...
    def addSeriesInSubjectHierarchy(self, loadable: DICOMLoadable, dataNode: Any) -> None: ...

"""A PACS over DICOMweb (PS3.18), whose answers are read as they come and end."""

from IODeepLib.sources.dicomweb.archive import DicomwebArchive

__all__ = ["DicomwebArchive"]

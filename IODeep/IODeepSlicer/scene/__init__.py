"""Slicer's scene and its DICOM database: nodes, segments, saving."""

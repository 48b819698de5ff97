"""Pure steps on arrays: no DICOM, no network."""

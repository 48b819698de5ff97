"""Where models and images come from: the DICOM database, folders, servers."""

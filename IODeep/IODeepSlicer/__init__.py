"""What the module and the DICOM plugin are made of. Importing it makes IODeepLib importable."""

from IODeepSlicer.library import makeLibraryImportable

makeLibraryImportable()

"""What the module and the DICOM plugin are made of. Importing it makes IODeepLib importable."""

import logging

from IODeepSlicer.library import makeLibraryImportable

makeLibraryImportable()
# When Python ends, filelock says at the level DEBUG which locks it lets go. Slicer's own handler
# would show that in a window that is gone by then, and crash (seen in 5.12.3).
logging.getLogger("filelock").setLevel(logging.INFO)

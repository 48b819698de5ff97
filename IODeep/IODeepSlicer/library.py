"""Where the library IODeepLib lies, and how Slicer's Python finds it.

An installed extension has it beside its modules. In the source tree it lies one folder higher, so
that the folder `IODeep` alone can be given to Slicer as an additional module path.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

_MODULE_FOLDER = Path(__file__).resolve().parent.parent


def libraryFolder() -> Path:
    """The folder that holds IODeepLib: what a Python that shall import it needs in its path.

    Raises:
        ImportError: the library belongs to neither of the two places.
    """
    for folder in (_MODULE_FOLDER, _MODULE_FOLDER.parent):
        if (folder / "IODeepLib" / "__init__.py").is_file():
            return folder
    raise ImportError(
        f"found no folder IODeepLib in {_MODULE_FOLDER} or above it; wanted the library beside the "
        "IODeep module; next: install the extension again, or take the whole source tree"
    )


def makeLibraryImportable() -> Path:
    """Put the library's folder into Python's path, unless it is there; return the folder.

    It comes first, because a module and a library of two versions do not fit together.
    """
    folder = libraryFolder()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    # Locks of the cache are let go when Python ends. What is said of it then would go to Slicer's
    # log, which is gone already: Slicer would crash.
    logging.getLogger("filelock").setLevel(logging.INFO)
    return folder

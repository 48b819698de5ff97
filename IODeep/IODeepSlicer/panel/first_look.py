"""What a look at the scene needs, brought in a little at each turn of the event loop.

The first time these are the library's modules, Slicer's own list of servers, for which its module
DICOM is set up, the headers of the images that are loaded, and the models of the DICOM database
with their signatures: half a second and more, in which the window would stand still.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path

import slicer

from IODeepSlicer.panel.in_turns import InTurns, rest
from IODeepSlicer.requirements import RequirementsError, checkReading
from IODeepSlicer.scene import images
from IODeepSlicer.sources.models import databaseFiles, readAhead
from IODeepSlicer.sources.servers import serverNames

_MODULES = (
    "pydicom",
    "IODeepLib.recipe",
    "IODeepLib.model_object",
    "IODeepLib.series",
    "IODeepLib.selection",
    "IODeepLib.results",
    "IODeepLib.sources.folder",
    "IODeepLib.sources.settings",
)
_FOR_TRUST = (
    "cryptography.x509",
    "IODeepLib.trust.certificates",
    "IODeepLib.trust.judge",
    "IODeepLib.trust.signature_reading",
    "IODeepLib.trust.trust_list",
)


class FirstLook:
    """`look` is called once all is there."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._turns = InTurns(look)
        self._ahead: set[Path] = set()

    def begin(self) -> None:
        """Bring in what is not there yet, then look; at once, if that takes no time."""
        # Otherwise making the panel took this turn.
        self._turns.begin(self._steps(), atOnce=sys.modules.keys() >= set(_MODULES))

    def stop(self) -> None:
        """Do not look any more."""
        self._turns.stop()

    def _steps(self) -> Iterator[Callable[[], object]]:
        with contextlib.suppress(RequirementsError):
            checkReading()
            yield from _imports(_MODULES)
            if _saysWhomToTrust():
                yield from _imports(_FOR_TRUST)
            yield from (rest, serverNames)
            for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
                yield partial(_read, node)
            new = [path for path in databaseFiles() if path not in self._ahead]
            self._ahead.update(new)
            yield from (partial(readAhead, path) for path in new)


def _imports(names: Iterable[str]) -> Iterator[Callable[[], object]]:
    return (partial(import_module, name) for name in names if name not in sys.modules)


def _saysWhomToTrust() -> bool:
    from IODeepLib.errors import UsageError
    from IODeepLib.trust.policy import tables

    try:
        return bool(tables())
    except UsageError:  # whoever looks at the models says what is wrong
        return False


def _read(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    from IODeepLib.errors import IODeepError

    with contextlib.suppress(IODeepError):  # whoever looks at the image says what is wrong
        if volumeNode.GetImageData() is not None:
            images.seriesOf(volumeNode)

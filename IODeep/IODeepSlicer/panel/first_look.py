"""What a look at the scene needs, brought in a little at each turn of the event loop.

The first time these are the library's modules, Slicer's own list of servers, for which its module
DICOM is set up, and the headers of the images that are loaded: half a second and more, in which the
window would stand still.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module

import slicer

from IODeepSlicer.panel.turns import later
from IODeepSlicer.requirements import RequirementsError, checkReading
from IODeepSlicer.scene import images
from IODeepSlicer.sources.servers import serverNames

_SLICE = 0.03  # seconds at a time; what takes no longer is done at once
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


class FirstLook:
    """`look` is called once all is there."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._steps: Iterator[Callable[[], object]] | None = None

    def begin(self) -> None:
        """Bring in what is not there yet, then look; at once, if that takes no time."""
        self._steps = _steps()
        if sys.modules.keys() >= set(_MODULES):
            self._turn()
        else:  # making the panel took this turn
            later(self._turn)

    def stop(self) -> None:
        """Do not look any more."""
        self._steps = None

    def _turn(self) -> None:
        until = time.monotonic() + _SLICE
        while self._steps is not None:
            step = next(self._steps, None)
            if step is None:
                self._steps = None
                self._look()
                return
            step()
            if time.monotonic() > until or step is _rest:
                later(self._turn)
                return


def _steps() -> Iterator[Callable[[], object]]:
    with contextlib.suppress(RequirementsError):
        checkReading()
        yield from (partial(import_module, name) for name in _MODULES if name not in sys.modules)
        yield from (_rest, serverNames)
        for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            yield partial(_read, node)


def _rest() -> None:
    """What comes next takes a turn of its own."""


def _read(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    from IODeepLib.errors import IODeepError

    with contextlib.suppress(IODeepError):  # whoever looks at the image says what is wrong
        if volumeNode.GetImageData() is not None:
            images.seriesOf(volumeNode)

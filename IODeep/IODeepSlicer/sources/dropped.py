"""What is dropped onto Slicer's window, and may hold models."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from IODeepSlicer.requirements import RequirementsError, checkReading


def pathsWithModels(paths: Iterable[str]) -> list[Path]:
    """The folders and ZIP files among `paths` in which there may be models.

    None as long as packages lack with which models are read.
    """
    try:
        checkReading()
    except RequirementsError:
        return []
    from IODeepLib.sources.copies import may_hold_models

    return [Path(path) for path in paths if path and may_hold_models(Path(path))]

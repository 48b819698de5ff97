"""What of a model lies on this computer: where, how large it is, and how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

if TYPE_CHECKING:
    from IODeepLib.model_object import Model


@dataclass(frozen=True)
class Holding:
    """The files of a model.

    Attributes:
        inDatabase: those that the DICOM database names, wherever they lie.
        inCache: those that a server gave.
        elsewhere: those in a folder that a person chose.
    """

    inDatabase: tuple[Path, ...]
    inCache: tuple[Path, ...]
    elsewhere: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return (*self.inDatabase, *self.inCache, *self.elsewhere)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(path.stat().st_size for path in self.files if path.is_file())

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where they lie."""
        return tuple(dict.fromkeys(path.parent for path in self.files))


def filesOf(model: Model) -> list[Path]:
    """The files of a model that are here, the card first: without it nobody sees the others."""
    paths = [model.card.path, *(part.path for part in model.parts if part is not None)]
    return [path for path in paths if path is not None]


def holdingOf(model: Model) -> Holding:
    """What of this model is here."""
    cache = _cache().folder.absolute()
    found: dict[str, list[Path]] = {"database": [], "cache": [], "elsewhere": []}
    for path in filesOf(model):
        if path.absolute().is_relative_to(cache):
            found["cache"].append(path)
        elif _seriesOf(path):
            found["database"].append(path)
        else:
            found["elsewhere"].append(path)
    return Holding(*map(tuple, found.values()))


def removeFromHere(model: Model) -> None:
    """Remove the files of a model: out of the database, the chosen folder, and the cache.

    Nothing else goes: a file that is not this model's instance any more stays, and so does a series
    of the database that holds anything else. Of a server, the weights go; what it has stays there.

    Raises:
        ModelError: something else lies where the model did.
        OutputError: a file cannot be removed.
    """
    from IODeepLib.errors import OutputError

    holding = holdingOf(model)
    _checkSeries(holding.inDatabase)
    _checkFiles(holding.elsewhere, model)
    for uid in dict.fromkeys(map(_seriesOf, holding.inDatabase)):
        slicer.dicomDatabase.removeSeries(uid, True)
    for path in holding.elsewhere:
        try:
            path.unlink()
        except OSError as error:
            raise OutputError(
                f"{path} cannot be removed ({error.strerror})",
                "a folder with write permission",
                "check its permissions, or remove the file yourself",
            ) from None
    card = model.card.path
    if card in holding.inCache and not _cache().remove_weights(card, model.card.study_instance_uid):
        raise OutputError(
            f"the weights of {model.label} in the cache are in use",
            "weights that no process uses",
            "wait until the run is over, and try again",
        )


def _checkSeries(files: Sequence[Path]) -> None:
    from IODeepLib.errors import ModelError

    known = {path.absolute() for path in files}
    for uid in dict.fromkeys(map(_seriesOf, files)):
        others = [
            file
            for file in slicer.dicomDatabase.filesForSeries(uid)
            if Path(file).absolute() not in known
        ]
        if others:
            raise ModelError(
                f"the series {uid} of the DICOM database holds {len(others)} files that are not of "
                "this network",
                "a series of its own",
                "look at it in the DICOM module, and delete there what is not needed",
            )


def _checkFiles(files: Sequence[Path], model: Model) -> None:
    from IODeepLib.errors import IODeepError, ModelError
    from IODeepLib.sources.folder import read_instance

    uids = {model.card.sop_instance_uid}
    uids |= {part.sop_instance_uid for part in model.card.manifest.parts}
    for path in files:
        try:
            there = read_instance(path)
        except IODeepError:
            there = None
        if getattr(there, "sop_instance_uid", None) not in uids:
            raise ModelError(
                f"{path} is not what it was when it was found",
                f"an instance of {model.label}",
                "look for models again",
            )


def _seriesOf(path: Path) -> str:
    """The series of the open DICOM database that has this file; "" for none."""
    database = slicer.dicomDatabase
    if database is None or not database.isOpen:
        return ""
    return database.seriesForFile(str(path))


def _cache():
    from IODeepLib.sources.settings import read_settings

    return read_settings().cache()

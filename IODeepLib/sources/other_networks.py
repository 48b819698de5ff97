"""Networks that other programs keep as DICOM objects: told from everything else, to be imported."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.uid import RawDataStorage

from IODeepLib.errors import ModelError
from IODeepLib.headers import quiet
from IODeepLib.headers.header_file import open_regular, read_header
from IODeepLib.model_object.instance import is_dicom, read_head
from IODeepLib.model_object.private_dictionary import CREATOR_VERSION_UID
from IODeepLib.sources import Source, first_generation, kaapana
from IODeepLib.sources.first_generation import FirstGeneration
from IODeepLib.sources.folder import FolderSource, files_below
from IODeepLib.sources.kaapana import Piece
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.text.wording import counted

_log = logging.getLogger(__name__)

# How the UIDs of all Storage SOP classes begin but those of private ones (PS3.4 section B.5).
_STORAGE = b"1.2.840.10008.5.1.4.1.1."


@dataclass(frozen=True, slots=True)
class OtherNetwork:
    """A network that another program stored.

    Attributes:
        format: how `iodeep import` calls it: kaapana, first-generation.
        program: who stored it, for people.
        name: what it is called there.
        about: what else is said of it.
        series_uid: what tells it from others there.
        files: those with it; none if they are in a PACS.
    """

    format: str
    program: str
    name: str
    about: str
    series_uid: str
    files: tuple[Path, ...] = ()


def other_networks(source: Source) -> list[OtherNetwork]:
    """Those that are found in a source without reading all of it.

    In a PACS these are Kaapana's, by the Patient's Name that they all have.

    Raises:
        ModelError: there is no such folder.
        SourceError: the PACS failed.
    """
    if isinstance(source, FolderSource):
        return other_networks_in(files_below(source.folder))
    if isinstance(source, PacsSource):
        series = source.series({"PatientName": kaapana.PATIENT_NAME})
        return [
            _kaapana("nnUNet model", "", one.series_uid, (), one.instance_count)
            for one in series
            if one.attributes.get("Modality", "") == kaapana.MODALITY
        ]
    return []


def other_networks_in(files: Iterable[Path]) -> list[OtherNetwork]:
    """Those in files, in the order of the files; what cannot be read is none."""
    pieces: dict[str, list[Piece]] = {}
    singles: list[FirstGeneration] = []
    for one in map(read_other, files):
        if isinstance(one, Piece):
            pieces.setdefault(one.series_uid, []).append(one)
        elif one is not None:
            singles.append(one)
    found = []
    for uid, parts in pieces.items():
        paths = tuple(part.path for part in parts)
        found.append(_kaapana(parts[0].name, parts[0].about, uid, paths, len(parts)))
    return [*found, *map(_first_generation, singles)]


def read_other(path: Path) -> Piece | FirstGeneration | None:
    """What the file at `path` holds of a network of others; None if it holds none."""
    try:
        if not _may_be(read_head(path)):
            return None
        with quiet(), open_regular(path) as file:
            header = read_header(file, [*kaapana.TAGS, *first_generation.TAGS])
            return kaapana.piece_of(header, path) or first_generation.first_generation_of(
                header, path
            )
    except Exception as error:  # pydicom raises whatever a broken file leads it to
        if not isinstance(error, ModelError):
            _log.debug("%s is no network of others: %s", path, error)
        return None


def _may_be(head: bytes) -> bool:
    """Whether it is worth to read the header behind the first bytes of a file."""
    raw = RawDataStorage.encode() in head
    return (
        is_dicom(head)
        and (raw or _STORAGE not in head)
        and CREATOR_VERSION_UID.encode() not in head
    )


def _kaapana(
    name: str, about: str, uid: str, files: tuple[Path, ...], count: int | None
) -> OtherNetwork:
    parts = "" if count is None else counted(count, "part")
    said = ", ".join(filter(None, (about, parts)))
    return OtherNetwork("kaapana", "Kaapana", name, said, uid, files)


def _first_generation(one: FirstGeneration) -> OtherNetwork:
    said = ", ".join(filter(None, (one.modality, one.body_part)))
    files = (one.path,)
    return OtherNetwork(
        "first-generation", "the first IODeep program", one.name, said, one.series_uid, files
    )


def lines(networks: Iterable[OtherNetwork], source: str) -> Iterator[str]:
    """A line for each of them that says what it is, and how it is imported."""
    for one in networks:
        about = f" ({one.about})" if one.about else ""
        yield (
            f"{one.name}{about}, stored by {one.program}; import it with "
            f"iodeep import {one.format} {source} --series {one.series_uid} --out DIR"
        )


def as_json(one: OtherNetwork) -> dict[str, Any]:
    """The same for programs."""
    return {
        "format": one.format,
        "name": one.name,
        "about": one.about,
        "series_instance_uid": one.series_uid,
        "paths": [str(path) for path in one.files],
    }

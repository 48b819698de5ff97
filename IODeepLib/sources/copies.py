"""Models as files of one's own: out of a source, a folder, or a ZIP file.

A ZIP file comes from anywhere, and says what it likes of what it holds. Its names are never used;
no link is followed; and what counts is how much comes out, not how much it says that it holds.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from IODeepLib.disk.files import writing
from IODeepLib.errors import ModelError, OutputError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model, NotAnInstanceError, verify
from IODeepLib.model_object.instance import may_be_instance, read_head
from IODeepLib.model_object.packing import CARD_FILE_NAME, weights_file_name
from IODeepLib.model_object.retirement import Retirement
from IODeepLib.sources import Catalog, Source
from IODeepLib.sources.folder import files_below, models_in_files, read_instance
from IODeepLib.text.foreign import printable

# Files in a ZIP file. A model has some tens at most; whole exports of a PACS are no models.
MOST_MEMBERS = 10_000
# Bytes that come out of one: above the largest models by an order of magnitude.
MOST_BYTES = 100 * 10**9
_CHUNK = 2**20
_LOOKS = 300  # files, to see whether there may be a model among them
_NOTICE_FILE_NAME = "retired.dcm"
_HEAD = 4096  # bytes, in which a DICOM file has said what it is
# What every program writes. Of others Python unpacks a whole piece at once, however much comes out,
# with as much memory as the file asks for.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def copy_model(
    source: Source,
    model: Model,
    notice: Retirement | None,
    folder: Path,
    progress: Progress | None = None,
) -> None:
    """Put all instances of a model into a new folder, under the names that packing gives them.

    Args:
        source: where it is.
        model: as the source listed it.
        notice: what says that it is retired, if anything does.
        folder: is made.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        ModelError: a part is not there, or damaged.
        SourceError: the source failed.
    """
    fetched = source.fetch(model, progress)
    assert fetched.card.path is not None  # noqa: S101 - sources have cards as files
    folder.mkdir()
    shutil.copyfile(fetched.card.path, folder / CARD_FILE_NAME)
    for number, part in enumerate(fetched.weights(), 1):
        shutil.copyfile(part.path, folder / weights_file_name(number))
    if notice is not None:
        shutil.copyfile(notice.path, folder / _NOTICE_FILE_NAME)


def copy_models(path: Path, folder: Path, progress: Progress | None = None) -> Catalog:
    """Put copies of all models in a folder, or in a ZIP file, into another folder.

    Only IODeep's own instances are taken. Models of which all parts are there are verified; parts
    may be missing.

    Args:
        path: a folder, with those below it; or a ZIP file, with none of the ZIP files in it.
        folder: where the copies go, under new names.
        progress: called with the fraction done and a message; it may raise to stop.

    Returns:
        The models, as copies.

    Raises:
        ModelError: there is none, one is damaged, or the ZIP file is.
        OutputError: the copies cannot be written.
    """
    with writing(folder):
        copies = list(
            _unzipped(path, folder, progress) if path.is_file() else _copied(path, folder)
        )
    catalog = models_in_files(copies)
    if catalog.problems:
        raise catalog.problems[0].error
    if not catalog.every:
        raise ModelError(
            f"{path} holds no network of IODeep",
            "the instances of one, as 'iodeep pack' writes them or a PACS gives them",
            "choose another folder or ZIP file",
        )
    for model in catalog.every:
        if not model.missing_parts:
            verify(model, progress)
    return catalog


def may_hold_models(path: Path) -> bool:
    """Whether a folder or ZIP file looks as if there were a model in it; few files are looked at.

    What cannot be read has none.
    """
    try:
        if path.is_dir():
            return any(may_be_instance(read_head(one)) for one in islice(files_below(path), _LOOKS))
        if not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            for member in islice(archive.infolist(), _LOOKS):
                if member.compress_type not in _METHODS:
                    continue
                with archive.open(member) as content:
                    if may_be_instance(content.read(_HEAD)):
                        return True
    except (OSError, ModelError, *_BROKEN):
        pass
    return False


def _copied(source: Path, folder: Path) -> Iterator[Path]:
    ours = (path for path in files_below(source) if may_be_instance(read_head(path)))
    for number, path in enumerate(filter(_is_ours, ours)):
        copy = folder / f"{number}.dcm"
        shutil.copyfile(path, copy)
        yield copy


def _is_ours(path: Path) -> bool:
    try:
        read_instance(path)
    except NotAnInstanceError:
        return False
    return True


def _unzipped(path: Path, folder: Path, progress: Progress | None) -> Iterator[Path]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive.infolist())
            left = min(MOST_BYTES, shutil.disk_usage(folder).free)
            for number, member in enumerate(members):
                if progress is not None:
                    progress(number / len(members), f"unpacking {path.name}")
                copy = folder / f"{number}.dcm"
                with archive.open(member) as content:
                    left -= _extract(content, copy, left, path)
                if not copy.exists():
                    continue
                if _is_ours(copy):
                    yield copy
                else:
                    copy.unlink()
    except _BROKEN as error:
        if "password" in str(error) or "encrypt" in str(error):
            raise ModelError(
                f"{path} is encrypted", "a ZIP file without a password", "unpack it yourself"
            ) from None
        raise ModelError(
            f"{path} is no ZIP file that can be read ({printable(str(error))[:200]})",
            "a ZIP file with the instances of a network",
            "fetch or make it again",
        ) from None


def _members(path: Path, members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    if len(members) > MOST_MEMBERS:
        raise ModelError(
            f"{path} with {len(members)} files",
            f"{MOST_MEMBERS} at most",
            "put the networks alone into a ZIP file",
        )
    for member in members:
        if member.compress_type not in _METHODS:
            raise ModelError(
                f"{path} holds files that are compressed by method {member.compress_type}",
                "files that are stored or deflated (methods 0 and 8), as most programs write them",
                "make the ZIP file again, with the usual compression",
            )
    return [one for one in members if not one.is_dir() and not _is_link(one)]


def _is_link(member: zipfile.ZipInfo) -> bool:
    # What a UNIX system wrote has the file's mode there; others leave these bits at 0.
    mode = member.external_attr >> 16
    return stat.S_IFMT(mode) not in (0, stat.S_IFREG)


def _extract(content: IO[bytes], copy: Path, most: int, path: Path) -> int:
    """Write what may be an instance to `copy`, and anything else nowhere; its bytes."""
    head = content.read(_HEAD)
    if not may_be_instance(head):
        return 0
    count = 0
    with copy.open("xb") as file:
        for piece in _pieces(head, content):
            count += len(piece)
            if count > most:
                raise OutputError(
                    f"more than {most} bytes in {path}",
                    "what the disk has room for, and no endless file",
                    "make room, or use another ZIP file",
                )
            file.write(piece)
    return count


def _pieces(head: bytes, content: IO[bytes]) -> Iterable[bytes]:
    yield head
    while piece := content.read(_CHUNK):
        yield piece

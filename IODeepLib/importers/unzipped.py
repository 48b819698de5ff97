"""Files out of a ZIP file that comes from anywhere.

Its names lead nowhere but into our own folder, no link is followed, and what counts is how much
comes out, not how much it says that it holds.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from IODeepLib.disk.files import writing
from IODeepLib.errors import ModelError
from IODeepLib.machine.progress import Progress

_MOST_MEMBERS = 100_000
_MOST_BYTES = 100 * 10**9
_CHUNK = 2**20
_PART = re.compile(r"(?!\.{1,2}$)[\w.+, ()@=-]{1,150}", re.ASCII)
_MOST_PARTS = 16
# Of other methods Python unpacks a whole piece at once, with as much memory as the file asks for.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def unzip(
    path: Path,
    folder: Path,
    wanted: Callable[[str], bool] = lambda name: True,
    progress: Progress | None = None,
) -> None:
    """Unpack what is wanted of a ZIP file into `folder`, in its own folders there.

    Links, and names that are not made of plain letters, digits and a few signs, are left out.

    Args:
        path: the ZIP file.
        folder: where to; files of the same name there are refused.
        wanted: whether a file is unpacked, by its name with slashes.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        ModelError: it is no ZIP file, is damaged, encrypted, or larger than the disk.
        OutputError: the folder cannot be written.
    """
    try:
        with writing(folder), zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if _is_file(one) and wanted(one.filename)]
            if len(members) > _MOST_MEMBERS:
                raise ModelError(
                    f"{path} with {len(members)} files", f"{_MOST_MEMBERS} at most", _NEXT
                )
            left = min(_MOST_BYTES, shutil.disk_usage(folder).free)
            for number, member in enumerate(members):
                if progress is not None:
                    progress(number / len(members), f"unpacking {path.name}")
                left -= _extract(archive, member, folder, left, path)
    except _BROKEN as error:
        raise ModelError(
            f"{path} cannot be unpacked ({error})", "a whole ZIP file", _NEXT
        ) from None


_NEXT = "fetch or make it again, or unpack it yourself and give the folder"


def _is_file(member: zipfile.ZipInfo) -> bool:
    # What a UNIX system wrote has the file's mode there; others leave these bits at 0.
    plain = stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG)
    parts = member.filename.split("/")
    named = len(parts) <= _MOST_PARTS and all(_PART.fullmatch(part) for part in parts)
    return plain and named and not member.is_dir()


def _extract(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, most: int, path: Path
) -> int:
    """Unpack one file; its bytes."""
    if member.compress_type not in _METHODS:
        raise ModelError(
            f"{path} holds files that are compressed by method {member.compress_type}",
            "files that are stored or deflated (methods 0 and 8)",
            _NEXT,
        )
    target = folder.joinpath(*member.filename.split("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with archive.open(member) as content, target.open("xb") as file:
        while piece := content.read(_CHUNK):
            count += len(piece)
            if count > most:
                raise ModelError(
                    f"more than {most} bytes in {path}", "what the disk has room for", _NEXT
                )
            file.write(piece)
    return count

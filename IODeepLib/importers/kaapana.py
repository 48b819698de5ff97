"""Models of nnU-Net out of Kaapana's objects: the ZIP file, put together, goes to `nnunet`."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from IODeepLib.disk.byte_ranges import ByteRange, chunks
from IODeepLib.disk.files import temporary_folder, writing
from IODeepLib.errors import ModelError
from IODeepLib.headers.header_file import open_regular
from IODeepLib.importers import nnunet
from IODeepLib.importers.choice import files_of
from IODeepLib.importers.draft import Draft
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object.instance import reading
from IODeepLib.sources import Source
from IODeepLib.sources.kaapana import Piece
from IODeepLib.sources.other_networks import read_other

_PIXEL_DATA = 0x7FE00010
_DEFER = 64 * 2**10  # bytes; elements above it are left in the file
_UNDEFINED = 0xFFFFFFFF  # length of an element that is made of fragments (PS3.5 A.4)
# Of others the bytes of Pixel Data are not those of the file.
_SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
# What only nnU-Net 1 writes.
_FIRST_NNUNET = ("plans.pkl", "model_final_checkpoint.model")


@contextmanager
def draft(
    source: Source,
    series: str | None = None,
    folds: str | None = None,
    configuration: str | None = None,
    postprocess: bool = True,
    previous_stage: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[Draft]:
    """What a model says that Kaapana stored.

    Args:
        source: a folder or PACS with its objects.
        series: the Series Instance UID, where there are several models.
        folds, configuration, postprocess, previous_stage: see `nnunet.draft`.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        UsageError: there are several; or see `nnunet.draft`.
        ModelError: there is none, or it is not whole; or see `nnunet.draft`.
        SourceError: the PACS failed.
    """
    with temporary_folder() as folder:
        found = map(read_other, files_of(source, "kaapana", series, folder, progress))
        pieces = [one for one in found if isinstance(one, Piece)]
        path = folder / "kaapana.zip"
        join(pieces, path)
        _check_version(path)
        with nnunet.draft(path, folds, configuration, postprocess, previous_stage) as made:
            made.source = f"{pieces[0].name}, of Kaapana"
            yield made


def join(pieces: Sequence[Piece], path: Path) -> None:
    """Put the pieces of one series together into the file at `path`, without holding them.

    Raises:
        ModelError: one is missing, there twice, or cannot be read.
    """
    by_number = {piece.number: piece for piece in pieces}
    count = max((piece.count for piece in pieces), default=0)
    if sorted(piece.number for piece in pieces) != list(range(1, count + 1)):
        there = ", ".join(str(piece.number) for piece in pieces) or "none"
        raise ModelError(
            f"of {count} parts of the model these are there: {there}",
            "each once",
            "retrieve all instances of the series, into a folder without others",
        )
    with writing(path), path.open("xb") as file:
        for chunk in chunks(_content(by_number[number].path) for number in sorted(by_number)):
            file.write(chunk)


def _content(path: Path) -> ByteRange:
    """Where in an object the piece of the file lies."""
    with reading(str(path)):
        with open_regular(path) as file:
            dataset = dcmread(file, defer_size=_DEFER)
        dataset.filename, dataset.fileobj_type = str(path), open
        syntax = dataset.file_meta.TransferSyntaxUID
        raw = dataset.get_item(_PIXEL_DATA, keep_deferred=True)
        size = path.stat().st_size
    if syntax not in _SYNTAXES or not isinstance(raw, RawDataElement) or raw.length == _UNDEFINED:
        raise ModelError(
            f"{path} with the transfer syntax {syntax.name}",
            "bytes as Kaapana stored them, in Explicit or Implicit VR Little Endian",
            "retrieve it in one of these",
        )
    if raw.value_tell + raw.length > size:
        raise ModelError(
            f"{path} with {size - raw.value_tell} of {raw.length} bytes of its part",
            "a whole file",
            "retrieve it again",
        )
    return ByteRange(path, raw.value_tell, raw.length)


def _check_version(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.rpartition("/")[2] for name in archive.namelist()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ModelError(
            f"the parts of the model make no ZIP file ({error})",
            "a ZIP file of a trained model",
            "retrieve them again",
        ) from None
    if "plans.json" not in names and any(name in names for name in _FIRST_NNUNET):
        raise ModelError(
            "a model of nnU-Net 1, whose plans are a Python pickle",
            "one of nnU-Net 2",
            "train it again with Kaapana 0.4 or later, or export it to ONNX: iodeep import onnx",
        )

"""The kinds of trained networks that lie in files: which one a path is, and its draft."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path

from IODeepLib.errors import ModelError
from IODeepLib.importers.draft import Draft
from IODeepLib.sources.folder import FolderSource, files_below
from IODeepLib.sources.other_networks import other_networks_in

_MOST_NAMES = 100_000  # of a folder somewhere on a disk that are looked at


class Format(StrEnum):
    """A program that networks come from, as the command line calls it."""

    NNUNET = "nnunet"
    MONAI = "monai"
    ONNX = "onnx"
    KAAPANA = "kaapana"
    FIRST_GENERATION = "first-generation"

    @property
    def program(self) -> str:
        """For people."""
        return _PROGRAMS[self]


_PROGRAMS = {
    Format.NNUNET: "nnU-Net",
    Format.MONAI: "MONAI",
    Format.ONNX: "an ONNX file",
    Format.KAAPANA: "Kaapana",
    Format.FIRST_GENERATION: "the first IODeep program",
}
# What lies beside the weights, with slashes between folders.
_SIGNS = {
    Format.NNUNET: re.compile(r"(?:.*/)?plans\.json"),
    Format.MONAI: re.compile(r"(?:.*/)?configs/metadata\.json"),
    Format.ONNX: re.compile(r"[^/]+\.onnx", re.IGNORECASE),
}


def format_of(path: Path) -> Format:
    """What the files at a path look like.

    Args:
        path: a folder, a ZIP file or an ONNX file.

    Raises:
        ModelError: nothing that is known, or several things.
    """
    names = list(islice(_names(path), _MOST_NAMES))
    found = [one for one, sign in _SIGNS.items() if any(map(sign.fullmatch, names))]
    found = found or _in_objects(path)
    if len(found) != 1:
        what = " and ".join(one.program for one in found) or "no trained network that is known"
        raise ModelError(
            f"{path}: {what}",
            "one of: " + ", ".join(one.program for one in Format),
            "choose the folder or ZIP file with a network of "
            + ", ".join(one.program for one in Format if one is not Format.ONNX)
            + ", or an ONNX file",
        )
    return found[0]


def _in_objects(path: Path) -> list[Format]:
    """What is stored in the DICOM objects of a folder."""
    if not path.is_dir():
        return []
    files = islice(files_below(path), _MOST_NAMES)
    return list(dict.fromkeys(Format(one.format) for one in other_networks_in(files)))


@contextmanager
def draft_of(kind: Format, path: Path, options: Mapping[str, str]) -> Iterator[Draft]:
    """What the network there says of itself.

    Args:
        kind: what it is.
        path: where it is.
        options: "folds", "configuration" and "previous_stage" of nnU-Net, in Kaapana too; "labels"
            of ONNX files and the first program, names in the order of the channels, with commas
            between them. Empty ones count as not given.

    Raises:
        UsageError, ModelError: see the draft of each.
    """
    if kind is Format.MONAI:
        from IODeepLib.importers.monai.bundle import open_bundle
        from IODeepLib.importers.monai.draft import monai_draft

        with open_bundle(path) as bundle:
            yield monai_draft(bundle)
        return
    labels = [name.strip() for name in options.get("labels", "").split(",") if name.strip()]
    if kind is Format.ONNX:
        from IODeepLib.importers.plain_onnx.draft import onnx_draft

        yield onnx_draft(path, labels)
        return
    if kind is Format.FIRST_GENERATION:
        from IODeepLib.importers import first_generation

        with first_generation.draft(FolderSource(path), labels=labels) as draft:
            yield draft
        return
    from IODeepLib.importers import kaapana, nnunet

    before = Path(options["previous_stage"]) if options.get("previous_stage") else None
    folds, of = options.get("folds") or None, options.get("configuration") or None
    with (
        kaapana.draft(FolderSource(path), None, folds, of, previous_stage=before)
        if kind is Format.KAAPANA
        else nnunet.draft(path, folds, of, previous_stage=before)
    ) as draft:
        yield draft


def _names(path: Path) -> Iterator[str]:
    if path.is_dir():
        yield from (one.relative_to(path).as_posix() for one in path.rglob("*"))
    elif path.is_file() and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                yield from archive.namelist()
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise ModelError(
                f"{path} cannot be read ({error})", "a whole ZIP file", "fetch it again"
            ) from None
    elif path.is_file():
        yield path.name
    else:
        raise ModelError(f"no {path}", "a folder or file with a network", "check the path")

"""Whether what a folder holds came of the same run, so that its result may take its place.

The same run: the same series, network and options. Whatever cannot be read, says less or says
something else is the result of another one, which somebody may still need.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from IODeepLib.errors import OutputError
from IODeepLib.text.json_text import MAX_JSON_CHARACTERS, parse_json

DOCUMENT_NAME = "result.json"
_Said = Annotated[str, Meta(min_length=1)]


class _Provenance(Struct):
    """By which network, and how."""

    publisher: _Said
    name: _Said
    version: _Said
    model_uid: _Said
    network_digest: _Said
    options: Annotated[dict[str, Any], Meta(min_length=1)]


class _Run(Struct):
    """What a run is known by; without UIDs nobody knows whether the images are the same."""

    series: _Said
    series_instance_uids: Annotated[list[_Said], Meta(min_length=1)]
    provenance: _Provenance


def refuse_other_run(
    folder: Path, document: dict[str, Any], where: Path, written: Collection[str] | None = None
) -> None:
    """Refuse to replace what `folder` holds, unless it came of the run that `document` describes.

    Args:
        folder: what would be replaced; it may be empty, or not exist.
        document: of the new run, as in `result.json`, or as much of it as is known before.
        where: the folder that a person knows it by.
        written: the names of the files that take the place of those there, once they are known.

    Raises:
        OutputError: it holds something else.
    """
    names = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
    if not names:
        return
    lost = [] if written is None else [name for name in names if name not in written]
    former = _document(folder / DOCUMENT_NAME)
    run = _known(former)
    if run is None or run != _known(document) or lost:
        what = f"{names[0]}, and no {DOCUMENT_NAME} of this run"
        if lost and run == _known(document):
            what = f"{lost[0]}, which this run does not write"
        elif run is not None:
            network = run.provenance
            what = f"the result of {network.name}@{network.version} on {run.series}"
        raise OutputError(
            f"{where} holds {what}",
            "a new or an empty folder, or a result of the same series, network and options",
            "choose another folder, or replace what is there with 'run --force'",
        )


def _document(path: Path) -> Any:
    """The JSON in `path`, or None: it may be anything that has this name."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_JSON_CHARACTERS:
            return None
        return parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _known(document: Any) -> _Run | None:
    """What the run is known by, or None where something of it is missing."""
    try:
        return msgspec.convert(document, _Run)
    except msgspec.ValidationError:
        return None

"""What is kept of a result once it is in the PACS, for the page: a picture and what was measured.

    UID.png     slices with what was found
    UID.json    what was measured, see `Kept`

The last results alone, and no large pictures: the results themselves are in the PACS.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from IODeepLib.disk.files import whole_file
from IODeepLib.errors import OutputError
from IODeepLib.service.tasks import read_json, write_json
from IODeepLib.text.json_text import parse_json
from IODeepLib.text.records import Record

# As results have them; what writes those is not loaded where nothing is run.
DOCUMENT, PICTURES = "result.json", ("overlay.png", "occlusion.png")
_MOST_RESULTS = 500
_MOST_BYTES = 1_000_000  # of a picture; the usual one has some hundred thousand
_MOST_ROWS = 200
_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, OutputError)


class Row(Record):
    """A segment, or a value of the whole image.

    Attributes:
        name: what it is.
        volume_ml, long_axis_mm: of a segment that was found, as far as that is known.
        value: of the whole image.
    """

    name: str
    volume_ml: float | None = None
    long_axis_mm: float | None = None
    value: float | None = None


def keep(folder: Path, uid: str, result: Path) -> None:
    """Keep what is shown of a result; whatever is wrong with that, the result is stored.

    Args:
        folder: where.
        uid: of its job.
        result: the folder with the files of the result.
    """
    with suppress(*_DAMAGE):
        document = parse_json((result / DOCUMENT).read_text(encoding="utf-8"))
        write_json(folder / f"{uid}.json", _rows(document))
        pictures = [result / name for name in PICTURES if (result / name).is_file()]
        if pictures and pictures[0].stat().st_size <= _MOST_BYTES:
            with whole_file(folder / f"{uid}.png") as new:
                shutil.copyfile(pictures[0], new)
        _forget_oldest(folder)


def picture_of(folder: Path, uid: str) -> Path | None:
    """The picture of a result, if there is one."""
    path = folder / f"{uid}.png"
    return path if path.is_file() else None


def rows_of(folder: Path, uid: str) -> list[Row]:
    """What was measured in a result, as far as it is kept."""
    with suppress(OSError, ValueError):
        found: list[Row] = read_json(folder / f"{uid}.json", list[Row])
        return found
    return []


def _rows(document: dict[str, Any]) -> list[Row]:
    """What a document `result.json` says of segments, or of the whole image."""
    measured = document.get("measurements") or {}
    rows = [
        Row(one["label"], one["volume_ml"], one["long_axis_mm"])
        for one in measured.get("segments", ())
    ]
    rows += [Row(name, value=value) for name, value in document.get("values", {}).items()]
    return rows[:_MOST_ROWS]


def _forget_oldest(folder: Path) -> None:
    """Keep no more than so many."""
    kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_MOST_RESULTS:]:
        for gone in (path, path.with_suffix(".png")):
            gone.unlink(missing_ok=True)

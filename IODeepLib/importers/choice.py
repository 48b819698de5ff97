"""Which of the networks that others stored in a source is meant, and its files."""

from __future__ import annotations

from pathlib import Path

from IODeepLib.errors import ModelError, UsageError
from IODeepLib.machine.progress import Progress
from IODeepLib.sources import Source
from IODeepLib.sources.other_networks import OtherNetwork, other_networks
from IODeepLib.text.foreign import is_uid


def files_of(
    source: Source,
    format_: str,
    series: str | None,
    folder: Path,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """The files of the network of this format, fetched from a PACS into `folder`.

    Args:
        source: where it is.
        format_: how `iodeep import` calls it.
        series: its Series Instance UID, where there are several.
        folder: for what is fetched.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        UsageError: there are several, or `series` is no UID.
        ModelError: there is none.
        SourceError: the PACS failed.
    """
    if series is not None and not is_uid(series):
        raise UsageError(f"--series {series!r}", "a UID: digits and dots", "correct --series")
    found = [one for one in other_networks(source) if one.format == format_]
    if series is not None:
        found = [one for one in found if one.series_uid == series]
        if not found:  # a PACS does not tell all of them from other objects
            return _fetched(source, series, folder, progress, format_)
    one = _one_of(found, source, format_)
    return one.files or _fetched(source, one.series_uid, folder, progress, format_)


def _one_of(found: list[OtherNetwork], source: Source, format_: str) -> OtherNetwork:
    if len(found) > 1:
        listed = "; ".join(f"{one.name} {one.about}, UID {one.series_uid}" for one in found)
        raise UsageError(
            f"{len(found)} networks in {source.name} ({listed})", "one of them", "add --series UID"
        )
    if not found:
        raise _none(source, format_)
    return found[0]


def _fetched(
    source: Source, series: str, folder: Path, progress: Progress | None, format_: str
) -> tuple[Path, ...]:
    copies = folder / "objects"
    copies.mkdir()
    files = tuple(source.objects(series, copies, progress))
    if not files:
        raise _none(source, format_)
    return files


def _none(source: Source, format_: str) -> ModelError:
    return ModelError(
        f"no network of the kind {format_} in {source.name}",
        "its objects, as they were stored",
        "see 'iodeep list' of it, or check the path and --series",
    )

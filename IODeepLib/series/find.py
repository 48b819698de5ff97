"""Image series in files and folders."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from IODeepLib.disk.files import walk
from IODeepLib.errors import ImageError
from IODeepLib.headers import integer, quiet, text
from IODeepLib.machine.progress import Progress
from IODeepLib.series.completeness import shortfalls
from IODeepLib.series.formats import foreign, next_step
from IODeepLib.series.frames import frames_of
from IODeepLib.series.identity import identity_conflict
from IODeepLib.series.image_file import ImageFile, Skipped, read_image_file
from IODeepLib.series.image_series import ImageSeries
from IODeepLib.series.left_out import left_out
from IODeepLib.series.split import split
from IODeepLib.text.foreign import printable
from IODeepLib.text.wording import counted

logger = logging.getLogger(__name__)

_Key = tuple[str, ...]


def find_series(
    path: Path | str | Sequence[Path | str],
    *,
    progress: Progress | None = None,
    as_found: bool = False,
) -> list[ImageSeries]:
    """All image volumes in a file, in a folder and its subfolders, or in a list of them.

    Only headers are read. Files that are no DICOM images are passed over; a file that was asked
    for by its name must be readable, though.

    Args:
        path: what to look through.
        progress: called with the fraction done and a message; may raise CancelledError.
        as_found: whether files that are named need be no more readable than those in a folder.

    Returns:
        One entry a volume, by study, series number and what the series was split by.

    Raises:
        ImageError: there is no image, or a file that was named cannot be read.
    """
    given = [Path(p) for p in ([path] if isinstance(path, (str, Path)) else path)]
    named = set() if as_found else {p for p in given if not p.is_dir()}
    paths = list(dict.fromkeys(p for root in given for p in _files_below(root)))
    images: list[ImageFile] = []
    skipped: list[Skipped] = []
    for i, file in enumerate(paths):
        with quiet():
            read = read_image_file(file)
        if isinstance(read, ImageFile):
            images.append(read)
        else:
            _pass_over(read, file in named)
            skipped.append(read)
        if progress is not None:
            progress((i + 1) / len(paths), f"read header {i + 1} of {len(paths)}")
    if not images:
        raise _nothing_found(given, skipped)
    with quiet():
        return _series(images, [s for s in skipped if s.damaged])


def _files_below(root: Path) -> Iterable[Path]:
    if not root.is_dir():
        return [root]
    # Hidden files are the system's; those beginning with ._ even have a DICOM file's name.
    return (path for path in walk(root) if not path.name.startswith("."))


def _pass_over(file: Skipped, named: bool) -> None:
    logger.debug("%s is passed over: %s", file.path, file.reason)
    if named and (file.damaged or file.header is None):  # no object of another kind
        wanted = "a complete DICOM image" if file.damaged else "a DICOM image"
        raise ImageError(f"{file.path}: {file.reason}", wanted, next_step(file.reason))


def _nothing_found(given: list[Path], skipped: list[Skipped]) -> ImageError:
    kinds = Counter("damaged" if s.damaged else s.reason for s in skipped)
    named = ((n, kind.removeprefix("a ").removeprefix("an ")) for kind, n in kinds.most_common(5))
    counts = ", ".join(f"{n} x {kind}" for n, kind in named) or "no files"
    where = str(given[0]) if len(given) == 1 else f"{len(given)} paths"
    damaged = next((f" ({s.path}: {s.reason})" for s in skipped if s.damaged), "")
    most = kinds.most_common(1)[0][0] if kinds else ""
    what_now = next_step(most) if foreign(most) else "name a file or folder with an image series"
    return ImageError(f"no image in {where}: {counts}{damaged}", "DICOM images", what_now)


def _series(images: list[ImageFile], damaged: list[Skipped]) -> list[ImageSeries]:
    by_key: dict[_Key, list[ImageFile]] = defaultdict(list)
    for image in images:
        by_key[_key(image)].append(image)
    broken, possible = _whose(damaged, by_key)
    found: list[tuple[tuple, ImageSeries]] = []
    for key, group in by_key.items():
        # Before copies are left out: those of another patient are none.
        mixed, lacking = identity_conflict(group)
        files, remarks = _once(sorted(group, key=_instance))
        remarks = (*remarks, *lacking)
        frames = [frame for file in files for frame in frames_of(file)]
        parts = split(frames)
        single = {id(f.file): f.file for part in parts for f in part.frames}  # without repeats
        short = shortfalls(list(single.values()))
        for i, part in enumerate(parts):
            noticed = [*remarks, *possible[key]]
            if part.repeats:
                noticed.insert(len(remarks), _repeats(part.repeats))
            if len(part.frames) > 1 or part.frames[0].is_placed:  # else each stands for itself
                noticed += short
            series = ImageSeries(
                part.frames,
                part.split_by,
                tuple(broken[key]),
                tuple(noticed),
                mixed,
                left_out(part.frames, [p.frames for p in parts]),
            )
            number = integer(files[0].header, "SeriesNumber") or 0
            study = text(files[0].header, "StudyInstanceUID")
            found.append(((study, number, key, i), series))
    return [series for _, series in sorted(found, key=lambda pair: pair[0])]


def _repeats(count: int) -> str:
    which = "image that repeats" if count == 1 else "images that repeat"
    are = "is" if count == 1 else "are"
    return f"{count} {which} another one, voxel for voxel, {are} left out"


def _key(image: ImageFile) -> _Key:
    """What images of one series have in common; whether of one study too is asked later."""
    header = image.header
    series = text(header, "SeriesInstanceUID")
    if series:
        return "", series
    told_apart_by = ("PatientID", "Modality", "SeriesNumber", "SeriesDescription")
    study = text(header, "StudyInstanceUID")
    return study, "", str(image.path.parent), *(text(header, k) for k in told_apart_by)


def _instance(image: ImageFile) -> tuple[int, str]:
    return integer(image.header, "InstanceNumber") or 0, str(image.path)


def _once(files: list[ImageFile]) -> tuple[list[ImageFile], tuple[str, ...]]:
    """Copies of the same instance count once; different images under one UID all stay."""
    seen: set[tuple] = set()
    kept = []
    for file in sorted(files, key=lambda f: bool(f.damage)):  # the intact copy first
        identity = (
            file.uid,
            *(text(file.header, k) for k in ("ImagePositionPatient", "InstanceNumber")),
            file.number_of_frames,
        )
        if file.uid and identity in seen:
            logger.debug("%s is a copy of an image that is already there", file.path)
            continue
        seen.add(identity)
        kept.append(file)
    uids = Counter(file.uid for file in kept if file.uid)
    shared = sum(1 for n in uids.values() if n > 1)
    remarks = []
    if shared:
        are = "is" if shared == 1 else "are"
        uid = counted(shared, "SOP Instance UID")
        remarks.append(f"{uid} {are} used by several different images")
    if copies := len(files) - len(kept):
        are = "is" if copies == 1 else "are"
        remarks.append(f"{counted(copies, 'copy', 'copies')} of its files {are} left out")
    return kept, tuple(remarks)


def _whose(
    damaged: list[Skipped], by_key: dict[_Key, list[ImageFile]]
) -> tuple[dict[_Key, list[str]], dict[_Key, list[str]]]:
    """The damaged files of each series, by UID or as the only series in their folder.

    Returns:
        Those, and remarks on those that may be of a series, because it has files in their folder.
    """
    in_folder: dict[Path, set[_Key]] = defaultdict(set)
    for key, files in by_key.items():
        for file in files:
            in_folder[file.path.parent].add(key)
    found: dict[_Key, list[str]] = defaultdict(list)
    possible: dict[_Key, list[str]] = defaultdict(list)
    unowned = []
    intact = {file.uid for files in by_key.values() for file in files}
    for broken in damaged:
        header = broken.header
        if header is not None and text(header, "SOPInstanceUID") in intact - {""}:
            continue
        uid = text(header, "SeriesInstanceUID") if header is not None else ""
        owners = {key for key in by_key if uid and key[1] == uid}
        # A UID at which the file breaks off may be a part of the series' own.
        beside = {key for key in in_folder[broken.path.parent] if key[1].startswith(uid)}
        if not owners and len(beside) == 1:
            owners = beside
        said = f"{printable(str(broken.path))}: {broken.reason}"
        for key in owners:
            found[key].append(said)
        if not owners:
            unowned.append(broken)
            for key in beside:
                possible[key].append(f"a damaged file may be of this series, {said}")
    if unowned:
        first = unowned[0]
        count = counted(len(unowned), "damaged file")
        logger.warning("%s, first %s: %s", count, first.path, first.reason)
    return found, possible

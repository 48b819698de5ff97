"""Image series in files and folders."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from IODeepLib.errors import ImageError
from IODeepLib.files import walk
from IODeepLib.headers import integer, quiet, text
from IODeepLib.series.frames import frames_of
from IODeepLib.series.image_file import ImageFile, Skipped, read_image_file
from IODeepLib.series.image_series import ImageSeries
from IODeepLib.series.pixels import Progress
from IODeepLib.series.split import split

logger = logging.getLogger(__name__)

_Key = tuple[str, ...]


def find_series(
    path: Path | str | Sequence[Path | str], *, on_progress: Progress | None = None
) -> list[ImageSeries]:
    """All image volumes in a file, in a folder and its subfolders, or in a list of them.

    Only headers are read. Files that are no DICOM images are passed over; a file that was asked
    for by its name must be readable, though.

    Args:
        path: what to look through.
        on_progress: called with the fraction done and a message; may raise CancelledError.

    Returns:
        One entry a volume, by study, series number and what the series was split by.

    Raises:
        ImageError: there is no image, or a file that was named cannot be read.
    """
    given = [Path(p) for p in ([path] if isinstance(path, (str, Path)) else path)]
    named = {p for p in given if not p.is_dir()}
    paths = list(dict.fromkeys(p for root in given for p in _files_below(root)))
    images: list[ImageFile] = []
    skipped: list[Skipped] = []
    with quiet():
        for i, file in enumerate(paths):
            read = read_image_file(file)
            if isinstance(read, ImageFile):
                images.append(read)
            else:
                _pass_over(read, file in named)
                skipped.append(read)
            if on_progress is not None:
                on_progress((i + 1) / len(paths), f"read header {i + 1} of {len(paths)}")
        if not images:
            raise _nothing_found(given, skipped)
        return _series(images, [s for s in skipped if s.damaged])


def _files_below(root: Path) -> Iterable[Path]:
    if not root.is_dir():
        return [root]
    # Hidden files are the system's; those beginning with ._ even have a DICOM file's name.
    return (path for path in walk(root) if not path.name.startswith("."))


def _pass_over(file: Skipped, named: bool) -> None:
    logger.debug("%s is passed over: %s", file.path, file.reason)
    broken = file.damaged or file.reason in ("not DICOM", "empty")
    if named and broken:
        raise ImageError(
            f"{file.path}: {file.reason}", "a complete DICOM image", "check or fetch the file again"
        )


def _nothing_found(given: list[Path], skipped: list[Skipped]) -> ImageError:
    kinds = Counter("damaged" if s.damaged else s.reason for s in skipped)
    counted = ", ".join(f"{n} x {kind}" for kind, n in kinds.most_common(5)) or "no files"
    where = str(given[0]) if len(given) == 1 else f"{len(given)} paths"
    damaged = next((f" ({s.path}: {s.reason})" for s in skipped if s.damaged), "")
    return ImageError(
        f"no image in {where}: {counted}{damaged}",
        "DICOM images",
        "name a file or folder with an image series",
    )


def _series(images: list[ImageFile], damaged: list[Skipped]) -> list[ImageSeries]:
    by_key: dict[_Key, list[ImageFile]] = defaultdict(list)
    for image in images:
        by_key[_key(image)].append(image)
    broken = _whose(damaged, by_key)
    found: list[tuple[tuple, ImageSeries]] = []
    for key, group in by_key.items():
        files, remarks = _once(sorted(group, key=_instance))
        frames = [frame for file in files for frame in frames_of(file)]
        for i, part in enumerate(split(frames)):
            repeats = (
                f"{part.left_out} images that repeat another one, voxel for voxel, are left out"
            )
            noticed = (*remarks, repeats) if part.left_out else remarks
            series = ImageSeries(part.frames, part.split_by, tuple(broken[key]), noticed)
            number = integer(files[0].header, "SeriesNumber") or 0
            found.append(((key[0], number, key, i), series))
    return [series for _, series in sorted(found, key=lambda pair: pair[0])]


def _key(image: ImageFile) -> _Key:
    header = image.header
    study, series = text(header, "StudyInstanceUID"), text(header, "SeriesInstanceUID")
    if series:
        return study, series
    told_apart_by = ("PatientID", "Modality", "SeriesNumber", "SeriesDescription")
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
        remarks.append(f"{shared} SOP Instance UIDs are used by several different images")
    if len(kept) < len(files):
        remarks.append(f"{len(files) - len(kept)} copies of its files are left out")
    return kept, tuple(remarks)


def _whose(damaged: list[Skipped], by_key: dict[_Key, list[ImageFile]]) -> dict[_Key, list[str]]:
    """The damaged files of each series: by UID, or as the only series in their folder."""
    in_folder: dict[Path, set[_Key]] = defaultdict(set)
    for key, files in by_key.items():
        for file in files:
            in_folder[file.path.parent].add(key)
    found: dict[_Key, list[str]] = defaultdict(list)
    unowned = []
    intact = {file.uid for files in by_key.values() for file in files}
    for broken in damaged:
        header = broken.header
        if header is not None and text(header, "SOPInstanceUID") in intact - {""}:
            continue
        uid = text(header, "SeriesInstanceUID") if header is not None else ""
        owners = {key for key in by_key if uid and key[1] == uid}
        if not owners and not uid and len(in_folder[broken.path.parent]) == 1:
            owners = in_folder[broken.path.parent]
        if not owners:
            unowned.append(broken)
        for key in owners:
            found[key].append(f"{broken.path}: {broken.reason}")
    if unowned:
        first = unowned[0]
        logger.warning("%d damaged files, first %s: %s", len(unowned), first.path, first.reason)
    return found

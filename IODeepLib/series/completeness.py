"""Whether images say that there are more of their series than are here.

Nothing of this is proof: scanners number as they like. But a part must not be taken for the whole
in silence, so that what the images say is said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from IODeepLib.headers import integer, text
from IODeepLib.series.frames import Frame
from IODeepLib.series.image_file import ImageFile
from IODeepLib.text.wording import counted

_RANGES_SHOWN = 3
# An image that is numbered farther away from its neighbors belongs to another counting.
_LONGEST_HOLE = 10_000


def shortfalls(files: Sequence[ImageFile]) -> list[str]:
    """What the images of one DICOM series say of others that are not here."""
    return [*_in_acquisition(files), *_in_series(files), *_numbers(files), *_concatenations(files)]


def shortfall_of(frames: Sequence[Frame]) -> list[str]:
    """What of one volume is not here: a PET image says how many slices it has. (PS3.3 C.8.9.1)"""
    stated = integer(frames[0].file.header, "NumberOfSlices") or 0
    if frames[0].is_placed and stated > len(frames):
        return [f"{len(frames)} of {counted(stated, 'slice')} (NumberOfSlices)"]
    return []


def _images(files: Sequence[ImageFile]) -> int:
    return sum(file.number_of_frames for file in files)


def _in_acquisition(files: Sequence[ImageFile]) -> list[str]:
    """(0020,1002), which devices count in an acquisition or in the whole series."""
    keyword = "ImagesInAcquisition"
    by_acquisition: dict[str, list[ImageFile]] = defaultdict(list)
    for file in files:
        by_acquisition[text(file.header, "AcquisitionNumber")].append(file)
    stated = {k: max(_stated(group, keyword)) for k, group in by_acquisition.items()}
    most, here = max(stated.values()), _images(files)
    if here < most:
        return [f"{here} of {counted(most, 'image')} ({keyword})"]
    if here == most:
        return []
    return [
        f"{_images(by_acquisition[k])} of {counted(n, 'image')} in acquisition {k} ({keyword})"
        for k, n in stated.items()
        if k and _images(by_acquisition[k]) < n
    ]


def _in_series(files: Sequence[ImageFile]) -> list[str]:
    """What a server has written into the images, or a scanner of time points."""
    found = []
    keyword = "NumberOfSeriesRelatedInstances"
    most = max(_stated(files, keyword))
    if len(files) < most:
        found.append(f"{len(files)} of {counted(most, 'instance')} ({keyword})")
    keyword = "NumberOfTemporalPositions"
    most = max(_stated(files, keyword))
    points = {text(file.header, "TemporalPositionIdentifier") for file in files} - {""}
    if points and len(points) < most:
        found.append(f"{len(points)} of {counted(most, 'time point')} ({keyword})")
    return found


def _stated(files: Sequence[ImageFile], keyword: str) -> list[int]:
    return [0, *(integer(file.header, keyword) or 0 for file in files)]


def _numbers(files: Sequence[ImageFile]) -> list[str]:
    """Instance Number (0020,0013) begins with 1 (or 0), and each image has the next."""
    read = {integer(file.header, "InstanceNumber") for file in files}
    numbers = sorted(n for n in read if n is not None and n >= 0)
    if not numbers:
        return []
    found = []
    if numbers[0] > 1:
        found.append(f"instance numbers begin with {numbers[0]} (InstanceNumber)")
    holes = [
        (low + 1, high - 1) for low, high in pairwise(numbers) if 1 < high - low <= _LONGEST_HOLE
    ]
    if holes:
        count = sum(last - first + 1 for first, last in holes)
        listed = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in holes[:_RANGES_SHOWN])
        more = len(holes) - _RANGES_SHOWN
        and_more = f" and {counted(more, 'more hole')}" if more > 0 else ""
        found.append(
            f"{counted(count, 'instance number')} between {numbers[0]} and {numbers[-1]} "
            f"{'is' if count == 1 else 'are'} not here: {listed}{and_more} (InstanceNumber)"
        )
    return found


def _concatenations(files: Sequence[ImageFile]) -> list[str]:
    """Parts of one multi-frame image in several files. (PS3.3 section C.7.6.16.2.2.4)"""
    here: Counter[str] = Counter()
    stated: dict[str, int] = {}
    for file in files:
        uid = text(file.header, "ConcatenationUID")
        if uid:
            here[uid] += 1
            total = integer(file.header, "InConcatenationTotalNumber") or 0
            highest = integer(file.header, "InConcatenationNumber") or 0
            stated[uid] = max(stated.get(uid, 0), total, highest)
    keyword = "InConcatenationTotalNumber"
    return [
        f"{here[uid]} of {counted(n, 'part')} of a multi-frame image ({keyword})"
        for uid, n in stated.items()
        if here[uid] < n
    ]

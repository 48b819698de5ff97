"""The frames of a DICOM SEG or map: which there are, what each holds, and where it lies.

Ours because highdicom, which makes frames too, asks for float or one-hot arrays of the whole volume
where labels overlap or have probabilities, and looks at every segment in every slice. Here a frame
is made from one slice of the label array at a time, and only where there is something.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from io import BytesIO
from itertools import islice

import numpy as np
import numpy.typing as npt
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from IODeepLib.codes import SEGMENTATION, SOURCE_IMAGE, Code
from IODeepLib.geometry.arrays import Mask
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.results.encoding import encoded, encoded_item, encoded_sequence, encoded_text
from IODeepLib.results.place import Place
from IODeepLib.results.source_images import image_reference
from IODeepLib.series import Frame

# Bits of one frame follow those of the frame before without a pad (PS3.5 section 8.1.1); those of
# eight frames fill whole bytes, whatever their size.
_FRAMES_AT_A_TIME = 8

# What stands for 1 among the probabilities of a label.
MAX_FRACTIONAL_VALUE = 255

_PER_FRAME = Tag("PerFrameFunctionalGroupsSequence")

Bytes = npt.NDArray[np.uint8]


class SegmentationType(StrEnum):
    """Segmentation Type (0062,0001)."""

    BINARY = "BINARY"
    LABELMAP = "LABELMAP"
    FRACTIONAL = "FRACTIONAL"


@dataclass(frozen=True, slots=True, eq=False)
class FrameTable:
    """Which frames there are: one for each place of `there` that is true, row by row.

    Attributes:
        there: (segment, slice). A LABELMAP has one row, for all segments together; so has a map.
        plane: gives the pixels (row, column) of a frame from the index of its row and its slice.
        seg_type: how the pixels of a SEG are stored; None for a map, in single precision.
        derivation: how they came of the images.
    """

    there: Mask
    plane: Callable[[int, int], npt.NDArray]
    seg_type: SegmentationType | None
    derivation: Code = SEGMENTATION

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(segment index, slice index) of each frame, zero based."""
        return ((int(i), int(k)) for i, k in np.argwhere(self.there))

    def __len__(self) -> int:
        return int(np.count_nonzero(self.there))

    def pixel_data(self) -> bytes:
        """All frames, native little endian: bits, unsigned integers, or floats."""
        planes: Iterator[npt.NDArray] = (self.plane(i, k) for i, k in self)
        if self.seg_type is SegmentationType.BINARY:
            planes = _packed(planes)
        data = BytesIO()
        for plane in planes:
            data.write(plane.tobytes())
        data.write(b"\0" * (data.tell() % 2))
        return data.getvalue()


def _packed(planes: Iterator[Mask]) -> Iterator[Bytes]:
    """The bits of all planes, some at a time."""
    room: Mask | None = None  # made once: new memory costs more than the work
    while group := list(islice(planes, _FRAMES_AT_A_TIME)):
        if room is None:
            room = np.empty((_FRAMES_AT_A_TIME, *group[0].shape), bool)
        stacked = np.stack(group, out=room[: len(group)])
        yield np.packbits(stacked, axis=None, bitorder="little")


def found_labels(segmentation: Segmentation) -> tuple[Mask, Sequence[Label]]:
    """(label, slice): where each label is; and the labels that are anywhere.

    Raises:
        ValueError: the array holds a value that no label has.
    """
    array, labels = segmentation.array, segmentation.labels
    if segmentation.overlapping:
        there = np.array([layer.any(axis=(1, 2)) for layer in array])
    else:
        there = np.array([_which(plane, [x.value for x in labels]) for plane in array]).T
    return there, tuple(x for x, row in zip(labels, there, strict=True) if row.any())


def binary_frames(segmentation: Segmentation, there: Mask) -> FrameTable:
    """One frame for each label and slice where the label is."""
    array, labels = segmentation.array, segmentation.labels
    present = np.flatnonzero(there.any(axis=1))
    if segmentation.overlapping:

        def plane(i: int, k: int) -> Mask:
            return array[present[i], k] != 0
    else:
        values = [labels[i].value for i in present]

        def plane(i: int, k: int) -> Mask:
            return array[k] == values[i]

    return FrameTable(there[present], plane, SegmentationType.BINARY)


def fractional_frames(segmentation: Segmentation, there: Mask) -> FrameTable:
    """One frame for each label that was found and each slice where its probability is not 0."""
    probabilities = segmentation.probabilities
    assert probabilities is not None  # noqa: S101  callers ask for them only where there are any
    present = np.flatnonzero(there.any(axis=1))
    somewhere = np.array([probabilities[i].any(axis=(1, 2)) for i in present])

    def plane(i: int, k: int) -> Bytes:
        return probabilities[present[i], k]

    return FrameTable(somewhere, plane, SegmentationType.FRACTIONAL)


def voxels_at_half(segmentation: Segmentation) -> dict[str, int]:
    """Of each label that was found, how many voxels have a probability of a half or more.

    Readers who take what is FRACTIONAL for yes or no see these.
    """
    probabilities = segmentation.probabilities
    assert probabilities is not None  # noqa: S101  as above
    there, _ = found_labels(segmentation)
    half = (MAX_FRACTIONAL_VALUE + 1) // 2
    return {
        label.name: sum(int(np.count_nonzero(plane >= half)) for plane in layer)
        for label, row, layer in zip(segmentation.labels, there, probabilities, strict=True)
        if row.any()
    }


def labelmap_frames(segmentation: Segmentation, bits: int) -> FrameTable:
    """One frame for each slice, with label values of 8 or 16 `bits`."""
    array, kind = segmentation.array, {8: "u1", 16: "<u2"}[bits]

    def plane(_: int, k: int) -> npt.NDArray:
        return array[k].astype(kind)

    return FrameTable(np.ones((1, len(array)), bool), plane, SegmentationType.LABELMAP)


def labels_overlap(segmentation: Segmentation, there: Mask) -> bool:
    """Whether some voxel has two labels."""
    if not segmentation.overlapping:
        return False
    for k in range(there.shape[1]):
        seen = np.zeros(segmentation.grid.shape[1:], bool)
        for i in np.flatnonzero(there[:, k]):
            mask = segmentation.array[i, k] != 0
            if (seen & mask).any():
                return True
            seen |= mask
    return False


def functional_groups(table: FrameTable, place: Place) -> RawDataElement:
    """Per-Frame Functional Groups Sequence (5200,9230), PS3.3 section A.51.5.

    It is put together from pieces, each encoded once, for many frames have the same slice or the
    same segment: in Explicit VR Little Endian, as it stands in a file. Whoever looks at it in a
    data set sees the items as ever.

    Args:
        table: the frames.
        place: where the slices lie.
    """
    used: Mask = np.any(table.there, axis=0)
    rank = np.cumsum(used).tolist()  # dimension indices count the positions that there are
    by_segment = table.seg_type not in (SegmentationType.LABELMAP, None)
    placed = place.grid is not None
    derivations = [_derivation(image, table.derivation) for image in place.images]
    places = [place.position(k) for k in range(len(used))]
    segments = [_segment(i + 1) if by_segment else b"" for i in range(len(table.there))]
    dimensions = by_segment + placed
    content = _content(dimensions)
    items = []
    for i, k in table:
        index = ([i + 1] if by_segment else []) + ([rank[k]] if placed else [])
        indexed = content[: len(content) - 4 * dimensions] + struct.pack(f"<{dimensions}I", *index)
        item = derivations[k] + indexed + places[k] + segments[i]  # in the order of their tags
        items.append(encoded_item(item))
    value = b"".join(items)
    return RawDataElement(_PER_FRAME, "SQ", len(value), value, 0, False, True)


def _which(plane: npt.NDArray[np.unsignedinteger], values: Sequence[int]) -> Mask:
    """(label,): which of `values` are in a slice of a label array."""
    flat = plane.ravel()
    # Of neighbors that are equal, one is enough: few voxels have others beside them.
    different = np.append(flat[:1], flat[1:][flat[1:] != flat[:-1]])
    counts = np.bincount(different, minlength=max(values) + 1)
    if counts[0] + counts[values].sum() < different.size:
        raise ValueError("the label array holds values that no label has")
    return counts[values] > 0


def _segment(number: int) -> bytes:
    item = Dataset()
    item.ReferencedSegmentNumber = number
    return encoded_sequence("SegmentIdentificationSequence", encoded(item))


def _content(dimensions: int) -> bytes:
    """Frame Content Sequence, which ends with as many index values of 4 bytes."""
    item = Dataset()
    item.DimensionIndexValues = [1] * max(1, dimensions)
    if not dimensions:
        item.FrameLabel = "1"  # what highdicom's Dimension Index Sequence then points to
    return encoded_sequence("FrameContentSequence", encoded(item))


def _derivation(source: Frame | None, how: Code) -> bytes:
    """Derivation Image Sequence, empty where no image lies in the plane. (PS3.3 C.7.6.16.2.6)"""
    if source is None:
        return encoded_sequence("DerivationImageSequence")
    purpose, derivation = _codes(how)
    reference = image_reference(source.file, [source.number])
    image = b"".join(
        (
            *(encoded_text(e.keyword, str(e.value)) for e in reference),
            encoded_text("SpatialLocationsPreserved", "YES"),
            purpose,
        )
    )
    images = encoded_sequence("SourceImageSequence", image)
    return encoded_sequence("DerivationImageSequence", images + derivation)


@cache
def _codes(how: Code) -> tuple[bytes, bytes]:
    """Purpose of Reference Code Sequence of a source image, and its Derivation Code Sequence."""
    purpose, derivation = (encoded(code.to_dataset()) for code in (SOURCE_IMAGE, how))
    return (
        encoded_sequence("PurposeOfReferenceCodeSequence", purpose),
        encoded_sequence("DerivationCodeSequence", derivation),
    )

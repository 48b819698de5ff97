"""From stored pixels to the voxels of a volume, in as little memory and time as it takes.

Native pixel data are read from the file straight into the volume, without parsing the file again;
the others are decoded by pydicom with the decoders that are installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, get_decoder, iter_pixels
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEG2000TransferSyntaxes,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from IODeepLib.errors import ImageError
from IODeepLib.geometry.arrays import Mask
from IODeepLib.headers import integer, quiet
from IODeepLib.machine.progress import Progress
from IODeepLib.series.bits import native_bits
from IODeepLib.series.codestream import sizes_in
from IODeepLib.series.frames import Frame
from IODeepLib.series.image_file import ImageFile, undecodable
from IODeepLib.series.padding import PaddingMask, padded, padding_of
from IODeepLib.series.scaling import Scaling

_FLOATS: dict[str, np.dtype] = {
    "FloatPixelData": np.dtype(np.float32),
    "DoubleFloatPixelData": np.dtype(np.float64),
}

# The packages that bring decoders to pydicom: https://pydicom.github.io/pydicom/stable/guides/plugin_table.html
_PACKAGES = (
    (JPEGTransferSyntaxes, "python-gdcm"),
    (JPEGLSTransferSyntaxes, "pyjpegls"),
    (JPEG2000TransferSyntaxes, "pylibjpeg pylibjpeg-openjpeg"),
)
# Bits of JPEG Extended that decoders without the GPL read.
_BITS_OF_MOST = 8


def read_voxels(
    frames: Sequence[Frame], scalings: Sequence[Scaling], progress: Progress | None = None
) -> tuple[npt.NDArray, Mask | None]:
    """The real values of `frames`, one slice a frame, and which of them are padding.

    Args:
        frames: the images, all of one size.
        scalings: what makes real values of each one's stored ones.
        progress: called with the fraction done and a message.

    Returns:
        (slice, row, column) twice. Where stored values and rescaling are whole numbers: int16 if
        the values fit and were stored in no more bits, else int32. Otherwise, and where not even
        int32 holds them, float32, computed in float64 and rounded once. The padding, None if there
        is none, holds what stands for nothing in this image, see `PaddingMask.fill`.

    Raises:
        ImageError: pixels that cannot be decoded, or that are all padding.
    """
    types = {_stored_type(frame.file) for frame in frames}
    whole = all(t.kind in "iu" and t.itemsize <= 4 for t in types)
    padding = PaddingMask(_shape(frames))
    if whole and any(scaling.lookup_table is not None for scaling in scalings):
        voxels = _looked_up(frames, padding, progress)
    elif whole and len(types) == 1 and all(map(_whole, scalings)):
        voxels = _whole_numbers(frames, scalings, types.pop(), padding, progress)
    else:
        voxels = np.empty(_shape(frames), dtype=np.float32)
        for i, plane in planes(frames, None, progress):
            voxels[i], unmapped = _real(plane, scalings[i])
            padding.add(i, padded(plane, padding_of(frames[i])), voxels[i])
            padding.add(i, unmapped, voxels[i])
    padding.fill(voxels, frames)
    return voxels, padding.array


def _whole_numbers(
    frames: Sequence[Frame],
    scalings: Sequence[Scaling],
    stored: np.dtype,
    padding: PaddingMask,
    progress: Progress | None,
) -> npt.NDArray:
    """Rescale in place: the sums wrap around, which is exact wherever the result fits."""
    signed: np.dtype = np.dtype(np.int16 if stored.itemsize <= 2 else np.int32)
    voxels = np.empty(_shape(frames), dtype=signed)
    # The stored values as they are, in the memory of the result.
    view = voxels.view(stored) if stored.itemsize == signed.itemsize else voxels
    rules = [(int(s.slope), int(s.intercept)) for s in scalings]
    low = high = 0
    for i, plane in planes(frames, view, progress):
        stored_ends = plane.min(), plane.max()
        mask = padded(plane, padding_of(frames[i]), stored_ends)
        if mask is not None:
            padding.add(i, mask, view[i])
            stored_ends = view[i].min(), view[i].max()
        slope, intercept = rules[i]
        ends = [int(v) * slope + intercept for v in stored_ends]
        low, high = min(low, *ends), max(high, *ends)
    if not _fits(low, high, signed):
        if not _fits(low, high, np.dtype(np.int32)):
            out = np.empty(voxels.shape, dtype=np.float32)
            for i, scaling in enumerate(scalings):
                out[i] = _real(view[i], scaling)[0]
            return out
        voxels = view.astype(np.int32)
    for plane, (slope, intercept) in zip(voxels, rules, strict=True):
        if slope != 1:
            np.multiply(plane, np.array(slope).astype(voxels.dtype), out=plane)
        if intercept != 0:
            np.add(plane, np.array(intercept).astype(voxels.dtype), out=plane)
    return voxels


def _looked_up(
    frames: Sequence[Frame], padding: PaddingMask, progress: Progress | None
) -> npt.NDArray:
    voxels = np.empty(_shape(frames), dtype=np.int32)
    for i, plane in planes(frames, None, progress):
        header = frames[i].file.header
        try:
            with quiet():
                voxels[i] = apply_modality_lut(plane, header)
        except Exception as error:
            raise undecodable(frames[i].file.path, error) from error
        padding.add(i, padded(plane, padding_of(frames[i])), voxels[i])
    if _fits(int(voxels.min()), int(voxels.max()), np.dtype(np.int16)):
        return voxels.astype(np.int16)
    return voxels


def _fits(low: int, high: int, dtype: np.dtype) -> bool:
    limits = np.iinfo(dtype)
    return limits.min <= low and high <= limits.max


def _real(plane: npt.NDArray, scaling: Scaling) -> tuple[npt.NDArray[np.float64], Mask | None]:
    """(row, column) real values, and where there are none; not for a Modality LUT."""
    values = plane.astype(np.float64)
    if scaling.is_rescaling:
        return values * scaling.slope + scaling.intercept, None
    missing = np.ones(plane.shape, bool)
    real = np.zeros(plane.shape)
    for mapping in scaling.mappings:  # where two map the same value, the first one does
        inside = missing & (values >= mapping.first) & (values <= mapping.last)
        found = values[inside]
        if mapping.table is not None:
            real[inside] = mapping.table[(found - mapping.first).astype(np.intp)]
        else:
            real[inside] = found * mapping.slope + mapping.intercept
        missing &= ~inside
    return real, missing if missing.any() else None


def _whole(scaling: Scaling) -> bool:
    values = (scaling.slope, scaling.intercept)
    return scaling.is_rescaling and all(v.is_integer() and abs(v) <= 2**31 for v in values)


def _shape(frames: Sequence[Frame]) -> tuple[int, int, int]:
    return len(frames), frames[0].rows, frames[0].columns


def _stored_type(file: ImageFile) -> np.dtype:
    if file.pixel_keyword in _FLOATS:
        return _FLOATS[file.pixel_keyword]
    bits = integer(file.header, "BitsAllocated") or 0
    if bits not in (1, 8, 16, 32, 64):
        raise ImageError(
            f"{file.path} with {bits} bits allocated a pixel",
            "1, 8, 16, 32 or 64",
            "export the series again",
        )
    kind = "i" if integer(file.header, "PixelRepresentation") == 1 else "u"
    return np.dtype(f"{kind}{max(bits // 8, 1)}")


# Reads the frames with these numbers from a file, each into its own array, where there is one.
FrameReader = Callable[
    [ImageFile, Sequence[int], Sequence[npt.NDArray | None]], Iterator[npt.NDArray]
]


def planes(
    frames: Sequence[Frame],
    into: npt.NDArray | None,
    progress: Progress | None,
    read: FrameReader | None = None,
) -> Iterator[tuple[int, npt.NDArray]]:
    """Each frame's index and stored values, put into `into` if given; each file is read once.

    Args:
        read: gives the planes of a file from their numbers, instead of the stored values.
    """
    of_file: dict[int, list[int]] = {}
    for i, frame in enumerate(frames):
        of_file.setdefault(id(frame.file), []).append(i)
    done = 0
    for indices in of_file.values():
        file = frames[indices[0]].file
        reader = read or stored_planes
        numbers = [frames[i].number for i in indices]
        targets = [None if into is None else into[i] for i in indices]
        for i, target, plane in zip(indices, targets, reader(file, numbers, targets), strict=True):
            if target is not None and plane is not target:
                target[...] = plane
            yield i, plane
            done += 1
            if progress is not None:
                progress(done / len(frames), f"read image {done} of {len(frames)}")


def stored_planes(
    file: ImageFile, numbers: Sequence[int], targets: Sequence[npt.NDArray | None] | None = None
) -> Iterator[npt.NDArray]:
    """Stored values of the frames with these numbers: one after the other, if they can be.

    Only what is native and deflated is in memory as a whole, see `MOST_INFLATED`.

    Raises:
        ImageError: pixels that cannot be decoded; the words say why, and what to do.
    """
    bits = integer(file.header, "BitsAllocated") or 0
    deflated = file.transfer_syntax == DeflatedExplicitVRLittleEndian
    if bits == 1 and (file.pixels_at is not None or deflated):
        return native_bits(file, numbers)
    # Bytes within big endian words (OW) come in pairs; pydicom knows how.
    swapped = file.transfer_syntax == ExplicitVRBigEndian and bits < 16
    if file.pixels_at is None or swapped:
        return decoded(file, numbers)
    return _native(file, numbers, targets or [None] * len(numbers))


def _native(
    file: ImageFile, numbers: Sequence[int], targets: Sequence[npt.NDArray | None]
) -> Iterator[npt.NDArray]:
    """Stored values of the frames with these numbers, read into a target of the stored type."""
    stored = _stored_type(file)
    shape = [integer(file.header, k) or 0 for k in ("Rows", "Columns")]
    swapped = (file.transfer_syntax == ExplicitVRBigEndian) == (sys.byteorder == "little")
    try:
        with file.path.open("rb", buffering=0) as stream:
            for number, target in zip(numbers, targets, strict=True):
                fits = target is not None and target.dtype == stored
                plane = target if fits else np.empty(shape, dtype=stored)
                assert plane is not None  # noqa: S101  it is the target or the new array
                stream.seek((file.pixels_at or 0) + (number - 1) * plane.nbytes)
                read = stream.readinto(plane.reshape(-1).view(np.uint8).data) or 0
                if read != plane.nbytes:
                    why = f"its pixels end after {read} of {plane.nbytes} bytes"
                    raise undecodable(file.path, why)
                if swapped:
                    plane.byteswap(inplace=True)
                if plane.dtype.kind in "iu":
                    _drop_unused_bits(plane, file)
                yield plane
    except OSError as error:
        raise undecodable(file.path, error) from error


def _drop_unused_bits(plane: npt.NDArray, file: ImageFile) -> None:
    """Clear what stands outside of Bits Stored, such as overlays. (PS3.5 section 8.1.1)"""
    allocated = plane.dtype.itemsize * 8
    used = integer(file.header, "BitsStored") or allocated
    high = integer(file.header, "HighBit")
    above = allocated - 1 - (used - 1 if high is None else high)
    if not 0 < used < allocated or above < 0 or above + used > allocated:
        return
    np.left_shift(plane, above, out=plane)
    np.right_shift(plane, allocated - used, out=plane)


def decoded(
    file: ImageFile, numbers: Sequence[int], _: object = None, *, raw: bool = True
) -> Iterator[npt.NDArray]:
    """Stored values of the frames with these numbers, as pydicom decodes them.

    Not `raw`, YBR is RGB.
    """
    _check_decoder(file)
    indices = [number - 1 for number in numbers]
    try:
        with quiet():
            encapsulated = file.transfer_syntax.is_encapsulated
            if encapsulated:
                _check_codestreams(file)
            source = file.path if encapsulated else dcmread(file.path, force=True)
            every = indices == list(range(file.number_of_frames)) and _uses_all_bits(file)
            # One by one, each would be looked for from the first fragment on.
            found = iter_pixels(source, indices=None if every else indices, raw=raw)
        for _ in indices:
            with quiet():
                plane = next(found)
            yield plane
    except ImageError:
        raise
    except Exception as error:  # decoders raise whatever a broken stream leads them to
        raise undecodable(file.path, error) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # pylibjpeg-rle's, which is no Exception
            raise
        raise undecodable(file.path, error) from error


def _uses_all_bits(file: ImageFile) -> bool:
    """Whether pydicom 3.0 has nothing to correct, which it cannot in frames that it iterates."""
    stored, allocated = (integer(file.header, k) for k in ("BitsStored", "BitsAllocated"))
    return stored == allocated and integer(file.header, "PixelRepresentation") == 0


def _check_codestreams(file: ImageFile) -> None:
    rows, columns = (integer(file.header, k) or 0 for k in ("Rows", "Columns"))
    for size in sizes_in(file.path):
        if size != (rows, columns):
            why = f"its header says {rows} x {columns} pixels, its codestream {size[0]} x {size[1]}"
            raise undecodable(file.path, why)


def _check_decoder(file: ImageFile) -> None:
    syntax = file.transfer_syntax
    try:
        with quiet():
            decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ImageError(
            f"{file.path} in transfer syntax {syntax.name or 'unknown'} ({syntax})",
            "one of those that pydicom reads",
            "convert the series to Explicit VR Little Endian",
        ) from None
    if not decoder.is_available:
        needed = next((names for syntaxes, names in _PACKAGES if syntax in syntaxes), "pylibjpeg")
        raise ImageError(
            f"{file.path} in transfer syntax {syntax.name} ({syntax}), and no decoder for it",
            "a decoder for pydicom",
            f"pip install {needed}",
        )
    deep = (integer(file.header, "BitsStored") or 0) > _BITS_OF_MOST
    if syntax == JPEGExtended12Bit and deep and "pylibjpeg" not in decoder.available_plugins:
        raise ImageError(
            f"{file.path} in transfer syntax {syntax.name} ({syntax}) with more than "
            f"{_BITS_OF_MOST} bits, and no decoder for it",
            "the decoder pylibjpeg-libjpeg, which is under the GPL-3",
            "pip install pylibjpeg pylibjpeg-libjpeg if that suits you, or convert the series",
        )

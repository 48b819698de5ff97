"""What a file is that is no DICOM, from its first bytes, so that a message can say it."""

from __future__ import annotations

import struct
import zlib

# How many bytes tell.
FORMAT_BYTES = 352

_GZIP = b"\x1f\x8b"
_ARCHIVES = {
    b"PK\x03\x04": "a ZIP archive",
    b"PK\x05\x06": "a ZIP archive",
    _GZIP: "a gzip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}
_IMAGES = {
    b"NRRD000": "an NRRD image",
    b"ObjectType": "a MetaImage",
    b"NDims": "a MetaImage",
    b"\x89HDF": "an HDF5 file",
    b"CDF": "a MINC image",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x00\x00\x00\x0cjP": "a JPEG 2000 picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"BM": "a BMP picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
}
_WITH_GZIP_HEADER = zlib.MAX_WBITS | 16
_NIFTI_SIZES = (348, 540)  # of the header of version 1, which ends with n+1 or ni1, and of 2
_TAR, _NIFTI = "a tar archive", "a NIfTI image"
_NEXT_STEPS = {
    **dict.fromkeys((*_ARCHIVES.values(), _TAR), "unpack it, and name the folder with the images"),
    **dict.fromkeys(
        (*_IMAGES.values(), _NIFTI),
        "name the DICOM files it was made from, or load it in 3D Slicer",
    ),
}


def format_of(start: bytes) -> str:
    """What a file is that begins with these bytes, if it is known; "empty" if there are none."""
    if not start:
        return "empty"
    if start.startswith(_GZIP):
        packed = format_of(_unpacked(start) or _GZIP[:1])
        if foreign(packed):
            return packed
    for known in (_ARCHIVES, _IMAGES):
        for mark, name in known.items():
            if start.startswith(mark):
                return name
    if start[257:262] == b"ustar":
        return _TAR
    (size,) = struct.unpack_from("<I", start) if len(start) >= 4 else (0,)
    (swapped,) = struct.unpack_from(">I", start) if len(start) >= 4 else (0,)
    marked = start[344:347] in (b"n+1", b"ni1") or start[4:7] in (b"n+2", b"ni2")
    return _NIFTI if marked and {size, swapped} & set(_NIFTI_SIZES) else ""


def _unpacked(start: bytes) -> bytes:
    """The first bytes of what was packed with gzip, as NIfTI images usually are."""
    try:
        return zlib.decompressobj(wbits=_WITH_GZIP_HEADER).decompress(start, FORMAT_BYTES)
    except zlib.error:
        return b""


def foreign(name: str) -> bool:
    """Whether it is a format that is known here and no DICOM."""
    return name in _NEXT_STEPS


def next_step(name: str) -> str:
    """What to do with a file of that kind."""
    return _NEXT_STEPS.get(name, "check or fetch the file again")

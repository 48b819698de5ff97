"""Value types that several parts of a recipe share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from IODeepLib.text.records import form

Positive = Annotated[float, Meta(gt=0)]
# Voxels are computed in float32, which ends at 3.4e38 and begins at 1.2e-38: what is beyond these
# would make every voxel infinite, or the same.
Intensity = Annotated[float, Meta(ge=-1e30, le=1e30)]
Divisor = Annotated[float, Meta(ge=1e-30, le=1e30)]
Count = Annotated[int, Meta(ge=1)]
Voxels = Annotated[int, Meta(ge=1, le=2**31 - 1)]  # along an axis
Millimetres = Annotated[float, Meta(ge=1e-6, le=1e6)]  # a nanometer to a kilometer
Index = Annotated[int, Meta(ge=0)]
Percent = Annotated[float, Meta(ge=0, le=100)]
# Name and version make the Series Description (LO, 64 characters) that a PACS is searched by.
Name = Annotated[
    str,
    form(
        r"[A-Za-z0-9._-]{1,40}",
        "liver-ct: 1 to 40 letters without accents, digits, dots, dashes or underscores",
    ),
]
NetworkName = Annotated[
    str,
    form(
        r"[A-Za-z0-9._-]{1,40}",
        "fold-0: 1 to 40 letters without accents, digits, dots, dashes or underscores",
    ),
]
Version = Annotated[
    str,
    form(
        r"(?=.{1,16}$)[0-9]+\.[0-9]+\.[0-9]+(-[A-Za-z0-9.-]+)?",
        "1.2.0 or 1.2.0-rc.1, 16 characters at most",
    ),
]
Title = Annotated[
    str,
    form(
        r"(?=.*\S)[^\\\x00-\x1f]{1,64}",
        "Liver on CT: 1 to 64 characters in one line, without a backslash",
    ),
]
Keyword = Annotated[str, form(r"[A-Z][A-Za-z0-9]*", "BodyPartExamined, a keyword of DICOM")]
Modality = Annotated[
    str,
    form(r"[A-Z0-9_]{2,16}", "CT: 2 to 16 capital letters, digits or underscores"),
]
Uid = Annotated[
    str,
    form(
        r"(?=.{1,64}$)[0-2](\.(0|[1-9][0-9]*))+",
        "2.25.123: numbers with dots between them, 64 characters at most",
    ),
]
Byte = Annotated[int, Meta(ge=0, le=255)]

"""Value types that several parts of a recipe share."""

from __future__ import annotations

from typing import Annotated

from IODeepLib.structured import Limits

Positive = Annotated[float, Limits(above=0)]
Count = Annotated[int, Limits(minimum=1)]
Voxels = Annotated[int, Limits(minimum=1, maximum=2**31 - 1)]  # along an axis
Millimetres = Annotated[float, Limits(minimum=1e-6, maximum=1e6)]  # a nanometre to a kilometre
Index = Annotated[int, Limits(minimum=0)]
Percent = Annotated[float, Limits(minimum=0, maximum=100)]
# Name and version make the Series Description (LO, 64 characters) that a PACS is searched by.
Name = Annotated[str, Limits(pattern=r"[A-Za-z0-9._-]{1,40}")]
Version = Annotated[str, Limits(pattern=r"(?=.{1,16}$)[0-9]+\.[0-9]+\.[0-9]+(-[A-Za-z0-9.-]+)?")]
Title = Annotated[str, Limits(pattern=r"(?=.*\S)[^\\\x00-\x1f]{1,64}")]
Keyword = Annotated[str, Limits(pattern=r"[A-Z][A-Za-z0-9]*")]
Modality = Annotated[str, Limits(pattern=r"[A-Z0-9_]{2,16}")]
Uid = Annotated[str, Limits(pattern=r"(?=.{1,64}$)[0-2](\.(0|[1-9][0-9]*))+")]
Byte = Annotated[int, Limits(minimum=0, maximum=255)]

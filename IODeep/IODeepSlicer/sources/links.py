"""Links that open Slicer with a study and a model.

    slicer://iodeep/?studyUID=1.2.3&model=brain-tissue@1.1.0&source=pacs

A link comes from anywhere. It names things by UIDs and by names that this computer knows, and never
an address: what a link says is asked of nobody before a person agrees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

_SCHEME, _HOST = "slicer", "iodeep"
_LONGEST = 2000  # characters, as browsers have it
# A model's name and version as recipes have them.
_MODEL = re.compile(r"[A-Za-z0-9._-]{1,64}(@[0-9A-Za-z.+-]{1,64})?")
_KEYS = ("studyUID", "seriesUID", "model", "source")


@dataclass(frozen=True)
class Link:
    """What is to be opened.

    Attributes:
        studyUID: Study Instance UID.
        seriesUID: Series Instance UID; "" for all images of the study.
        model: `name` or `name@version`; "" for the best one.
        source: name of the server that has them if they are not here; "" for none.
    """

    studyUID: str
    seriesUID: str = ""
    model: str = ""
    source: str = ""


def isOurs(url: str) -> bool:
    """Whether a link is for IODeep, whatever else it says."""
    return re.match(f"{_SCHEME}:/*{_HOST}([/?#]|$)", url, re.IGNORECASE) is not None


def parseLink(url: str) -> Link:
    """What a link for IODeep says.

    Raises:
        UsageError: it says something that cannot be.
    """
    from IODeepLib.text.foreign import is_uid

    if len(url) > _LONGEST:
        raise _wrong("its parts", f"{len(url)} characters")
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise _wrong("its parts", "cannot be told apart") from None
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _wrong("its parts", "some of them twice")
    for key in values:
        if key not in _KEYS:
            raise _wrong("its parts", f"among them {key!r}")
    link = Link(**({"studyUID": ""} | values))
    if not is_uid(link.studyUID):
        raise _wrong("studyUID", repr(link.studyUID))
    if link.seriesUID and not is_uid(link.seriesUID):
        raise _wrong("seriesUID", repr(link.seriesUID))
    if link.model and not _MODEL.fullmatch(link.model):
        raise _wrong("model", repr(link.model))
    return link


def _wrong(what: str, found: str) -> Exception:
    from IODeepLib.errors import UsageError
    from IODeepLib.text.foreign import printable

    return UsageError(
        f"a link to IODeep with {what} {printable(found)[:200]}",
        "slicer://iodeep/?studyUID=UID&seriesUID=UID&model=NAME@VERSION&source=SERVER, of which "
        "all but studyUID may lack",
        "have the link corrected where it comes from",
    )

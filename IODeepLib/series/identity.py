"""Whether all images of a series are of one patient and one study.

Patient ID and Study Instance UID must be the same in all of them, or missing in all: where one
image lacks what another has, nobody knows whose it is. Issuer, name and birth date must agree
wherever they are stated; an image that lacks them, as after half a de-identification, is said. How
a name is written counts for nothing: upper or lower case, spaces, empty components at its end, an
ideographic form beside the alphabetic one (PS3.5 section 6.2.1.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.headers import exact_texts, stored
from IODeepLib.series.image_file import ImageFile
from IODeepLib.text.foreign import printable
from IODeepLib.text.wording import counted

# In the order in which they are told; with each, whether an image may lack it.
_ATTRIBUTES = {
    "PatientID": False,
    "StudyInstanceUID": False,
    "IssuerOfPatientID": True,
    "PatientName": True,
    "PatientBirthDate": True,
}
_LONGEST_SHOWN = 64


def identity_conflict(files: Sequence[ImageFile]) -> tuple[ImageError | None, list[str]]:
    """What says that images of one series are of two patients or studies, or None.

    Returns:
        That, and remarks on what of the patient's identity some images lack and others have.
    """
    conflict, remarks = None, []
    for keyword, may_lack in _ATTRIBUTES.items():
        groups = _by_value(files, keyword)
        without = groups.pop("", []) if may_lack else []
        if groups and without:
            are = counted(len(files), "image")
            remarks.append(f"{keyword} is missing in {len(without)} of {are}")
        first = next(iter(groups), "")
        other = next((v for v in groups if v != first and not _same(keyword, first, v)), None)
        if other is not None and conflict is None:
            conflict = _mixed(keyword, {value: groups[value] for value in (first, other)})
    return conflict, remarks


def same_patient(one: Dataset, other: Dataset) -> bool:
    """Whether the headers of two series of a study may be of one patient."""
    for keyword in _ATTRIBUTES.keys() - {"StudyInstanceUID"}:
        first, second = _stated(one, keyword), _stated(other, keyword)
        unknown = _ATTRIBUTES[keyword] and not (first and second)
        if not unknown and not _same(keyword, first, second):
            return False
    return True


def _mixed(keyword: str, groups: dict[str, list[ImageFile]]) -> ImageError:
    of = "studies" if keyword == "StudyInstanceUID" else "patients"
    counts = (
        f"{keyword} {_shown(value)} in {counted(len(files), 'image')}"
        for value, files in groups.items()
    )
    *_, other = groups.values()
    return ImageError(
        f"images of two {of} in one series: {', '.join(counts)}, such as {other[0].path}",
        f"one {keyword} in all images of a series",
        "find out whose images these are, and correct or separate them",
    )


def _by_value(files: Sequence[ImageFile], keyword: str) -> dict[str, list[ImageFile]]:
    as_stored: dict[str, list[ImageFile]] = {}
    for file in files:
        as_stored.setdefault(str(stored(file.header, keyword)), []).append(file)
    found: dict[str, list[ImageFile]] = {}
    for same in as_stored.values():
        found.setdefault(_stated(same[0].header, keyword), []).extend(same)
    return found


def _stated(header: Dataset, keyword: str) -> str:
    value = "\\".join(exact_texts(header, keyword))
    return value if value.strip("^= ") else ""  # ^^^^ is no name


def _same(keyword: str, one: str, other: str) -> bool:
    if keyword == "PatientBirthDate":  # YYYY.MM.DD is the former form (PS3.5 section 6.2)
        return one.replace(".", "") == other.replace(".", "")
    if keyword != "PatientName":
        return one == other
    pairs = [p for p in zip(_forms(one), _forms(other), strict=False) if all(p)]
    return bool(pairs) and all(a == b for a, b in pairs)


def _forms(name: str) -> list[str]:
    """The alphabetic, ideographic and phonetic form of a name, as far as it tells people apart."""
    forms = []
    for form in name.casefold().split("="):
        parts = [" ".join(part.split()) for part in form.split("^")]
        forms.append("^".join(parts).rstrip("^"))
    return forms


def _shown(value: str) -> str:
    return repr(printable(value[:_LONGEST_SHOWN])) if value else "nothing"

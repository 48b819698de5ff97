"""What a segment is, in the words of Slicer's terminologies and in those of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IODeepSlicer.text.plain_text import tame

if TYPE_CHECKING:
    from IODeepLib.codes import Code
    from IODeepLib.recipe import Label


def terminologyEntry(label: Label) -> str:
    """`label` as the tag of a segment says it."""
    from IODeepLib.results.formats.terminology import terminology_entry

    return terminology_entry(label)


def labelFrom(entry: str, name: str, color: tuple[int, int, int]) -> Label:
    """A label of what such a tag says: its kind, and where it is; its value is 1.

    The tag comes with a scene, from anywhere: what is no code is left out, and what is of no known
    kind is tissue, which Slicer itself takes for segments that nobody told it about.
    """
    from IODeepLib.codes import Code
    from IODeepLib.recipe import Label

    parts = (entry.split("~") + [""] * 7)[:7]
    tissue = Code("85756007", "SCT", "Tissue")
    kind = _code(parts[2])
    region = _code(parts[5])
    return Label(  # laterality is a modifier
        value=1,
        name=name,
        category=(_code(parts[1]) if kind else None) or tissue,
        type=kind or tissue,
        modifier=_code(parts[3]) if kind else None,
        anatomic_region=region,
        anatomic_region_modifier=_code(parts[6]) if region else None,
        color=color,
    )


def _code(triplet: str) -> Code | None:
    from IODeepLib.codes import Code
    from IODeepLib.text.json_text import StructureError

    scheme, value, meaning = (triplet.split("^") + [""] * 3)[:3]
    try:
        return Code(value.strip(), scheme.strip(), tame(meaning).strip()[:64])
    except StructureError:
        return None

"""What people changed of what a network found: for that no result claims the network's word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from IODeepLib.codes import Code
from IODeepLib.results.provenance import shortened
from IODeepLib.results.stored_object import StoredObject

# No context group has a purpose for this; 99 begins a private scheme. (PS3.16 section 8.2)
CORRECTED_PURPOSE = Code("CORRECTED", "99IODEEP", "Segmentation that this one corrects")
BY_HAND = ", edited by hand"  # behind the name of an algorithm
_LONGEST_LO = 64  # PS3.5 section 6.2


@dataclass(frozen=True, slots=True)
class Edit:
    """What was changed by hand of what a network found.

    Of the labels of the segmentation that is written, all others are as the network found them.

    Attributes:
        edited: values of labels whose voxels were changed: SEMIAUTOMATIC segments.
        added: values of labels that this network did not find, with the name of the algorithm that
            did ("" for none): MANUAL segments, or SEMIAUTOMATIC ones.
        renamed: values of labels whose name, color or codes were changed, for the record only.
        removed: names of labels that were found and have no voxel any more.
        by: who did it (PS3.5 section 6.2, PN), "" where nobody said.
        corrects: the stored SEG of which this one is a correction; None if none was stored, in
            which case the run is known by its card, digests and options alone.
    """

    edited: frozenset[int] = frozenset()
    added: Mapping[int, str] = field(default_factory=dict)
    renamed: frozenset[int] = frozenset()
    removed: tuple[str, ...] = ()
    by: str = ""
    corrects: StoredObject | None = None

    @property
    def creator(self) -> str:
        """What Content Creator's Name (0070,0084) says."""
        return shortened("".join(c for c in self.by if c.isprintable() and c not in "\\="), 64)

    def sentences(self, names: Mapping[int, str]) -> Iterator[str]:
        """What was changed, for people.

        Args:
            names: of the labels, by value.
        """
        parts = {
            "edited by hand": [names[v] for v in names if v in self.edited],
            "added by hand": [names[v] for v in names if v in self.added],
            "removed by hand": list(self.removed),
            "named, colored or coded by hand": [names[v] for v in names if v in self.renamed],
        }
        for what, labels in parts.items():
            if labels:
                yield f"{what}: {', '.join(labels)}"
        if self.corrects is not None:
            yield f"this corrects the segmentation {self.corrects.sop_instance_uid}"


def by_hand(algorithm: str) -> str:
    """The name of an algorithm whose segment was edited, as long as a name may be (LO)."""
    return shortened(algorithm, _LONGEST_LO - len(BY_HAND)) + BY_HAND

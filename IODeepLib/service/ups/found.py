"""A step that may be what somebody searches for: no more is made of it than somebody looks at.

To make a data set of all that a step says, and JSON of that, takes longer than everything else of a
search; most of it many steps have alike, or it is JSON already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from IODeepLib.headers import quiet
from IODeepLib.service.ups.attributes import to_json


@dataclass(frozen=True, slots=True)
class Found:
    """A step in two parts.

    Attributes:
        own: what only this one says; it counts where both say something.
        rest: all else, in DICOM JSON.
        decoded: the same as a data set, where there is one.
    """

    own: Dataset
    rest: Mapping[str, Any]
    decoded: Dataset | None = None

    def get(self, tag: BaseTag) -> DataElement | None:
        """An attribute, None if it does not say it."""
        if tag in self.own:
            return self.own[tag]
        if self.decoded is not None:
            return self.decoded.get(tag, None)
        key = f"{tag:08X}"
        return _decoded({key: self.rest[key]})[tag] if key in self.rest else None

    def whole(self) -> Dataset:
        """All of it."""
        step = Dataset()
        step.update(_decoded(self.rest) if self.decoded is None else self.decoded)
        step.update(self.own)
        return step

    def as_json(self) -> dict[str, Any]:
        """The same in DICOM JSON."""
        return dict(sorted({**self.rest, **to_json(self.own)}.items()))


def _decoded(found: Mapping[str, Any]) -> Dataset:
    with quiet():
        return Dataset.from_json(dict(found))

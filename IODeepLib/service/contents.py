"""What images a study has, as far as its server counts them: a digest that changes with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from IODeepLib.headers.sop_classes import NO_IMAGES
from IODeepLib.sources.archive import Entity
from IODeepLib.sources.pacs import PacsSource

_MODELS = "IODEEP"  # Patient ID of the studies that hold networks


def images_among(found: Iterable[Entity]) -> list[Entity]:
    """The series that hold images of patients: no results, and no networks."""
    return [
        entity
        for entity in found
        if entity.attributes.get("Modality", "") not in NO_IMAGES
        and entity.attributes.get("PatientID", "") != _MODELS
    ]


def modalities_of(images: Iterable[Entity]) -> frozenset[str]:
    """The modalities of series."""
    return frozenset(entity.attributes.get("Modality", "") for entity in images)


def content_of(images: Iterable[Entity], counts: Mapping[str, int] = {}) -> str:
    """The digest of series, "" of none.

    Args:
        images: the series.
        counts: how many instances those have of which their server does not say it.
    """
    lines = []
    for one in images:
        count = counts.get(one.series_uid) if one.instance_count is None else one.instance_count
        lines.append(f"{one.series_uid} {'?' if count is None else count}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() if lines else ""


def counted(source: PacsSource, images: Iterable[Entity]) -> dict[str, int]:
    """The instances of those series of which the server does not say how many they are."""
    return {
        one.series_uid: len(source.instances(one.study_uid, one.series_uid))
        for one in images
        if one.instance_count is None
    }

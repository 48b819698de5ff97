"""A study is looked at: its images are fetched, and the rules are applied to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from IODeepLib.disk.files import whole_folder
from IODeepLib.errors import UsageError
from IODeepLib.machine.progress import Progress
from IODeepLib.series import find_series
from IODeepLib.service.audit.trail import trail_of
from IODeepLib.service.received import copied
from IODeepLib.service.rules import Decision, decide
from IODeepLib.service.settings import ServiceSettings
from IODeepLib.sources import Catalog
from IODeepLib.sources.find import source_of
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.query import Query


def pacs_of(settings: ServiceSettings) -> PacsSource:
    """The PACS that studies come to.

    Raises:
        UsageError: the settings name something else.
    """
    source = source_of(settings.source)
    if not isinstance(source, PacsSource):
        raise UsageError(
            f"service.source: {settings.source}, a folder",
            "a PACS: dicomweb+http(s)://..., dimse://AET@host:port, or a server in iodeep.toml",
            "correct it there",
        )
    return source


def look_at(
    settings: ServiceSettings,
    catalog: Catalog,
    study: str,
    folder: Path,
    progress: Progress | None = None,
    received: Sequence[Path] = (),
) -> list[Decision]:
    """What is to be done with a study.

    Args:
        settings: of the service.
        catalog: the models there are.
        study: Study Instance UID.
        folder: a folder that does not exist yet, for the images; it is not made if there are none
            that a model reads.
        progress: called with the fraction done and a message.
        received: folders with what was sent to us, each with the name of its series.

    Raises:
        SourceError: the PACS failed.
        InputError: its images are no good.
    """
    source = pacs_of(settings)
    modalities = frozenset(name for model in catalog.models for name in model.card.modalities)
    query = Query(study_uid=study, modalities=modalities)
    here = {series.name for series in received}
    found = [one for one in source.series(query.keys()) if query.allows(one.attributes)]
    others = [one.series_uid for one in found if one.series_uid not in here]
    if not modalities or not (received or others):
        return []
    with whole_folder(folder) as new:
        for series in received:
            copied(series, new / series.name)
        if not received:
            source.images(query, new, progress)
        for uid in others if received else ():
            source.images(replace(query, series_uid=uid), new / uid, progress)
    images = find_series(folder)
    fetched = [one for one in images if one.series_instance_uid not in here]
    trail_of(settings).fetched(fetched, source.name)
    return decide(images, catalog.models, settings.rules)

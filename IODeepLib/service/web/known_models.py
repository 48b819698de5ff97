"""The models that the service finds, as people see them; looked up again only after a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from IODeepLib.errors import IODeepError
from IODeepLib.model_object import Model
from IODeepLib.model_object.shown_names import publisher_of
from IODeepLib.recipe import AppliesTo
from IODeepLib.service.web.shapes import ModelList, ModelShape
from IODeepLib.sources import Catalog
from IODeepLib.sources.find import source_of

_SECONDS = 60.0
_MOST_PROBLEMS = 100


class KnownModels:
    """The models of a source.

    Args:
        source: where they are, as a SOURCE.
        now: the clock.
    """

    def __init__(self, source: str, now: Callable[[], float] = time.monotonic) -> None:
        self._source, self._now = source, now
        self._lock = threading.Lock()
        self._found: ModelList | None = None
        self._looked = 0.0

    def all(self) -> ModelList:
        """All of them, as they were a minute ago at most.

        Raises:
            SourceError: the PACS failed.
        """
        with self._lock:
            if self._found is None or self._now() - self._looked > _SECONDS:
                self._found = _listed(source_of(self._source).models())
                self._looked = self._now()
            return self._found


def _listed(catalog: Catalog) -> ModelList:
    found, problems = [], [str(problem.error) for problem in catalog.problems]
    for model in catalog.every:
        notice = catalog.notice(model)
        try:
            found.append(_shape(model, "" if notice is None else str(notice)))
        except IODeepError as error:  # its recipe is no good
            problems.append(f"{model.label}: {error}")
    return ModelList(models=found, problems=problems[:_MOST_PROBLEMS])


def _shape(model: Model, retired: str) -> ModelShape:
    card, trust = model.card, model.trust
    applies = card.requirements.applies_to
    return ModelShape(
        card=card.sop_instance_uid,
        name=card.name,
        version=card.version,
        title=card.title,
        publisher=publisher_of(model),
        trust="" if trust is None else trust.kind.value,
        may_run=not retired and (trust is None or trust.may_run),
        retired=retired,
        modalities=list(applies.modalities),
        regions=[code.meaning for code in applies.anatomic_regions],
        asks=list(_asked(applies)),
    )


def _asked(applies: AppliesTo) -> Iterator[str]:
    """What else a series has to be, a few words each."""
    ranges = {
        "slices": applies.slices,
        "pixel spacing, mm": applies.pixel_spacing,
        "slice spacing, mm": applies.slice_spacing,
        "age, years": applies.patient_age,
    }
    yield from (f"{name}: {range_}" for name, range_ in ranges.items() if range_ is not None)
    if applies.planes:
        yield " or ".join(plane.value.lower() for plane in applies.planes)
    yield from (code.meaning for code in applies.conditions)
    if applies.laterality is not None:
        yield f"side: {applies.laterality.value}"
    if applies.patient_sex is not None:
        yield f"sex: {applies.patient_sex.value}"
    for one in applies.attributes:
        yield f"{one.keyword} {one.operator.value} {one.value}"

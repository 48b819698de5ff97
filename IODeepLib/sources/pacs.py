"""Models, images and results in a PACS, whichever protocol it speaks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from IODeepLib.disk.cache import Cache
from IODeepLib.disk.files import writing
from IODeepLib.errors import ImageError, ModelError, UsageError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Card, Model, join, read_weights, verify
from IODeepLib.model_object.publishers import Judge
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.sources import Catalog
from IODeepLib.sources.archive import Archive, Entity, Matches
from IODeepLib.sources.cards import fetch_card, read_cards
from IODeepLib.sources.folder import library_of
from IODeepLib.sources.known import check_intact
from IODeepLib.sources.query import Query, matching
from IODeepLib.sources.retries import retried
from IODeepLib.sources.storing import store_files
from IODeepLib.sources.weights import fetch_weights, weights_here
from IODeepLib.sources.whole_series import fetch_series

_log = logging.getLogger(__name__)
_ENOUGH = {"StudyInstanceUID", "SeriesInstanceUID", "PatientID", "AccessionNumber", "StudyDate"}


class PacsSource:
    """A PACS as a source.

    Args:
        archive: how it is spoken to.
        cache: where cards and weights are kept.
    """

    def __init__(self, archive: Archive, cache: Cache) -> None:
        self._archive = archive
        self._shelf = cache.shelf(archive.name)

    @property
    def name(self) -> str:
        """How messages call it."""
        return self._archive.name

    def models(self) -> Catalog:
        """See `Source`. What cannot be had is a problem, and does not stand in others' way."""
        self._shelf.use_cards()
        with self._archive.connected():
            cards, problems = read_cards(self._archive, self._shelf)
        studies = {card.study_instance_uid for card in cards if isinstance(card, Card)}
        weights = [part for study in studies for part in weights_here(self._shelf, study)]
        return library_of([*cards, *weights], problems)

    def fetch(self, model: Model, progress: Progress | None = None) -> Model:
        """See `Source`. The weights go to the cache; another process that wants them waits.

        What lay there before is verified, and thrown away and fetched again if it is damaged.
        """
        study = model.card.study_instance_uid
        self._shelf.use(study)

        def waiting() -> None:
            if progress:
                progress(0.0, f"another process fetches {model.label}")

        with self._shelf.fetching(study, waiting), self._archive.connected():
            card = model.card
            for again in (False, True):
                paths = {p: self._shelf.weights(study, p.sha256) for p in card.manifest.parts}
                missing = {part: path for part, path in paths.items() if not path.is_file()}
                fetch_weights(self._archive, self._shelf, card, missing, progress)
                try:
                    parts = {
                        part.sop_instance_uid: read_weights(path) for part, path in paths.items()
                    }
                    found = join(card, parts, Judge().card(card))
                    check_intact(card)
                    for weights in found.weights():
                        check_intact(weights)
                    verify(found, known={part.sha256 for part in missing})
                except ModelError as error:
                    if again:
                        raise
                    _log.info("%s is fetched again: %s", model.label, error)
                    card = self._anew(card, paths.values())
                else:
                    return found
        raise AssertionError  # the second time ends

    def _anew(self, card: Card, weights: Iterable[Path]) -> Card:
        """The card as it comes from the server now; all that lay here of its model is gone."""
        for path in weights:
            self._shelf.discard(path)
        uids = card.study_instance_uid, card.series_instance_uid, card.sop_instance_uid
        found = fetch_card(self._archive, self._shelf, Entity(*uids))
        if not isinstance(found, Card):
            raise ModelError(
                f"{self.name} has a notice under {card.sop_instance_uid}",
                f"the card of {card.label}",
                "list the models again",
            )
        return found

    def images(
        self, query: Query, folder: Path, progress: Progress | None = None
    ) -> list[ImageSeries]:
        """See `Source`."""
        with self._archive.connected():
            files = self._fetch_all(self._find_images(query), folder, progress)
        fetched = find_series(files)
        found = [series for series in fetched if query.holds(series.header)]
        if not found:  # not all that was asked for need have been in the server's answers
            raise ImageError(
                f"{self.name} sent {len(fetched)} image series for {query}, and none of them says "
                "of itself that it is one",
                "images whose own headers agree with what was asked for",
                "name them by --study or --series, or ask who runs the server",
            )
        return found

    def series(self, keys: Mapping[str, str]) -> Sequence[Entity]:
        """See `Source`."""
        with self._archive.connected():
            return self._entities(self._archive.find_series, keys)

    def files_of(self, series: Entity, folder: Path, most: int) -> list[Path]:
        """See `Source`."""
        with self._archive.connected(), writing(folder):
            return fetch_series(self._archive, series, folder, most)

    def objects(self, uid: str, folder: Path, progress: Progress | None = None) -> list[Path]:
        """See `Source`."""
        with self._archive.connected():
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
                if entities := self._entities(self._archive.find_series, {keyword: uid}):
                    return self._fetch_all(entities, folder, progress)
        return []

    def instances(self, study_uid: str, series_uid: str) -> frozenset[str]:
        """See `Source`."""
        keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid}
        with self._archive.connected():
            found = self._entities(self._archive.find_instances, keys)
        return frozenset(entity.sop_uid for entity in found)

    def _fetch_all(
        self, entities: Sequence[Entity], folder: Path, progress: Progress | None
    ) -> list[Path]:
        files: list[Path] = []
        for number, entity in enumerate(entities, 1):
            if progress:
                progress(
                    (number - 1) / len(entities), f"fetching series {number} of {len(entities)}"
                )
            with writing(folder):
                files += fetch_series(self._archive, entity, folder / f"series-{number}")
        return files

    def _find_images(self, query: Query) -> list[Entity]:
        """The image series that `query` names.

        Raises:
            UsageError: it might name everything that is there.
            ImageError: there are none.
        """
        keys = query.keys()
        if not _ENOUGH & keys.keys():
            raise UsageError(
                f"no images named in {self.name}",
                "a study, a series, a patient, an accession number or a date",
                "add --study, --series, --patient, --accession or --date",
            )
        found = self._entities(self._archive.find_series, keys)
        images = [entity for entity in found if query.allows(entity.attributes)]
        if not images:
            kinds = ", ".join(sorted({entity.attributes.get("Modality", "") for entity in found}))
            raise ImageError(
                f"{self.name} has no image series with {query}"
                + (f", only others ({kinds})" if kinds else ""),
                "images",
                "check the UIDs and the other keys",
            )
        return images

    def store(self, files: Sequence[Path], progress: Progress | None = None) -> list[Path]:
        """See `Source`."""
        return store_files(self._archive, files, progress)

    def _entities(
        self, search: Callable[[Mapping[str, str]], Matches], keys: Mapping[str, str]
    ) -> Sequence[Entity]:
        """What is found; what is wrong there is said, or raised if there is nothing else."""
        found = matching(retried(lambda: search(keys)), keys)
        for error in found.errors:
            if not found.entities:
                raise error
            _log.warning("%s", error)
        return found.entities

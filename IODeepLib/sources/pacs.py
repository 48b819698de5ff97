"""Models, images and results in a PACS, whichever protocol it speaks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from IODeepLib.cache import Cache
from IODeepLib.errors import ImageError, ModelError, SourceError, UsageError
from IODeepLib.files import whole_file, writing
from IODeepLib.model_object import Model, Part, join, read_weights
from IODeepLib.model_object.datasets import CARD_SERIES, WEIGHTS_SERIES
from IODeepLib.model_object.progress import Progress, Reporter
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.sources import Library
from IODeepLib.sources.archive import Archive, Entry, Receiver, TransientError
from IODeepLib.sources.folder import models_in_files
from IODeepLib.sources.incoming import PayloadFile, check, named, save, to_store
from IODeepLib.sources.known import KnownServer, read_known
from IODeepLib.sources.query import Query, matching
from IODeepLib.sources.retries import retried

# What cards are found by. Weights are in series with another number: no search may match them,
# for many servers read an object from end to end to answer for it.
_MODEL = {"PatientID": "IODEEP"}
_CARDS = {**_MODEL, "SeriesNumber": f"{CARD_SERIES}"}
_WEIGHTS = {**_MODEL, "SeriesNumber": f"{WEIGHTS_SERIES}"}
_ENOUGH = {"StudyInstanceUID", "SeriesInstanceUID", "PatientID", "AccessionNumber", "StudyDate"}


class PacsSource:
    """A PACS as a source.

    Args:
        archive: how it is spoken to.
        cache: where cards and weights are kept.
    """

    def __init__(self, archive: Archive, cache: Cache) -> None:
        self._archive, self._cache = archive, cache

    @property
    def name(self) -> str:
        """How messages call it."""
        return self._archive.name

    def models(self) -> Library:
        """See `Source`. Only cards that are not in the cache are fetched."""
        self._cache.use_cards()
        with self._archive.connected():
            cards = self._cards()
            for card in cards:
                self._fetch_card(card)
        files = [self._cache.card(card.sop_uid) for card in cards]
        for study in {card.study_uid for card in cards}:
            files += self._cache.weights_of(study)
        return models_in_files(files, read_known)

    def _cards(self) -> list[Entry]:
        """The cards there, and notices; a study that did not change is not searched again."""
        studies = retried(lambda: self._archive.find_studies(_MODEL))
        if studies is None:
            return self._find(self._archive.find_instances, _CARDS)
        known = KnownServer(self._cache, self.name)
        found = []
        for study in studies:
            keys = {"StudyInstanceUID": study.study_uid, "SeriesNumber": f"{CARD_SERIES}"}
            cards = known.cards(study) or self._find(self._archive.find_instances, keys)
            found.append((study, cards))
        known.remember(found)
        return [card for _, cards in found for card in cards]

    def fetch(self, model: Model, progress: Progress | None = None) -> Model:
        """See `Source`. The weights go to the cache; another process that wants them waits."""
        study, manifest = model.card.study_instance_uid, model.card.manifest
        paths = {p: self._cache.weights(study, p.sop_instance_uid) for p in manifest.parts}
        self._cache.use(study)

        def waiting() -> None:
            if progress:
                progress(0.0, f"another process fetches {model.label}")

        with self._cache.fetching(study, waiting), self._archive.connected():
            missing = {part: path for part, path in paths.items() if not path.exists()}
            total = sum(part.length for part in missing)
            self._cache.make_room(total)
            series = Entry(study, manifest.series_instance_uid, "", _MODEL)
            report = Reporter(progress, total, f"fetching {model.label}")
            if missing:  # small networks have all their weights in the card
                try:
                    self._fetch_parts(series, missing, len(missing) == len(paths), report)
                except SourceError:
                    self._check_there(model, series)
                    raise
        return join(
            model.card, {part.sop_instance_uid: part for part in map(read_weights, paths.values())}
        )

    def _check_there(self, model: Model, series: Entry) -> None:
        """Raise ModelError if the server has lost parts of the weights, which are in `series`."""
        parts = model.card.manifest.parts
        with suppress(SourceError):
            there = self._there([series])
            lost = [n for n, part in enumerate(parts, 1) if part.sop_instance_uid not in there]
            if lost:
                raise ModelError(
                    f"{self.name} has lost part {', '.join(map(str, lost))} of {len(parts)} of "
                    f"{model.label}",
                    "all parts",
                    "push the model again: it sends what is missing",
                )

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

    def objects(self, uid: str, folder: Path, progress: Progress | None = None) -> list[Path]:
        """See `Source`."""
        with self._archive.connected():
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
                entries = self._find(self._archive.find_series, {keyword: uid})
                if entries:
                    return self._fetch_all(entries, folder, progress)
        return []

    def _fetch_all(
        self, entries: Sequence[Entry], folder: Path, progress: Progress | None
    ) -> list[Path]:
        files: list[Path] = []
        for done, entry in enumerate(entries):
            if progress:
                progress(done / len(entries), f"fetching series {done + 1} of {len(entries)}")
            with writing(folder):
                files += self._fetch_series(entry, folder)
        return files

    def _find_images(self, query: Query) -> list[Entry]:
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
        found = self._find(self._archive.find_series, keys)
        images = [entry for entry in found if query.allows(entry.attributes)]
        if not images:
            kinds = ", ".join(sorted({entry.attributes.get("Modality", "") for entry in found}))
            raise ImageError(
                f"{self.name} has no image series with {query}"
                + (f", only others ({kinds})" if kinds else ""),
                "images",
                "check the UIDs and the other keys",
            )
        return images

    def _fetch_series(self, entry: Entry, folder: Path) -> list[Path]:
        """All instances of a series, as files in a folder of its own below `folder`."""
        folder = folder / entry.series_uid
        folder.mkdir(parents=True, exist_ok=True)
        files: dict[str, Path] = {}
        numbers = itertools.count()

        def receive(arriving: Iterable[bytes]) -> None:
            path = folder / f"{next(numbers)}.dcm"
            found = save(arriving, path, entry, self.name)
            if path != files.setdefault(found.sop_uid, path):
                path.unlink()  # it was sent before the connection broke

        def missing() -> list[Entry]:
            if files and len(files) >= _count(entry):
                return []
            keys = _series_keys(entry)
            there = matching(self._archive.find_instances(keys), keys)
            return [instance for instance in there if instance.sop_uid not in files]

        self._retrieve(entry, missing, receive, lambda: len(files))
        if not files:
            raise _not_sent(self.name, entry)
        return list(files.values())

    def _retrieve(
        self,
        series: Entry,
        missing: Callable[[], Sequence[Entry]],
        receive: Receiver,
        done: Callable[[], int],
        *,
        whole: bool = True,
    ) -> None:
        """Retrieve a series, first as a `whole`, then what is missing of it one by one."""

        def attempt() -> None:
            nonlocal whole
            if whole:
                whole = False
                self._archive.retrieve(series, receive)
            if left := missing():
                for instance in left:
                    self._archive.retrieve(instance, receive)
                if left := missing():
                    raise _not_sent(self.name, left[0])

        retried(attempt, done)

    def store(self, files: Sequence[Path], progress: Progress | None = None) -> list[Path]:
        """See `Source`."""
        entries = {path: to_store(path) for path in files}
        with self._archive.connected():
            return self._store(entries, progress)

    def _store(self, entries: Mapping[Path, Entry], progress: Progress | None) -> list[Path]:
        there = retried(lambda: self._there(entries.values()))
        new = [path for path in entries if entries[path].sop_uid not in there]
        report = Reporter(progress, sum(path.stat().st_size for path in new), "storing")

        def missing() -> list[Path]:
            return [path for path in new if entries[path].sop_uid not in there]

        def stored(path: Path) -> None:
            report(path.stat().st_size)
            # To have the server's word for it must do for weights: see `_MODEL`.
            if _WEIGHTS.items() <= entries[path].attributes.items():
                there.add(entries[path].sop_uid)

        def look() -> None:
            there.update(self._there(entries[path] for path in missing()))

        def attempt() -> None:
            try:
                self._archive.store(missing(), stored)
            except TransientError:
                look()
                raise
            look()
            if lost := [entries[path].sop_uid for path in missing()]:
                raise TransientError(
                    f"{self.name} took {len(lost)} instances that it does not have then "
                    f"({lost[0]})",
                    "to find them there",
                    "try again, or check the server",
                )

        if new:
            retried(attempt, lambda: len(there))
        return new

    def _find(
        self, search: Callable[[Mapping[str, str]], list[Entry]], keys: Mapping[str, str]
    ) -> list[Entry]:
        return matching(retried(lambda: search(keys)), keys)

    def _there(self, entries: Iterable[Entry]) -> set[str]:
        """The SOP Instance UIDs, among others, of those `entries` that the server has."""
        series = {entry.series_uid: entry for entry in entries}
        found = (self._archive.find_instances(_series_keys(entry)) for entry in series.values())
        return {entry.sop_uid for answered in found for entry in answered}

    def _fetch_card(self, card: Entry) -> None:
        """Fetch a card or notice to the cache, if it is not there."""
        path, card = self._cache.card(card.sop_uid), replace(card, attributes=_MODEL)

        def attempt() -> None:
            with whole_file(path) as new:
                self._archive.retrieve(card, lambda data: save(data, new, card, self.name))
                if not new.exists():
                    raise _not_sent(self.name, card)

        if not path.exists():
            retried(attempt)

    def _fetch_parts(
        self, series: Entry, paths: Mapping[Part, Path], whole: bool, report: Callable[[int], None]
    ) -> None:
        """Fetch parts of the weights to their paths, where each is only seen when it is whole.

        Args:
            series: what they are in.
            paths: where they go.
            whole: whether they are all that there is in the series.
            report: is told the bytes that come, and takes back those that have to come again.
        """
        by_uid = {part.sop_instance_uid: part for part in paths}

        def receive(arriving: Iterable[bytes]) -> None:
            uid, arriving = named(arriving)
            part = by_uid.get(uid)
            if part is None:  # of the series, but not of the model
                for _ in arriving:
                    pass
                return
            arrived = 0

            def count(chunk: int) -> None:
                nonlocal arrived
                arrived += chunk
                report(chunk)

            try:
                with whole_file(paths[part]) as new:
                    payload = PayloadFile(new, part)
                    payload.receive(arriving, count)
                    check(new, replace(series, sop_uid=uid), self.name)
                    payload.check(self.name)
            except BaseException:
                report(-arrived)
                raise

        def missing() -> list[Entry]:
            return [
                replace(series, sop_uid=part.sop_instance_uid)
                for part, path in paths.items()
                if not path.exists()
            ]

        def done() -> int:
            return len(paths) - len(missing())

        self._retrieve(series, missing, receive, done, whole=whole)


def _series_keys(entry: Entry) -> dict[str, str]:
    return {"StudyInstanceUID": entry.study_uid, "SeriesInstanceUID": entry.series_uid}


def _count(entry: Entry) -> int:
    """How many instances the server says that a series has; 0 if it does not say."""
    value = entry.attributes.get("NumberOfSeriesRelatedInstances", "")
    return int(value) if value.isdecimal() else 0


def _not_sent(server: str, entry: Entry) -> SourceError:
    return SourceError(
        f"{server} answered without {entry.sop_uid or 'all instances of ' + entry.series_uid}",
        "what was asked for",
        "check whether the server still has it",
    )

"""Models in a folder, in whatever folders below it and under whatever file names."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from IODeepLib.disk.file_memo import FileMemo
from IODeepLib.disk.files import walk, whole_file
from IODeepLib.errors import ModelError, RecipeError, UsageError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Card, Model, NotAnInstanceError, Weights, join
from IODeepLib.model_object.card import card_of
from IODeepLib.model_object.instance import Instance, is_dicom, may_be_instance, read_head
from IODeepLib.model_object.private_dictionary import Element
from IODeepLib.model_object.publishers import Judge
from IODeepLib.model_object.retirement import Retirement, retirement_of
from IODeepLib.model_object.weights import weights_of
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.sources import Catalog, Problem
from IODeepLib.sources.archive import Entity
from IODeepLib.sources.incoming import entity_of, to_store
from IODeepLib.sources.limits import too_many
from IODeepLib.sources.query import Query, agrees
from IODeepLib.trust.verdict import Trust

# A card has some kilobytes; one with many labels has a hundred.
_known: FileMemo[Card | Weights | Retirement] = FileMemo(most=5000)


@dataclass(frozen=True)
class FolderSource:
    """A folder as a source of models and images, and a place for results."""

    folder: Path

    @property
    def name(self) -> str:
        """See `Source`."""
        return str(self.folder)

    def models(self) -> Catalog:
        """See `find_models`."""
        return find_models(self.folder)

    def fetch(self, model: Model, progress: Progress | None = None) -> Model:
        """`model` itself: its files are here.

        Raises:
            ModelError: a part is missing.
        """
        model.weights()
        return model

    def images(
        self, query: Query, folder: Path, progress: Progress | None = None
    ) -> list[ImageSeries]:
        """See `Source`. The files stay where they are, so that none is too many."""
        there = find_series(self.folder)
        found = [item for item in there if query.holds(item.header)]
        if not found:
            uids = ", ".join(sorted({item.series_instance_uid for item in there}))
            raise UsageError(
                f"no series with {query} in {self.folder}", f"one of {uids}", "correct the options"
            )
        return found

    def objects(self, uid: str, folder: Path, progress: Progress | None = None) -> list[Path]:
        """See `Source`."""
        copies: list[Path] = []
        for path in files_below(self.folder):
            if is_dicom(read_head(path)):
                entity = entity_of(path)
                if uid in (entity.study_uid, entity.series_uid):
                    copies.append(folder / f"{len(copies)}.dcm")
                    shutil.copyfile(path, copies[-1])
        return copies

    def series(self, keys: Mapping[str, str]) -> list[Entity]:
        """See `Source`."""
        found: dict[tuple[str, str], Entity] = {}
        for _, entity in self._entities():
            if agrees(entity.attributes, keys):
                uids = entity.study_uid, entity.series_uid
                found.setdefault(uids, replace(entity, sop_uid=""))
        return list(found.values())

    def files_of(self, series: Entity, folder: Path, most: int) -> list[Path]:
        """See `Source`."""
        copies: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)
        for path, entity in self._entities():
            if (entity.study_uid, entity.series_uid) == (series.study_uid, series.series_uid):
                if path.stat().st_size > most:
                    raise too_many(self.name, "bytes of one object", most)
                copies.append(folder / f"{len(copies)}.dcm")
                shutil.copyfile(path, copies[-1])
        return copies

    def instances(self, study_uid: str, series_uid: str) -> frozenset[str]:
        """See `Source`. Files that cannot be read are not there."""
        return frozenset(
            entity.sop_uid
            for _, entity in self._entities()
            if (entity.study_uid, entity.series_uid) == (study_uid, series_uid)
        )

    def _entities(self) -> Iterator[tuple[Path, Entity]]:
        """What lies there, as far as it can be read."""
        for path in files_below(self.folder):
            with suppress(ModelError):
                if is_dicom(read_head(path)):
                    yield path, entity_of(path)

    def store(self, files: Sequence[Path], progress: Progress | None = None) -> list[Path]:
        """See `Source`. A file gets its SOP Instance UID for a name, in a folder of its study."""
        new = []
        for path in files:
            entity = to_store(path)
            target = self.folder / entity.study_uid / f"{entity.sop_uid}.dcm"
            if not target.exists():
                with whole_file(target) as copy:
                    shutil.copyfile(path, copy)
                new.append(path)
        return new


def find_models(folder: Path | str) -> Catalog:
    """The models in `folder` and below it; files of other kinds are passed over.

    Raises:
        ModelError: there is no such folder.
    """
    return models_in_files(files_below(Path(folder)))


def models_in_files(files: Iterable[Path]) -> Catalog:
    """The models in `files`, such as a database names; files of other kinds are passed over."""
    found: list[Card | Weights | Retirement] = []
    problems: list[Problem] = []
    for path in files:
        try:
            one = instance_in(path)
        except (ModelError, RecipeError) as error:
            problems.append(Problem(path, error))
        else:
            found += [one] if one is not None else []
    return library_of(found, problems)


def instance_in(path: Path) -> Card | Weights | Retirement | None:
    """The IODeep instance in a file, as it is known or read now; None for files of other kinds.

    Raises:
        ModelError: it is damaged, or incomplete.
        RecipeError: its recipe is not valid.
    """
    try:
        if may_be_instance(read_head(path)):
            return _known.get(path, functools.partial(read_instance, path))
    except NotAnInstanceError:
        pass
    return None


def library_of(
    found: Iterable[Card | Weights | Retirement], problems: Iterable[Problem] = ()
) -> Catalog:
    """The models of which these are the instances, and what this site makes of their publishers.

    Of those that say they are the same, the first, or the first that is trusted.

    Args:
        found: cards, weights and notices.
        problems: what was in their way.
    """
    judge = Judge()
    cards: dict[str, tuple[Card, Trust]] = {}
    weights: dict[str, Weights] = {}
    notices: dict[str, list[Retirement]] = {}
    for one in found:
        if isinstance(one, Card):
            trust = judge.card(one)
            known = cards.get(one.sop_instance_uid)
            # A copy without its signature, or with another one, does not hide what it is of.
            if known is None or _worth(trust) > _worth(known[1]):
                cards[one.sop_instance_uid] = one, trust
        elif isinstance(one, Retirement):
            notices.setdefault(one.card_uid, []).append(one)
        else:
            weights.setdefault(one.sop_instance_uid, one)
    models = [join(card, weights, trust) for card, trust in cards.values()]
    models.sort(key=lambda m: (m.card.name, m.card.version, m.card.sop_instance_uid))
    in_use: list[Model] = []
    retired: list[tuple[Model, Retirement]] = []
    ignored: list[Problem] = []
    for model in models:
        about = notices.get(model.card.sop_instance_uid, [])
        counting = [notice for notice in about if judge.counts(notice, model)]
        ignored += [_forged(notice, model) for notice in about if notice not in counting]
        if counting:
            retired.append((model, counting[0]))
        else:
            in_use.append(model)
    judge.keep()
    return Catalog(tuple(in_use), (*problems, *_orphans(models, weights), *ignored), tuple(retired))


def read_instance(path: Path) -> Card | Weights | Retirement:
    """What the IODeep instance in the file at `path` is.

    Raises:
        NotAnInstanceError: it is none.
        ModelError: it is damaged, or incomplete.
        RecipeError: its recipe is not valid.
    """
    instance = Instance.read(path)
    if Element.PART_NUMBER in instance:
        return weights_of(instance)
    return retirement_of(instance) if Element.STATUS in instance else card_of(instance)


def find_model(folder: Path | str) -> Model:
    """The one model in `folder`.

    Raises:
        ModelError: there is none, more than one, or what is there is damaged.
    """
    catalog = find_models(folder)
    if len(catalog.models) == 1:
        return catalog.models[0]
    if not catalog.models and catalog.problems:
        raise catalog.problems[0].error
    labels = ", ".join(model.label for model in catalog.models) or "no model"
    raise ModelError(
        f"{folder} holds {labels}", "the instances of one model", "choose the model's own folder"
    )


def files_below(folder: Path) -> Iterator[Path]:
    """The files in `folder` and below it, see `walk`.

    Raises:
        ModelError: there is no such folder.
    """
    if not folder.is_dir():
        raise ModelError(
            f"{folder} is no folder", "a folder with the instances of models", "check the path"
        )
    # No sockets, pipes or broken links.
    return filter(Path.is_file, walk(folder))


def _worth(trust: Trust) -> tuple[bool, bool]:
    return trust.is_trusted, trust.publisher is not None


def _forged(notice: Retirement, model: Model) -> Problem:
    return Problem(
        notice.path,
        ModelError(
            f"a notice that {model.label} is {notice}, which nobody signed who may say so",
            "one by its publisher, or by whom this site's trust list has",
            "ask whoever stored it; the model stays in use",
        ),
    )


def _orphans(models: Iterable[Model], weights: Mapping[str, Weights]) -> Iterator[Problem]:
    claimed = {part.sop_instance_uid for model in models for part in model.card.manifest.parts}
    for uid, part in weights.items():
        if uid not in claimed:
            yield Problem(
                part.path,
                ModelError(
                    f"{part.path} is part {part.part_number} of {part.part_count} of "
                    f"{part.name}@{part.version}, whose card is not here",
                    "a card beside its weights",
                    "retrieve all instances of the model's study",
                ),
            )

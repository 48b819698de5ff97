"""A study of a cohort is read: models are chosen by the rules of the service, run, and written.

Models, their sessions and what was imported stay from study to study.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import psutil

from IODeepLib import pipeline
from IODeepLib.batch.measured import measured
from IODeepLib.batch.place import forget_runs_after, run_folder, study_folder
from IODeepLib.batch.terms import Asked, Outcome, Run, StudyRecord, Task, Trouble, trouble_of
from IODeepLib.disk.files import temporary_folder, whole_folder
from IODeepLib.errors import ImageError, IODeepError
from IODeepLib.model_object import Model
from IODeepLib.network.kept import KeptSessions
from IODeepLib.results.page.privacy import Privacy
from IODeepLib.results.result import FILE_NAMES
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.service.rules import Decision, decide, is_own
from IODeepLib.service.settings import Rule
from IODeepLib.sources import Source
from IODeepLib.sources.find import source_of
from IODeepLib.sources.query import Query

# Of the memory that the process may take: what it has more after a study, sessions are closed for.
_ROOM = 0.5
_MOST_SHOWN = 5


class Reader:
    """Reads studies, one after the other.

    Args:
        asked: what is done with each.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._rule = Rule(models=asked.which if asked.model is None else (asked.model,))
        self._sessions = KeptSessions()
        self._fetched: dict[str, Model] = {}

    def read(self, task: Task) -> StudyRecord:
        """What becomes of a study; whatever is wrong with it is said, and ends nothing."""
        began = time.monotonic()
        runs: list[Run] = []
        troubles: list[Trouble] = []
        try:
            with self._images(task) as images:
                outcome = self._read(task, images, runs, troubles)
        except Exception as error:
            troubles.append(_trouble(error, Privacy(())))
            outcome = Outcome.FAILED
        forget_runs_after(self._folder(task), len(runs))
        self._make_room()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        seconds = round(time.monotonic() - began, 3)
        return StudyRecord(
            task.study, task.content, outcome, now, seconds, tuple(runs), tuple(troubles)
        )

    def _read(
        self, task: Task, images: Sequence[ImageSeries], runs: list[Run], troubles: list[Trouble]
    ) -> Outcome:
        decisions = decide(images, self._models, [self._rule])
        jobs = [decision for decision in decisions if decision.job is not None]
        if not jobs:
            return _nothing(images, decisions, troubles)
        failed = False
        for decision in jobs:
            if not decision.model:
                group = "several models fit equally well"
                troubles.append(Trouble("Choice", decision.why, group))
                continue
            out = run_folder(self._folder(task), len(runs) + 1)
            try:
                runs.append(self._run(decision, images, out))
            except Exception as error:
                troubles.append(_trouble(error, Privacy(images)))
                failed = True
        if failed:
            return Outcome.FAILED
        return Outcome.DONE if runs else Outcome.CHOICE

    def _run(self, decision: Decision, images: Sequence[ImageSeries], out: Path) -> Run:
        began = time.monotonic()
        series, *_ = (
            one
            for one in images
            if (one.series_instance_uid, one.split_by) == (decision.series_uid, decision.volume)
        )
        model = self._model(decision.model)
        options = pipeline.Options(threads=self._asked.threads)
        result = pipeline.run(series, model, options, others=images, sessions=self._sessions)
        with whole_folder(out, FILE_NAMES) as folder:
            names = result.write(folder)
            for name in names:  # a record must not be there before what it is on
                _onto_disk(folder / name)
        if self._destination is not None:
            self._destination.store([out / name for name in names if name.endswith(".dcm")])
        return Run(
            decision.series_uid,
            decision.volume,
            model.label,
            decision.model,
            out.name,
            round(time.monotonic() - began, 3),
            measured(result),
        )

    @contextmanager
    def _images(self, task: Task) -> Iterator[Sequence[ImageSeries]]:
        """The images of a study, those alone that a model may read."""
        if task.files:
            query = Query(modality=self._asked.modality)
            found = find_series([Path(file) for file in task.files], as_found=True)
            yield _meant([one for one in found if query.holds(one.header)])
            return
        modalities = frozenset(name for model in self._models for name in model.card.modalities)
        query = Query(task.study, modality=self._asked.modality, modalities=modalities)
        with temporary_folder() as folder:
            yield _meant(source_of(self._asked.source).images(query, folder))

    def _folder(self, task: Task) -> Path:
        return study_folder(Path(self._asked.out), task.study)

    @cached_property
    def _models_source(self) -> Source:
        return source_of(self._asked.models)

    @cached_property
    def _destination(self) -> Source | None:
        return None if self._asked.store is None else source_of(self._asked.store)

    @cached_property
    def _models(self) -> list[Model]:
        """The models that the cohort is read by, whatever was published since."""
        wanted = set(self._asked.cards)
        found = self._models_source.models().every
        return [model for model in found if model.card.sop_instance_uid in wanted]

    def _model(self, card: str) -> Model:
        if card not in self._fetched:
            found = next(one for one in self._models if one.card.sop_instance_uid == card)
            self._fetched[card] = self._models_source.fetch(found)
        return self._fetched[card]

    def _make_room(self) -> None:
        most = self._asked.memory
        if most is not None and psutil.Process().memory_info().rss > _ROOM * most:
            self._sessions.close()


def _meant(found: Sequence[ImageSeries]) -> list[ImageSeries]:
    images = [one for one in found if not is_own(one)]
    if not images:
        raise ImageError("no images but those that were not asked for", "images", "check the study")
    return images


def _nothing(
    images: Sequence[ImageSeries], decisions: Sequence[Decision], troubles: list[Trouble]
) -> Outcome:
    """Nothing is run, for good reasons or for bad ones."""
    listed = "; ".join(one.why for one in decisions[:_MOST_SHOWN])
    if all(series.refusal for series in images):
        error = ImageError(listed, "slices of the patient that can be read", "check the series")
        troubles.append(trouble_of(error, error.wanted))
        return Outcome.FAILED
    troubles.append(Trouble("NoModelFitsError", listed, "no model fits"))
    return Outcome.NOTHING


def _trouble(error: BaseException, privacy: Privacy) -> Trouble:
    if isinstance(error, IODeepError):
        return trouble_of(error, privacy(error.wanted))
    if isinstance(error, MemoryError):
        words = "too little memory for the image and the network's scores"
        return Trouble("MemoryError", words, words)
    kind = type(error).__name__
    return Trouble(kind, f"a fault of IODeep itself ({kind}: {error})", f"a fault of ours ({kind})")


def _onto_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())

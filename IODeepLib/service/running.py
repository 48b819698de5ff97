"""A job is done: a model is run on a series, and the result is written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread

from IODeepLib import pipeline
from IODeepLib.disk.files import temporary_folder, whole_folder
from IODeepLib.errors import ImageError, InputError, NoModelFitsError, OutputError, UsageError
from IODeepLib.inference.confidence import check_confidence
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.results import Replaced, StoredObject
from IODeepLib.results.also import KINDS
from IODeepLib.results.result import CONFIDENCE_NAME, REPORT_NAME, SEG_NAME
from IODeepLib.selection import judge
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.service.audit.trail import trail_of
from IODeepLib.service.jobs import Output
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.rules import content_of, is_own
from IODeepLib.service.settings import Product
from IODeepLib.service.tasks import Run
from IODeepLib.sources.find import source_of
from IODeepLib.sources.query import Query

_PICTURE = "sc"
_FILES = {
    Product.SEG: (SEG_NAME,),
    Product.SR: (REPORT_NAME,),
    Product.MAP: (CONFIDENCE_NAME,),
    Product.PICTURE: KINDS[_PICTURE].files,
}


def run_task(task: Run, out: Path, progress: Progress) -> list[Output]:
    """Write the result of a task into the new folder `out`; what of it is to be stored, in order.

    Raises:
        IODeepError: as of `pipeline.run`, of sources, and of what is written.
    """
    model = _model(task)
    with _images(task, model) as images:
        series, *_ = (one for one in images if _is_meant(one, task))
        options = pipeline.Options(
            threads=task.settings.threads, confidence=_wants_map(task, model)
        )
        model = source_of(task.settings.models_source).fetch(model)
        channels = (one for one in judge(series, model, images).channels)
        read = [one for one in channels if isinstance(one, ImageSeries)]
        trail_of(task.settings).read(dict.fromkeys(read), model, task.job)
        result = pipeline.run(series, model, options, others=images, progress=progress)
        if task.replaces:
            result = result.replacing(_former(task))
        also = [_PICTURE] if Product.PICTURE in task.products else []
        result = result.beside(also)
        with whole_folder(out) as folder:
            written = result.write(folder, also)
    wanted = [name for product in task.products for name in _FILES[product] if name in written]
    return [_output(out / name) for name in wanted]


def _former(task: Run) -> Replaced:
    """The result whose place it takes."""
    stored = {
        one.name: StoredObject(task.study, one.series, one.uid, one.sop_class)
        for one in task.replaces
    }
    return Replaced(stored.get(SEG_NAME), stored.get(REPORT_NAME))


def _model(task: Run) -> Model:
    """The model, unless it is gone or retired since."""
    catalog = source_of(task.settings.models_source).models()
    found = [one for one in catalog.every if one.card.sop_instance_uid == task.model]
    if not found:
        raise NoModelFitsError(
            f"no model with the card {task.model} in {task.settings.models_source}",
            "the one that was there when the study was looked at",
            "see 'iodeep list'",
        )
    if (notice := catalog.notice(found[0])) is not None:
        raise NoModelFitsError(
            f"{found[0].label} is retired ({notice})", "a model in use", "see 'iodeep list --all'"
        )
    return found[0]


@contextmanager
def _images(task: Run, model: Model) -> Iterator[Sequence[ImageSeries]]:
    """The images of the study, from this disk if they are still the same there."""
    for place in map(Path, task.images):
        if place.is_dir():
            images = _originals(find_series(place))
            if _are_the_same(images, task, model):
                with _or_gone(place):
                    yield images
                return
    with temporary_folder() as folder:
        query = Query(study_uid=task.study, modalities=frozenset(model.card.modalities))
        pacs = pacs_of(task.settings)
        fetched = pacs.images(query, folder)
        trail_of(task.settings).fetched(fetched, pacs.name)
        images = _originals(fetched)
        if not _are_the_same(images, task, model):
            raise ImageError(
                f"other images in the series {task.series} than when it was looked at",
                "the same ones",
                "wait until the study is looked at again",
            )
        yield images


@contextmanager
def _or_gone(place: Path) -> Iterator[None]:
    """A block that reads images which somebody may remove meanwhile."""
    try:
        yield
    except InputError:
        if place.is_dir():
            raise
        raise OutputError(
            f"{place} was removed while it was read", "the images in it", "fetch them again"
        ) from None


def _originals(images: Sequence[ImageSeries]) -> list[ImageSeries]:
    return [series for series in images if not is_own(series)]


def _are_the_same(images: Sequence[ImageSeries], task: Run, model: Model) -> bool:
    """Whether the series is there, and the model would read the same images of it as planned."""
    meant = [series for series in images if _is_meant(series, task)]
    return bool(meant) and content_of(judge(meant[0], model, images)) == task.content


def _is_meant(series: ImageSeries, task: Run) -> bool:
    return (series.series_instance_uid, series.split_by) == (task.series, task.volume)


def _wants_map(task: Run, model: Model) -> bool:
    """Whether it is to be said how sure the networks are, and can be."""
    try:
        check_confidence(model.card.recipe, model.label)
    except UsageError:
        return False
    return Product.MAP in task.products


def _output(path: Path) -> Output:
    """What a file that we have written is known by; it is on the disk then, whatever happens."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        header = dcmread(file, stop_before_pixels=True)
    uids = header.SOPClassUID, header.SeriesInstanceUID, header.SOPInstanceUID
    return Output(path.name, *map(str, uids))

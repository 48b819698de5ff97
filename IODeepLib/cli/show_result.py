"""Where a result comes from, in its own words, and whether that still holds."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console
from IODeepLib.errors import InputError
from IODeepLib.text.wording import counted

if TYPE_CHECKING:
    from IODeepLib.results.origin.checks import Check, Place
    from IODeepLib.results.origin.origin import Origin, Stranger
    from IODeepLib.results.origin.record import Record
    from IODeepLib.results.origin.run import Run
    from IODeepLib.sources import Source

DOCUMENT_NAME = "result.json"


def show_results(options: argparse.Namespace) -> None:
    """All that is found where the options say.

    Raises:
        InputError: nothing of IODeep is there; or something differs, after all was shown.
    """
    from IODeepLib.disk.files import temporary_folder
    from IODeepLib.results.origin import lines
    from IODeepLib.results.origin.checks import Outcome
    from IODeepLib.results.origin.origin import Origin, Stranger
    from IODeepLib.results.origin.run import runs_of

    with temporary_folder() as folder:
        found, record, fault = _read(options, folder)
        strangers = [one for one in found if isinstance(one, Stranger) and one.is_result]
        runs = runs_of([one for one in found if isinstance(one, Origin)], record)
        if not runs:
            raise fault or _nothing(options.what, found)
        source, place = _places(options)
        broken = [*_broken(fault, strangers)]
        checks = [[*broken, *_checks(options, run, place, source)] for run in runs]
    shown = [line for pair in zip(runs, checks, strict=True) for line in lines.lines(*pair)]
    shown += [f"not of IODeep: {lines.stranger_words(one)}" for one in strangers if not one.is_ours]
    document = {
        "results": [lines.as_json(*pair) for pair in zip(runs, checks, strict=True)],
        "others": [lines.stranger_as_json(one) for one in strangers],
    }
    console.emit(options, document, "\n".join(shown))
    wrong = [one for of_run in checks for one in of_run if one.outcome is Outcome.DIFFERS]
    if wrong:
        raise InputError(
            f"{counted(len(wrong), 'check')} of {options.what} that "
            f"{'differs' if len(wrong) == 1 else 'differ'}, first {wrong[0].subject}: "
            f"{wrong[0].words}",
            "a result as it was written, and the model that it names",
            "look for what was changed since, and by whom",
        )


def _read(
    options: argparse.Namespace, folder: Path
) -> tuple[list[Origin | Stranger], Record | None, InputError | None]:
    """The objects, the `result.json` beside them, and what is wrong with that."""
    from IODeepLib.results.origin.origin import Origin, origin_of, origins_in
    from IODeepLib.results.origin.record import read_record
    from IODeepLib.sources.folder import files_below
    from IODeepLib.sources.pacs import PacsSource
    from IODeepLib.sources.query import Query
    from IODeepLib.sources.result_objects import fetch_results

    query = Query(study_uid=options.study, series_uid=options.series)
    what = Path(options.what)
    if "://" not in options.what and what.is_file():
        return [origin_of(what)], None, None
    source = arguments.source_of(options.what)
    if isinstance(source, PacsSource):
        with console.progress("fetch") as progress:
            files = fetch_results(source, query, folder, progress)
        return list(origins_in(files, fetched=True)), None, None
    record, fault = None, None
    files = list(files_below(what))
    if is_there(what / DOCUMENT_NAME):
        files = [path for path in files if path.parent == what]
        try:
            record = read_record(what / DOCUMENT_NAME)
        except InputError as error:
            fault = error
    wanted = {"study_uid": options.study, "series_uid": options.series}
    found = [
        one
        for one in origins_in(sorted(files))
        if not isinstance(one, Origin)
        or all(uid in (None, getattr(one, name)) for name, uid in wanted.items())
    ]
    return found, record, fault


def _places(options: argparse.Namespace) -> tuple[Source | None, Place]:
    """Where images are looked for, and models."""
    from IODeepLib.results.origin.checks import Place
    from IODeepLib.sources.find import source_of
    from IODeepLib.sources.folder import models_in_files
    from IODeepLib.sources.settings import read_settings

    there = None if Path(options.what).exists() else source_of(options.what)
    images = there if options.images is None else source_of(options.images)
    models = there if options.models is None else source_of(options.models)
    if models is not None:
        catalog, name = arguments.models_in(models), models.name
    else:
        catalog = models_in_files(read_settings().cache().cards())
        name = "what was kept of PACS (see --models)"
    notices = {model.card.sop_instance_uid: notice for model, notice in catalog.retired}
    return images, Place(name, catalog.every, notices)


def _checks(
    options: argparse.Namespace, run: Run, place: Place, images: Source | None
) -> Iterator[Check]:
    from IODeepLib.results.origin.agreement import check_agreement
    from IODeepLib.results.origin.checks import check_images, check_model
    from IODeepLib.results.origin.signatures import check_signatures

    yield from check_model(run, place)
    if images is None:
        yield from check_images(run, "say where they are with --images", None)
    else:
        yield from check_images(run, images.name, images.instances)
    yield from check_agreement(run)
    yield from check_signatures(run)


def _broken(fault: InputError | None, strangers: Sequence[Stranger]) -> Iterator[Check]:
    """What is wrong with `result.json`; and objects of IODeep that lack what all of them have."""
    from IODeepLib.results.origin.checks import Check, Outcome
    from IODeepLib.results.origin.lines import stranger_words

    if fault is not None:
        yield Check(DOCUMENT_NAME, Outcome.DIFFERS, fault.found)
    for one in strangers:
        if one.is_ours:
            words = f"{stranger_words(one)}, which names no network: cut off, or changed"
            yield Check(one.path.name, Outcome.DIFFERS, words)


def is_there(path: Path) -> bool:
    """Whether something lies there, be it a link to nowhere."""
    return path.exists() or path.is_symlink()


def _nothing(what: str, found: Sequence[Origin | Stranger]) -> InputError:
    """There is nothing of IODeep."""
    from IODeepLib.results.origin.lines import stranger_words
    from IODeepLib.results.origin.origin import Stranger

    strangers = [one for one in found if isinstance(one, Stranger)]
    words = f"{what} holds no model and no result of IODeep"
    results = [one for one in strangers if one.is_result] or strangers
    if results:
        words = f"{stranger_words(results[0])}, which does not say which network made it"
        more = len(strangers) - 1
        words += f"; and {counted(more, 'other object')}" if more else ""
    return InputError(
        words, "a model or a result of IODeep", "choose another file or folder, or see 'list'"
    )

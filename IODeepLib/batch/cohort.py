"""A cohort from end to end: its studies, what is still to be done, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from IODeepLib.batch.choice import check_engine, engine_for
from IODeepLib.batch.engines import Engine
from IODeepLib.batch.page import page
from IODeepLib.batch.place import RECORDS, SUMMARY, at_work_in
from IODeepLib.batch.plots import picture
from IODeepLib.batch.records import Records
from IODeepLib.batch.studies import Cohort, Study, check_cohort, cohort_of
from IODeepLib.batch.summary import Summary, summary_of
from IODeepLib.batch.tables import write_tables
from IODeepLib.batch.terms import Asked, Outcome
from IODeepLib.disk.files import whole_file
from IODeepLib.errors import ModelError, UsageError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object.named import models_named
from IODeepLib.service.settings import Which
from IODeepLib.sources import Source
from IODeepLib.sources.find import source_of

_MOST_WORKERS = 1000
_MOST_MINUTES = 10_080.0


def map(
    source: str | Path,
    models: str | Path,
    out: str | Path,
    *,
    model: str | None = None,
    which: str = "best",
    store: str | Path | None = None,
    study_date: str | None = None,
    modality: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    slurm: str | None = None,
    minutes: float = 120.0,
    progress: Progress | None = None,
    began: Callable[[str], None] | None = None,
) -> Summary:
    """Read all studies of a cohort; those that `out` has a result of already are left alone.

    Args:
        source: a folder with studies, or a PACS.
        models: where the models are.
        out: a folder, new or of a former call that asked for the same.
        model: the name of the one model to run.
        which: else which of those that fit: "best", "all", or "regions" for the best of each
            anatomic region.
        store: where the DICOM objects of results go as well.
        study_date: of a PACS, YYYYMMDD or a range with "-".
        modality: of the series that are meant.
        workers: how many studies are read at once, on this machine or as jobs of Slurm.
        scheduler: address of a Dask scheduler whose workers do it.
        slurm: options of Slurm's jobs that do it, "" for the usual ones; None without Slurm.
        minutes: the longest that a study may take in a process of this machine.
        progress: called with the fraction done and a message; it may raise to stop.
        began: told who reads them.

    Raises:
        UsageError: the call is wrong, or a package of the extra `batch` is missing.
        ImageError: there is no such folder.
        ModelError: there is no model.
        OutputError: `out` holds something else, or cannot be written.
        SourceError: the PACS, or the scheduler, failed.
    """
    _check(workers, which, minutes)
    check_engine(workers, scheduler, slurm)
    tell = progress or (lambda fraction, message: None)
    place = Path(out).absolute()
    asked = Asked(
        source=_words(source),
        models=_words(models),
        cards=_cards(source_of(models), model),
        out=str(place),
        store=None if store is None else _words(store),
        which=Which(which),
        model=model,
        study_date=study_date,
        modality=modality,
    )
    there = source_of(source)
    check_cohort(there, asked)
    with at_work_in(place, asked), cohort_of(there, asked) as cohort:
        records = Records(place / RECORDS)
        waiting, before = _waiting(cohort, records, tell)
        if waiting:
            with engine_for(asked, workers, scheduler, slurm, minutes) as engine:
                if began is not None:
                    began(engine.where)
                _read(engine, cohort, waiting, records, tell)
            records.tidy()
        summary = summary_of(records)
        summary.nobodys, summary.new, summary.before = cohort.nobodys, len(waiting), before
        _write(summary, records, place)
    return summary


def _waiting(cohort: Cohort, records: Records, tell: Progress) -> tuple[list[Study], int]:
    """The studies that are to be read, and how many were read before as they are now."""
    waiting, before = [], 0
    for study in cohort.studies(tell):
        content, outcome = records.known.get(study.uid, ("", Outcome.FAILED))
        if content == study.content and outcome is not Outcome.FAILED:
            before += 1
        else:
            waiting.append(study)
    return waiting, before


def _read(
    engine: Engine, cohort: Cohort, waiting: list[Study], records: Records, tell: Progress
) -> None:
    total, failed = len(waiting), 0
    tell(0.0, f"study 0 of {total}")
    with closing(engine.records(cohort.task(study) for study in waiting)) as ended:
        for count, record in enumerate(ended, 1):
            records.add(record)
            failed += record.outcome is Outcome.FAILED
            tell(
                count / total,
                f"study {count} of {total}" + (f", {failed} failed" if failed else ""),
            )


def _write(summary: Summary, records: Records, place: Path) -> None:
    """What all studies say together, over what former calls wrote."""
    write_tables(records, place)
    drawn = picture(summary)
    texts = {".html": page(summary, drawn), ".txt": "\n".join(summary.lines()) + "\n"}
    for suffix, text in texts.items():
        with whole_file(place / f"{SUMMARY}{suffix}") as new:
            new.write_text(text, encoding="utf-8", newline="\n")
    with whole_file(place / f"{SUMMARY}.png") as new:
        new.write_bytes(drawn)


def _words(source: str | Path) -> str:
    """A source as other processes, and other machines, name it."""
    words = str(source)
    is_folder = "://" not in words and Path(words).exists()
    return str(Path(words).absolute()) if is_folder else words


def _cards(source: Source, name: str | None) -> tuple[str, ...]:
    """The models that the whole cohort is read by."""
    catalog = source.models()
    if not catalog.models and catalog.problems:
        raise catalog.problems[0].error
    found = catalog.models if name is None else models_named(catalog.models, name)
    if not found:
        named = f"no model {name!r} that is in use" if name else "no model that is in use"
        raise ModelError(f"{named} in {source.name}", "one", "see 'iodeep list --all'")
    return tuple(model.card.sop_instance_uid for model in found)


def _check(workers: int | None, which: str, minutes: float) -> None:
    if workers is not None and not 1 <= workers <= _MOST_WORKERS:
        raise UsageError(f"--workers {workers}", f"1 to {_MOST_WORKERS}", "correct --workers")
    if not 0 < minutes <= _MOST_MINUTES:
        raise UsageError(f"--minutes {minutes:g}", f"up to {_MOST_MINUTES:g}", "correct --minutes")
    if which not in [*Which]:
        raise UsageError(f"--which {which}", ", ".join(Which), "correct --which")
    for package in ("pyarrow", "matplotlib"):
        if find_spec(package) is None:
            raise UsageError(
                f"no Python package {package}",
                "what writes tables and plots of a cohort",
                "pip install 'IODeepLib[batch]'",
            )

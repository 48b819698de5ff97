"""Arguments that several verbs share, and what they name."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.cli import console, pass_phrase
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.selection.preference import Measured
    from IODeepLib.series import Image, ImageSeries
    from IODeepLib.sources import Catalog, Source
    from IODeepLib.trust.signer import Signer

SOURCE = "folder, dicomweb+http(s)://..., dimse://AET@host:port, or a server in iodeep.toml"


def add_models(parser: argparse.ArgumentParser) -> None:
    """`--models SOURCE`."""
    parser.add_argument(
        "--models", required=True, metavar="SOURCE", help=f"where the models are: {SOURCE}"
    )


def add_measured(parser: argparse.ArgumentParser) -> None:
    """`--prefer-measured FILE`."""
    parser.add_argument(
        "--prefer-measured",
        type=Path,
        metavar="FILE",
        help="evaluation.json of 'iodeep evaluate': among versions of one model, and among models "
        "that fit equally well, the one that measured better on this site's own data",
    )


def measured_of(options: argparse.Namespace) -> Mapping[str, Measured]:
    """What networks measured on this site's own data, where that shall count."""
    if options.prefer_measured is None:
        return {}
    from IODeepLib.evaluation.file import measured_in

    return measured_in(options.prefer_measured)


def add_series(parser: argparse.ArgumentParser) -> None:
    """SERIES, and the options that say which images in it are meant."""
    parser.add_argument(
        "path", metavar="SERIES", help="folder or file with the DICOM images, or another SOURCE"
    )
    parser.add_argument("--study", metavar="UID", help="Study Instance UID of the images")
    parser.add_argument(
        "--series", metavar="UID", help="Series Instance UID, where SERIES holds several"
    )
    parser.add_argument("--patient", metavar="ID", help="Patient ID of the images")
    parser.add_argument("--accession", metavar="NUMBER", help="Accession Number of the images")
    parser.add_argument("--date", metavar="DATE", help="Study Date, YYYYMMDD or a range with '-'")
    parser.add_argument("--modality", metavar="CS", help="Modality of the images, such as CT")
    parser.add_argument(
        "--volume",
        metavar="WORDS",
        help="which volume, where a series holds several: 'echo 2', 'time point 1'",
    )


def add_also(parser: argparse.ArgumentParser) -> None:
    """`--also LIST`."""
    parser.add_argument(
        "--also",
        metavar="LIST",
        help="further kinds of files, such as nifti, with commas; one that there is not names all",
    )


def add_key(parser: argparse.ArgumentParser) -> None:
    """Who signs."""
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="private key, PEM or PKCS #12 [iodeep.toml]"
    )
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="its certificate [in the key's file]"
    )
    pass_phrase.add_argument(parser)


def add_signing(parser: argparse.ArgumentParser) -> None:
    """`--sign`, and who does."""
    parser.add_argument("--sign", action="store_true", help="sign what is written")
    add_key(parser)


def signer_of(options: argparse.Namespace) -> Signer:
    """Who signs."""
    from IODeepLib.trust.own_key import own_signer

    said = None if options.pass_phrase is None else partial(pass_phrase.known, options)
    ask = partial(pass_phrase.known, options)
    return own_signer(options.key, options.certificate, said, ask)


def signer_if_asked(options: argparse.Namespace) -> Signer | None:
    """The same where `--sign` is given.

    Raises:
        UsageError: a key without it.
    """
    if options.sign:
        return signer_of(options)
    if options.key or options.certificate or options.pass_phrase:
        raise UsageError(
            "a key, and nothing to sign with it", "--sign as well", "add it, or leave the key out"
        )
    return None


def also_of(options: argparse.Namespace) -> tuple[str, ...]:
    """The kinds of further files that are asked for.

    Raises:
        UsageError: one that there is not.
    """
    from IODeepLib.results.also import kinds_named

    return () if options.also is None else kinds_named(options.also)


def refused_lines(refused: Mapping[str, str]) -> list[str]:
    """A line for each kind of further files that cannot be written, and why not."""
    return [f"no {name} is written: {why}" for name, why in refused.items()]


def source_of(words: str) -> Source:
    """The source that SOURCE names."""
    from IODeepLib.sources.find import source_of

    return source_of(words)


def destination_of(words: str) -> Source:
    """The source that SOURCE names, if things can be stored there."""
    if Path(words).is_file():
        raise UsageError(f"the file {words}", "a folder or a PACS to store in", "correct SOURCE")
    return source_of(words)


def models_in(source: Source) -> Catalog:
    """The models in `source`; what is wrong there is said, or raised if nothing else is there."""
    catalog = source.models()
    for problem in catalog.problems:
        if not catalog.every:
            raise problem.error
    say_problems(catalog)
    return catalog


def some_models_named(models: Sequence[Model], words: str) -> list[Model]:
    """The models that the words mean, as `models_named`; an error if there is none."""
    from IODeepLib.model_object.named import models_named

    found = models_named(models, words)
    if not found:
        labels = ", ".join(model.label for model in models) or "no model"
        raise UsageError(f"no model {words!r}", f"one of {labels}", "correct the name")
    return found


def some_models_in_use(catalog: Catalog, words: str) -> list[Model]:
    """The models that the words mean and that are not retired.

    Where all are, the error says what whoever retired them said to use instead.
    """
    found = some_models_named(catalog.every, words)
    in_use = [model for model in found if catalog.notice(model) is None]
    if not in_use:
        notices = {model.label: catalog.notice(model) for model in found}
        raise UsageError(
            "; ".join(f"{label} is retired ({notice})" for label, notice in notices.items()),
            "a model in use",
            "name another one, or leave out --model",
        )
    return in_use


def one_model(catalog: Catalog, words: str | None, where: str) -> Model:
    """The one that is meant; the error says which there are.

    Args:
        catalog: the models of a source.
        words: NAME[@VERSION] or a UID, if it was named.
        where: the source, in the user's words.
    """
    if words is not None:
        return some_models_in_use(catalog, words)[0]
    if len(catalog.models) != 1:
        labels = ", ".join(model.label for model in catalog.models) or "no model in use"
        raise UsageError(
            f"{labels} in {where}", "one model", "name it with --model, or correct MODEL"
        )
    return catalog.models[0]


def say_problems(catalog: Catalog) -> None:
    """A line for everything that is wrong in a catalog."""
    for problem in catalog.problems:
        console.say(f"iodeep: {problem}")


@contextmanager
def images_in(
    options: argparse.Namespace, models: Iterable[Model], upto: float = 0.1
) -> Iterator[list[ImageSeries]]:
    """The volumes in SERIES that the options name; their files may be gone after the block.

    Of a PACS, series of modalities that no model reads are not fetched unless they were named.
    `upto` is the fraction of the whole call that is done then.
    """
    from IODeepLib.disk.files import temporary_folder
    from IODeepLib.sources.query import Query

    modalities = {name for model in models for name in model.card.modalities}
    query = Query(
        study_uid=options.study,
        series_uid=options.series,
        patient_id=options.patient,
        accession_number=options.accession,
        study_date=options.date,
        modality=options.modality,
        modalities=frozenset() if options.series else frozenset(modalities),
    )
    with temporary_folder() as folder:
        with console.progress("find", upto=upto) as progress:
            found = source_of(options.path).images(query, folder, progress)
        yield _volumes(found, options)


def full_label(series: Image) -> str:
    """A volume as a person tells it from others: its label, examination and UID."""
    from IODeepLib.headers import text

    details = (
        ("study of", text(series.header, "StudyDate")),
        ("accession number", text(series.header, "AccessionNumber")),
        ("UID", series.series_instance_uid),
    )
    return ", ".join([series.label, *(f"{what} {value}" for what, value in details if value)])


def _volumes(found: list[ImageSeries], options: argparse.Namespace) -> list[ImageSeries]:
    """Those that `--volume` names."""
    if options.volume is not None:
        kinds = ", ".join(sorted({item.split_by for item in found if item.split_by}))
        words = re.compile(rf"(?<!\w){re.escape(options.volume)}(?!\w)", re.IGNORECASE)
        found = [item for item in found if words.search(item.split_by)]
        if not found:
            raise UsageError(
                f"no volume {options.volume!r} in {options.path}",
                f"words of one of: {kinds or 'none, no series holds several volumes'}",
                "correct --volume",
            )
    return found

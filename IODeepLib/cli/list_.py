"""List the models of a source."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console
from IODeepLib.errors import IODeepError, UsageError
from IODeepLib.text.wording import counted

if TYPE_CHECKING:
    from IODeepLib.codes import Code
    from IODeepLib.model_object import Model
    from IODeepLib.sources import Problem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="SOURCE", help=f"where the models are: {arguments.SOURCE}"
    )
    parser.add_argument("--modality", metavar="CS", help="only models that read it, such as CT")
    parser.add_argument("--anatomy", metavar="REGION", help="only models for it, such as LIVER")
    parser.add_argument("--condition", metavar="TEXT", help="only models for it: code or word")
    parser.add_argument(
        "--trusted", action="store_true", help="only models of publishers that this site trusts"
    )
    parser.add_argument("--all", action="store_true", help="retired models, too")


def run(options: argparse.Namespace) -> None:
    from IODeepLib.model_object.shown_names import publisher_of, shown_names
    from IODeepLib.sources import other_networks
    from IODeepLib.sources.folder import FolderSource

    source = arguments.source_of(options.source)
    catalog = source.models()
    found = [(model, "") for model in catalog.models]
    if options.all:
        found += [(model, str(notice)) for model, notice in catalog.retired]
    # Those who look for models read of a recipe what it asks of a series; here all of it is shown.
    wrong = {id(model): problem for model, _ in found if (problem := _problem(model))}
    found = [(model, retired) for model, retired in found if id(model) not in wrong]
    catalog = replace(catalog, problems=(*catalog.problems, *wrong.values()))
    arguments.say_problems(catalog)
    others = other_networks.other_networks(source)
    models = [(model, retired) for model, retired in found if _wanted(model, options)]
    document = {
        "models": [_document(model) | {"retired": retired} for model, retired in models],
        "problems": [{"path": str(p.path or ""), "error": str(p.error)} for p in catalog.problems],
        "others": [other_networks.as_json(one) for one in others],
    }
    names = shown_names([model for model, _ in models])
    rows = [
        (
            name,
            model.card.version,
            publisher_of(model),
            ",".join(model.card.modalities),
            _meanings(model.card.regions),
            str(len(model.card.recipe.labels)),
            _size(model, whole=not isinstance(source, FolderSource)),
            f"{model.card.title} ({retired})" if retired else model.card.title,
        )
        for name, (model, retired) in zip(names, models, strict=True)
    ]
    header = ("name", "version", "publisher", "modality", "anatomy", "labels", "weights", "title")
    shown = [console.table(header, rows) if rows else "no models"]
    shown += other_networks.lines(others, shlex.quote(options.source))
    console.emit(options, document, "\n".join(shown))


def _problem(model: Model) -> Problem | None:
    """What is wrong with the recipe of a model, if something is."""
    from IODeepLib.sources import Problem

    try:
        _ = model.card.recipe
    except IODeepError as error:
        return Problem(model.card.path, error)
    return None


def _wanted(model: Model, options: argparse.Namespace) -> bool:
    card = model.card
    if options.trusted and not (model.trust and model.trust.is_trusted):
        return False
    if options.modality and options.modality.upper() not in card.modalities:
        return False
    if options.anatomy and card.regions and not _near(options.anatomy, card.regions):
        return False
    if options.condition:
        word = options.condition.casefold()
        return any(word in f"{c.value} {c.meaning}".casefold() for c in card.conditions)
    return True


def _near(asked: str, regions: Sequence[Code]) -> bool:
    """Whether one of `regions` may be the one asked for, inside of it or around it."""
    from IODeepLib.codes import region_by_term
    from IODeepLib.codes.anatomy_match import match

    region = region_by_term(asked)
    if region is None:
        raise UsageError(
            f"the region {asked!r}",
            "a Body Part Examined term (PS3.16 Annex L), such as LIVER",
            "correct --anatomy",
        )
    return not match([region.code], regions).is_elsewhere


def _document(model: Model) -> dict[str, Any]:
    from IODeepLib.text.records import dump

    card = model.card
    return {
        "name": card.name,
        "version": card.version,
        "title": card.title,
        "task": card.task.value,
        "modalities": list(card.modalities),
        "anatomic_regions": [dump(code) for code in card.regions],
        "conditions": [dump(code) for code in card.conditions],
        "labels": [label.name for label in card.recipe.labels],
        "publisher": card.recipe.card.publisher,
        "trust": None if model.trust is None else model.trust.as_json(),
        "licence": card.recipe.card.licence,
        "model_uid": card.model_uid,
        "study_instance_uid": card.study_instance_uid,
        "card_sop_instance_uid": card.sop_instance_uid,
        "network_sha256": card.network_digest,
        "path": str(card.path),
        "missing_parts": list(model.missing_parts),
    }


def _meanings(codes: Iterable[Code]) -> str:
    return ", ".join(code.meaning for code in codes) or "any"


def _size(model: Model, *, whole: bool) -> str:
    """Of its weights; in a PACS they are whole, whether they were fetched or not."""
    if model.missing_parts and not whole:
        return f"{counted(len(model.missing_parts), 'part')} missing"
    return f"{sum(part.length for part in model.card.manifest.parts) / 1e6:.1f} MB"

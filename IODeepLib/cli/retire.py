"""Mark a model version as withdrawn, or as replaced by another one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.sources import Library, Source

NAME = "retire"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="NAME@VERSION", help="the version not to be used any more")
    parser.add_argument("source", metavar="SOURCE", help=f"where it is: {arguments.SOURCE}")
    parser.add_argument("--replaced-by", metavar="NAME@VERSION", help="what to use instead")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for people")


def run(options: argparse.Namespace) -> None:
    from IODeepLib.sources.push import retire

    source = arguments.source_of(options.source)
    library = source.models()
    replacement = None
    if options.replaced_by is not None:
        replacement = _named(library, options.replaced_by, source)
    already = [notice for model, notice in library.retired if model.label == options.model]
    if already:
        text = f"{options.model} is retired already ({already[0]})"
    else:
        model = _named(library, options.model, source)
        retire(model, source, reason=options.reason, replacement=replacement)
        text = f"{options.model} is retired"
    console.emit(options, {"model": options.model, "retired": not already}, text)


def _named(library: Library, label: str, source: Source) -> Model:
    for model in library.models:
        if model.label == label:
            return model
    labels = ", ".join(model.label for model in library.models) or "no model"
    raise UsageError(f"no {label} in {source.name}", f"one of {labels}", "correct the name")

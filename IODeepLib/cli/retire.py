"""Mark a model version as withdrawn, or as replaced by another one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.model_object import Model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", metavar="NAME@VERSION", help="the version not to be used any more; or its UID"
    )
    parser.add_argument("source", metavar="SOURCE", help=f"where it is: {arguments.SOURCE}")
    parser.add_argument("--replaced-by", metavar="NAME@VERSION", help="what to use instead")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for people")
    arguments.add_signing(parser)


def run(options: argparse.Namespace) -> None:
    from IODeepLib.model_object.publishers import Judge
    from IODeepLib.model_object.retirement import LONGEST_REASON
    from IODeepLib.sources.push import retire

    reason = " ".join(options.reason.split())
    if len(reason) > LONGEST_REASON:
        raise UsageError(
            f"a reason of {len(reason)} characters", f"at most {LONGEST_REASON}", "shorten it"
        )
    signer = arguments.signer_if_asked(options)
    source = arguments.source_of(options.source)
    catalog = source.models()
    copies = _version(catalog.every, options.model)
    label = copies[0].label
    replacement = None
    if options.replaced_by is not None:
        replacement = _version(catalog.models, options.replaced_by)[0]
        if replacement in copies:
            raise UsageError(f"{label} in its own place", "another version", "correct the name")
    left = [model for model in copies if catalog.notice(model) is None]
    judge = Judge()
    counts = all(judge.would_count(signer, model) for model in left)
    if signer is None and not counts:
        raise UsageError(
            f"a notice that nobody signs, of {label}, which is signed",
            "one by its publisher, or by whoever else a site lets speak for it",
            "add --sign",
        )
    for model in left:
        retire(model, source, reason=reason, replacement=replacement, signer=signer)
    notice = catalog.notice(copies[0])
    text = f"{label} is retired" if left else f"{label} is retired already ({notice})"
    if not counts:
        text += " where its signer may speak for it, which is not here"
    console.emit(options, {"model": label, "retired": bool(left), "counts_here": counts}, text)


def _version(models: Sequence[Model], words: str) -> list[Model]:
    """The one version that is meant, as often as it was published."""
    found = arguments.some_models_named(models, words)
    labels = sorted({model.label for model in found})
    if len(labels) > 1:
        raise UsageError(
            f"{len(labels)} versions of {words}", f"one of {', '.join(labels)}", "name it"
        )
    return found

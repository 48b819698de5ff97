"""Make the DICOM instances of a network that another program trained, with its pipeline."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import (
    console,
    import_first_generation,
    import_kaapana,
    import_monai,
    import_nnunet,
    import_onnx,
)
from IODeepLib.cli.pack import described

if TYPE_CHECKING:
    from IODeepLib.importers.draft import Draft
    from IODeepLib.recipe import Recipe, Stage

# Each has NAME, add_arguments(parser), and a context manager draft(options) that gives a Draft.
FORMATS: tuple[ModuleType, ...] = (
    import_nnunet,
    import_monai,
    import_onnx,
    import_kaapana,
    import_first_generation,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = argparse.ArgumentParser(add_help=False)
    for flags in (["--json"], ["-v", "--verbose"]):  # as of every verb, and behind FORMAT as well
        common.add_argument(
            *flags, action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )
    common.add_argument("--out", type=Path, metavar="DIR", help="new folder")
    common.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="what the source does not say, by its place in the recipe: input.orientation=RAS, "
        "card.licence=CC-BY-4.0; goes before what it says",
    )
    common.add_argument("--set-file", type=Path, metavar="JSON", help="the same from a file")
    common.add_argument(
        "--draft",
        action="store_true",
        help="print the recipe so far and what is still to be answered, and write nothing",
    )
    formats = parser.add_subparsers(title="formats", metavar="FORMAT", required=True)
    for one in FORMATS:
        summary = (one.__doc__ or "").strip().splitlines()[0]
        sub = formats.add_parser(one.NAME, parents=[common], help=summary, description=summary)
        one.add_arguments(sub)
        sub.set_defaults(draft_of=one.draft)


def run(options: argparse.Namespace) -> None:
    from IODeepLib.errors import UsageError
    from IODeepLib.importers.answers import complete, put_answers
    from IODeepLib.importers.import_model import import_model

    if options.out is None and not options.draft:
        raise UsageError("no --out", "a new folder to write to", "add --out DIR, or --draft")
    # What other programs' networks print when they are made is not what was asked for.
    with redirect_stdout(sys.stderr), options.draft_of(options) as draft:
        put_answers(draft, options.set, options.set_file)
        if not options.draft:
            recipe = complete(draft)
            with console.progress() as progress:
                model = import_model(draft, recipe, options.out, progress)
    if options.draft:
        _say_draft(options, draft)
        return
    document, text = described(model, options.out)
    facts = _facts(draft, recipe)
    console.emit(
        options,
        document | {"assumed": draft.assumed, "recipe": draft.recipe},
        "\n".join([text, *(f"{what:<12} {words}" for what, words in facts)]),
    )


def _say_draft(options: argparse.Namespace, draft: Draft) -> None:
    from IODeepLib.importers.answers import unanswered

    missing = unanswered(draft)
    document = {
        "source": draft.source,
        "recipe": draft.recipe,
        "assumed": draft.assumed,
        "missing": [{"path": m.path, "why": m.why, "example": m.example} for m in missing],
    }
    lines = [json.dumps(draft.recipe, ensure_ascii=False, indent=1)]
    lines += [f"assumed      {words}" for words in draft.assumed]
    lines += [f"missing      {m.path}={m.example}   ({m.why})" for m in missing]
    console.emit(options, document, "\n".join(lines))


def _facts(draft: Draft, recipe: Recipe) -> list[tuple[str, str]]:
    """What a person should look at once."""
    labels = recipe.labels
    named = ", ".join(label.name for label in labels[:8]) + (", ..." if len(labels) > 8 else "")
    return [
        ("title", recipe.title),
        ("modalities", ", ".join(recipe.applies_to.modalities)),
        ("channels", ", ".join(channel.name for channel in recipe.series_channels)),
        *(fact for stage in recipe.all_stages for fact in _facts_of(stage)),
        ("labels", f"{len(labels)}: {named}"),
        *(("assumed", words) for words in draft.assumed),
    ]


def _facts_of(stage: Stage) -> list[tuple[str, str]]:
    """Of one stage of a model; the only one has no name."""
    input_, patch = stage.input, stage.input.patch_size
    spacing: Any = getattr(input_.grid, "spacing", ())
    return [
        *([("stage", stage.name)] if stage.name else []),
        ("orientation", f"{input_.orientation}, axes {input_.axis_order}"),
        ("grid", type(input_.grid).__name__.lower() + _sizes(spacing)),
        ("patch", "the whole image" if patch is None else _sizes(patch).strip()),
    ]


def _sizes(values: tuple[float, ...]) -> str:
    return (" " + " × ".join(f"{value:g}" for value in values)).rstrip()

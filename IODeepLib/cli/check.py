"""Try a model on a series: what its network sees, and what looks wrong."""

from __future__ import annotations

import argparse
from pathlib import Path

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="folder of one model")
    arguments.add_series(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")


def run(options: argparse.Namespace) -> None:
    from IODeepLib.sources.folder import find_model
    from IODeepLib.trial.check import check

    model = find_model(options.model)
    with arguments.images_in(options, [model]) as images:
        if len(images) > 1 and len(model.card.recipe.series_channels) == 1:
            labels = "; ".join(map(arguments.full_label, images))
            raise UsageError(f"{len(images)} volumes: {labels}", "one", "name it with --series")
        if not images:
            raise UsageError(f"no images in {options.path}", "a series", "correct SERIES")
        with console.progress() as progress:
            found = check(images[0], model, options.out, images[1:], progress)
    files = [options.out / name for name in found.files]
    turns = {
        stage: [{"turn": turn.words, "confidence": turn.confidence} for turn in seen.turns]
        for stage, seen in found.seen.items()
    }
    document = {
        "model": found.model,
        "series": found.series,
        "odd": list(found.odd),
        "notes": list(found.notes),
        "turns": turns,
        "found": found.volumes,
        "files": [str(file) for file in files],
    }
    lines = [f"{found.model} on {found.series}"]
    lines += [f"odd          {words}" for words in found.odd] or ["nothing looks wrong"]
    lines += [f"note         {words}" for words in found.notes]
    for stage, seen in found.seen.items():
        lines += [
            f"sure {turn.confidence:6.1%}  {turn.words or 'as it lies'}"
            + (f" ({stage})" if stage else "")
            for turn in seen.turns
        ]
    lines += [f"wrote {file}" for file in files]
    console.emit(options, document, "\n".join(lines))

"""Fetch a model, a study or a series into a new folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError
from IODeepLib.text.foreign import is_uid
from IODeepLib.text.wording import counted

if TYPE_CHECKING:
    from IODeepLib.machine.progress import Progress
    from IODeepLib.model_object.retirement import Retirement
    from IODeepLib.sources import Source

_UIDS_OF_MODELS = "2.25."  # of `new_uid`


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="UID",
        help="NAME[@VERSION] or UID of a model, or UID of a study or series of whatever kind",
    )
    parser.add_argument("source", metavar="SOURCE", help=f"where it comes from: {arguments.SOURCE}")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")


def run(options: argparse.Namespace) -> None:
    from IODeepLib.disk.files import whole_folder

    source = arguments.source_of(options.source)
    with whole_folder(options.out) as folder, console.progress() as progress:
        pulled = _pull(source, options.what, folder, progress)
        found = [path.relative_to(folder) for path in folder.rglob("*.dcm")]
    files = sorted(str(options.out / path) for path in found)
    retired = {label: str(notice) for label, notice in pulled.items() if notice is not None}
    lines = [
        f"{counted(len(files), 'instance')} in {options.out}",
        *(f"{label} is retired ({notice})" for label, notice in retired.items()),
    ]
    document = {"models": list(pulled), "retired": retired, "files": files}
    console.emit(options, document, "\n".join(lines))


def _pull(
    source: Source, words: str, folder: Path, progress: Progress
) -> dict[str, Retirement | None]:
    """Put what is meant into `folder`; the labels of models among it, with their notices."""
    from IODeepLib.model_object.named import models_named
    from IODeepLib.sources.copies import copy_model

    # All cards are looked at only if it may be a model: images need none of them.
    foreign = is_uid(words) and not words.startswith(_UIDS_OF_MODELS)
    if foreign and source.objects(words, folder, progress):
        return {}
    catalog = source.models()
    models = {model.label: model for model in models_named(catalog.every, words)}
    for label, model in models.items():
        copy_model(source, model, catalog.notice(model), folder / label, progress)
    if models or (is_uid(words) and source.objects(words, folder, progress)):
        return {label: catalog.notice(model) for label, model in models.items()}
    labels = ", ".join(model.label for model in catalog.every) or "none"
    raise UsageError(
        f"no {words!r} in {source.name}",
        f"a model ({labels}), or the UID of a study or series",
        "see what is there with 'iodeep list'",
    )

"""Fetch a model, a study or a series into a new folder."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.model_object.progress import Progress
    from IODeepLib.sources import Source

NAME = "pull"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="UID",
        help="NAME[@VERSION] or UID of a model, or UID of a study or series of whatever kind",
    )
    parser.add_argument("source", metavar="SOURCE", help=f"where it comes from: {arguments.SOURCE}")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")


def run(options: argparse.Namespace) -> None:
    from IODeepLib.files import whole_folder

    source = arguments.source_of(options.source)
    library = source.models()
    every = [*library.models, *(model for model, _ in library.retired)]
    models = {model.label: model for model in arguments.named(every, options.what)}
    with whole_folder(options.out) as folder, console.progress() as progress:
        for label, model in models.items():
            _copy(source, model, folder / label, progress)
        is_uid = re.fullmatch("[0-9.]+", options.what)
        if not models and not (is_uid and source.objects(options.what, folder, progress)):
            labels = ", ".join(model.label for model in every) or "none"
            raise UsageError(
                f"no {options.what!r} in {source.name}",
                f"a model ({labels}), or the UID of a study or series",
                "see what is there with 'iodeep list'",
            )
        found = [path.relative_to(folder) for path in folder.rglob("*.dcm")]
    files = sorted(str(options.out / path) for path in found)
    text = f"{len(files)} instances in {options.out}"
    console.emit(options, {"models": list(models), "files": files}, text)


def _copy(source: Source, model: Model, folder: Path, progress: Progress) -> None:
    """The instances of a model, under the names that `iodeep pack` gives them."""
    from IODeepLib.model_object.packing import CARD_FILE_NAME, weights_file_name

    fetched = source.fetch(model, progress)
    assert fetched.card.path is not None  # noqa: S101 - sources have cards as files
    folder.mkdir()
    shutil.copyfile(fetched.card.path, folder / CARD_FILE_NAME)
    for number, part in enumerate(fetched.weights(), 1):
        shutil.copyfile(part.path, folder / weights_file_name(number))

"""Make the DICOM instances of a network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError
from IODeepLib.text.wording import counted

if TYPE_CHECKING:
    from IODeepLib.model_object import Model, OnnxPaths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        type=Path,
        nargs="?",
        metavar="MODEL.onnx",
        help="the network, if it is the only one",
    )
    parser.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="one of several networks, by the name that the recipe gives it",
    )
    parser.add_argument("--recipe", type=Path, required=True, metavar="R.json", help="its recipe")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    parser.add_argument(
        "--parent", metavar="DIR", help="folder of the version that this one was made from"
    )
    arguments.add_signing(parser)


def run(options: argparse.Namespace) -> None:
    from IODeepLib.publish import pack
    from IODeepLib.recipe import read_recipe
    from IODeepLib.sources.folder import find_model

    signer = arguments.signer_if_asked(options)
    recipe = read_recipe(options.recipe)
    parent = find_model(options.parent).card if options.parent else None
    with console.progress() as progress:
        model = pack(
            _networks(options),
            recipe,
            options.out,
            parent=parent,
            signer=signer,
            progress=progress,
        )
    document, text = described(model, options.out)
    # The library says the warnings on standard error.
    console.emit(options, document, text)


def _networks(options: argparse.Namespace) -> OnnxPaths:
    """The only network, or the file of each by its name."""
    found: dict[str, Path | str] = {}
    for given in options.network:
        name, _, file = given.partition("=")
        if not name or not file or name in found:
            raise UsageError(
                f"--network {given}" + (", and its name before" if name in found else ""),
                "NAME=FILE, each name once",
                "correct it",
            )
        found[name] = Path(file)
    if bool(found) == (options.model is not None):
        raise UsageError(
            "MODEL.onnx and --network" if found else "no network",
            "MODEL.onnx, or --network NAME=FILE for each of several",
            "give one or the other",
        )
    return found or options.model


def described(model: Model, out: Path) -> tuple[dict[str, Any], str]:
    """What was packed into the folder `out`: a document, and a line for people."""
    from IODeepLib.recipe.doubts import doubts

    files = sorted(out.glob("*.dcm"))
    size = sum(file.stat().st_size for file in files)
    document = {
        "model": model.label,
        "model_uid": model.card.model_uid,
        "study_instance_uid": model.card.study_instance_uid,
        "card_sop_instance_uid": model.card.sop_instance_uid,
        "network_sha256": model.card.network_digest,
        "files": [str(file) for file in files],
        "bytes": size,
        "warnings": doubts(model.card.recipe),
    }
    return (
        document,
        f"{model.label}: {counted(len(files), 'instance')}, {size / 1e6:.1f} MB, in {out}",
    )

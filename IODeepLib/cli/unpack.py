"""Give back the ONNX model and the recipe of a packed network."""

from __future__ import annotations

import argparse
from pathlib import Path

from IODeepLib.cli import console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", help="folder with the instances of one model")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")


def run(options: argparse.Namespace) -> None:
    from IODeepLib.model_object import unpack
    from IODeepLib.sources.folder import find_model

    with console.progress() as progress:
        model = find_model(options.dir)
        unpack(model, options.out, progress)
    files = sorted(str(file) for file in options.out.iterdir())
    console.emit(options, {"model": model.label, "files": files}, "\n".join(files))

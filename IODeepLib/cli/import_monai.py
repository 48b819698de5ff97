"""A MONAI bundle: its folder, or a ZIP file of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IODeepLib.importers.draft import Draft

NAME = "monai"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="BUNDLE", help="its folder, or a ZIP file of it")
    parser.add_argument(
        "--config",
        default="inference",
        metavar="NAME",
        help="the config in configs/ that describes the inference [inference]",
    )
    parser.add_argument(
        "--network",
        type=Path,
        metavar="FILE.onnx",
        help="the network as ONNX, in place of the bundle's own",
    )
    parser.add_argument(
        "--run-torchscript",
        action="store_true",
        help="make ONNX of models/*.ts. It is a program, which can read and write your files: for "
        "bundles of people whom you trust",
    )


@contextmanager
def draft(options: argparse.Namespace) -> Iterator[Draft]:
    from IODeepLib.importers.monai.bundle import open_bundle
    from IODeepLib.importers.monai.draft import monai_draft

    with open_bundle(options.path, options.config) as bundle:
        yield monai_draft(bundle, options.network, options.run_torchscript)

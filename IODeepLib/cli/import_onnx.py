"""A network as ONNX alone: says what it shows of itself, and asks for the rest."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IODeepLib.importers.draft import Draft

NAME = "onnx"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="MODEL.onnx", help="the network")
    parser.add_argument(
        "--labels",
        default="",
        metavar="NAME,NAME",
        help="what it finds, in the order of its channels and without background; names that are "
        "known become codes",
    )


@contextmanager
def draft(options: argparse.Namespace) -> Iterator[Draft]:
    from IODeepLib.importers.plain_onnx.draft import onnx_draft

    labels = [name.strip() for name in options.labels.split(",") if name.strip()]
    yield onnx_draft(options.path, labels)

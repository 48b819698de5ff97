"""A network that the first IODeep program stored in a PACS."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console

if TYPE_CHECKING:
    from IODeepLib.importers.draft import Draft

NAME = "first-generation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help=f"where its object is: {arguments.SOURCE}")
    parser.add_argument("--series", metavar="UID", help="which network, where there are several")
    parser.add_argument(
        "--labels",
        metavar="NAME,...",
        default="",
        help="what the output's channels are, in order, without the background",
    )
    parser.add_argument(
        "--align-corners",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="of bilinear upsampling: whether the centers of the corners stay",
    )
    parser.add_argument(
        "--upsampling", choices=("bilinear", "nearest"), default="bilinear", help="without weights"
    )
    parser.add_argument(
        "--joined",
        choices=("earlier-first", "earlier-last"),
        default="earlier-first",
        help="where the channels of an earlier layer go that is joined to an upsampled one",
    )


@contextmanager
def draft(options: argparse.Namespace) -> Iterator[Draft]:
    """What the object says."""
    from IODeepLib.importers import first_generation
    from IODeepLib.importers.first_generation.conversion import Choices

    choices = Choices(options.align_corners, options.upsampling, options.joined == "earlier-first")
    labels = [name.strip() for name in options.labels.split(",") if name.strip()]
    source = arguments.source_of(options.source)
    with (
        console.progress() as progress,
        first_generation.draft(source, options.series, choices, labels, progress) as made,
    ):
        yield made

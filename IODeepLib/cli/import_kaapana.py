"""A model of nnU-Net that Kaapana stored in a PACS."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console, import_nnunet

if TYPE_CHECKING:
    from IODeepLib.importers.draft import Draft

NAME = "kaapana"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="SOURCE", help=f"where its objects are: {arguments.SOURCE}"
    )
    parser.add_argument("--series", metavar="UID", help="which model, where there are several")
    import_nnunet.add_options(parser)


@contextmanager
def draft(options: argparse.Namespace) -> Iterator[Draft]:
    """What the model says."""
    from IODeepLib.importers import kaapana

    source = arguments.source_of(options.source)
    with (
        console.progress() as progress,
        kaapana.draft(
            source,
            options.series,
            folds=options.folds,
            configuration=options.configuration,
            postprocess=not options.no_postprocessing,
            previous_stage=options.previous_stage,
            progress=progress,
        ) as made,
    ):
        yield made

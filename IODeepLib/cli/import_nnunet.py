"""A trained model folder of nnU-Net v2, or its zip."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IODeepLib.importers.draft import Draft

NAME = "nnunet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        type=Path,
        metavar="FOLDER",
        help="with plans.json, dataset.json and fold_*; or the results of a data set; or a zip",
    )
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What of a trained model is taken."""
    parser.add_argument(
        "--folds", metavar="0,1", help="which of them, or all; without it those that are there"
    )
    parser.add_argument("--configuration", metavar="NAME", help="such as 3d_fullres")
    parser.add_argument(
        "--previous-stage",
        type=Path,
        metavar="FOLDER",
        help="of a cascade, the model before; without it the one in the folder beside",
    )
    parser.add_argument(
        "--no-postprocessing",
        action="store_true",
        help="leave out what the cross validation found worth doing (postprocessing.json)",
    )


def draft(options: argparse.Namespace) -> AbstractContextManager[Draft]:
    """What the folder says."""
    from IODeepLib.importers.nnunet import draft

    return draft(
        options.path,
        folds=options.folds,
        configuration=options.configuration,
        previous_stage=options.previous_stage,
        postprocess=not options.no_postprocessing,
    )

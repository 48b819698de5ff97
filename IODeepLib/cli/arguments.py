"""Arguments that several verbs share, and what they name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.cli import console
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.series import ImageSeries
    from IODeepLib.sources.folder import Library


def add_models(parser: argparse.ArgumentParser) -> None:
    """`--models SOURCE`."""
    parser.add_argument(
        "--models", required=True, metavar="SOURCE", help="folder that holds the models"
    )


def add_series(parser: argparse.ArgumentParser) -> None:
    """SERIES and `--series UID`."""
    parser.add_argument(
        "path", type=Path, metavar="SERIES", help="folder (or file) with the DICOM images"
    )
    parser.add_argument(
        "--series", metavar="UID", help="Series Instance UID, where SERIES holds several"
    )


def models_in(source: str) -> Library:
    """The models in the folder `source`."""
    from IODeepLib.sources.folder import find_models

    if "://" in source:
        raise UsageError(f"the source {source}", "a folder", "copy the models into a folder")
    return find_models(source)


def models_to_choose_from(source: str) -> tuple[Model, ...]:
    """The models in `source`; what is wrong there is said, or raised if nothing else is there."""
    library = models_in(source)
    for problem in library.problems:
        if not library.models:
            raise problem.error
        console.say(f"iodeep: {problem.path}: {problem.error}")
    return library.models


def images_in(options: argparse.Namespace) -> list[ImageSeries]:
    """The series in SERIES, or the ones that `--series` names."""
    from IODeepLib.series import find_series

    found = find_series(options.path)
    if options.series is None:
        return found
    named = [item for item in found if item.series_instance_uid == options.series]
    if not named:
        raise UsageError(
            f"no series {options.series} in {options.path}",
            "one of " + ", ".join(sorted({item.series_instance_uid for item in found})),
            "correct --series",
        )
    return named

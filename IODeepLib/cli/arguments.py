"""Arguments that several verbs share, and what they name."""

from __future__ import annotations

import argparse
import re
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
    """SERIES, `--series UID` and `--volume WORDS`."""
    parser.add_argument(
        "path", type=Path, metavar="SERIES", help="folder (or file) with the DICOM images"
    )
    parser.add_argument(
        "--series", metavar="UID", help="Series Instance UID, where SERIES holds several"
    )
    parser.add_argument(
        "--volume",
        metavar="WORDS",
        help="which volume, where a series holds several: 'echo 2', 'time point 1'",
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
    """The volumes in SERIES, or those that `--series` and `--volume` name."""
    from IODeepLib.series import find_series

    found = find_series(options.path)
    if options.series is not None:
        uids = ", ".join(sorted({item.series_instance_uid for item in found}))
        found = [item for item in found if item.series_instance_uid == options.series]
        if not found:
            raise UsageError(
                f"no series {options.series} in {options.path}",
                f"one of {uids}",
                "correct --series",
            )
    if options.volume is not None:
        kinds = ", ".join(sorted({item.split_by for item in found if item.split_by}))
        words = re.compile(rf"(?<!\w){re.escape(options.volume)}(?!\w)", re.IGNORECASE)
        found = [item for item in found if words.search(item.split_by)]
        if not found:
            raise UsageError(
                f"no volume {options.volume!r} in {options.path}",
                f"words of one of: {kinds or 'none, no series holds several volumes'}",
                "correct --volume",
            )
    return found

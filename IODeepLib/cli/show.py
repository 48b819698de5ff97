"""Show a network, or where a result comes from; and check that it is as it says.

Of a network: labels, recipe and model card; every digest is verified. Of a result: the images, the
network and the run that it came of, and whether they are still there and the same.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from IODeepLib.cli import arguments, console, show_model, show_result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="WHAT",
        help="folder with one model, folder or DICOM file of a result, or another SOURCE with "
        "--study or --series",
    )
    parser.add_argument("--study", metavar="UID", help="Study Instance UID of the result")
    parser.add_argument("--series", metavar="UID", help="Series Instance UID of the result")
    parser.add_argument(
        "--models",
        metavar="SOURCE",
        help=f"of a result, where its model is [the PACS itself, or what was kept of others]: "
        f"{arguments.SOURCE}",
    )
    parser.add_argument(
        "--images",
        metavar="SOURCE",
        help=f"of a result, where its images are [the PACS itself]: {arguments.SOURCE}",
    )


def run(options: argparse.Namespace) -> None:
    what = Path(options.what)
    asked = (options.study, options.series, options.models, options.images)
    plain = not any(one is not None for one in asked)
    if not (plain and what.is_dir() and _is_of_networks(options, what)):
        show_result.show_results(options)


def _is_of_networks(options: argparse.Namespace, folder: Path) -> bool:
    """Whether the folder holds networks, of IODeep or of others, which are shown then."""
    from IODeepLib.sources.folder import files_below, find_model, find_models
    from IODeepLib.sources.other_networks import as_json, lines, other_networks_in

    if show_result.is_there(folder / show_result.DOCUMENT_NAME):
        return False
    catalog = find_models(folder)
    if catalog.every or catalog.problems:
        model = find_model(folder)
        if model.missing_parts and catalog.problems:  # why it is missing
            raise catalog.problems[0].error
        show_model.show_model(options, model)
        return True
    others = other_networks_in(files_below(folder))
    if others:
        text = "\n".join(lines(others, shlex.quote(options.what)))
        console.emit(options, {"others": [as_json(one) for one in others]}, text)
    return bool(others)

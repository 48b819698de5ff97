"""Sign networks and results with a key of one's own, where they lie."""

from __future__ import annotations

import argparse
from pathlib import Path

from IODeepLib.cli import arguments, console
from IODeepLib.errors import InputError
from IODeepLib.text.wording import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", type=Path, metavar="WHAT", help="folder with networks or results, or a DICOM file"
    )
    arguments.add_key(parser)


def run(options: argparse.Namespace) -> None:
    from IODeepLib.sources.folder import files_below
    from IODeepLib.sources.own_objects import own_objects
    from IODeepLib.trust.signing import sign_files

    signer = arguments.signer_of(options)
    files = [options.what] if options.what.is_file() else list(files_below(options.what))
    paths, others = own_objects(files)
    if not paths:
        raise InputError(
            f"{options.what} holds no network and no result of IODeep",
            "objects that IODeep made",
            "choose another file or folder",
        )
    with console.progress() as progress:
        progress(0.0, f"signing {counted(len(paths), 'object')}")
        sign_files(paths, signer)
    certificate = signer.certificate
    document = {
        "signed": [str(path) for path in paths],
        "passed_over": [str(path) for path in others],
        "subject": certificate.subject,
        "certificate_sha256": certificate.sha256,
        "valid_until": certificate.ends.isoformat(),
    }
    lines = [
        f"{options.what}: {counted(len(paths), 'object')} signed by {certificate.subject}",
        f"  certificate   valid until {certificate.ends:%Y-%m-%d}, SHA-256 "
        f"{certificate.fingerprint}",
    ]
    if others:
        lines.append(f"  passed over   {counted(len(others), 'object')} that IODeep did not make")
    console.emit(options, document, "\n".join(lines))

"""Store models and other DICOM files in a source, or send what waits in the outbox."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from IODeepLib.cli import arguments, console
from IODeepLib.errors import InputError, IODeepError, SourceError, UsageError
from IODeepLib.text.wording import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dir", nargs="?", type=Path, metavar="DIR", help="folder with models, results, images"
    )
    parser.add_argument(
        "source", nargs="?", metavar="SOURCE", help=f"where they go: {arguments.SOURCE}"
    )


def run(options: argparse.Namespace) -> int:
    if options.dir is None:
        return _send_what_waits(options)
    if options.source is None:
        raise UsageError(
            f"nothing but {options.dir}", "DIR and SOURCE, or neither of them", "say where it goes"
        )
    from IODeepLib.sources.folder import files_below
    from IODeepLib.sources.push import push

    source = arguments.destination_of(options.source)
    with console.progress() as progress:
        pushed = push(files_below(options.dir), source, progress)
    if not pushed.stored and not pushed.there:
        raise InputError(
            f"{options.dir} holds no DICOM file", "models, results or images", "check the path"
        )
    document = {
        "stored": [str(path) for path in pushed.stored],
        "already_there": [str(path) for path in pushed.there],
        "retired": {notice.label: str(notice) for notice in pushed.retired},
    }
    text = f"{source.name}: {counted(len(pushed.stored), 'instance')} stored"
    if pushed.there:
        text += f", {len(pushed.there)} were there already"
    retired = [f"{notice.label} is retired there ({notice})" for notice in pushed.retired]
    console.emit(options, document, "\n".join([text, *retired]))
    return 0


def _send_what_waits(options: argparse.Namespace) -> int:
    """Send the outbox; what cannot be sent stays there, and does not keep the rest waiting."""
    from IODeepLib.sources.outbox import waiting

    sent: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for kept in waiting():
        try:
            new = kept.send(arguments.source_of(kept.destination))
        except IODeepError as error:
            console.say(f"iodeep: {kept.folder} for {kept.destination} waits on: {error}")
            failed.append({"destination": kept.destination, "error": str(error)})
        else:
            sent.append({"destination": kept.destination, "stored": len(new)})
    lines = [
        f"{item['destination']}: {counted(item['stored'], 'instance')} stored" for item in sent
    ]
    if not sent and not failed:
        lines = ["nothing waits in the outbox"]
    if lines or options.json:
        console.emit(options, {"sent": sent, "failed": failed}, "\n".join(lines))
    return SourceError.exit_status if failed else 0

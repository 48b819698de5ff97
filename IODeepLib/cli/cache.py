"""Show what was kept from PACS on this machine, or remove it."""

from __future__ import annotations

import argparse
import dataclasses

from IODeepLib.cli import console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clear", action="store_true", help="remove everything that is not in use")


def run(options: argparse.Namespace) -> None:
    from IODeepLib.sources.settings import read_settings

    cache = read_settings().cache()
    if options.clear:
        cache.clear()
    there = cache.contents()
    document = {"folder": str(cache.folder), "max_bytes": cache.max_bytes}
    lines = [
        str(cache.folder),
        f"  cards    {there.cards:5} {there.card_bytes / 1e6:10.1f} MB",
        f"  weights  {there.models:5} {there.model_bytes / 1e6:10.1f} MB "
        f"of at most {cache.max_bytes / 1e6:.0f} MB",
    ]
    console.emit(options, document | dataclasses.asdict(there), "\n".join(lines))

"""Verbs that have verbs of their own: `iodeep trust add`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


class VerbsBelow:
    """The verbs below one.

    Args:
        parser: of the verb above.
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._common = argparse.ArgumentParser(add_help=False)
        for flags in (
            ["--json"],
            ["-v", "--verbose"],
        ):  # behind these as well
            self._common.add_argument(
                *flags, action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
            )
        self._verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def add(self, name: str, run: Callable[[argparse.Namespace], Any]) -> argparse.ArgumentParser:
        """One of them, which does `run` and is described by its docstring."""
        summary = (run.__doc__ or "").strip().splitlines()[0]
        below = self._verbs.add_parser(
            name, parents=[self._common], help=summary, description=summary
        )
        below.set_defaults(run_below=run)
        return below

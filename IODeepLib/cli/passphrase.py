"""The pass phrase of a new key: from a prompt, the environment or the keyring."""

from __future__ import annotations

import argparse
import getpass
import sys

from IODeepLib.cli import console
from IODeepLib.errors import UsageError

_OPTION = "--passphrase"


def add_argument(parser: argparse.ArgumentParser) -> None:
    """`--passphrase PLACE`."""
    parser.add_argument(
        _OPTION,
        metavar="PLACE",
        help="where that of the key is: env:VARIABLE or keyring:SERVICE [asked for]",
    )


def new_passphrase(options: argparse.Namespace, whose: str) -> str:
    """A pass phrase for a new key; a person says it twice.

    Args:
        options: with PLACE.
        whose: the key's file; the keyring has it under this name.

    Raises:
        UsageError: nobody is there to say it, it is not where the call says, it is empty, or was
            said in two ways.
    """
    from IODeepLib.disk.secret_places import secret_at

    def wrong(found: str, wanted: str, next_step: str) -> UsageError:
        return UsageError(f"{_OPTION}: {found}", wanted, next_step)

    if options.passphrase is not None:
        return secret_at(options.passphrase, whose, wrong)
    if not console.somebody_is_there():
        raise UsageError(
            f"nobody to ask for the pass phrase of {whose}",
            "a terminal, or where it is",
            f"add {_OPTION} env:VARIABLE or keyring:SERVICE",
        )
    phrase = getpass.getpass(f"Pass phrase for {whose}: ", sys.stderr)
    if not phrase:
        raise UsageError(
            "no pass phrase",
            "some words that nobody guesses",
            "say some, or leave the key open with --no-passphrase",
        )
    if getpass.getpass("The same again: ", sys.stderr) != phrase:
        raise UsageError("two pass phrases", "the same twice", "start again")
    return phrase

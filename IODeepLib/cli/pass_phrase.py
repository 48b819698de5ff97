"""Pass phrases of keys: from a prompt, the environment or the keyring, never from the call."""

from __future__ import annotations

import argparse
import getpass
import sys

from IODeepLib.cli import console
from IODeepLib.errors import UsageError

_OPTION = "--pass-phrase"


def add_argument(parser: argparse.ArgumentParser) -> None:
    """`--pass-phrase PLACE`."""
    parser.add_argument(
        _OPTION,
        metavar="PLACE",
        help="where the key's pass phrase is: env:VARIABLE or keyring:SERVICE [asked for]",
    )


def known(options: argparse.Namespace, whose: str) -> str:
    """The pass phrase of a key that there is.

    Args:
        options: with PLACE.
        whose: the key, as a message names it; the keyring has it under this name.

    Raises:
        UsageError: nobody is there to say it, or it is not where the call says.
    """
    if options.pass_phrase is not None:
        return _kept(options.pass_phrase, whose)
    return _asked(f"pass phrase of {whose}: ")


def new(options: argparse.Namespace, whose: str) -> str:
    """A pass phrase for a new key; a person says it twice.

    Raises:
        UsageError: as `known`, or it is empty, or was said in two ways.
    """
    if options.pass_phrase is not None:
        return _kept(options.pass_phrase, whose)
    phrase = _asked(f"pass phrase for {whose}: ")
    if not phrase:
        raise UsageError(
            "no pass phrase",
            "some words that nobody guesses",
            "say some, or leave the key open with --no-pass-phrase",
        )
    if _asked("the same again: ") != phrase:
        raise UsageError("two pass phrases", "the same twice", "start again")
    return phrase


def _kept(place: str, whose: str) -> str:
    from IODeepLib.disk.secret_places import secret_at

    def wrong(found: str, wanted: str, next_step: str) -> UsageError:
        return UsageError(f"{_OPTION}: {found}", wanted, next_step)

    return secret_at(place, whose, wrong)


def _asked(question: str) -> str:
    if not console.somebody_is_there():
        raise UsageError(
            f"nobody to ask for the {question.strip(': ')}",
            "a terminal, or where it is",
            f"add {_OPTION} env:VARIABLE or keyring:SERVICE",
        )
    return getpass.getpass(question, sys.stderr)

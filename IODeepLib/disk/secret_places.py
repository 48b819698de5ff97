"""Secrets, which stand in no file and on no command line: 'env:VARIABLE' or 'keyring:SERVICE'."""

from __future__ import annotations

import os
from collections.abc import Callable

from IODeepLib.errors import IODeepError

_Wrong = Callable[[str, str, str], IODeepError]


def secret_at(place: str, user: str, wrong: _Wrong) -> str:
    """The secret at `place`; what is no place may be a secret, and is not repeated.

    Args:
        place: in the words of whoever names it.
        user: under which name the keyring has it.
        wrong: makes the error of what was found, what was wanted and what to do next.

    Raises:
        IODeepError: what `wrong` makes, if there is no secret.
    """
    kind, _, name = place.partition(":")
    if kind == "env" and name:
        value = os.environ.get(name)
        if not value:
            raise wrong(
                f"no environment variable {name}",
                "the secret in it",
                "set it, or correct its name there",
            )
        return value
    if kind == "keyring" and name:
        return _from_keyring(name, user, wrong)
    raise wrong(
        "something else than a place", "'env:VARIABLE' or 'keyring:SERVICE'", "correct it there"
    )


def _from_keyring(service: str, user: str, wrong: _Wrong) -> str:
    try:
        import keyring
    except ImportError:
        raise wrong(
            "no Python package keyring",
            "the system's keyring",
            "pip install keyring, or use 'env:VARIABLE'",
        ) from None
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # its back ends raise what they like
        raise wrong(
            f"a keyring that fails ({type(error).__name__})",
            "the system's keyring, unlocked",
            "unlock it, or use 'env:VARIABLE'",
        ) from None
    if not value:
        raise wrong(
            f"a keyring with nothing for {service!r} and {user!r}",
            "the secret",
            f"put it there with 'keyring set {service} {user or repr(user)}'",
        )
    return str(value)

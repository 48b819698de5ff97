"""The secrets of the page and the API, fetched from where the settings say that they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from IODeepLib.disk.secret_places import secret_at
from IODeepLib.errors import IODeepError
from IODeepLib.service.settings import mistake
from IODeepLib.service.web.settings import Token, WebSettings
from IODeepLib.text.foreign import keep_secret
from IODeepLib.text.json_text import StructureError

_SHORTEST = 16  # characters; who tries all of a shorter one may come to an end
_VISIBLE = re.compile(r"[!-~]+")


def with_secrets(path: Path, web: WebSettings) -> WebSettings:
    """The settings with the secrets themselves in place of where they are.

    Args:
        path: the file that they stand in, for messages.
        web: the settings.

    Raises:
        UsageError: a secret is not where it should be, or no good.
    """
    tokens: list[Token] = []
    for number, token in enumerate(web.tokens):
        wrong = _wrong(path, f"tokens[{number}].token")
        secret = secret_at(token.token, token.name, wrong)
        if len(secret) < _SHORTEST or not _VISIBLE.fullmatch(secret):
            raise wrong(
                "a token that can be guessed, or has signs that no header holds",
                f"at least {_SHORTEST} letters, digits and signs of ASCII",
                "make one: python3 -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        if secret in (other.token for other in tokens):
            raise wrong("the token of somebody else", "one for each", "make another one")
        keep_secret(secret)
        tokens.append(replace(token, token=secret))
    oidc = web.oidc
    if oidc is not None and oidc.client_secret is not None:
        wrong = _wrong(path, "oidc.client_secret")
        secret = secret_at(oidc.client_secret, oidc.client_id, wrong)
        keep_secret(secret, oidc.client_id)
        oidc = replace(oidc, client_secret=secret)
    return replace(web, tokens=tuple(tokens), oidc=oidc)


def _wrong(path: Path, key: str) -> Callable[[str, str, str], IODeepError]:
    def wrong(found: str, wanted: str, next_step: str) -> IODeepError:
        return mistake(path, StructureError(f"$.web.{key}", found, wanted), next_step)

    return wrong

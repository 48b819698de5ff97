"""The service beside a PACS, asked by others over its REST API.

    client = client_of("hospital")  # in iodeep.toml, or its address
    seen = ask(client, study_uid, order=True)

This needs nothing of the extra `service`. What answers is not believed: it is short and JSON of the
API's form, or an error in one line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from requests import Response

from IODeepLib.errors import InputError, SourceError, UsageError
from IODeepLib.service.states import State
from IODeepLib.sources.dicomweb.web import Web, media_type
from IODeepLib.sources.settings import SERVICE, Server, read_settings, settings_files
from IODeepLib.text.foreign import is_uid, printable
from IODeepLib.text.json_text import StructureError, parse_json

LONGEST_ANSWER = 2**22  # bytes: some thousand jobs
_LONGEST_WORDS = 1000  # characters of a reason
_WHAT = "the service of IODeep"
_SECRET = re.compile(r"://.*@")
_PATIENCE = 15.0  # seconds until a study was looked at; a small one takes two
_BETWEEN = 0.5  # seconds from one question to the next

_Word = Annotated[str, Meta(max_length=100_000)]  # some name each series of a study


class Choice(Struct, frozen=True):
    """A model that a job may be done with."""

    label: _Word


class JobSeen(Struct, frozen=True):
    """One model on one series.

    Attributes:
        state: where it is.
        label: name and version of the model; "" before one is chosen.
        choices: the models that are equally good, where somebody has to choose.
        fraction, message: how far it is, of one that runs.
        reason: why, of one that does not go on.
    """

    state: State
    label: _Word = ""
    choices: tuple[Choice, ...] = ()
    fraction: Annotated[float, Meta(ge=0, le=1)] = 0.0
    message: _Word = ""
    reason: _Word = ""


class StudySeen(Struct, frozen=True):
    """What a service knows of a study.

    Attributes:
        uid: of the study.
        state: whether it waits to be looked at, is, was, or could not be.
        reason: why nothing is done with it, if so.
        jobs: what is done with it, all that ever was.
    """

    uid: _Word
    state: State
    reason: _Word = ""
    jobs: tuple[JobSeen, ...] = ()

    @property
    def is_looked_at(self) -> bool:
        """Whether it is not known yet what comes of it."""
        return not self.state.is_final


class _Refusal(Struct):
    found: _Word
    wanted: _Word
    next: _Word


class Client:
    """The API of a service.

    Args:
        server: its address, and how to get in.
    """

    def __init__(self, server: Server) -> None:
        self._web = Web(server, _WHAT)

    @property
    def name(self) -> str:
        """How messages call it."""
        return self._web.name

    def order(self, study_uid: str) -> StudySeen:
        """Have a study looked at now, whether anything in it has changed or not.

        Raises:
            SourceError: the service refuses, has no such study in its PACS, or does not answer.
        """
        return self._ask("POST", study_uid)

    def study(self, study_uid: str) -> StudySeen:
        """What is known of a study.

        Raises:
            SourceError: the service has never seen it, or does not answer.
        """
        return self._ask("GET", study_uid)

    def _ask(self, method: str, study_uid: str) -> StudySeen:
        if not is_uid(study_uid):
            raise UsageError(f"the study {printable(study_uid)[:70]!r}", "a UID", "correct it")
        path = f"api/v1/studies/{study_uid}"
        with self._web.ask(method, path, "application/json") as response:
            body = self._web.content(response, LONGEST_ANSWER)
            if not 200 <= response.status_code < 300:
                self._refuse(response, body, study_uid)
            seen: StudySeen = self._read(response, body, StudySeen)
        if seen.uid != study_uid:
            raise self._web.wrong_kind("another study", f"the study {study_uid}")
        return seen

    def _refuse(self, response: Response, body: bytes, study_uid: str) -> None:
        """Raise what it says of why not, or what its status means."""
        if response.status_code == 401:
            raise SourceError(
                f"{self.name} does not know who asks",
                "a token of the service",
                "name it in iodeep.toml, with the place of the token that its keeper gave you",
            )
        try:
            said: _Refusal = self._read(response, body, _Refusal)
        except SourceError:
            self._web.check(response)
            raise
        if response.status_code == 404 and response.request.method == "GET":
            raise SourceError(
                f"{self.name} has not seen the study {study_uid}",
                "one that it has looked at",
                "let it run the study first",
            )
        words = (part[:_LONGEST_WORDS] for part in (said.found, said.wanted, said.next))
        found, wanted, then = words
        raise SourceError(f"{self.name}: {found}", wanted, then)

    def _read(self, response: Response, body: bytes, kind: Any) -> Any:
        media, _ = media_type(response)
        if media != "application/json":
            raise self._web.wrong_kind(printable(media)[:100], "JSON of the service's API")
        try:
            return msgspec.convert(_printed(parse_json(body.decode("utf-8"))), kind)
        except (UnicodeDecodeError, StructureError, msgspec.ValidationError, RecursionError):
            what = "JSON that is none of its API's"
            raise self._web.wrong_kind(what, "what /api/v1/openapi.json describes") from None


def client_of(words: str) -> Client:
    """The service of this name in `iodeep.toml`, or at this address.

    Args:
        words: a name, or `http(s)://host:port`.

    Raises:
        InputError: it is neither.
        UsageError: the address, or what `iodeep.toml` says of it, is wrong.
    """
    words, settings = words.strip(), read_settings()
    if words.startswith(("http://", "https://")):
        words = f"{SERVICE}{words}"
    if _SECRET.search(words) or {"?", "#"} & set(words):
        raise UsageError(
            "a user, a password or a query in an address",
            "the address of the service alone",
            f"name the service and where its token is in {settings.path or settings_files()[0]}",
        )
    server = settings.server(words)
    if server is None or not re.match(rf"{re.escape(SERVICE)}https?://", server.url):
        names = ", ".join(settings.services) or "none"
        raise InputError(
            f"{printable(words)[:200]!r} is no service",
            f"http(s)://host:port, or one that iodeep.toml names ({names})",
            "check the address or the name",
        )
    return Client(server)


def ask(
    client: Client,
    study_uid: str,
    *,
    order: bool,
    progress: Callable[[float, str], None] = lambda fraction, message: None,
) -> StudySeen:
    """What becomes of a study, as soon as that is known; what is known then, if it takes long.

    Args:
        client: the service.
        study_uid: the study.
        order: have it looked at now; or only ask.
        progress: called with a fraction and words.

    Raises:
        SourceError: the service refuses, or does not answer.
    """
    progress(0.0, f"asking {client.name}")
    seen = client.order(study_uid) if order else client.study(study_uid)
    until = time.monotonic() + _PATIENCE
    while order and seen.is_looked_at and time.monotonic() < until:
        progress(0.5, f"{client.name} looks at the study")
        time.sleep(_BETWEEN)
        seen = client.study(study_uid)
    return seen


def _printed(value: Any) -> Any:
    """Plain JSON whose texts nothing obeys, and that say no secret of ours."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _printed(item) for key, item in value.items()}
    return [_printed(item) for item in value] if isinstance(value, list) else value

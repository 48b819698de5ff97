"""A PACS over DICOMweb: QIDO-RS, WADO-RS and STOW-RS (PS3.18 chapter 10).

Ours, on requests, because dicomweb-client holds every object that it retrieves or stores whole in
memory, and encodes what it searches with in a way that some servers do not understand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import requests

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.sources.archive import (
    OUT_OF_RESOURCES,
    Entity,
    Level,
    Matches,
    PartialError,
    Receiver,
    TransientError,
    matches_in,
)
from IODeepLib.sources.dicomweb.dicom_json import answers_in, items, parsed, text
from IODeepLib.sources.dicomweb.multipart import DicomMessage, parts
from IODeepLib.sources.dicomweb.web import Web, media_type, reason_phrase
from IODeepLib.sources.incoming import entity_of
from IODeepLib.sources.limits import MOST_ANSWERS, too_many
from IODeepLib.sources.settings import Server

_PAGE = 1000  # answers
# Of a page, or of what is said to have been stored: an answer has some 2 kB, and can have 16.
_MOST_ANSWER_BYTES = 2**24
# Some servers (Orthanc 1.10) do not decode values in a search: others than these never match.
_SAFE = re.compile(r"[A-Za-z0-9._-]+")
_JSON = "application/dicom+json"
_ALL_SYNTAXES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_PARTIAL_CONTENT = 206  # PS3.18 section 10.4.3.3
# There are more answers than were given (PS3.18 section 8.3.4.4).
_MORE_REMAIN = "299"
# To STOW-RS: the object is no good, or of a kind that is not taken (PS3.18 table 10.5.3-1).
_NOT_TAKEN = {400, 409, 415, 422}
_LONGEST_REASON = 5  # digits of a US


class DicomwebArchive:
    """A DICOMweb service.

    Args:
        server: its address, and how to get in.

    Raises:
        UsageError: the address is no URL.
    """

    def __init__(self, server: Server) -> None:
        self._web = Web(server)

    @property
    def name(self) -> str:
        """See `Archive`."""
        return self._web.name

    def connected(self) -> AbstractContextManager[object]:
        """See `Archive`. The session keeps connections by itself."""
        return nullcontext()

    def find_studies(self, keys: Mapping[str, str]) -> None:
        """See `Archive`."""
        return

    def find_series(self, keys: Mapping[str, str]) -> Matches:
        """See `Archive`."""
        return matches_in(self._answers("series", keys), Level.SERIES, self.name)

    def find_instances(self, keys: Mapping[str, str]) -> Matches:
        """See `Archive`."""
        return matches_in(self._answers("instances", keys), Level.INSTANCE, self.name)

    def retrieve(self, entity: Entity, receive: Receiver) -> None:
        """See `Archive`."""
        path = f"studies/{entity.study_uid}/series/{entity.series_uid}"
        if entity.sop_uid:
            path += f"/instances/{entity.sop_uid}"
        with self._web.ask("GET", path, _ALL_SYNTAXES) as response:
            self._web.check(response)
            kind, boundary = media_type(response)
            chunks = self._web.chunks(response)
            if kind == "application/dicom":  # against the standard, but seen
                receive(chunks)
            elif kind == "multipart/related" and boundary:
                for part in parts(chunks, boundary):
                    receive(part)
            else:
                raise self._web.wrong_kind(kind, "DICOM objects")
            if response.status_code == _PARTIAL_CONTENT:
                raise PartialError(self.name)

    def store(self, paths: Sequence[Path], stored: Callable[[Path], None]) -> None:
        """See `Archive`. Every file is a request of its own."""
        for path in paths:
            message = DicomMessage(path)
            headers = {"Content-Type": message.content_type}
            with self._web.ask("POST", "studies", _JSON, headers, data=message) as response:
                if entity_of(path).sop_uid in self._stored(response, path):
                    stored(path)

    def _answers(self, level: str, keys: Mapping[str, str]) -> list[dict[str, str]]:
        filters: dict[str, Any] = {
            keyword: value for keyword, value in keys.items() if _SAFE.fullmatch(value)
        }
        if not filters.keys() - {"Modality", "SeriesNumber"}:
            raise UsageError(
                " and ".join(f"{keyword} {value!r}" for keyword, value in keys.items()),
                "a key of A-Z a-z 0-9 . _ - to search with, as every server understands it",
                "add --study, --accession or --date",
            )
        # Those that are not sent are looked at here: they have to be in the answers.
        filters["includefield"] = [keyword for keyword in keys if keyword not in filters]
        found: dict[tuple[str, ...], dict[str, str]] = {}
        offset = 0
        while True:
            page = {**filters, "limit": _PAGE, "offset": offset}
            answers, more_remain = self._page(level, page)
            before = len(found)
            for attributes in answers:
                found.setdefault(tuple(attributes.get(one.value, "") for one in Level), attributes)
            if len(found) > MOST_ANSWERS:
                raise too_many(self.name, f"answers to a search for {level}", MOST_ANSWERS)
            if not answers:
                return list(found.values())
            # A server may give fewer at once than were asked for, or know no offset.
            if len(found) == before:
                if more_remain or len(answers) == _PAGE:
                    raise SourceError(
                        f"{self.name} gives the first {len(found)} {level} only, whatever offset "
                        "it is asked for",
                        "all of them",
                        "name what is wanted more exactly, or ask who runs the server",
                    )
                return list(found.values())
            offset += len(answers)

    def _page(self, level: str, parameters: Mapping[str, Any]) -> tuple[list[dict[str, str]], bool]:
        """The answers to a search that are on one page, and whether the server has more."""
        with self._web.ask("GET", level, _JSON, params=parameters) as response:
            self._web.check(response)
            more_remain = _MORE_REMAIN in response.headers.get("Warning", "")
            content = self._web.content(response, _MOST_ANSWER_BYTES)
            if not content:  # 204, or a server that says so with 200
                return [], more_remain
            kind, _ = media_type(response)
            if kind not in (_JSON, "application/json"):
                raise self._web.wrong_kind(kind, _JSON)
            try:
                return answers_in(content), more_remain
            except ValueError as error:
                raise self._web.wrong_kind(
                    f"JSON of another kind ({error})", f"a list of {level} (PS3.18 annex F)"
                ) from None

    def _stored(self, response: requests.Response, path: Path) -> set[str]:
        """The SOP Instance UIDs of what was stored, as far as the answer says it; and its errors.

        An answer of STOW-RS says for every object how it went (PS3.18 section 10.5.3).
        """
        answer: Any = {}
        if "json" in response.headers.get("Content-Type", ""):
            content = self._web.content(response, _MOST_ANSWER_BYTES)
            try:
                answer = parsed(content) if content else answer
            except ValueError as wrong:
                raise self._web.wrong_kind(f"JSON that is none ({wrong})", _JSON) from None
            answer = answer[0] if isinstance(answer, list) and answer else answer
        failures = items(answer, "00081198")
        if not failures:
            if response.status_code in _NOT_TAKEN:
                raise self._does_not_take(path, f"{response.status_code} {reason_phrase(response)}")
            self._web.check(response)
            return {text(item, "00081155") for item in items(answer, "00081199")}
        said = text(failures[0], "00081197")
        reason = int(said) if said.isdecimal() and len(said) <= _LONGEST_REASON else 0
        error = TransientError if reason in OUT_OF_RESOURCES else SourceError
        raise self._does_not_take(path, f"failure reason {reason:04X}", error)

    def _does_not_take(
        self, path: Path, reason: str, error: type[SourceError] = SourceError
    ) -> SourceError:
        return error(
            f"{self.name} does not take {path.name} ({reason})",
            "to store it",
            "check the file, and ask who runs the server what it accepts",
        )

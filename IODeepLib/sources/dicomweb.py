"""A PACS over DICOMweb: QIDO-RS, WADO-RS and STOW-RS (PS3.18 chapter 10).

Written on requests: dicomweb-client holds every object that it retrieves or stores whole in memory,
and encodes what it searches with in a way that some servers do not understand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from email.message import Message
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from pydicom.datadict import keyword_for_tag
from urllib3.exceptions import ReadTimeoutError

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.sources.archive import (
    Entry,
    Receiver,
    StalledError,
    TransientError,
    UnreachableError,
)
from IODeepLib.sources.incoming import entry_of
from IODeepLib.sources.multipart import DicomMessage, parts
from IODeepLib.sources.settings import Server

_SECONDS_TO_CONNECT = 10.0
_CHUNK = 2**20  # bytes
_PAGE = 1000  # answers
# Some servers (Orthanc 1.10) do not decode values in a search: others than these never match.
_SAFE = re.compile(r"[A-Za-z0-9._-]+")
_JSON = "application/dicom+json"
_ALL_SYNTAXES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_IN_TROUBLE = {408, 425, 429, 500, 502, 503, 504}
# To STOW-RS: the object is no good, or of a kind that is not taken (PS3.18 table 10.5.3-1).
_NOT_TAKEN = {400, 409, 415, 422}
# How OpenSSL, by its version, calls an answer in the clear.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
# What "out of resources" is as a failure reason (PS3.18 section 10.5.3.2, PS3.4 table B.2-1).
_OUT_OF_RESOURCES = range(0xA700, 0xA800)


class DicomwebArchive:
    """A DICOMweb service.

    Args:
        server: its address, and how to get in.

    Raises:
        UsageError: the address is no URL.
    """

    def __init__(self, server: Server) -> None:
        self._base = server.url.removeprefix("dicomweb+").rstrip("/")
        self._timeout = (min(_SECONDS_TO_CONNECT, server.timeout), server.timeout)
        if not _is_url(self._base):
            raise UsageError(
                f"the address {server.url}", "dicomweb+https://host:port/path", "correct it"
            )
        self._session = _session(server)
        # Said for each request, because requests prefers REQUESTS_CA_BUNDLE to the session's own.
        self._verify = str(server.ca) if server.ca is not None else None

    @property
    def name(self) -> str:
        """See `Archive`."""
        return self._base

    def connected(self) -> AbstractContextManager[object]:
        """See `Archive`. The session keeps connections by itself."""
        return nullcontext()

    def find_studies(self, keys: Mapping[str, str]) -> None:
        """See `Archive`."""
        return

    def find_series(self, keys: Mapping[str, str]) -> list[Entry]:
        """See `Archive`."""
        return self._found("series", keys)

    def find_instances(self, keys: Mapping[str, str]) -> list[Entry]:
        """See `Archive`."""
        return self._found("instances", keys)

    def retrieve(self, entry: Entry, receive: Receiver) -> None:
        """See `Archive`."""
        path = f"studies/{entry.study_uid}/series/{entry.series_uid}"
        if entry.sop_uid:
            path += f"/instances/{entry.sop_uid}"
        with self._ask("GET", path, _ALL_SYNTAXES) as response:
            self._check(response)
            kind, boundary = _media_type(response)
            chunks = response.iter_content(_CHUNK)
            if kind == "application/dicom":  # against the standard, but seen
                receive(chunks)
            elif kind == "multipart/related" and boundary:
                for part in parts(chunks, boundary):
                    receive(part)
            else:
                raise self._wrong_kind(kind, "DICOM objects")

    def store(self, paths: Sequence[Path], stored: Callable[[Path], None]) -> None:
        """See `Archive`. Every file is a request of its own."""
        for path in paths:
            message = DicomMessage(path)
            headers = {"Content-Type": message.content_type}
            with self._ask("POST", "studies", _JSON, data=message, headers=headers) as response:
                if entry_of(path).sop_uid in self._stored(response, path):
                    stored(path)

    def _found(self, level: str, keys: Mapping[str, str]) -> list[Entry]:
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
        found: dict[tuple[str, str], Entry] = {}
        offset = 0
        while True:
            answers = self._search(level, {**filters, "limit": _PAGE, "offset": offset})
            before = len(found)
            for entry in map(_entry, answers):
                found.setdefault((entry.series_uid, entry.sop_uid), entry)
            # A server may give fewer at once than were asked for, or know no offset.
            if not answers or len(found) == before:
                return list(found.values())
            offset += len(answers)

    def _search(self, level: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._ask("GET", level, _JSON, params=parameters) as response:
            self._check(response)
            if not response.content:  # 204, or a server that says so with 200
                return []
            kind = _media_type(response)[0]
            if kind not in (_JSON, "application/json"):
                raise self._wrong_kind(kind, _JSON)
            answers = response.json()
        one_of = ("0020000D", "0020000E")
        if not isinstance(answers, list) or not all(
            isinstance(answer, dict) and all(tag in answer for tag in one_of) for answer in answers
        ):
            raise self._wrong_kind("JSON of another kind", f"a list of {level} (PS3.18 annex F)")
        return answers

    @contextmanager
    def _ask(
        self, method: str, path: str, accept: str, headers: Mapping[str, str] = {}, **more: Any
    ) -> Iterator[requests.Response]:
        """A request, and what requests raises meanwhile turned into errors of ours."""
        try:
            with self._session.request(
                method,
                f"{self._base}/{path}",
                headers={"Accept": accept, **headers},
                stream=True,
                timeout=self._timeout,
                verify=self._verify,
                allow_redirects=False,
                **more,
            ) as response:
                yield response
        except requests.exceptions.SSLError as error:
            raise self._insecure(error) from None
        except (requests.exceptions.ProxyError, requests.exceptions.InvalidURL) as error:
            raise self._no_way(error) from None  # our own address is a valid one
        except requests.ConnectTimeout as error:
            raise self._unreachable(error) from None
        except (
            *(requests.Timeout, requests.ConnectionError),
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            if any(isinstance(one, (TimeoutError, ReadTimeoutError)) for one in _causes(error)):
                raise StalledError(self.name, self._timeout[1]) from None
            raise (self._unreachable if _is_refused(error) else self._broken)(error) from None
        except (ValueError, requests.RequestException) as error:
            raise self._failed(error) from None

    def _check(self, response: requests.Response) -> None:
        """Raise what the status means, if it is no success."""
        status = response.status_code
        if 200 <= status < 300:
            return
        found = f"{self.name} answered {status} {response.reason or ''}".rstrip()
        if response.is_redirect:  # which is not followed: a secret would go elsewhere
            raise SourceError(
                f"{found}, that it is at {response.headers['Location'].split('?')[0]}",
                "a DICOMweb service",
                "use that address, if it is one and no login page",
            )
        if status in _IN_TROUBLE:
            raise TransientError(found, "an answer", "try again later, or ask who runs it")
        if status in (401, 403, 407):
            raise SourceError(
                found,
                "a user, token or certificate that may do this",
                "name the server and where its secret is in iodeep.toml",
            )
        if status == 413:
            raise SourceError(
                found, "a server that takes objects of this size", "raise the limit of its proxy"
            )
        if status == 404:
            raise SourceError(found, "what was asked for", "check the address and the UIDs")
        raise SourceError(found, "a DICOMweb service", "check the address, or ask who runs it")

    def _stored(self, response: requests.Response, path: Path) -> set[str]:
        """The SOP Instance UIDs of what was stored, as far as the answer says it; and its errors.

        An answer of STOW-RS says for every object how it went (PS3.18 section 10.5.3).
        """
        answer: Any = {}
        if response.content and "json" in response.headers.get("Content-Type", ""):
            answer = json.loads(response.content)
            answer = answer[0] if isinstance(answer, list) and answer else answer
        failures = _items(answer, "00081198")
        if not failures:
            if response.status_code in _NOT_TAKEN:
                raise self._does_not_take(path, f"{response.status_code} {response.reason}")
            self._check(response)
            return {_text(item.get("00081155", {})) for item in _items(answer, "00081199")}
        reason = int(_text(failures[0].get("00081197", {})) or 0)
        error = TransientError if reason in _OUT_OF_RESOURCES else SourceError
        raise self._does_not_take(path, f"failure reason {reason:04X}", error)

    def _does_not_take(
        self, path: Path, reason: str, error: type[SourceError] = SourceError
    ) -> SourceError:
        return error(
            f"{self.name} does not take {path.name} ({reason})",
            "to store it",
            "check the file, and ask who runs the server what it accepts",
        )

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"{self.name} cannot be reached ({_reason(error)})",
            "a DICOMweb service there",
            "check the address, and whether it runs",
        )

    def _no_way(self, error: Exception) -> UnreachableError:
        proxies = requests.utils.get_environ_proxies(self._base)
        proxy = requests.utils.select_proxy(self._base, proxies) or ""
        return UnreachableError(
            f"the proxy {proxy.rpartition('@')[2]} does not lead to {self.name} ({_reason(error)})",
            "a proxy that does, or none",
            "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY in the environment",
        )

    def _insecure(self, error: Exception) -> SourceError:
        if "CERTIFICATE" in str(error):
            return SourceError(
                f"{self.name} and this side do not trust each other ({_reason(error)})",
                "certificates that both sides accept",
                "name the server in iodeep.toml with its ca, and with certificate and key",
            )
        if any(words in str(error) for words in _NO_TLS):
            return SourceError(
                f"{self.name} does not speak TLS ({_reason(error)})",
                "a DICOMweb service that does, for https",
                "check http or https, and the port",
            )
        return self._broken(error)

    def _broken(self, error: Exception) -> TransientError:
        return TransientError(
            f"the connection to {self.name} broke ({_reason(error)})",
            "an answer to its end",
            "try again, or check the network",
        )

    def _failed(self, error: Exception) -> SourceError:
        return SourceError(
            f"{self.name} answered something else ({_reason(error)})",
            "a DICOMweb service",
            "check the address",
        )

    def _wrong_kind(self, kind: str, wanted: str) -> SourceError:
        return SourceError(
            f"{self.name} answered with {kind}",
            wanted,
            "check the address, and whether a login page stands before the service",
        )


class _Bearer(requests.auth.AuthBase):
    """A token, kept out of the session's own headers, which might be printed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _session(server: Server) -> requests.Session:
    session = requests.Session()
    # requests would ask for gzip, with which servers take ten times as long for weights.
    session.headers["Accept-Encoding"] = "identity"
    if server.token is not None:
        session.auth = _Bearer(server.token)
    elif server.user is not None:
        session.auth = (server.user, server.password or "")
    else:  # or requests would send what ~/.netrc has for the server, or for any server
        session.auth = lambda request: request
    if server.certificate is not None:
        session.cert = (str(server.certificate), str(server.key or server.certificate))
    return session


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0  # a port of letters, or too large, raises
    except ValueError:
        return False


_keyword = lru_cache(keyword_for_tag)


def _entry(answer: Mapping[str, Any]) -> Entry:
    """An answer in the DICOM JSON model (PS3.18 annex F)."""
    attributes = {
        keyword: _text(element)
        for tag, element in answer.items()
        if isinstance(element, dict) and (keyword := _keyword(tag))
    }
    study, series = attributes["StudyInstanceUID"], attributes["SeriesInstanceUID"]
    return Entry(study, series, attributes.get("SOPInstanceUID", ""), attributes)


def _items(answer: Any, tag: str) -> list[dict[str, Any]]:
    """The items of a sequence in the DICOM JSON model; none if it is not there."""
    element = answer.get(tag) if isinstance(answer, dict) else None
    items = element.get("Value") if isinstance(element, dict) else None
    return [item for item in items or () if isinstance(item, dict)]


def _text(element: Mapping[str, Any]) -> str:
    values = [str(v) for v in element.get("Value") or () if isinstance(v, (str, int, float))]
    return "\\".join(values)


def _media_type(response: requests.Response) -> tuple[str, str]:
    """The media type of an answer and, of a multipart one, the boundary."""
    message = Message()
    message["Content-Type"] = response.headers.get("Content-Type", "none/none")
    return message.get_content_type(), message.get_boundary() or ""


def _is_refused(error: BaseException) -> bool:
    """Whether nobody listens there, or there is no such host."""
    text = str(error)
    return "NewConnectionError" in text or "NameResolutionError" in text


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was made of, the innermost last."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        within = (getattr(inner, "reason", None), *inner.args, inner.__cause__)
        inner = next((one for one in within if isinstance(one, BaseException)), None)


def _reason(error: Exception) -> str:
    """The innermost reason, on one line."""
    *_, inner = _causes(error)
    words = inner.strerror if isinstance(inner, OSError) else getattr(inner, "reason", None)
    return " ".join(str(words or inner).split())[:200]

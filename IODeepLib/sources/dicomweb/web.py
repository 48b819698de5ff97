"""Requests to an HTTP server that is not trusted: what it answers ends, and says no secret."""

from __future__ import annotations

import re
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.sources.archive import StalledError, TransientError, UnreachableError
from IODeepLib.sources.dicomweb.paced import Meter, PacedAdapter
from IODeepLib.sources.limits import too_many
from IODeepLib.sources.settings import Server
from IODeepLib.text.foreign import keep_secret, printable

_SECONDS_TO_CONNECT = 10.0
_CHUNK = 2**20  # bytes
_IN_TROUBLE = {408, 425, 429, 500, 502, 503, 504}
# How OpenSSL, by its version, calls an answer in the clear.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
_LONGEST_REASON = 200  # characters
# Of a content coding, where a server insists on one: for zlib, which finds out whether gzip or not.
_GZIP_OR_ZLIB = zlib.MAX_WBITS + 32
_OF_WHAT = re.compile(r"[a-z]+\+")  # before the scheme: dicomweb+https://...


class Web:
    """An HTTP server.

    Args:
        server: its address, and how to get in.
        what: what is wanted there, as messages call it.

    Raises:
        UsageError: the address is no URL.
    """

    def __init__(self, server: Server, what: str = "a DICOMweb service") -> None:
        self.name, self.what = _address(server), what
        self._timeout = (min(_SECONDS_TO_CONNECT, server.timeout), server.timeout)
        if not _is_url(self.name):
            wanted = f"{server.url.partition('://')[0]}://host:port/path"
            raise UsageError(f"the address {server.url}", wanted, "correct it")
        self._meter = Meter(self.name, server.timeout)
        self._session = _session(server, self._meter)
        # Said for each request, because requests prefers REQUESTS_CA_BUNDLE to the session's own.
        self._verify = str(server.ca) if server.ca is not None else None

    @contextmanager
    def ask(
        self, method: str, path: str, accept: str, headers: Mapping[str, str] = {}, **more: Any
    ) -> Iterator[requests.Response]:
        """A request, and the answer to it as far as its head; `chunks` reads on.

        Args:
            method: GET or POST.
            path: below the server's address.
            accept: media types.
            headers: more of them.
            more: other arguments of requests.

        Raises:
            SourceError: there is no answer, or none of HTTP.
        """
        self._meter.begin()
        with self._answering():
            response = self._session.request(
                method,
                f"{self.name}/{path}",
                headers={"Accept": accept, **headers},
                stream=True,
                timeout=self._timeout,
                verify=self._verify,
                allow_redirects=False,
                **more,
            )
        with response:
            yield response

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """A block that waits for the server, and in which whatever goes wrong is the server's.

        No code of others belongs into it: what takes an answer has errors of its own.
        """
        try:
            yield
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
            if any(
                isinstance(one, (TimeoutError, urllib3.exceptions.ReadTimeoutError))
                for one in _causes(error)
            ):
                raise StalledError(self.name, self._timeout[1]) from None
            raise (self._unreachable if _is_refused(error) else self._broken)(error) from None
        except urllib3.exceptions.SSLError as error:  # from here on: while a body is read
            raise self._insecure(error) from None
        except urllib3.exceptions.ReadTimeoutError:
            raise StalledError(self.name, self._timeout[1]) from None
        except urllib3.exceptions.ProtocolError as error:
            raise self._broken(error) from None
        except (ValueError, requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._failed(error) from None

    def check(self, response: requests.Response) -> None:
        """Raise what the status means, if it is no success."""
        status = response.status_code
        if 200 <= status < 300:
            return
        found = f"{self.name} answered {status} {reason_phrase(response)}".rstrip()
        if response.is_redirect:  # which is not followed: a secret would go elsewhere
            raise SourceError(
                f"{found}, that it is at {printable(response.headers['Location'].split('?')[0])}",
                self.what,
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
        raise SourceError(found, self.what, "check the address, or ask who runs it")

    def chunks(self, response: requests.Response) -> Iterator[bytes]:
        """The body of an answer.

        It was asked for as it is. Some servers compress it nevertheless: it is expanded piece by
        piece, so that a small answer never becomes a large one in memory.

        Raises:
            SourceError: it breaks off, or is not what its head says.
        """
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        arriving = response.raw.stream(_CHUNK, decode_content=False)
        if coding in ("gzip", "x-gzip", "deflate"):
            arriving = _expanded(arriving)
        elif coding not in ("identity", ""):
            raise self.wrong_kind(f"the content coding {printable(coding)}", "identity")
        while True:
            with self._answering():
                chunk = next(arriving, None)
            if chunk is None:
                return
            self._meter.delivered()
            yield chunk

    def content(self, response: requests.Response, most: int) -> bytes:
        """The whole body of an answer.

        Raises:
            SourceError: it has more than `most` bytes.
        """
        body = bytearray()
        for chunk in self.chunks(response):
            body += chunk
            if len(body) > most:
                raise too_many(self.name, "bytes in one answer", most)
        return bytes(body)

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"{self.name} cannot be reached ({_reason(error)})",
            f"{self.what} there",
            "check the address, and whether it runs",
        )

    def _no_way(self, error: Exception) -> UnreachableError:
        proxies = requests.utils.get_environ_proxies(self.name)
        proxy = requests.utils.select_proxy(self.name, proxies) or ""
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
                f"{self.what} that does, for https",
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
            self.what,
            "check the address",
        )

    def wrong_kind(self, kind: str, wanted: str) -> SourceError:
        return SourceError(
            f"{self.name} answered with {kind}",
            wanted,
            "check the address, and whether a login page stands before the service",
        )


class _Authorization(requests.auth.AuthBase):
    """A secret, kept out of the session's own headers, which might be printed."""

    def __init__(self, credentials: str) -> None:
        self._credentials = credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._credentials
        return request


def _session(server: Server, meter: Meter) -> requests.Session:
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, PacedAdapter(meter))
    # requests would ask for gzip, with which servers take ten times as long for weights.
    session.headers["Accept-Encoding"] = "identity"
    if server.token is not None:
        session.auth = _Authorization(f"Bearer {server.token}")
    elif server.user is not None:  # in UTF-8 (RFC 7617 section 2.1)
        pair = f"{server.user}:{server.password or ''}".encode()
        session.auth = _Authorization(f"Basic {b64encode(pair).decode()}")
    else:  # or requests would send what ~/.netrc has for the server, or for any server
        session.auth = lambda request: request
    if server.certificate is not None:
        session.cert = (str(server.certificate), str(server.key or server.certificate))
    for proxy in requests.utils.get_environ_proxies(_address(server)).values():
        keep_secret(unquote(urlsplit(proxy).password or ""))
    return session


def _address(server: Server) -> str:
    """As HTTP has it."""
    return _OF_WHAT.sub("", server.url, count=1).rstrip("/")


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0  # a port of letters, or too large, raises
    except ValueError:
        return False


def media_type(response: requests.Response) -> tuple[str, str]:
    """The media type of an answer and, of a multipart one, the boundary, if it is one."""
    message = Message()
    message["Content-Type"] = response.headers.get("Content-Type", "none/none")
    boundary = message.get_boundary() or ""
    return message.get_content_type(), boundary if boundary.isascii() else ""


def reason_phrase(response: requests.Response) -> str:
    """What a server says beside its status."""
    return printable(response.reason or "")[:_LONGEST_REASON]


def _expanded(arriving: Iterator[bytes]) -> Iterator[bytes]:
    """What was compressed by gzip or deflate, in chunks of bounded size.

    Raises:
        ValueError: it was not.
    """
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
    came = made = 0
    for chunk in arriving:
        came += len(chunk)
        while chunk:
            try:
                expanded = decoder.decompress(chunk, _CHUNK)
            except zlib.error as error:
                raise ValueError(f"a body that cannot be expanded: {error}") from None
            made += len(expanded)
            yield expanded
            chunk = decoder.unconsumed_tail
        if decoder.unused_data or came > 2 * made + _CHUNK:
            raise ValueError("a compressed body that has no end")
    if not decoder.eof:
        raise ValueError("a compressed body that breaks off")


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
    return printable(str(words or inner))[:_LONGEST_REASON]

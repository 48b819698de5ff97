"""The page and the API listen: see `Listener`."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import uvicorn

from IODeepLib.service.hands import Hands
from IODeepLib.service.listeners import Ring
from IODeepLib.service.log import tell
from IODeepLib.service.settings import mistake
from IODeepLib.service.web.app import app_for
from IODeepLib.service.web.patience import Impatient
from IODeepLib.service.web.secrets import with_secrets
from IODeepLib.service.web.settings import WebSettings
from IODeepLib.service.web.tls import check_certificate
from IODeepLib.text.json_text import StructureError

_WAITING = 128  # connections that nobody has taken yet
_MOST_CONNECTIONS = 200
_SECONDS_TO_END = 3


class WebListener:
    """The page and the API of a service.

    Args:
        path: the file with the settings, for messages.
        settings: where they are reached, and by whom.

    Raises:
        UsageError: a secret or a certificate is no good.
    """

    name = "web"

    def __init__(self, path: Path, settings: WebSettings) -> None:
        self._path, self._settings = path, with_secrets(path, settings)
        self._tls = check_certificate(path, settings)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, hands: Hands, ring: Ring) -> None:
        """See `Listener`."""
        settings = self._settings
        bound = self._bound()
        config = uvicorn.Config(
            app_for(hands, settings, ring),
            http=Impatient,
            log_config=None,
            log_level="critical",  # the log of requests is ours, see `watch`
            access_log=False,
            server_header=False,
            ssl_certfile=self._tls[0],
            ssl_keyfile=self._tls[1],
            proxy_headers=settings.proxy is not None,
            forwarded_allow_ips=settings.proxy,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_SECONDS_TO_END,
        )
        self._server = server = uvicorn.Server(config)
        self._thread = threading.Thread(target=server.run, args=([bound],), name=self.name)
        self._thread.start()
        scheme = "https" if settings.certificate else "http"
        tell("listening", at=f"{scheme}://{settings.host}:{settings.port}")

    def stop(self) -> None:
        """See `Listener`."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()

    def _bound(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        try:
            family, _, _, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            return socket.create_server(address[:2], family=family, backlog=_WAITING)
        except OSError as error:
            raise mistake(
                self._path,
                StructureError(
                    "$.web.port",
                    f"{host}:{port} cannot be had ({error.strerror or error})",
                    "an address of this machine, and a port that nobody has",
                ),
            ) from None

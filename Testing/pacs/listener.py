"""A port of this machine on which a test listens."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class Listener:
    """Takes connections until it is closed.

    Args:
        serve: gets each connection, one after the other, in a thread of the listener.

    Attributes:
        port: where it listens.
    """

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End it; connections go on."""
        # Closing alone does not wake the thread, and the next signal to the process (changing its
        # user is one) makes the system wait again: for whoever has got the number since.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._serve(self._socket.accept()[0])

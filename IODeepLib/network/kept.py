"""Sessions that stay open from run to run, where one process runs the same networks many times."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from IODeepLib.disk.file_memo import file_state
from IODeepLib.model_object import Model
from IODeepLib.network.session import Session, Watch

# Weights are mapped and cost nothing; what networks compute with is in proportion to them, roughly.
_MOST_BYTES = 256 * 2**20


class KeptSessions:
    """Sessions, each used by one run at a time; those that were used longest ago are closed first.

    A session is used again only while its files are the same as when it was opened, of which
    whoever runs it proves that they are the right ones (`model_object.held`).

    Args:
        most_bytes: so many bytes of weights may those have that stay open.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, tuple[Session, int]] = OrderedDict()

    def session(
        self,
        model: Model,
        network: str,
        how: Hashable,
        opened: Callable[[], Session],
        cancelled: Callable[[], bool] | None,
        watch: Watch | None,
    ) -> Session:
        """The session of a network, from a former run if it is there.

        Args:
            model, network, cancelled, watch: as of `open_session`.
            how: what else decides how it computes.
            opened: opens it.
        """
        files = tuple((part.path, *file_state(part.path)) for part in model.weights())
        key = model.card.network_digest, network, how, files
        session, size = self._kept.pop(key, (None, 0))
        if session is None:
            size = sum(part.length for part in model.card.parts_of(network))
            while self._kept and self._bytes + size > self._most:
                self._kept.popitem(last=False)
            session = opened()
        if size <= self._most:
            self._kept[key] = session, size
        return session.again(cancelled, watch)

    def close(self) -> None:
        """Let all of them go."""
        self._kept.clear()

    @property
    def _bytes(self) -> int:
        return sum(size for _, size in self._kept.values())

"""The servers by address that were asked last, on this computer; kept in Slicer's settings.

An address holds no password: one with a user, a password or a query is refused before it is asked.
"""

from __future__ import annotations

import qt

_KEY = "IODeep/RecentServers"
_MOST = 5


def recentServers() -> list[str]:
    """The last one first."""
    value = qt.QSettings().value(_KEY)
    # A list of one comes back as its only item.
    return [value] if isinstance(value, str) else list(value or ())


def rememberServer(address: str) -> None:
    """It has answered."""
    others = [one for one in recentServers() if one != address]
    qt.QSettings().setValue(_KEY, [address, *others][:_MOST])

"""How the service is: what runs here, how much disk there is, and how much there is to do."""

from __future__ import annotations

import functools
import platform
import shutil
import sqlite3
from importlib.metadata import PackageNotFoundError, version

from IODeepLib import __version__
from IODeepLib.service.hands import Hands
from IODeepLib.service.listing import Listing
from IODeepLib.service.web.shapes import ServiceShape

_PACKAGES = ("onnxruntime", "pydicom", "highdicom")


def condition_of(hands: Hands) -> ServiceShape:
    """How a service is.

    Raises:
        OutputError: its queue cannot be used.
    """
    disk, listing = shutil.disk_usage(hands.place.folder), Listing(hands.database)
    return ServiceShape(
        versions=_versions(),
        disk_free_bytes=disk.free,
        disk_total_bytes=disk.total,
        jobs=listing.jobs_by_state(),
        studies=listing.studies_by_state(),
    )


@functools.cache
def _versions() -> dict[str, str]:
    found = {"IODeep": __version__, "Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # it comes by another name, as onnxruntime-gpu does
            continue
    return found | {"SQLite": sqlite3.sqlite_version}

"""Orthanc says itself what has changed: its change feed, from where we left it.

https://orthanc.uclouvain.be/book/users/rest.html#tracking-changes
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.service.database import Database
from IODeepLib.service.settings import Changes, ServiceSettings
from IODeepLib.service.studies import Studies
from IODeepLib.sources.dicomweb.dicom_json import parsed
from IODeepLib.sources.dicomweb.web import Web
from IODeepLib.sources.retries import retried
from IODeepLib.sources.settings import Server, Settings
from IODeepLib.text.foreign import is_uid

_PAGE = 100  # changes
_MOST_BYTES = 2**20  # of an answer: a change has some 200
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
_STABLE = "StableStudy"  # nothing came for as long as Orthanc's StableAge
_MOST_PAGES = 1000
_LONGEST_NUMBER = 2**63


class ChangeFeed:
    """Orthanc's change feed. See `Trigger`.

    Args:
        server: Orthanc's own address, with `dicomweb+` before it, and how to get in.
        every: seconds between two questions.
    """

    def __init__(self, server: Server, every: float) -> None:
        self._web, self.every = Web(server), every
        self.name = f"changes of {self._web.name}"

    def look(self, database: Database, studies: Studies) -> int:
        """See `Trigger`."""
        cursor = database.ask(
            "SELECT position FROM cursors WHERE name = :name", {"name": self.name}
        )
        last = self._number(self._get("changes", last=""), "Last")
        if not cursor:
            self._remember(database, last)
            return 0
        since = int(cursor[0]["position"])
        if since > last:  # its memory was emptied: all that it has now is new
            since = 0
        count = 0
        for uids, position in self._pages(since):
            with database.transaction() as execute:
                for uid in uids:
                    studies.seen(execute, uid)
                self._move(execute, position)
            count += len(uids)
        return count

    def _pages(self, since: int) -> Iterator[tuple[list[str], int]]:
        """The studies that are stable now, and how far the feed was read with them."""
        for _ in range(_MOST_PAGES):
            page = self._get("changes", since=f"{since}", limit=f"{_PAGE}")
            changes, last = page.get("Changes"), self._number(page, "Last")
            if not isinstance(changes, list):
                raise self._wrong("no list of changes")
            named = {
                change.get("ID"): None
                for change in changes
                if isinstance(change, dict) and change.get("ChangeType") == _STABLE
            }
            found = (self._study_uid(one) for one in named if isinstance(one, str))
            yield [uid for uid in found if uid], last
            if page.get("Done") is not False or last <= since:
                return
            since = last

    def _study_uid(self, identifier: str) -> str:
        """Study Instance UID; "" of a study that is not there any more."""
        if not _ID.fullmatch(identifier):
            raise self._wrong("a study without an identifier of Orthanc's")
        answer = self._get(f"studies/{identifier}")
        tags = answer.get("MainDicomTags")
        uid = tags.get("StudyInstanceUID") if isinstance(tags, dict) else None
        return uid if isinstance(uid, str) and is_uid(uid) else ""

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        """An answer in JSON; an empty one if there is no such thing."""

        def ask() -> bytes:
            with self._web.ask("GET", path, "application/json", params=parameters) as response:
                if response.status_code == 404 and path != "changes":
                    return b"{}"
                self._web.check(response)
                return self._web.content(response, _MOST_BYTES)

        try:
            answer = parsed(retried(ask))
        except ValueError:
            raise self._wrong("no JSON") from None
        if not isinstance(answer, dict):
            raise self._wrong("no object in JSON")
        return answer

    def _number(self, answer: dict[str, Any], key: str) -> int:
        value = answer.get(key)
        if not isinstance(value, int) or not 0 <= value < _LONGEST_NUMBER:
            raise self._wrong(f"no number in {key}")
        return value

    def _remember(self, database: Database, position: int) -> None:
        with database.transaction() as execute:
            self._move(execute, position)

    def _move(self, execute: Any, position: int) -> None:
        execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", [self.name, f"{position}"])

    def _wrong(self, found: str) -> SourceError:
        return SourceError(
            f"{self._web.name}/changes: {found}",
            "the change feed of Orthanc",
            "correct service.changes.server, or use [service.polling] instead",
        )


def change_feed(settings: Settings, service: ServiceSettings, changes: Changes) -> ChangeFeed:
    """The feed that the settings name.

    Raises:
        UsageError: they name no address of HTTP.
    """
    server = settings.server(changes.server or service.source)
    if server is None or not server.url.startswith("dicomweb+"):
        raise UsageError(
            f"service.changes.server: {changes.server or service.source}",
            "Orthanc's own address as dicomweb+http(s)://..., or a server in iodeep.toml with it",
            "name it there, or use [service.polling] instead",
        )
    if changes.server is None:
        path = urlsplit(server.url).path.rstrip("/")
        root = server.url.rstrip("/").removesuffix(path) + path.rpartition("/")[0]
        server = replace(server, url=root)
    return ChangeFeed(server, changes.every)

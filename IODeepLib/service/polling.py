"""Any PACS is searched now and then, by QIDO-RS or C-FIND, for studies that differ from before."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from IODeepLib.service.contents import content_of, counted, images_among
from IODeepLib.service.database import Database
from IODeepLib.service.settings import Polling
from IODeepLib.service.studies import Studies
from IODeepLib.sources.archive import Entity
from IODeepLib.sources.pacs import PacsSource


class PolledServer:
    """A PACS that is searched. See `Trigger`.

    Args:
        source: the PACS.
        polling: how.
    """

    def __init__(self, source: PacsSource, polling: Polling) -> None:
        self._source, self._days = source, polling.days
        self.name, self.every = f"polling {source.name}", polling.every

    def look(self, database: Database, studies: Studies) -> int:
        """See `Trigger`."""
        known, changed = studies.contents(), 0
        there = {
            uid: content_of(images, counted(self._source, images))
            for uid, images in self._found().items()
        }
        with database.transaction() as execute:
            mark = execute("INSERT OR IGNORE INTO cursors VALUES (?, ?)", [self.name, "begun"])
            for uid, content in there.items():
                if mark.rowcount and uid not in known:
                    studies.was_there(execute, uid, content)
                elif known.get(uid) != content:
                    studies.seen(execute, uid)
                    changed += 1
        return changed

    def _found(self) -> dict[str, list[Entity]]:
        """The image series of the last days, by their study."""
        first = date.today() - timedelta(days=self._days)
        by_study: dict[str, list[Entity]] = defaultdict(list)
        for entity in images_among(self._source.series({"StudyDate": f"{first:%Y%m%d}-"})):
            by_study[entity.study_uid].append(entity)
        return by_study

"""A PACS over DIMSE: C-FIND, C-GET or C-MOVE, and C-STORE (PS3.4 annexes B and C).

Searches go down from study to series to instance, as every server has to support it (PS3.4 section
C.4.1), with keys that servers have an index of. No object is ever whole in memory.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.uid import UID

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.headers import text
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
from IODeepLib.sources.limits import MOST_ANSWERS, MOST_INSTANCES
from IODeepLib.sources.query import matching
from IODeepLib.sources.settings import Server
from IODeepLib.sources.transfer import offers, read_part10
from IODeepLib.text.foreign import printable

if TYPE_CHECKING:
    from IODeepLib.sources.dimse.connection import Connection

_log = logging.getLogger(__name__)
_STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2"
_FIND, _MOVE, _GET = (f"{_STUDY_ROOT}.{n}" for n in (1, 2, 3))
_NAMES = {_FIND: "C-FIND", _MOVE: "C-MOVE", _GET: "C-GET"}
# PS3.5 section 6.2, value representation AE.
_AET = r"[ -\[\]-~]{1,16}"
_ADDRESS = re.compile(rf"dimse://(?P<aet>{_AET})@(?P<host>[^@/]+):(?P<port>\d{{1,5}})/?")
_KEYS = {
    "STUDY": (
        *("StudyInstanceUID", "PatientID", "AccessionNumber", "StudyDate"),
        *("NumberOfStudyRelatedInstances", "ModalitiesInStudy"),
    ),
    "SERIES": ("SeriesInstanceUID", "Modality", "SeriesNumber", "NumberOfSeriesRelatedInstances"),
    "IMAGE": ("SOPInstanceUID",),
}
_ALL_KEYS = [keyword for keywords in _KEYS.values() for keyword in keywords]
# Not asked for unless it is searched for: nobody's name comes here without need.
_NAME = "PatientName"
_LEVELS = {"STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}
_SERIES_UIDS = {"StudyInstanceUID", "SeriesInstanceUID"}
# Stored, with a remark: coerced, discarded, does not match the SOP class (PS3.4 table B.2-1).
_REMARKS = {0xB000, 0xB006, 0xB007}
_UNKNOWN_DESTINATION = 0xA801  # PS3.4 table C.4-2
_DOES_NOT_MATCH = 0xA900  # the identifier the SOP class; PS3.4 table C.4-1
_SOME_FAILED = 0xB000  # of a retrieval; PS3.4 tables C.4-2 and C.4-3
_MOST_COPIES = 16  # of an instance that some servers have several times
_MOST_CONTEXTS = 128  # of an association; PS3.8 section 9.3.2.2
_LONGEST_COMMENT = 64  # characters; PS3.7 section E.1


class DimseArchive:
    """An application entity.

    Args:
        server: its address, and how to get in.

    Raises:
        UsageError: the address is no `dimse://AET@host:port`, our own AE title is none, or
            pynetdicom is missing.
    """

    def __init__(self, server: Server) -> None:
        address = _ADDRESS.fullmatch(server.url)
        if address is None or int(address["port"]) > 65535:
            raise UsageError(
                f"the address {server.url}", "dimse://AET@host:port", "correct the address"
            )
        if not re.fullmatch(_AET, server.aet) or not server.aet.strip():
            raise UsageError(
                f"the AE title {server.aet!r}", "one of 1-16 characters", "correct iodeep.toml"
            )
        try:
            import pynetdicom  # noqa: F401
        except ImportError:
            raise UsageError(
                f"no Python package pynetdicom, to speak to {server.url}",
                "it",
                "pip install pynetdicom",
            ) from None
        self._server = server
        self._peer = address["aet"], address["host"], int(address["port"])
        self._connection: Connection | None = None

    @property
    def name(self) -> str:
        """See `Archive`."""
        aet, host, port = self._peer
        return f"{aet}@{host}:{port}"

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """See `Archive`."""
        if self._connection is not None:
            yield self._connection
            return
        from IODeepLib.sources.dimse.connection import Connection

        self._connection = Connection(self._server, *self._peer)
        try:
            yield self._connection
        finally:
            connection, self._connection = self._connection, None
            connection.close()

    def find_studies(self, keys: Mapping[str, str]) -> Matches:
        """See `Archive`."""
        with self.connected() as connection:
            return self._below(connection, "STUDY", keys, Entity("", ""))

    def find_series(self, keys: Mapping[str, str]) -> Matches:
        """See `Archive`."""
        with self.connected() as connection:
            return self._series(connection, keys)

    def find_instances(self, keys: Mapping[str, str]) -> Matches:
        """See `Archive`."""
        with self.connected() as connection:
            if keys.keys() == _SERIES_UIDS:
                series = Entity(keys["StudyInstanceUID"], keys["SeriesInstanceUID"])
                return self._below(connection, "IMAGE", keys, series)
            return self._below_each(connection, "IMAGE", keys, self._series(connection, keys))

    def retrieve(self, entity: Entity, receive: Receiver) -> None:
        """See `Archive`. By C-MOVE where there is a port to receive on, otherwise by C-GET."""
        wanted = Dataset()
        wanted.QueryRetrieveLevel = "IMAGE" if entity.sop_uid else "SERIES"
        wanted.StudyInstanceUID, wanted.SeriesInstanceUID = entity.study_uid, entity.series_uid
        if entity.sop_uid:
            wanted.SOPInstanceUID = entity.sop_uid
        with self.connected() as connection:
            most, port, refused = _most(entity), self._server.receive_port, ""
            if port is not None:
                number = self._associate(connection, _MOVE)
                status, refused = connection.move(number, wanted, most, receive, port)
            else:
                classes = offers(entity.attributes)[: _MOST_CONTEXTS - 1]
                number = self._associate(connection, _GET, classes)
                status = connection.get(number, wanted, most, receive)
        self._check_retrieved(status, entity, refused)

    def store(self, paths: Sequence[Path], stored: Callable[[Path], None]) -> None:
        """See `Archive`. All go over one association for each 128 kinds of objects."""
        waiting = [read_part10(path) for path in paths]
        while waiting:
            contexts = list(dict.fromkeys(file.kind for file in waiting))[:_MOST_CONTEXTS]
            now = [file for file in waiting if file.kind in contexts]
            waiting = [file for file in waiting if file.kind not in contexts]
            with self.connected() as connection:
                association = connection.associate(contexts)
                for file in now:
                    number = association.number(file.kind)
                    if number is None:
                        raise self._not_accepted(file.path, *file.kind)
                    self._check_stored(connection.store(number, file), file.path)
                    stored(file.path)

    def _associate(
        self, connection: Connection, service: str, classes: Sequence[tuple[str, str]] = ()
    ) -> int:
        """Associate for this service, by which the server may store `classes`.

        Returns:
            The number of the service's presentation context.
        """
        association = connection.associate([(service, None), *classes], bool(classes))
        number = association.number((service, None))
        if number is None:
            raise SourceError(
                f"{self.name} does not offer {_NAMES[service]}",
                "it" if service == _FIND else "C-GET, or C-MOVE to a receive_port",
                "ask who runs the server, or set receive_port in iodeep.toml"
                if service == _GET
                else "ask who runs the server",
            )
        return number

    def _series(self, connection: Connection, keys: Mapping[str, str]) -> Matches:
        asked = [keyword for keyword in (*_KEYS["STUDY"], _NAME) if keyword in keys]
        if asked == ["StudyInstanceUID"]:
            studies = Matches([Entity(keys["StudyInstanceUID"], "")])
        elif asked:
            studies = self._below(connection, "STUDY", keys, Entity("", ""))
        else:  # a relational query, which not every server knows
            studies = Matches([Entity("", "")])
        return self._below_each(connection, "SERIES", keys, studies)

    def _below_each(
        self, connection: Connection, level: str, keys: Mapping[str, str], parents: Matches
    ) -> Matches:
        """What the server has of all of `parents`, one level down."""
        entities: list[Entity] = []
        errors = list(parents.errors)
        for parent in parents.entities:
            found = self._below(connection, level, keys, parent)
            entities += found.entities
            errors += found.errors
        return Matches(entities, errors)

    def _below(
        self, connection: Connection, level: str, keys: Mapping[str, str], parent: Entity
    ) -> Matches:
        """What the server has of `parent`, one level down."""
        query = Dataset()
        query.QueryRetrieveLevel = level
        if level != "STUDY":
            query.StudyInstanceUID = parent.study_uid
        if level == "IMAGE":
            query.SeriesInstanceUID = parent.series_uid
        for keyword in _KEYS[level]:
            setattr(query, keyword, keys.get(keyword) or None)
        if level == "STUDY" and _NAME in keys:
            query.PatientName = keys[_NAME]
        if not "".join(keys.values()).isascii():
            query.SpecificCharacterSet = "ISO_IR 192"  # UTF-8
        answers = connection.find(self._associate(connection, _FIND), query, MOST_ANSWERS)
        status, _ = answers.pop()
        if status.Status == _DOES_NOT_MATCH and level == "SERIES" and not parent.study_uid:
            raise SourceError(
                f"{self.name} finds no series without being told its study",
                "a server with relational queries, or the study's UID",
                "name the study too (--study), or instead of the series",
            )
        if status.Status != 0:
            raise self._refused(status, f"a search at the level {level}")
        uids = {Level.STUDY.value: parent.study_uid, Level.SERIES.value: parent.series_uid}
        told = {keyword: uid for keyword, uid in uids.items() if uid}
        found = []
        for _, answer in answers:
            asked = _ALL_KEYS if _NAME not in keys else [*_ALL_KEYS, _NAME]
            said = {keyword: text(answer, keyword) for keyword in asked}
            found.append({**parent.attributes, **told, **{k: v for k, v in said.items() if v}})
        # Some servers (pynetdicom's qrscp) answer once for each instance, at all levels.
        return matching(matches_in(found, _LEVELS[level], self.name), {**keys, **told})

    def _check_retrieved(self, status: Dataset, entity: Entity, refused: str) -> None:
        if status.Status == 0:
            failed = status.get("NumberOfFailedSuboperations")
            if isinstance(failed, int) and failed > 0:
                raise PartialError(self.name)
            return
        if status.Status == _UNKNOWN_DESTINATION:
            raise SourceError(
                f"{self.name} does not know the AE title {self._server.aet}, where to send to",
                "it among the server's destinations, with this machine's address and port",
                "ask who runs it, or leave out receive_port",
            )
        what = f"to send {entity.sop_uid or 'the series ' + entity.series_uid}"
        port = self._server.receive_port
        if port is None:
            raise self._refused(status, what)
        at_port = f"; turned away at the port was {refused}" if refused else ""
        raise self._refused(
            status,
            what,
            f"check that it sends {self._server.aet} to this machine's port {port}{at_port}",
        )

    def _check_stored(self, status: Dataset, path: Path) -> None:
        if status.Status in _REMARKS:
            _log.warning("%s stored %s and remarks %04Xh", self.name, path.name, status.Status)
        elif status.Status != 0:
            raise self._refused(status, f"to store {path.name}")

    def _refused(
        self,
        status: Dataset,
        what: str,
        next_step: str = "try again later, or ask who runs the server",
    ) -> SourceError:
        code = int(status.Status)
        passing = code in OUT_OF_RESOURCES or code == _SOME_FAILED
        words = ["out of resources"] * (code in OUT_OF_RESOURCES)
        comment = printable(text(status, "ErrorComment")[:_LONGEST_COMMENT])
        return (TransientError if passing else SourceError)(
            f"{self.name} answered {what} with the status "
            + ", ".join([f"{code:04X}h", *words, *([comment] if comment else [])]),
            "success",
            next_step,
        )

    def _not_accepted(self, path: Path, sop_class: str, syntax: str) -> SourceError:
        return SourceError(
            f"{self.name} does not take {path.name}, a {UID(sop_class).name} in {UID(syntax).name}",
            "a server that accepts this presentation context",
            "ask who runs it to allow this SOP class and transfer syntax",
        )


def _most(entity: Entity) -> int:
    """Instances that may come: twice what was announced, for that may have grown meanwhile."""
    if entity.sop_uid:
        return _MOST_COPIES
    count = entity.instance_count
    return MOST_INSTANCES if count is None else 2 * count + _MOST_COPIES

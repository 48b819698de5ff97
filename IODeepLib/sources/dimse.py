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

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import UID

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.headers import text
from IODeepLib.sources.archive import Entry, Receiver, TransientError
from IODeepLib.sources.association import MOST_CONTEXTS
from IODeepLib.sources.connection import C_FIND, C_GET, C_MOVE, Connection
from IODeepLib.sources.query import matching
from IODeepLib.sources.settings import Server
from IODeepLib.sources.transfer import offers, read_part10

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
_SERIES_UIDS = {"StudyInstanceUID", "SeriesInstanceUID"}
# Stored, with a remark: coerced, discarded, does not match the SOP class (PS3.4 table B.2-1).
_REMARKS = {0xB000, 0xB006, 0xB007}
_UNKNOWN_DESTINATION = 0xA801  # PS3.4 table C.4-2
_DOES_NOT_MATCH = 0xA900  # the identifier the SOP class; PS3.4 table C.4-1
_SOME_FAILED = 0xB000  # of a retrieval; PS3.4 tables C.4-2 and C.4-3
_OUT_OF_RESOURCES = range(0xA700, 0xA800)


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
        self._connection = Connection(self._server, *self._peer)
        try:
            yield self._connection
        finally:
            connection, self._connection = self._connection, None
            connection.close()

    def find_studies(self, keys: Mapping[str, str]) -> list[Entry]:
        """See `Archive`."""
        with self.connected() as connection:
            return self._below(connection, "STUDY", keys, Entry("", ""))

    def find_series(self, keys: Mapping[str, str]) -> list[Entry]:
        """See `Archive`."""
        with self.connected() as connection:
            return list(self._series(connection, keys))

    def find_instances(self, keys: Mapping[str, str]) -> list[Entry]:
        """See `Archive`."""
        with self.connected() as connection:
            if keys.keys() == _SERIES_UIDS:
                series = Entry(keys["StudyInstanceUID"], keys["SeriesInstanceUID"])
                return self._below(connection, "IMAGE", keys, series)
            return [
                entry
                for series in self._series(connection, keys)
                for entry in self._below(connection, "IMAGE", keys, series)
            ]

    def retrieve(self, entry: Entry, receive: Receiver) -> None:
        """See `Archive`. By C-MOVE where there is a port to receive on, otherwise by C-GET."""
        wanted = Dataset()
        wanted.QueryRetrieveLevel = "IMAGE" if entry.sop_uid else "SERIES"
        wanted.StudyInstanceUID, wanted.SeriesInstanceUID = entry.study_uid, entry.series_uid
        if entry.sop_uid:
            wanted.SOPInstanceUID = entry.sop_uid
        with self.connected() as connection:
            if self._server.receive_port is not None:
                connection.listen(self._server.receive_port)
                number = self._associate(connection, _MOVE)
                destination = {"MoveDestination": self._server.aet}
                answers = connection.query(number, C_MOVE, wanted, receive, **destination)
            else:
                classes = offers(entry.attributes)[:MOST_CONTEXTS]
                number = self._associate(connection, _GET, classes)
                answers = connection.query(number, C_GET, wanted, receive)
        self._check_retrieved(answers[-1][0], entry)

    def store(self, paths: Sequence[Path], stored: Callable[[Path], None]) -> None:
        """See `Archive`. All go over one association for each 127 kinds of objects."""
        waiting = [read_part10(path) for path in paths]
        while waiting:
            contexts = list(dict.fromkeys(file.kind for file in waiting))[:MOST_CONTEXTS]
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

    def _series(self, connection: Connection, keys: Mapping[str, str]) -> Iterator[Entry]:
        asked = [keyword for keyword in _KEYS["STUDY"] if keyword in keys]
        if asked == ["StudyInstanceUID"]:
            studies = [Entry(keys["StudyInstanceUID"], "")]
        elif asked:
            studies = self._below(connection, "STUDY", keys, Entry("", ""))
        else:  # a relational query, which not every server knows
            studies = [Entry("", "")]
        for study in studies:
            yield from self._below(connection, "SERIES", keys, study)

    def _below(
        self, connection: Connection, level: str, keys: Mapping[str, str], parent: Entry
    ) -> list[Entry]:
        """What the server has of `parent`, one level down."""
        query = Dataset()
        query.QueryRetrieveLevel = level
        if level != "STUDY":
            query.StudyInstanceUID = parent.study_uid
        if level == "IMAGE":
            query.SeriesInstanceUID = parent.series_uid
        for keyword in _KEYS[level]:
            setattr(query, keyword, keys.get(keyword) or None)
        if not "".join(keys.values()).isascii():
            query.SpecificCharacterSet = "ISO_IR 192"  # UTF-8
        answers = connection.query(self._associate(connection, _FIND), C_FIND, query)
        status, _ = answers.pop()
        if status.Status == _DOES_NOT_MATCH and level == "SERIES" and not parent.study_uid:
            raise SourceError(
                f"{self.name} finds no series without being told its study",
                "a server with relational queries, or the study's UID",
                "name the study too (--study), or instead of the series",
            )
        if status.Status != 0:
            raise self._refused(status, f"a search at the level {level}")
        found = []
        for _, answer in answers:
            attributes = dict(parent.attributes)
            for keyword in filter(None, map(keyword_for_tag, answer.keys())):
                attributes[keyword] = text(answer, keyword)
            entry = Entry(
                parent.study_uid or attributes.get("StudyInstanceUID", ""),
                parent.series_uid or attributes.get("SeriesInstanceUID", ""),
                attributes.get("SOPInstanceUID", ""),
                attributes,
            )
            found.append(entry)
        # Some servers (pynetdicom's qrscp) answer once for each instance, at all levels.
        return matching(found, keys)

    def _check_retrieved(self, status: Dataset, entry: Entry) -> None:
        if status.Status == 0:
            return
        if status.Status == _UNKNOWN_DESTINATION:
            raise SourceError(
                f"{self.name} does not know the AE title {self._server.aet}, where to send to",
                "it among the server's destinations, with this machine's address and port",
                "ask who runs it, or leave out receive_port",
            )
        what = f"to send {entry.sop_uid or 'the series ' + entry.series_uid}"
        port = self._server.receive_port
        if port is None:
            raise self._refused(status, what)
        raise self._refused(
            status, what, f"check that it sends {self._server.aet} to this machine's port {port}"
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
        passing = code in _OUT_OF_RESOURCES or code == _SOME_FAILED
        words = ["out of resources"] * (code in _OUT_OF_RESOURCES)
        comment = text(status, "ErrorComment")
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

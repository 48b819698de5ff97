"""A PACS over DIMSE: C-FIND, C-GET or C-MOVE, and C-STORE (PS3.4 annexes B and C).

Searches go down from study to series to instance, as every server has to support it (PS3.4 section
C.4.1), with keys that servers have an index of. Objects go through files, never whole through
memory.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.headers import text
from IODeepLib.sources.archive import Entry, Receiver, TransientError, UnreachableError
from IODeepLib.sources.settings import Server
from IODeepLib.sources.transfer import TRANSFER_SYNTAXES, kind_of, offers

_STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2"
_FIND, _MOVE, _GET = (f"{_STUDY_ROOT}.{n}" for n in (1, 2, 3))
_ADDRESS = re.compile(r"dimse://(?P<aet>[^@/:]{1,16})@(?P<host>[^@/]+):(?P<port>\d{1,5})/?")
_SECONDS_TO_CONNECT = 10.0
_PDU = 2**17  # bytes: the largest piece that we take at once
_CHUNK = 2**20  # bytes
# Of an Association's 128 presentation contexts (PS3.8 section 7.1.1.13); one is for the request.
_MOST_CONTEXTS = 127
_KEYS = {
    "STUDY": ("StudyInstanceUID", "PatientID", "AccessionNumber", "StudyDate"),
    "SERIES": ("SeriesInstanceUID", "Modality", "SeriesNumber", "NumberOfSeriesRelatedInstances"),
    "IMAGE": ("SOPInstanceUID",),
}


class DimseArchive:
    """An application entity.

    Args:
        server: its address, and how to get in.

    Raises:
        UsageError: the address is no `dimse://AET@host:port`, or pynetdicom is missing.
    """

    def __init__(self, server: Server) -> None:
        address = _ADDRESS.fullmatch(server.url)
        if address is None or int(address["port"]) > 65535:
            raise UsageError(
                f"the address {server.url}", "dimse://AET@host:port", "correct the address"
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
        self._aet, self._host, self._port = address["aet"], address["host"], int(address["port"])

    @property
    def name(self) -> str:
        """See `Archive`."""
        return f"{self._aet}@{self._host}:{self._port}"

    def find_series(self, keys: Mapping[str, str]) -> list[Entry]:
        """See `Archive`."""
        with self._associated([(_FIND, None)]) as association:
            return list(self._series(association, keys))

    def find_instances(self, keys: Mapping[str, str]) -> list[Entry]:
        """See `Archive`."""
        with self._associated([(_FIND, None)]) as association:
            return [
                entry
                for series in self._series(association, keys)
                for entry in self._below(association, "IMAGE", keys, series)
            ]

    def retrieve(self, entry: Entry, receive: Receiver) -> None:
        """See `Archive`. By C-MOVE where there is a port to receive on, otherwise by C-GET."""
        wanted = Dataset()
        wanted.QueryRetrieveLevel = "IMAGE" if entry.sop_uid else "SERIES"
        wanted.StudyInstanceUID, wanted.SeriesInstanceUID = entry.study_uid, entry.series_uid
        if entry.sop_uid:
            wanted.SOPInstanceUID = entry.sop_uid
        failed: list[Exception] = []
        handlers = [_receiving(receive, failed)]
        with _through_files(), ExitStack() as stack:
            if self._server.receive_port is not None:
                stack.enter_context(self._listening(self._server.receive_port, handlers))
                association = stack.enter_context(self._associated([(_MOVE, None)]))
                answers = association.send_c_move(wanted, self._server.aet, _MOVE)
            else:
                classes = offers(entry.attributes.get("Modality", ""))[:_MOST_CONTEXTS]
                association = stack.enter_context(
                    self._associated([(_GET, None), *classes], handlers)
                )
                answers = association.send_c_get(wanted, _GET)
            with self._asking(association):
                status = self._last_status(answers, failed)
        if failed:
            raise failed[0]
        self._check_retrieved(status, entry)

    def store(self, paths: Sequence[Path], stored: Callable[[Path], None]) -> None:
        """See `Archive`. All go over one association for each 128 kinds of objects."""
        kinds = {path: kind_of(path) for path in paths}
        waiting = list(paths)
        while waiting:
            contexts = list(dict.fromkeys(kinds[path] for path in waiting))[:_MOST_CONTEXTS]
            now = [path for path in waiting if kinds[path] in contexts]
            waiting = [path for path in waiting if kinds[path] not in contexts]
            with _through_files(), self._associated(contexts) as association:
                accepted = {
                    (context.abstract_syntax, context.transfer_syntax[0])
                    for context in association.accepted_contexts
                }
                for path in now:
                    if kinds[path] not in accepted:
                        raise self._not_accepted(path, *kinds[path])
                    with self._asking(association):
                        status = association.send_c_store(path)
                    self._check_stored(status, path)
                    stored(path)

    def _series(self, association: Any, keys: Mapping[str, str]) -> Iterator[Entry]:
        everything = Entry("", "")
        if not any(keyword in keys for keyword in _KEYS["STUDY"]):
            # A relational query, which not every server knows.
            yield from self._below(association, "SERIES", keys, everything)
            return
        for study in self._below(association, "STUDY", keys, everything):
            yield from self._below(association, "SERIES", keys, study)

    def _below(
        self, association: Any, level: str, keys: Mapping[str, str], parent: Entry
    ) -> Iterator[Entry]:
        """What the server has of `parent`, one level down."""
        query = Dataset()
        query.QueryRetrieveLevel = level
        if level != "STUDY":
            query.StudyInstanceUID = parent.study_uid
        if level == "IMAGE":
            query.SeriesInstanceUID = parent.series_uid
        for keyword in _KEYS[level]:
            setattr(query, keyword, keys.get(keyword) or None)
        with self._asking(association):
            answers = list(association.send_c_find(query, _FIND))
        status = self._last_status(iter(answers), [])
        if status != 0:
            raise self._refused(status, f"a search for {level.lower()}s")
        for _, answer in answers:
            if answer is None:
                continue
            attributes = dict(parent.attributes)
            for element in answer:
                if element.keyword and element.VR != "SQ":
                    attributes[element.keyword] = text(answer, element.keyword)
            yield Entry(
                parent.study_uid or attributes.get("StudyInstanceUID", ""),
                parent.series_uid or attributes.get("SeriesInstanceUID", ""),
                attributes.get("SOPInstanceUID", ""),
                attributes,
            )

    @contextmanager
    def _associated(
        self, contexts: Sequence[tuple[str, str | None]], handlers: Sequence[Any] = ()
    ) -> Iterator[Any]:
        """An association with these (abstract syntax, transfer syntax or None for the usual)."""
        from pynetdicom import AE, build_role

        entity = AE(ae_title=self._server.aet)
        entity.connection_timeout = min(_SECONDS_TO_CONNECT, self._server.timeout)
        entity.acse_timeout = entity.dimse_timeout = self._server.timeout
        entity.network_timeout = self._server.timeout
        requested, roles = [], {}
        for abstract, syntax in contexts:
            requested.append(_context(abstract, syntax))
            if handlers and abstract != _GET:
                roles[abstract] = build_role(abstract, scp_role=True)
        association = entity.associate(
            self._host,
            self._port,
            requested,
            self._aet,
            _PDU,
            ext_neg=list(roles.values()),
            tls_args=(self._tls(ssl.Purpose.SERVER_AUTH), self._host) if self._server.tls else None,
            evt_handlers=list(handlers),
        )
        if not association.is_established:
            raise self._no_association(association)
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    @contextmanager
    def _listening(self, port: int, handlers: Sequence[Any]) -> Iterator[None]:
        """Our own storage service, for what the server moves here."""
        from pynetdicom import AE, AllStoragePresentationContexts
        from pynetdicom.presentation import build_context

        entity = AE(ae_title=self._server.aet)
        entity.network_timeout = self._server.timeout
        entity.maximum_pdu_size = _PDU
        entity.supported_contexts = [
            build_context(str(context.abstract_syntax), list(TRANSFER_SYNTAXES))
            for context in AllStoragePresentationContexts
        ]
        tls = self._tls(ssl.Purpose.CLIENT_AUTH) if self._server.tls else None
        try:
            listener: Any = entity.start_server(
                ("", port), block=False, ssl_context=tls, evt_handlers=list(handlers)
            )
        except OSError as error:
            raise UsageError(
                f"the port {port} is not free ({error.strerror})",
                f"to receive on it what {self.name} sends",
                "set another receive_port, here and at the server",
            ) from None
        try:
            yield
        finally:
            listener.shutdown()

    def _tls(self, purpose: ssl.Purpose) -> ssl.SSLContext:
        server = self._server
        try:
            context = ssl.create_default_context(purpose, cafile=server.ca)
            if server.certificate is not None:
                context.load_cert_chain(server.certificate, server.key)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"the certificate, key or authorities for {self.name} ({error})",
                "PEM files",
                "correct them in iodeep.toml",
            ) from None
        return context

    @contextmanager
    def _asking(self, association: Any) -> Iterator[None]:
        """Turn what pynetdicom raises, and a connection that is gone then, into errors of ours."""
        try:
            yield
        except (RuntimeError, ValueError, OSError) as error:
            if association.is_established:
                raise SourceError(
                    f"{self.name} cannot be asked that ({error})",
                    "a request that it takes",
                    "check what the server supports",
                ) from None
            raise self._broken() from None
        if not association.is_established:
            raise self._broken()

    def _last_status(self, answers: Iterable[tuple[Dataset, Any]], failed: list[Exception]) -> int:
        """The status of the final response; what a handler raised ends the waiting."""
        status = None
        for answer, _ in answers:
            if failed:
                return 0
            status = answer
        if status is None or "Status" not in status:
            raise self._broken()
        return int(status.Status)

    def _check_retrieved(self, status: int, entry: Entry) -> None:
        if status == 0:
            return
        what = f"to send {entry.sop_uid or 'the series ' + entry.series_uid}"
        if status == 0xA801:
            raise SourceError(
                f"{self.name} does not know the AE title {self._server.aet}, where to send to",
                "it among the server's destinations, with this machine's address and port",
                "ask who runs it, or leave out receive_port",
            )
        raise self._refused(status, what)

    def _check_stored(self, status: Dataset, path: Path) -> None:
        if "Status" not in status:
            raise self._broken()
        # B000, B006, B007: stored, with a remark (PS3.4 table B.2-1).
        if status.Status not in (0x0000, 0xB000, 0xB006, 0xB007):
            raise self._refused(status.Status, f"to store {path.name}")

    def _refused(self, status: int, what: str) -> SourceError:
        # A7xx: out of resources; B000: some sub-operations failed (PS3.4 annexes B.2 and C.4).
        passing = 0xA700 <= status < 0xA800 or status == 0xB000
        kind = TransientError if passing else SourceError
        return kind(
            f"{self.name} answered {what} with the status {status:04X}h"
            + (", out of resources" if 0xA700 <= status < 0xA800 else ""),
            "success",
            "try again later, or ask who runs the server",
        )

    def _not_accepted(self, path: Path, sop_class: str, syntax: str) -> SourceError:
        from pydicom.uid import UID

        return SourceError(
            f"{self.name} does not take {path.name}, a {UID(sop_class).name} in {UID(syntax).name}",
            "a server that accepts this presentation context",
            "ask who runs it to allow this SOP class and transfer syntax",
        )

    def _no_association(self, association: Any) -> SourceError:
        if association.is_rejected:
            answer = association.acceptor.primitive
            reason = f"{self.name} rejects us as {self._server.aet} ({answer.reason_str})"
            next_step = "check both AE titles, and that the server knows ours"
            # PS3.8 table 9-21: result 2 is "rejected-transient".
            kind = TransientError if answer.result == 2 else SourceError
            return kind(reason, "an association", next_step)
        if association.is_aborted and association.acceptor.primitive is not None:
            return SourceError(
                f"{self.name} accepts none of the services asked for",
                "a server with C-FIND, C-GET or C-MOVE, and C-STORE",
                "check the address, or set receive_port for C-MOVE",
            )
        return UnreachableError(
            f"{self.name} cannot be reached, or hangs up",
            "an application entity there",
            "check host, port and TLS, and whether it runs",
        )

    def _broken(self) -> TransientError:
        return TransientError(
            f"the association with {self.name} broke", "an answer to its end", "try again"
        )


def _context(abstract: str, syntax: str | None) -> Any:
    from pynetdicom.presentation import build_context

    return build_context(abstract) if syntax is None else build_context(abstract, syntax)


def _receiving(receive: Receiver, failed: list[Exception]) -> Any:
    """A handler of C-STORE requests; what `receive` raises is kept, and refused to the server."""
    from pynetdicom import evt

    def store(event: Any) -> int:
        if failed:
            return 0xC000
        path = event.dataset_path
        try:
            with path.open("rb") as file:
                receive(iter(lambda: file.read(_CHUNK), b""))
        except Exception as error:
            failed.append(error)
            return 0xC000
        return 0x0000

    return evt.EVT_C_STORE, store


@contextmanager
def _through_files() -> Iterator[None]:
    """pynetdicom sends from files, and receives into files, as long as this lasts."""
    from pynetdicom import _config

    before = _config.STORE_SEND_CHUNKED_DATASET, _config.STORE_RECV_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = _config.STORE_RECV_CHUNKED_DATASET = True
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET, _config.STORE_RECV_CHUNKED_DATASET = before

"""What the service tells the site's audit server: each kind of event is a call.

A process is known as `iodeep@HOST`, which is also the name of the source of the messages.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from IODeepLib import __version__
from IODeepLib.disk.locks import take
from IODeepLib.headers import text
from IODeepLib.model_object import Model
from IODeepLib.series import ImageSeries
from IODeepLib.service.audit.message import Coded, Event, Outcome, Participant, Subject, xml
from IODeepLib.service.audit.spool import Spool
from IODeepLib.service.audit.syslog import framed, send
from IODeepLib.service.job import Job
from IODeepLib.service.log import tell
from IODeepLib.service.queue import time_of_day
from IODeepLib.service.settings import Audit, ServiceSettings

# Of PS3.16 CID 400 and 401.
_ACTIVITY = Coded("110100", "Application Activity")
_START, _STOP = Coded("110120", "Application Start"), Coded("110121", "Application Stop")
_BEGIN = Coded("110102", "Begin Transferring DICOM Instances")
_ACCESSED = Coded("110103", "DICOM Instances Accessed")
_TRANSFERRED = Coded("110104", "DICOM Instances Transferred")
_ALERT = Coded("110113", "Security Alert")
_PROCEDURE = Coded("110111", "Procedure Record")
_RESTRICTED = Coded("110132", "Use of Restricted Function")
# Of CID 402 and 404, and of RFC 3881.
_APPLICATION = Coded("110150", "Application")
_DESTINATION, _SOURCE = Coded("110152", "Destination Role ID"), Coded("110153", "Source Role ID")
_STUDY, _NODE = Coded("110180", "Study Instance UID"), Coded("110182", "Node ID")
_PATIENT = Coded("2", "Patient Number", "RFC-3881")
_NETWORK = Coded("NETWORK", "SOP Instance UID of the card of a network", "99IODEEP")
# Participant Object Type Code, and Role.
_PERSON, _SYSTEM = 1, 2
_IS_PATIENT, _IS_REPORT, _IS_RESOURCE, _IS_PROCESSING = 1, 3, 13, 26
_AT_ONCE = 100  # messages in one connection
_MAKES_JOBS = ("again", "look")
_OF_STUDY = ("StudyInstanceUID", "PatientID", "PatientName")


class Trail:
    """The way to the audit server; where none is configured nothing is said.

    Args:
        audit: where it is.
        spool: what waits to be sent.
        lock: a file that whoever sends has locked.
    """

    def __init__(self, audit: Audit | None, spool: Spool, lock: Path) -> None:
        self._audit, self._spool, self._lock = audit, spool, lock
        self._silent = self._full = False

    def started(self) -> None:
        """The service begins."""
        self._say(Event(_ACTIVITY, "E", [_own(role=_APPLICATION)], kind=_START))

    def ended(self) -> None:
        """The service ends."""
        self._say(Event(_ACTIVITY, "E", [_own(role=_APPLICATION)], kind=_STOP))

    def fetched(self, images: Iterable[ImageSeries], pacs: str) -> None:
        """Images have come from a PACS."""
        parties = [_own(role=_DESTINATION, requests=True), _node(pacs, _SOURCE)]
        self._of_each_study(Event(_TRANSFERRED, "C", parties), map(_counted, images))

    def read(self, images: Iterable[ImageSeries], model: Model, job: str) -> None:
        """A network reads images."""
        network = Subject(
            model.card.sop_instance_uid,
            _NETWORK,
            _SYSTEM,
            _IS_PROCESSING,
            model.label,
            {"job": job, "digest": model.card.network_digest},
        )
        event = Event(_ACCESSED, "R", [_own(requests=True)], [network])
        self._of_each_study(event, map(_counted, images))

    def sending(self, files: Sequence[Path], pacs: str) -> None:
        """Results begin to go to a PACS."""
        self._sent(Event(_BEGIN, "E", _parties(pacs)), files)

    def sent(self, files: Sequence[Path], pacs: str) -> None:
        """They are there."""
        self._sent(Event(_TRANSFERRED, "C", _parties(pacs)), files)

    def ordered(self, what: str, user: str, host: str, study: str, job: Job | None = None) -> None:
        """Somebody has had something done. (PS3.15 section A.5.3.13)

        Whose study it is the queue does not know.

        Args:
            what: "again", "choose", "cancel", "look".
            user: who.
            host: from where.
            study: the study that it is of.
            job: the job, as it is now.
        """
        details = {"order": what} | ({"job": job.uid} if job is not None else {})
        details |= {"former job": job.former} if job is not None and job.former else {}
        subjects = [Subject(study, _STUDY, _SYSTEM, _IS_REPORT, details=details)]
        if job is not None and job.model:
            subjects.append(Subject(job.model, _NETWORK, _SYSTEM, _IS_PROCESSING, job.label))
        action = "C" if what in _MAKES_JOBS else "U"
        parties = [_own(role=_APPLICATION), Participant(user, host=host, requests=True)]
        self._say(Event(_PROCEDURE, action, parties, subjects))

    def refused(self, user: str, host: str, what: str) -> None:
        """Somebody wanted something that they may not.

        Args:
            user: who, as far as that is known.
            host: from where.
            what: what they wanted, such as a path; without data of patients.
        """
        subject = Subject(
            socket.gethostname(), _NODE, _SYSTEM, _IS_RESOURCE, details={"Alert Description": what}
        )
        parties = [_own(), Participant(user or "unknown", host=host, requests=True)]
        self._say(Event(_ALERT, "E", parties, [subject], _RESTRICTED, Outcome.REFUSED))

    def deliver(self) -> None:
        """Send what waits; what cannot be sent now waits on."""
        if self._audit is None:
            return
        lock = take(self._lock)  # of two services on one queue one sends at a time
        if lock is None:
            return
        try:
            self._say_if_full()
            while waiting := self._spool.oldest(_AT_ONCE):
                send((one.read_bytes() for one in waiting), self._audit)
                for one in waiting:
                    self._spool.forget(one)
                if self._silent:
                    tell("audit server answers again")
                self._silent = False
        except OSError as error:
            if not self._silent:  # once, and not every second for a night
                tell("audit server is silent", why=error.strerror or str(error))
            self._silent = True
        finally:
            lock.release()

    def _say_if_full(self) -> None:
        """Once: of what happens now nothing is kept, also in other processes."""
        if (full := self._spool.is_full) and not self._full:
            tell("audit messages are lost", why="too many wait to be sent")
        self._full = full

    def _sent(self, event: Event, files: Sequence[Path]) -> None:
        if self._audit is not None and files:
            self._of_each_study(event, ((_header(path), 1) for path in files))

    def _of_each_study(self, event: Event, things: Iterable[tuple[Dataset, int]]) -> None:
        """Say it of each study: of its patient, and how many instances of which classes."""
        studies: dict[tuple[str, str, str], Counter[str]] = {}
        for header, count in things if self._audit is not None else ():
            study = tuple(text(header, key) for key in _OF_STUDY)
            classes = studies.setdefault(study, Counter())  # type: ignore[arg-type]
            classes[text(header, "SOPClassUID")] += count
        for (uid, who, name), classes in studies.items():
            subjects = [
                Subject(uid, _STUDY, _SYSTEM, _IS_REPORT, instances=classes),
                Subject(who, _PATIENT, _PERSON, _IS_PATIENT, name),
                *event.subjects,
            ]
            self._say(Event(event.what, event.action, event.participants, subjects))

    def _say(self, event: Event) -> None:
        if self._audit is None:
            return
        time = time_of_day()
        source = self._audit.source or _name()
        message = xml(event, time, source, self._audit.site or "")
        kept = self._spool.put(framed(message, time, well=event.outcome is Outcome.WELL))
        if kept:
            tell("audit message is lost", of=event.what.meaning, why=kept)


def trail_of(settings: ServiceSettings) -> Trail:
    """The way to the audit server that the settings name."""
    folder = settings.place / "audit"
    return Trail(settings.audit, Spool(folder), folder / ".lock")


def _name() -> str:
    return f"iodeep@{socket.gethostname()}"


def _own(role: Coded | None = None, requests: bool = False) -> Participant:
    """This service."""
    name = f"IODeep {__version__}"
    return Participant(_name(), name, (), socket.gethostname(), requests, role)


def _node(server: str, role: Coded) -> Participant:
    """A server, by its address: an URL, or AET@host:port."""
    aet, _, place = server.removeprefix("dimse://").rpartition("@")
    host = urlsplit(server if "://" in server and not aet else f"//{place}").hostname or ""
    return Participant(server, aets=(aet,) if aet else (), host=host, role=role)


def _parties(pacs: str) -> list[Participant]:
    return [_own(role=_SOURCE, requests=True), _node(pacs, _DESTINATION)]


def _counted(series: ImageSeries) -> tuple[Dataset, int]:
    return series.header, len(series.sop_instance_uids)


def _header(path: Path) -> Dataset:
    """Of a result of ours; an empty one where the disk has lost it."""
    try:
        return dcmread(path, specific_tags=[*_OF_STUDY, "SOPClassUID"], stop_before_pixels=True)
    except (OSError, InvalidDicomError):
        return Dataset()

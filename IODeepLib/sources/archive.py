"""What is asked of a PACS, whichever protocol it speaks: find, retrieve, store.

`PacsSource` does everything else with these three: what an archive need not know of is models,
caches, retries and duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from IODeepLib.errors import SourceError
from IODeepLib.text.foreign import LONGEST_UID, is_uid, printable

# "Out of resources" as a status or failure reason (PS3.4 table B.2-1, PS3.18 section 10.5.3.2).
OUT_OF_RESOURCES = range(0xA700, 0xA800)
_LONGEST_COUNT = 9  # digits

# Is given one instance as the bytes of a DICOM file (PS3.10), in chunks, and may raise to stop.
Receiver = Callable[[Iterable[bytes]], object]


class TransientError(SourceError):
    """It may go well when it is tried again: no connection, a broken one, a server in trouble.

    Attributes:
        tries: how often it is worth it. Ten tries get 200 requests through a network that drops
            30 % of them (all but one time in 800), and take about twelve seconds where nothing
            gets through.
    """

    tries = 10


class PartialError(TransientError):
    """The server sent a part of what was asked for, and says so."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} sent a part of what was asked for, as it says itself",
            "all of it",
            "try again, or ask who runs the server",
        )


class UnreachableError(TransientError):
    """Nobody listens there; it is hardly worth waiting for."""

    tries = 3


class StalledError(TransientError):
    """Nothing has moved for as long as it was waited for: a minute each time, by default."""

    tries = 2

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(
            f"{name} has said nothing for {seconds:g} seconds",
            "an answer",
            "try again, or set a longer timeout in iodeep.toml",
        )


@dataclass(frozen=True, slots=True)
class Entity:
    """A study, a series or an instance that a PACS says it has (PS3.4 section C.3).

    Its UIDs become paths, URLs and queries: there is no entity with one that is none.

    Attributes:
        study_uid, series_uid: its study and series; the series is "" for a study.
        sop_uid: the instance; "" for a study or series.
        attributes: what was answered, with these UIDs, as text, by keyword.

    Raises:
        BadUidError: one of the UIDs is none.
    """

    study_uid: str
    series_uid: str
    sop_uid: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for level, uid in zip(Level, (self.study_uid, self.series_uid, self.sop_uid), strict=True):
            if uid and not is_uid(uid):
                raise BadUidError(f"the {level.words} {_shown(uid)}")

    @property
    def instance_count(self) -> int | None:
        """How many instances the server says that a series has; None if it does not say."""
        stated = self.attributes.get("NumberOfSeriesRelatedInstances", "").strip()
        return int(stated) if stated.isdecimal() and len(stated) <= _LONGEST_COUNT else None


class Level(Enum):
    """What an entity is, by the keyword of the UID that tells it from others, from the top down."""

    STUDY = "StudyInstanceUID"
    SERIES = "SeriesInstanceUID"
    INSTANCE = "SOPInstanceUID"

    @property
    def words(self) -> str:
        """The name of the UID (PS3.6)."""
        return self.value.replace("InstanceUID", " Instance UID")


class BadUidError(SourceError):
    """A PACS has an object without a UID, or with one that is none: nothing can be asked for it.

    Attributes:
        attributes: what was answered, as text, by keyword.
    """

    def __init__(self, found: str, attributes: Mapping[str, str] | None = None) -> None:
        super().__init__(
            found,
            f"a UID: digits and dots, at most {LONGEST_UID} (PS3.5 section 9.1)",
            "have the object corrected, or removed from the server",
        )
        self.attributes = attributes or {}


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search found.

    Attributes:
        entities: in the order of the answers.
        errors: one for each answer that names nothing which can be asked for.
    """

    entities: Sequence[Entity] = ()
    errors: Sequence[BadUidError] = ()


def matches_in(answers: Iterable[Mapping[str, str]], level: Level, server: str) -> Matches:
    """The entities in answers to a search: the one door for what a server says that it has.

    Args:
        answers: each with what was answered, as text, by keyword. UIDs below `level` are passed
            over: a series is no instance, whatever else its answer holds.
        level: what was searched for.
        server: how messages call it.
    """
    entities: list[Entity] = []
    errors: list[BadUidError] = []
    levels = list(Level)[: list(Level).index(level) + 1]
    for answer in answers:
        uids = {one: answer.get(one.value, "").strip(" \0") for one in levels}
        try:
            for one, uid in uids.items():
                if not uid:
                    raise BadUidError(f"no {one.words}")
            study, series, sop = (uids.get(one, "") for one in Level)
            entities.append(Entity(study, series, sop, answer))
        except BadUidError as error:
            beside = ", ".join(f"{one.words} {uid}" for one, uid in uids.items() if is_uid(uid))
            found = f"{server} has an object with {error.found}" + f" ({beside})" * bool(beside)
            errors.append(BadUidError(found, answer))
    return Matches(entities, errors)


def _shown(uid: str) -> str:
    """What should be a UID, so that it can be shown."""
    shown = printable(uid)  # before it is cut: half a secret is not hidden
    return repr(shown[:LONGEST_UID]) + "..." * (len(shown) > LONGEST_UID)


class Archive(Protocol):
    """A PACS.

    Every method raises TransientError for what may pass, and SourceError for what will not. What
    is found may be more than was asked for: servers pass over keys that they do not know.
    """

    @property
    def name(self) -> str:
        """How messages call it; without secrets."""
        ...

    def connected(self) -> AbstractContextManager[object]:
        """Keeps what was opened open, for many requests; without it each one opens its own."""
        ...

    def find_studies(self, keys: Mapping[str, str]) -> Matches | None:
        """The studies whose attributes have these values, each with what its server counts in it.

        None where servers would read whole objects to answer, as they do over DICOMweb. The keys
        are among those of `find_series`, above the series.
        """
        ...

    def find_series(self, keys: Mapping[str, str]) -> Matches:
        """The series whose attributes have these values, by keyword.

        The keys are among StudyInstanceUID, SeriesInstanceUID, PatientID, AccessionNumber,
        StudyDate (or a range of dates), PatientName, Modality and SeriesNumber, which every server
        has an index of: for others it may read all its objects.
        """
        ...

    def find_instances(self, keys: Mapping[str, str]) -> Matches:
        """The instances whose attributes have these values; the keys are as for `find_series`."""
        ...

    def retrieve(self, entity: Entity, receive: Receiver) -> None:
        """Fetch an instance, or all instances of a series; each one goes to `receive`."""
        ...

    def store(self, paths: Sequence[Path], stored: Callable[[Path], None]) -> None:
        """Send files in this order.

        `stored` is called for each one of which the server says that it has stored it.
        """
        ...

"""What is asked of a PACS, whichever protocol it speaks: find, retrieve, store.

`PacsSource` does everything else with these three: what an archive need not know of is models,
caches, retries and duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from IODeepLib.errors import SourceError

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
class Entry:
    """A study, a series or an instance that a PACS says it has.

    Attributes:
        study_uid, series_uid: its study and series; the series is "" for a study.
        sop_uid: the instance; "" for a study or series.
        attributes: what was answered, with these UIDs, as text, by keyword.
    """

    study_uid: str
    series_uid: str
    sop_uid: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


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

    def find_studies(self, keys: Mapping[str, str]) -> list[Entry] | None:
        """The studies whose attributes have these values, each with what its server counts in it.

        None where servers would read whole objects to answer, as they do over DICOMweb. The keys
        are among those of `find_series`, above the series.
        """
        ...

    def find_series(self, keys: Mapping[str, str]) -> list[Entry]:
        """The series whose attributes have these values, by keyword.

        The keys are among StudyInstanceUID, SeriesInstanceUID, PatientID, AccessionNumber,
        StudyDate (or a range of dates), Modality and SeriesNumber, which every server has an index
        of: for others it may read all its objects.
        """
        ...

    def find_instances(self, keys: Mapping[str, str]) -> list[Entry]:
        """The same for instances."""
        ...

    def retrieve(self, entry: Entry, receive: Receiver) -> None:
        """Fetch an instance, or all instances of a series; each one goes to `receive`."""
        ...

    def store(self, paths: Sequence[Path], stored: Callable[[Path], None]) -> None:
        """Send files in this order.

        `stored` is called for each one of which the server says that it has stored it.
        """
        ...

"""What a service works with, in whichever thread: its queue, its folder, its name."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from IODeepLib.service.audit.syslog import check
from IODeepLib.service.audit.trail import Trail, trail_of
from IODeepLib.service.database import Database
from IODeepLib.service.durations import Durations
from IODeepLib.service.helpers import Helpers
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.owners import Owner
from IODeepLib.service.place import Place
from IODeepLib.service.received import Received
from IODeepLib.service.settings import ServiceSettings
from IODeepLib.service.states import State
from IODeepLib.service.studies import Studies
from IODeepLib.sources.pacs import PacsSource


@dataclass(frozen=True)
class Hands:
    """What a service works with.

    Attributes:
        settings: what it is to do.
        source: the PACS.
        place: its folder.
        owner: who it is.
        database, jobs, studies: its queue.
        trail: the way to the site's audit server.
        ending: set once it shall end.
        durations: how long its runs took.
        helpers: processes that do tasks.
    """

    settings: ServiceSettings
    source: PacsSource
    place: Place
    owner: Owner
    database: Database
    jobs: Jobs
    studies: Studies
    trail: Trail
    ending: threading.Event = field(default_factory=threading.Event)
    durations: Durations = field(default_factory=Durations)
    helpers: Helpers = field(default_factory=Helpers)

    @property
    def received(self) -> Received:
        """What others have sent."""
        return Received(self.place.received, self.database)

    def of(self, name: str) -> Hands:
        """The same, for a thread of this name, which takes things for itself."""
        owner = f"{self.owner.name}-{name}"
        jobs, studies = Jobs(self.database, owner), Studies(self.database, owner)
        return replace(self, jobs=jobs, studies=studies)

    def take_back(self) -> None:
        """What this thread has taken and could not give back, for the disk was full, waits again.

        Nobody calls it who still works on something.
        """
        self.jobs.take_back(self.jobs.owner)
        self.studies.take_back(self.studies.owner)

    def forget_unwanted_images(self, study: str) -> None:
        """Remove the images of a study if no job needs them any more."""
        needed = (State.WAITING, State.RUNNING)
        if not any(job.state in needed for job in self.jobs.of_study(study)):
            self.place.forget_images(study)
        self.received.forget_unneeded(study)


def hands_for(settings: ServiceSettings, source: PacsSource) -> Hands:
    """A service of its own on the queue that the settings name.

    Raises:
        OutputError: its folder cannot be used.
        UsageError: the certificates for the audit server cannot.
    """
    check(settings.audit)
    place = Place(settings.place)
    owner = Owner(place.owners)
    database = Database(place.queue)
    jobs, studies = Jobs(database, owner.name), Studies(database, owner.name)
    return Hands(settings, source, place, owner, database, jobs, studies, trail_of(settings))

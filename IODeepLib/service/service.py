"""The service: threads that look at studies, run jobs, store results, and ask what has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from IODeepLib.errors import IODeepError, SourceError
from IODeepLib.service.hands import Hands
from IODeepLib.service.listeners import Listener
from IODeepLib.service.log import tell
from IODeepLib.service.looks import look_at_next
from IODeepLib.service.outbox import store_next
from IODeepLib.service.runs import run_next
from IODeepLib.service.settings import Ups
from IODeepLib.service.tidying import tidy
from IODeepLib.service.triggers import Trigger
from IODeepLib.service.ups.forgetting import Forgetting
from IODeepLib.service.ups.listener import worklist_of

_LOOK_EVERY = 1.0  # seconds, for what another process may have put into the queue
_TIDY_EVERY = 5.0
_DELIVER_EVERY = 1.0  # audit messages
_FORGET_EVERY = 60.0
_PAUSE = 5.0  # after something went wrong that concerns no single job: the disk is full


class Service:
    """A service that works until it is told to end.

    Args:
        hands: what it works with.
        triggers: what starts jobs.
        listeners: what others reach of it.
    """

    def __init__(
        self, hands: Hands, triggers: Sequence[Trigger], listeners: Sequence[Listener] = ()
    ) -> None:
        self._hands, self._triggers, self._listeners = hands, triggers, listeners
        self._bell = threading.Condition()  # rung when there may be something to do
        self._faults: list[BaseException] = []

    def end(self) -> None:
        """Let it end soon; what it works on goes back into the queue."""
        self._hands.ending.set()
        self._ring()

    def _ring(self) -> None:
        with self._bell:
            self._bell.notify_all()

    def work(self) -> None:
        """Work until `end` is called, or somebody interrupts it.

        Raises:
            OutputError: its queue cannot be used.
            UsageError: what listens cannot.
            BaseException: a fault of ours; who started the service starts it again.
        """
        settings = self._hands.settings
        tell("service begins", service=self._hands.owner.name, workers=settings.workers)
        tidy(self._hands)
        bodies = [("look", look_at_next), ("store", store_next)]
        bodies += [(f"run{number}", run_next) for number in range(1, settings.workers + 1)]
        threads = [self._thread(self._at_the_bell, *one) for one in bodies]
        threads.append(self._thread(self._every, _TIDY_EVERY, lambda: tidy(self._hands)))
        threads.append(self._thread(self._every, _DELIVER_EVERY, self._hands.trail.deliver))
        if settings.keep_days:
            threads.append(self._thread(self._every, _FORGET_EVERY, self._forgetting()))
        threads += [self._thread(self._every, t.every, self._asking(t)) for t in self._triggers]
        self._hands.trail.started()
        try:
            for listener in self._listeners:
                listener.start(self._hands.of(listener.name), self._ring)
            for thread in threads:
                thread.start()
            self._hands.ending.wait()
        finally:
            self.end()
            for listener in self._listeners:
                listener.stop()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
            self._hands.trail.ended()
            self._hands.trail.deliver()
            self._hands.owner.close()
            self._hands.helpers.end()
            tell("service ends", service=self._hands.owner.name)
        if self._faults:
            raise self._faults[0]

    def _forgetting(self) -> Callable[[], None]:
        hands = self._hands
        worklist = worklist_of(hands, hands.settings.ups or Ups())
        forgetting = Forgetting(hands.database, worklist, hands.settings.keep_days)

        def forget() -> None:
            if count := forgetting.forget():
                tell("ended jobs forgotten", count=count)

        return forget

    def _thread(self, work: Callable[..., None], *how: object) -> threading.Thread:
        def guarded() -> None:
            try:
                work(*how)
            except BaseException as fault:
                self._faults.append(fault)
                self.end()

        return threading.Thread(target=guarded)

    def _at_the_bell(self, name: str, body: Callable[[Hands], bool]) -> None:
        """Do one thing after the other, and wait for the bell where there is nothing to do."""
        hands = self._hands.of(name)
        while not hands.ending.is_set():
            try:
                hands.take_back()
                busy = body(hands)
            except IODeepError as error:
                tell("trouble", at=name, why=str(error))
                hands.ending.wait(_PAUSE)
                continue
            with self._bell:
                if busy:
                    self._bell.notify_all()
                else:
                    self._bell.wait(_LOOK_EVERY)

    def _every(self, seconds: float, body: Callable[[], None]) -> None:
        while not self._hands.ending.is_set():
            try:
                body()
            except IODeepError as error:
                tell("trouble", why=str(error))
            self._hands.ending.wait(seconds)

    def _asking(self, trigger: Trigger) -> Callable[[], None]:
        silent = False

        def ask() -> None:
            nonlocal silent
            try:
                count = trigger.look(self._hands.database, self._hands.studies)
            except SourceError as error:
                if not silent:  # once, and not every second for a night
                    tell("server is silent", trigger=trigger.name, why=str(error))
                silent = True
                return
            if silent:
                tell("server answers again", trigger=trigger.name)
            silent = False
            if count:
                tell("studies seen", trigger=trigger.name, count=count)
                self._ring()

        return ask

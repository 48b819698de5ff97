"""Several runs, one after the other: a network computes with all cores, so that two get in each
other's way. One that fails does not stop the others.

queue = logic.startQueue([(volume, model), (other, model)])
while queue.poll() is State.RUNNING:
    ...  # queue.fraction, queue.current
queue.results, queue.problems
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work.runner import Outcome, Run, State

if TYPE_CHECKING:
    import slicer

    from IODeepLib.model_object import Model


@dataclass(eq=False)
class Item:
    """One model on one image.

    Attributes:
        volumeNode: the image.
        model: what is run on it.
        frame: which image of the sequence that `volumeNode` shows, from 0; None for the one that
            it shows.
        state: how far it is; None as long as it waits.
        run: its run while it runs; afterwards it goes, and with it what it gave.
        result: the node of what was found.
        problem: why it failed.
        log: what the process said, once it is over.
    """

    volumeNode: slicer.vtkMRMLScalarVolumeNode
    model: Model
    frame: int | None = None
    state: State | None = None
    run: Run | None = None
    result: slicer.vtkMRMLNode | None = None
    problem: str = ""
    log: str = ""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = _("{model} on {volume}").format(
            model=self.model.card.title, volume=self.volumeNode.GetName()
        )
        if self.frame is not None:
            self.name = _("{name}, frame {number}").format(name=self.name, number=self.frame + 1)

    @property
    def isOver(self) -> bool:
        """Whether it is done, has failed, or was cancelled."""
        return self.state not in (None, State.RUNNING)


class RunQueue:
    """Runs `items` in their order. Poll it until it is over.

    Attributes:
        items: all of them, also those that are over.
    """

    def __init__(
        self,
        items: Sequence[Item],
        start: Callable[[Item], Run],
        take: Callable[[Item, Outcome], slicer.vtkMRMLNode],
    ) -> None:
        """Nothing runs before the first poll.

        Args:
            items: what is to be run.
            start: begins one.
            take: makes the node of what was found.
        """
        self.items = tuple(items)
        self._start, self._take = start, take

    @property
    def current(self) -> Item | None:
        """What runs."""
        return next((item for item in self.items if item.state is State.RUNNING), None)

    @property
    def over(self) -> int:
        """How many items are over."""
        return sum(item.isOver for item in self.items)

    @property
    def fraction(self) -> float:
        """The part that is done, 0 to 1."""
        running = self.current
        part = running.run.fraction if running is not None and running.run is not None else 0.0
        return (self.over + part) / len(self.items) if self.items else 1.0

    @property
    def results(self) -> tuple[slicer.vtkMRMLNode, ...]:
        """The nodes of what was found so far, each once: that of a sequence is one."""
        found = (item.result for item in self.items if item.result is not None)
        return tuple(dict.fromkeys(found))

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed, each in a sentence with its reason."""
        return tuple(f"{item.name}: {item.problem}" for item in self.items if item.problem)

    def poll(self) -> State:
        """Do what can be done without waiting, and see whether all are over."""
        item = self.current
        if item is None:
            item = next((item for item in self.items if item.state is None), None)
            if item is None:
                return State.DONE
            self._attempt(item, self._begin)
        elif item.run is not None and item.run.poll() is not State.RUNNING:
            item.log = item.run.log
            self._attempt(item, self._end)
            item.run = None
        return State.RUNNING

    def cancel(self, item: Item | None = None) -> None:
        """End one item, or all that are not over; the nodes of what was found stay."""
        for one in self.items if item is None else (item,):
            if not one.isOver:
                if one.run is not None:
                    one.run.cancel()
                    one.run = None
                one.state = State.CANCELLED

    def _attempt(self, item: Item, action: Callable[[Item], None]) -> None:
        try:
            action(item)
        except Exception as error:  # the others go on, whatever it is
            logging.error("IODeep: %s: %s\n%s", item.name, error, item.log)
            item.state, item.problem = State.FAILED, errorText(error)

    def _begin(self, item: Item) -> None:
        item.run = self._start(item)
        item.state = State.RUNNING

    def _end(self, item: Item) -> None:
        assert item.run is not None  # noqa: S101 - it was begun
        if item.run.poll() is State.CANCELLED:
            item.state = State.CANCELLED
            return
        item.result = self._take(item, item.run.outcome())
        item.state = State.DONE

"""A network runs in a process of its own; this is its owner's end.

run = Run(python, image, model)
while run.poll() is State.RUNNING:
    ...  # run.fraction, run.message, run.stage
outcome = run.outcome()
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepSlicer.sources.servers import Address
from IODeepSlicer.work.job import Job, readConfidence, readResult, writeJob
from IODeepSlicer.work.worker_process import State, WorkerProcess

if TYPE_CHECKING:
    import numpy as np

    from IODeepLib.inference.classification import Classification
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.model_object import Model
    from IODeepLib.pipeline import Options
    from IODeepLib.series import VolumeImage


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    Attributes:
        found: the labels, or what a classification or regression says.
        document: everything about the run in plain values, as `result.json` of the command line.
        confidence: (k, j, i) the probability of what was decided in percent, 0 where the network
            did not look; None where nobody asked, or the network says nothing.
    """

    found: Segmentation | Classification
    document: dict[str, Any]
    confidence: np.ndarray | None = None


class Run(WorkerProcess[Outcome]):
    """One run of one model on one image.

    Attributes:
        command: the command that does the same; "" where none does.
    """

    task = "run"
    command = ""

    def __init__(
        self,
        python: str,
        image: VolumeImage,
        model: Model,
        options: Options | None = None,
        others: Sequence[VolumeImage] = (),
        unchanged: Callable[[], bool] = lambda: True,
        source: Address | None = None,
    ) -> None:
        """Start it.

        Args:
            python: the interpreter.
            image: what the result lies on.
            model: a model, with its weights unless they come from `source`.
            options: how it is done.
            others: images for further channels.
            unchanged: whether the images are still what they were at the start; the first polls
                hand their voxels over, a piece at a time.
            source: the server from which weights come that are not here.
        """
        from IODeepLib.pipeline import Options

        self.model = model
        self._inferring: tuple[float, float] | None = None
        self._job: Job | None = Job(model, options or Options(), [image, *others], source)
        self._labels, self._grid = model.card.recipe.labels, image.grid
        self._unchanged = unchanged
        super().__init__(python)

    @property
    def seconds_left(self) -> float | None:
        """An estimate from how fast it went so far, or None as long as there is none."""
        if self._inferring is None or self._state is not State.RUNNING:
            return None
        since, fraction = self._inferring
        done = self.fraction - fraction
        if done < 0.02:
            return None
        return (time.monotonic() - since) / done * (1 - self.fraction)

    def _write(self, folder: Path) -> Iterator[None]:
        from IODeepLib.errors import ImageError

        assert self._job is not None  # noqa: S101 - this is done once
        yield from writeJob(folder, self._job)
        if not self._unchanged():
            raise ImageError(
                "the image was changed while it was handed over to the network",
                "an image that stays as it is for that moment",
                "run again",
            )
        self._job = None  # its voxels may go

    def _began(self) -> None:
        from IODeepLib.pipeline import Stage

        # What comes before says nothing about how fast the network is.
        if self.stage == Stage.INFER:
            self._inferring = time.monotonic(), self.fraction

    def _take(self, folder: Path) -> Generator[None, None, Outcome]:
        found, document = yield from readResult(folder, self._labels, self._grid)
        return Outcome(found, document, (yield from readConfidence(folder)))

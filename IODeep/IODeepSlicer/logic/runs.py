"""What scripts ask of runs: one, or several after each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode

from IODeepSlicer.logic.models import Models
from IODeepSlicer.work.queue import RunQueue
from IODeepSlicer.work.runner import Run, State
from IODeepSlicer.work.waiting import wait

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.selection import Selection
    from IODeepSlicer.work.runner import Outcome


class Runs(Models):
    """The part of the module's logic that selects models, runs them, and knows which are in use."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._queues: list[RunQueue] = []

    def select(
        self, volumeNode: vtkMRMLScalarVolumeNode, models: Sequence[Model] | None = None
    ) -> Selection:
        """Rank models by how they fit the image, each with its reasons.

        :param models: those to choose from; None for those in the DICOM database.
        :return: IODeepLib.selection.Selection; its `best` raises where no model fits.
        """
        from IODeepSlicer.requirements import checkReading
        from IODeepSlicer.scene import images

        checkReading()
        from IODeepLib.selection import select

        models = self.findModels().models if models is None else models
        others = [images.imageOf(node) for node in images.otherVolumes(volumeNode)]
        return select(images.imageOf(volumeNode), models, others)

    def start(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model: Model,
        device: str = "auto",
        threads: int | None = None,
        labels: Iterable[str] | None = None,
        source: str | Path | None = None,
        *,
        confidence: bool = False,
        quality: str = "default",
    ) -> Run:
        """Start a model on the image in a process of its own, and return at once.

        Poll the run until it is over, then give its outcome to `createResult`. The first polls
        hand over the image, which must not change until then.

        :param device: "auto", or the name of an ONNX Runtime execution provider, such as "cpu".
        :param threads: how many threads the network computes with; None for one a core.
        :param labels: names of the labels to keep; only the stages that they need are run. None for
            all.
        :param source: the server from which weights are fetched that are not on this machine.
        :param confidence: also say how sure the network is, voxel by voxel and of each segment.
        :param quality: "fast": patches overlap less, and no mirror images; "default": as the model
            says; "best": patches overlap more.
        """
        from IODeepSlicer.requirements import checkRequirements
        from IODeepSlicer.sources.servers import checkFor
        from IODeepSlicer.work.starting import startRun

        checkRequirements()
        if source:
            checkFor(source)
        from IODeepLib.inference.quality import Quality
        from IODeepLib.pipeline import Options
        from IODeepLib.results.asked_for import labels_left_out

        kept = None if labels is None else tuple(labels)
        labels_left_out(model, kept)  # raises at once, not in the process
        options = Options(
            provider=device,
            threads=threads,
            labels=kept,
            confidence=confidence,
            quality=Quality.named(quality),
        )
        run = startRun(volumeNode, self.select(volumeNode, [model]), model, options, source)
        self._forgetOver()
        self._runs.append(run)
        return run

    def createResult(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model: Model,
        outcome: Outcome,
        into: vtkMRMLSegmentationNode | None = None,
    ) -> vtkMRMLSegmentationNode | vtkMRMLTableNode:
        """The node of an outcome, below the image in the hierarchy.

        How sure the network was, if that was asked for, is a volume below it that no view shows.

        :param into: a segmentation whose content is replaced; None for a new one.
        :return: a segmentation node on the image's grid; a table node of values, if the network
            judges the image as a whole.
        """
        from IODeepLib.inference.segmentation import Segmentation
        from IODeepSlicer.scene import images, nodes
        from IODeepSlicer.scene.confidence import createConfidenceVolume
        from IODeepSlicer.scene.value_table import createValueTable

        self._forgetOver()
        found, document = outcome.found, outcome.document
        if isinstance(found, Segmentation):
            node = nodes.createSegmentationNode(volumeNode, model, found, document, into)
            # That of a frame becomes a part of a sequence, beside which no volume has a place.
            if outcome.confidence is not None and not images.isFrame(volumeNode):
                createConfidenceVolume(node, outcome.confidence)
            return node
        return createValueTable(volumeNode, model, found, document)

    def run(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model: Model | None = None,
        device: str = "auto",
        threads: int | None = None,
        labels: Iterable[str] | None = None,
        source: str | Path | None = None,
        *,
        confidence: bool = False,
        quality: str = "default",
    ) -> vtkMRMLSegmentationNode | vtkMRMLTableNode:
        """Run a model on the image and wait for its result, see `createResult`.

        :param model: None for the best one in the DICOM database, unless others are as good.
        """
        from IODeepSlicer.sources.models import onlyBest

        model = onlyBest(self.select(volumeNode)) if model is None else model
        run = self.start(
            *(volumeNode, model, device, threads, labels, source),
            confidence=confidence,
            quality=quality,
        )
        wait(run)
        return self.createResult(volumeNode, model, run.outcome())

    def startQueue(
        self,
        pairs: Iterable[tuple[vtkMRMLScalarVolumeNode, Model]],
        device: str = "auto",
        threads: int | None = None,
        labels: Mapping[str, Iterable[str]] | None = None,
        source: str | Path | None = None,
        *,
        allFrames: bool = False,
        confidence: bool = False,
        quality: str = "default",
    ) -> RunQueue:
        """Run several models, or on several images, one after the other; return at once.

        Poll the queue until it is over: that starts what waits, and makes the nodes of what was
        found. One that fails does not stop the others; `problems` then says what and why.

        :param pairs: each an image and the model to run on it.
        :param labels: names of the labels to keep, by the models' labels (`model.label`); those of
            models that are not named are all kept.
        :param allFrames: of a volume that shows a sequence, run on each of its frames: the result
            is a sequence, too, which the same browser shows. Other volumes are run on as they are.
        :param confidence: see `start`; of those models that can say it.
        :param quality: see `start`.
        """
        from IODeepLib.inference.confidence import confidence_obstacle
        from IODeepSlicer.work.queueing import itemsOf, queueOf

        kept = {label: tuple(names) for label, names in (labels or {}).items()}

        def start(volumeNode: vtkMRMLScalarVolumeNode, model: Model) -> Run:
            server = source if model.missing_parts else None
            asked = confidence and confidence_obstacle(model.card.recipe, model.label) is None
            return self.start(
                *(volumeNode, model, device, threads, kept.get(model.label), server),
                confidence=asked,
                quality=quality,
            )

        queue = queueOf(itemsOf(pairs, allFrames=allFrames), start, self.createResult)
        self._queues = [q for q in self._queues if q.over < len(q.items)] + [queue]
        return queue

    def runQueue(
        self,
        pairs: Iterable[tuple[vtkMRMLScalarVolumeNode, Model]],
        **options: Any,
    ) -> RunQueue:
        """The same, and wait until all is over: see `results` and `problems` of what it gives."""
        queue = self.startQueue(pairs, **options)
        wait(queue)
        return queue

    def removeModel(self, model: Model) -> None:
        """Remove a model from this computer: from the DICOM database, its folder, and the cache.

        Nothing else is removed, and nothing from a server. A model that runs, or waits to, stays.
        """
        from IODeepLib.errors import UsageError
        from IODeepSlicer.sources.holdings import removeFromHere

        if self.isUsed(model):
            raise UsageError(
                f"{model.label} runs, or waits to",
                "a model that is not in use",
                "wait until it is over, or cancel it, and try again",
            )
        removeFromHere(model)

    def isUsed(self, model: Model) -> bool:
        """Whether a run uses this model, or waits to."""
        self._forgetOver()
        used = [run.model for run in self._runs]
        used += [item.model for q in self._queues for item in q.items if not item.isOver]
        return any(one.card.sop_instance_uid == model.card.sop_instance_uid for one in used)

    def _forgetOver(self) -> None:
        """Runs that are over go, and what they found with them."""
        self._runs = [run for run in self._runs if run.poll() is State.RUNNING]

    def cancelAll(self) -> None:
        """End all runs at once, and what waits for them."""
        for queue in self._queues:
            queue.cancel()
        self._queues = []
        for run in self._runs:
            run.cancel()
        self._runs = []

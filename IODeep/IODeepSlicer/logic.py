"""Everything that the module does, for its panel and for scripts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from slicer.util import VTKObservationMixin

from IODeepSlicer.scene.parameters import IODeepParameterNode
from IODeepSlicer.work.queue import RunQueue
from IODeepSlicer.work.runner import Run, State
from IODeepSlicer.work.waiting import wait
from IODeepSlicer.work.worker_process import slicerPython

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.selection import Selection
    from IODeepSlicer.sources.models import FoundModels
    from IODeepSlicer.work.importing import Gathering
    from IODeepSlicer.work.listing import Listing
    from IODeepSlicer.work.runner import Outcome
    from IODeepSlicer.work.saving import Saving
    from IODeepSlicer.work.sending import Sending


class IODeepLogic(ScriptedLoadableModuleLogic, VTKObservationMixin):
    """What scripts call: it raises, and opens no dialog."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        VTKObservationMixin.__init__(self)
        self._runs: list[Run] = []
        self._queues: list[RunQueue] = []
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onStartClose)

    def getParameterNode(self) -> Any:
        """The choices of the panel: an IODeepParameterNode."""
        wrapped: Any = IODeepParameterNode
        return wrapped(super().getParameterNode())

    def findModels(self, source: str | Path | None = None) -> FoundModels:
        """The models in the DICOM database and, if one is given, in one more source.

        :param source: a folder, with those below it; or a server, by its name in iodeep.toml or in
            Slicer's DICOM module or its address (see Docs/pacs.md), from which only cards are
            fetched.
        :return: an object with `models`, `sources`, `problems` and `retired`.
        """
        from IODeepSlicer.requirements import checkReading
        from IODeepSlicer.sources.models import findModels
        from IODeepSlicer.sources.servers import isServer

        checkReading()
        if not source or not isServer(source):
            return findModels(source)
        listing = self.startListing(source)
        wait(listing)
        return findModels(cards=listing.outcome())

    def startListing(self, server: str | Path) -> Listing:
        """Ask a server for its models in a process of its own, and return at once.

        Poll it until it is over; its outcome are the files of the cards, and of the notices that
        some are retired.
        """
        from IODeepSlicer.sources.servers import addressOf, checkFor
        from IODeepSlicer.work.listing import Listing

        checkFor(server)
        return Listing(slicerPython(), addressOf(server))

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
    ) -> Run:
        """Start a model on the image in a process of its own, and return at once.

        Poll the run until it is over, then give its outcome to `createResult`. The first polls
        hand over the image, which must not change until then.

        :param device: "auto", or the name of an ONNX Runtime execution provider, such as "cpu".
        :param threads: how many threads the network computes with; None for one a core.
        :param labels: names of the labels to keep; None for all.
        :param source: the server from which weights are fetched that are not on this machine.
        """
        from IODeepSlicer.requirements import checkRequirements
        from IODeepSlicer.sources.servers import checkFor
        from IODeepSlicer.work.starting import startRun

        checkRequirements()
        if source:
            checkFor(source)
        from IODeepLib.pipeline import Options, labels_left_out

        kept = None if labels is None else tuple(labels)
        labels_left_out(model, kept)  # raises at once, not in the process
        options = Options(provider=device, threads=threads, labels=kept)
        run = startRun(volumeNode, self.select(volumeNode, [model]), model, options, source)
        self._runs = [r for r in self._runs if r.poll() is State.RUNNING] + [run]
        return run

    def createResult(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model: Model,
        outcome: Outcome,
        into: vtkMRMLSegmentationNode | None = None,
    ) -> vtkMRMLSegmentationNode | vtkMRMLTableNode:
        """The node of an outcome, below the image in the hierarchy.

        :param into: a segmentation whose content is replaced; None for a new one.
        :return: a segmentation node on the image's grid; a table node of values, if the network
            judges the image as a whole.
        """
        from IODeepLib.inference.segmentation import Segmentation
        from IODeepSlicer.scene import nodes
        from IODeepSlicer.scene.value_table import createValueTable

        found, document = outcome.found, outcome.document
        if isinstance(found, Segmentation):
            return nodes.createSegmentationNode(volumeNode, model, found, document, into)
        return createValueTable(volumeNode, model, found, document)

    def run(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model: Model | None = None,
        device: str = "auto",
        threads: int | None = None,
        labels: Iterable[str] | None = None,
        source: str | Path | None = None,
    ) -> vtkMRMLSegmentationNode | vtkMRMLTableNode:
        """Run a model on the image and wait for its result, see `createResult`.

        :param model: None for the best one in the DICOM database, unless others are as good.
        """
        from IODeepSlicer.sources.models import onlyBest

        model = onlyBest(self.select(volumeNode)) if model is None else model
        run = self.start(volumeNode, model, device, threads, labels, source)
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
    ) -> RunQueue:
        """Run several models, or on several images, one after the other; return at once.

        Poll the queue until it is over: that starts what waits, and makes the nodes of what was
        found. One that fails does not stop the others; `problems` then says what and why.

        :param pairs: each an image and the model to run on it.
        :param labels: names of the labels to keep, by the models' labels (`model.label`); those of
            models that are not named are all kept.
        :param allFrames: of a volume that shows a sequence, run on each of its frames: the result
            is a sequence, too, which the same browser shows. Other volumes are run on as they are.
        """
        from IODeepSlicer.work.queueing import itemsOf, queueOf

        kept = {label: tuple(names) for label, names in (labels or {}).items()}

        def start(volumeNode: vtkMRMLScalarVolumeNode, model: Model) -> Run:
            server = source if model.missing_parts else None
            return self.start(volumeNode, model, device, threads, kept.get(model.label), server)

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

    def measure(self, segmentationNode: vtkMRMLSegmentationNode) -> vtkMRMLTableNode:
        """Measure the image in each segment, as the module Segment Statistics does.

        :return: a table node below the segmentation: volume, number of voxels, mean, standard
            deviation, minimum, median and maximum of each segment.
        """
        from IODeepSlicer.scene.segment_table import createSegmentTable

        return createSegmentTable(segmentationNode)

    def saveToDICOM(
        self,
        segmentationNode: vtkMRMLSegmentationNode,
        models: Sequence[Model] | None = None,
    ) -> str:
        """Save a segmentation of IODeep as DICOM SEG into the DICOM database, in the same study.

        Segments that were edited or added by hand are saved as such; what was saved like this
        before is not saved again.

        :param models: where the one that made it is looked for; None for the DICOM database.
        :return: its SOP Instance UID.
        """
        from IODeepSlicer.work.saving import saveToDatabase

        models = self.findModels().models if models is None else models
        return saveToDatabase(segmentationNode, models)

    def startSaving(
        self,
        segmentationNode: vtkMRMLSegmentationNode,
        models: Sequence[Model] | None = None,
    ) -> Saving:
        """Begin what `saveToDICOM` does, and return at once.

        Poll it until it is over, then give it to `finishSaving`. The first polls hand over the
        segments, which must not change until then.
        """
        from IODeepSlicer.work.saving import startSaving

        models = self.findModels().models if models is None else models
        return startSaving(segmentationNode, models)

    def finishSaving(self, saving: Saving) -> str:
        """Import what was made into the DICOM database; its SOP Instance UID."""
        from IODeepSlicer.work.saving import finishSaving

        return finishSaving(saving)

    def startSending(self, segmentationNode: vtkMRMLSegmentationNode, server: str) -> Sending:
        """Send what was saved of a segmentation to a server, and return at once.

        Poll it until it is over; its outcome are the files that the server did not have before.
        What could not be sent waits in the outbox, and goes with what is sent there next.
        """
        from IODeepSlicer.sources.servers import addressOf, checkFor
        from IODeepSlicer.work.sending import Sending

        checkFor(server)
        return Sending(slicerPython(), segmentationNode, addressOf(server))

    def send(self, segmentationNode: vtkMRMLSegmentationNode, server: str) -> bool:
        """Send what was saved of a segmentation to a server, and wait until it has it.

        :param server: its name in iodeep.toml or in Slicer's DICOM module, or its address.
        :return: whether the server did not have it before.
        """
        sending = self.startSending(segmentationNode, server)
        wait(sending)
        return bool(sending.outcome())

    def publish(self, onnxFile: str | Path, recipeFile: str | Path) -> Model:
        """Write a network as card and weights into the DICOM database, once it is tried out.

        :return: the model; the one that is there already, if it is the very same.
        """
        from IODeepSlicer.work.publishing import finishPacking, startPacking

        packing = startPacking(onnxFile, recipeFile)
        wait(packing)
        return finishPacking(packing)

    def startImport(self, path: str | Path) -> Gathering:
        """Begin to bring the models in a folder or ZIP file into the DICOM database.

        Poll it until it is over, then `finishImport`. Only networks are taken, and those of which
        all parts are there are verified.
        """
        from IODeepSlicer.requirements import checkReading
        from IODeepSlicer.work.importing import startGathering
        from IODeepSlicer.work.job import Origin

        checkReading()
        return startGathering(Origin(path=Path(path).absolute()))

    def startGetting(self, model: Model, server: str | Path) -> Gathering:
        """Begin to bring a model of a server, with its weights, into the DICOM database.

        Poll it until it is over, then `finishImport`.
        """
        from IODeepSlicer.sources.servers import addressOf, checkFor
        from IODeepSlicer.work.importing import startGathering
        from IODeepSlicer.work.job import Origin

        checkFor(server)
        card = model.card.sop_instance_uid
        return startGathering(Origin(server=addressOf(server), card=card))

    def finishImport(self, gathering: Gathering) -> tuple[Model, ...]:
        """The models that came, as the DICOM database has them now."""
        from IODeepSlicer.work.importing import finishModels

        return finishModels(gathering)

    def importModels(self, path: str | Path) -> tuple[Model, ...]:
        """Bring the models in a folder or ZIP file into the DICOM database."""
        gathering = self.startImport(path)
        wait(gathering)
        return self.finishImport(gathering)

    def getModel(self, model: Model, server: str | Path) -> Model:
        """Bring a model of a server, with its weights, into the DICOM database."""
        gathering = self.startGetting(model, server)
        wait(gathering)
        (found,) = self.finishImport(gathering)
        return found

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
        used = [run.model for run in self._runs if run.poll() is State.RUNNING]
        used += [item.model for q in self._queues for item in q.items if not item.isOver]
        return any(one.card.sop_instance_uid == model.card.sop_instance_uid for one in used)

    def cancelAll(self) -> None:
        """End all runs at once, and what waits for them."""
        for queue in self._queues:
            queue.cancel()
        self._queues = []
        for run in self._runs:
            run.cancel()
        self._runs = []

    def cleanup(self) -> None:
        """End all runs and let go of the scene."""
        self.cancelAll()
        self.removeObservers()

    def _onStartClose(self, caller: Any = None, event: Any = None) -> None:
        if self._runs:
            logging.info("The scene is closed: runs of networks are canceled")
        self.cancelAll()

"""What a network found, and people edited, as DICOM objects in Slicer's DICOM database.

A segmentation is a DICOM SEG and a report (DICOM SR) of its measurements; what is said of a whole
image is a report alone. What people said of a result is a DICOM SR, too. They are made in a process
of its own: the window stays alive, and the libraries that make them are never loaded into Slicer.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.scene import assessments, saved, segments
from IODeepSlicer.scene.assessments import Pending
from IODeepSlicer.scene.places import Layer
from IODeepSlicer.scene.segments import SegmentNow
from IODeepSlicer.work.waiting import wait
from IODeepSlicer.work.worker_process import WorkerProcess, slicerPython

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepSlicer.work.save_job import SaveJob
    from IODeepSlicer.work.segments_job import SegmentsJob


class Saving(WorkerProcess[list[Path]]):
    """Makes the DICOM objects of a result; gives their files, alone in a new folder.

    The segmentation comes first, then the report, then what people said (`pending`), if the result
    as it is was saved already only that. Who takes the files removes their folder.
    """

    task = "save"

    def __init__(
        self,
        python: str,
        node: slicer.vtkMRMLNode,
        job: SaveJob,
        segmentsJob: SegmentsJob | None,
        layers: Sequence[Layer],
        pending: Sequence[Pending] = (),
    ) -> None:
        """Start it; the first polls hand the voxels over, which must not change until then."""
        self.node, self.pending = node, pending
        self.found: list[SegmentNow] = []
        self._job, self._segmentsJob, self._layers = job, segmentsJob, layers
        self._stamp = _stampOf(node)
        super().__init__(python)

    def _write(self, folder: Path) -> Iterator[None]:
        from IODeepLib.errors import ImageError
        from IODeepSlicer.work.save_job import writeSaveJob
        from IODeepSlicer.work.segments_job import writeSegments

        writeSaveJob(folder, self._job)
        if self._segmentsJob is not None:
            yield from writeSegments(folder, self._segmentsJob, self._layers)
        self.found = yield from segments.look(self.node)
        if _stampOf(self.node) != self._stamp:
            raise ImageError(
                "the segments were changed while they were handed over",
                "segments that stay as they are for that moment",
                "save again",
            )
        self._segmentsJob, self._layers = None, ()  # their voxels may go

    def _take(self, folder: Path) -> Generator[None, None, list[Path]]:
        from IODeepSlicer.work.save_job import madeFiles

        yield
        place = Path(tempfile.mkdtemp(prefix="IODeep-"))
        # The process's own folder goes as a whole.
        return [Path(shutil.copy(file, place)) for file in madeFiles(folder)]


def _stampOf(node: slicer.vtkMRMLNode) -> tuple[object, ...]:
    return segments.stampOf(node) if isinstance(node, slicer.vtkMRMLSegmentationNode) else ()


def startSaving(
    node: slicer.vtkMRMLNode,
    models: Iterable[Model],
    found: Sequence[SegmentNow] | None = None,
) -> Saving:
    """Begin to make the DICOM objects of a result as it is now; then `finishSaving`.

    Args:
        node: what `logic.createResult` made.
        models: those at hand; the one that made it must be among them.
        found: its segments as they are, if that is known.

    Raises:
        ImageError: the image is not from DICOM or was moved, or the result cannot be saved.
        ModelError: the model is not at hand.
    """
    from IODeepSlicer.work.gathering import gather, gatherAssessments
    from IODeepSlicer.work.save_job import SaveJob

    found = segments.now(node) if found is None else found
    pending, jobs = gatherAssessments(assessments.pendingOf(node, found))
    files = saved.savedFiles(node, found)
    if files and jobs:
        said = SaveJob(assessments=jobs, now=files[0])
        return Saving(slicerPython(), node, said, None, (), pending)
    job, segmentsJob, layers = gather(node, models)
    job = replace(job, assessments=jobs)
    return Saving(slicerPython(), node, job, segmentsJob, layers, pending)


def finishSaving(saving: Saving) -> list[str]:
    """Import what was made into the DICOM database, all or nothing; the SOP Instance UIDs.

    Raises:
        IODeepError: it could not be made, or the database does not take it.
    """
    from IODeepLib.errors import OutputError

    files = saving.outcome()
    uids = [file.stem for file in files]
    new = [uid for uid in uids if saved.fileOf(uid) is None]
    try:
        for file in files:
            slicer.dicomDatabase.insert(str(file), True, False)
    finally:
        shutil.rmtree(files[0].parent, ignore_errors=True)
        whole = all(map(saved.fileOf, uids))
        for uid in [] if whole else new:
            _remove(uid)
    if not whole:
        raise OutputError(
            f"the DICOM database in {slicer.dicomDatabase.databaseDirectory} did not take the file",
            "a database folder that can be written, with free space",
            "check the folder's permissions and space, or choose another database",
        )
    made = uids[: len(uids) - len(saving.pending)]
    if made:
        saved.remember(saving.node, made, saving.found)
    saved.rememberMore(saving.node, uids[len(made) :])
    assessments.rememberWritten(saving.node, saving.pending)
    return saved.savedUIDs(saving.node)


def isSaved(node: slicer.vtkMRMLNode, found: Sequence[SegmentNow]) -> bool:
    """Whether a result with these segments is saved, and what people said of it as well."""
    return bool(saved.savedFiles(node, found)) and not assessments.pendingOf(node, found)


def _remove(uid: str) -> None:
    """Take one of our objects, which is a series of its own, out of the database."""
    file = slicer.dicomDatabase.fileForInstance(uid)
    if file:
        slicer.dicomDatabase.removeSeries(slicer.dicomDatabase.seriesForFile(file))


def saveToDatabase(node: slicer.vtkMRMLNode, models: Iterable[Model]) -> list[str]:
    """Save a result as it is now, and wait until that is done, while Slicer goes on.

    Returns:
        The SOP Instance UIDs; those of the files that are there, if it was saved like this before.
    """
    found = segments.now(node)
    if isSaved(node, found):
        return saved.savedUIDs(node)
    saving = startSaving(node, models, found)
    wait(saving)
    return finishSaving(saving)


def saveToFolder(node: slicer.vtkMRMLNode, models: Iterable[Model], folder: Path) -> list[Path]:
    """Write the same objects into `folder`, which need not be there yet, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    found = segments.now(node)
    if isSaved(node, found):
        files = saved.savedFiles(node, found)
        uids = saved.savedUIDs(node)
        return [
            Path(shutil.copy(file, folder / f"{uid}.dcm"))
            for file, uid in zip(files, uids, strict=True)
        ]
    saving = startSaving(node, models, found)
    wait(saving)
    made = saving.outcome()
    try:
        return [Path(shutil.move(file, folder)) for file in made]
    finally:
        shutil.rmtree(made[0].parent, ignore_errors=True)

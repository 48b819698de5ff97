"""What a network found, and people edited, as a DICOM SEG in Slicer's DICOM database.

The SEG is made in a process of its own: the window stays alive, and the libraries that make it are
never loaded into Slicer.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.scene import saved, segments
from IODeepSlicer.scene.places import Layer
from IODeepSlicer.scene.segments import SegmentNow
from IODeepSlicer.work.waiting import wait
from IODeepSlicer.work.worker_process import WorkerProcess, slicerPython

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepSlicer.work.seg_job import SegJob


class Saving(WorkerProcess[Path]):
    """Makes a DICOM SEG of the segments of a result; gives a new folder with the file alone.

    Who takes the folder removes it.
    """

    task = "save"

    def __init__(
        self,
        python: str,
        segmentationNode: slicer.vtkMRMLSegmentationNode,
        job: SegJob,
        layers: Sequence[Layer],
    ) -> None:
        """Start it; the first polls hand the voxels over, which must not change until then."""
        self.segmentationNode = segmentationNode
        self.found: list[SegmentNow] = []
        self._job, self._layers = job, layers
        self._stamp = segments.stampOf(segmentationNode)
        super().__init__(python)

    def _write(self, folder: Path) -> Iterator[None]:
        from IODeepLib.errors import ImageError
        from IODeepSlicer.work.seg_job import writeSegJob

        yield from writeSegJob(folder, self._job, self._layers)
        self.found = yield from segments.look(self.segmentationNode)
        if segments.stampOf(self.segmentationNode) != self._stamp:
            raise ImageError(
                "the segments were changed while they were handed over",
                "segments that stay as they are for that moment",
                "save again",
            )
        self._layers = ()  # their voxels may go

    def _take(self, folder: Path) -> Generator[None, None, Path]:
        from IODeepSlicer.work.seg_job import segFile

        yield
        place = Path(tempfile.mkdtemp(prefix="IODeep-"))
        file = segFile(folder)
        shutil.copyfile(file, place / file.name)  # the process's own folder goes as a whole
        return place


def startSaving(
    segmentationNode: slicer.vtkMRMLSegmentationNode, models: Iterable[Model]
) -> Saving:
    """Begin to make the DICOM SEG of a result as it is now; then `finishSaving`.

    Args:
        segmentationNode: what `nodes.createSegmentationNode` made.
        models: those at hand; the one that made it must be among them.

    Raises:
        ImageError: the image is not from DICOM or was moved, or there is nothing to save.
        ModelError: the model is not at hand.
    """
    from IODeepSlicer.work.seg_gathering import gather

    return Saving(slicerPython(), segmentationNode, *gather(segmentationNode, models))


def finishSaving(saving: Saving) -> str:
    """Import what was made into the DICOM database; its SOP Instance UID.

    Raises:
        IODeepError: it could not be made, or the database does not take it.
    """
    from IODeepLib.errors import OutputError

    folder = saving.outcome()
    try:
        (file,) = folder.iterdir()
        slicer.dicomDatabase.insert(str(file), True, False)
        uid = file.stem
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    stored = slicer.dicomDatabase.fileForInstance(uid)
    if not stored or not Path(stored).is_file():
        raise OutputError(
            f"the DICOM database in {slicer.dicomDatabase.databaseDirectory} did not take the file",
            "a database folder that can be written, with free space",
            "check the folder's permissions and space, or choose another database",
        )
    saved.remember(saving.segmentationNode, uid, saving.found)
    return uid


def saveToDatabase(
    segmentationNode: slicer.vtkMRMLSegmentationNode, models: Iterable[Model]
) -> str:
    """Save a result as it is now, and wait until that is done, while Slicer goes on.

    Returns:
        The SOP Instance UID; that of the file that is there, if it was saved like this before.
    """
    file = saved.savedFile(segmentationNode, segments.now(segmentationNode))
    if file is not None:
        return saved.savedUID(segmentationNode)
    saving = startSaving(segmentationNode, models)
    wait(saving)
    return finishSaving(saving)


def saveToFolder(
    segmentationNode: slicer.vtkMRMLSegmentationNode, models: Iterable[Model], folder: Path
) -> Path:
    """Write the same DICOM SEG into `folder`, which need not be there yet, and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = saved.savedFile(segmentationNode, segments.now(segmentationNode))
    if file is not None:
        return Path(shutil.copy(file, folder / f"{saved.savedUID(segmentationNode)}.dcm"))
    saving = startSaving(segmentationNode, models)
    wait(saving)
    made = saving.outcome()
    try:
        (file,) = made.iterdir()
        return Path(shutil.move(file, folder))
    finally:
        shutil.rmtree(made, ignore_errors=True)

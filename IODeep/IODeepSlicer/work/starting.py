"""A run on a node of the scene, begun only if the network fits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from IODeepSlicer.scene import images
from IODeepSlicer.sources.servers import addressOf, wordsOf
from IODeepSlicer.text.command_line import commandLine
from IODeepSlicer.work.runner import Run
from IODeepSlicer.work.worker_process import slicerPython

if TYPE_CHECKING:
    from pathlib import Path

    from slicer import vtkMRMLScalarVolumeNode

    from IODeepLib.model_object import Model
    from IODeepLib.pipeline import Options
    from IODeepLib.selection import Selection
    from IODeepLib.series import VolumeImage


def startRun(
    volumeNode: vtkMRMLScalarVolumeNode,
    selection: Selection,
    model: Model,
    options: Options,
    source: str | Path | None,
) -> Run:
    """Start a model on the image of a node; the run fails if the image changes meanwhile.

    Args:
        volumeNode: the image.
        selection: the verdict on this one model for it.
        model: the model.
        options: how it is done.
        source: the server from which weights come that are not on this machine.

    Raises:
        NoModelFitsError: it does not fit, or is not run here for its publisher.
    """
    from IODeepLib.errors import NoModelFitsError
    from IODeepLib.selection.criteria import Verdict
    from IODeepLib.selection.publisher import refuse_untrusted

    if selection.candidates[0].judgement.fits:
        refuse_untrusted(model)
    if not selection.fitting:
        raise NoModelFitsError(
            f"{model.label} does not fit {selection.series.label}: "
            + "; ".join(str(r) for r in selection.candidates[0].with_verdict(Verdict.FAILS)),
            "a model whose every criterion the image meets",
            "choose another model, see 'select'",
        )
    # Those of the scene are in memory.
    image = cast("VolumeImage", selection.series)
    channels = cast("tuple[VolumeImage, ...]", selection.best.channels[1:])
    watched = [volumeNode, *(images.otherVolumes(volumeNode) if channels else ())]
    stamps = [images.stampOf(node) for node in watched]
    run = Run(
        slicerPython(),
        image,
        model,
        options,
        others=channels,
        unchanged=lambda: [images.stampOf(node) for node in watched] == stamps,
        source=addressOf(source) if source else None,
    )
    stored = images.storedSeries([image, *channels], watched)
    if stored:
        server = wordsOf(addressOf(source)) if source else ""
        run.command = commandLine(stored, model, options, server)
    return run

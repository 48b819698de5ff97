"""A run on a node of the scene, begun only if the network fits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IODeepSlicer import nodes
from IODeepSlicer.runner import Run
from IODeepSlicer.servers import addressOf
from IODeepSlicer.worker_process import slicerPython

if TYPE_CHECKING:
    from pathlib import Path

    from slicer import vtkMRMLScalarVolumeNode

    from IODeepLib.model_object import Model
    from IODeepLib.pipeline import Options
    from IODeepLib.selection import Selection


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
        NoModelFitsError: it does not fit.
    """
    from IODeepLib.criteria import Verdict
    from IODeepLib.errors import NoModelFitsError

    if not selection.fitting:
        raise NoModelFitsError(
            f"{model.label} does not fit {selection.series.label}: "
            + "; ".join(str(r) for r in selection.candidates[0].with_verdict(Verdict.FAILS)),
            "a model whose every criterion the image meets",
            "choose another model, see 'select'",
        )
    channels = selection.best.channels[1:]
    watched = [volumeNode, *(nodes.otherVolumes(volumeNode) if channels else ())]
    stamps = [nodes.stampOf(node) for node in watched]
    return Run(
        slicerPython(),
        selection.series,
        model,
        options,
        others=channels,
        unchanged=lambda: [nodes.stampOf(node) for node in watched] == stamps,
        source=addressOf(source) if source else None,
    )

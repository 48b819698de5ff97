"""The choices of the panel, kept in the scene."""

from __future__ import annotations

from typing import Annotated, Union

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class IODeepParameterNode:
    """What a person chose, and what came of it.

    inputVolume - the image to look in.
    modelSource - where models are looked for beside the DICOM database: a folder or a server.
    cardSOPInstanceUID - which model is chosen; empty for the best one.
    showUnfitting - whether models that do not fit are shown as well.
    trustedOnly - whether only models of trusted publishers are shown.
    device - what computes: "auto", or an execution provider of ONNX Runtime, such as "cpu".
    threads - how many threads the network computes with; 0: as many as there are cores.
    quality - how much of a recipe is computed: "fast", "default" or "best".
    confidence - whether a run says how sure the network is.
    leftOut - names of the labels that are not kept, for each card that they belong to.
    output - the segmentation whose content a result replaces; None for a new one.
    result - what was found: a segmentation, or a table of values.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    modelSource: str
    cardSOPInstanceUID: str
    showUnfitting: bool = False
    trustedOnly: bool = False
    device: str = "auto"
    threads: Annotated[int, WithinRange(0, 256)] = 0  # else a box goes below its text for 0
    quality: str = "default"
    confidence: bool = False
    leftOut: dict[str, list[str]]
    output: vtkMRMLSegmentationNode
    result: Union[vtkMRMLSegmentationNode, vtkMRMLTableNode, None]  # noqa: UP007  as Slicer reads it

"""How sure a network was as a volume beside its result, in Slicer's own core."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import slicer
import slicer_application
import vtk
from IODeepSlicer.scene import confidence, images, nodes
from IODeepSlicer.scene.former import hideFormer
from IODeepSlicer.work.waiting import wait
from makers import networks
from makers.recipes import label
from makers.summing_networks import model_of

from IODeepLib.inference.segmentation import CERTAIN
from IODeepLib.model_object import Model
from IODeepLib.pipeline import Options, run
from IODeepLib.series import find_series

if TYPE_CHECKING:
    from IODeep import IODeepLogic

pytestmark = pytest.mark.usefixtures("scene")

OUTPUT = {"channels": 3, "labels": [label(1, "grey"), label(2, "white")]}


@pytest.fixture
def sure(tmp_path: Path) -> Model:
    """A network that gives probabilities."""
    layer = networks.conv(3, channels=3, layers=1)
    output = OUTPUT | {"activation": "softmax"}
    return model_of(tmp_path, layer, applies_to={"modalities": ["CT"]}, output=output)


def place(node: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def test_it_is_what_the_library_gives_on_the_voxels_of_the_image(
    logic: IODeepLogic, study: Path, sure: Model
) -> None:
    volume = slicer_application.load(study)
    one = logic.start(volume, sure, confidence=True)
    wait(one)
    assert "--confidence" in shlex.split(one.command)
    result = logic.createResult(volume, sure, one.outcome())
    node = confidence.confidenceOf(result)
    assert node is not None
    (series,) = find_series(study)
    wanted = run(series, sure, Options(confidence=True))
    turn = images.imageOf(volume).grid.axis_map(series.grid.orientation)
    percent = turn.apply(slicer.util.arrayFromVolume(node))
    probability = wanted.segmentation.confidence[0] / CERTAIN
    assert probability.min() > 0
    np.testing.assert_allclose(percent, 100 * probability, atol=0.51)
    np.testing.assert_allclose(place(node), place(volume))
    assert node.GetVoxelValueUnits().GetCodeValue() == "%"
    assert nodes.documentOf(result)["confidence"] == json.loads(
        json.dumps(wanted.document()["confidence"])
    )


def test_it_is_no_further_channel_and_goes_with_its_result(
    logic: IODeepLogic, study: Path, sure: Model
) -> None:
    volume = slicer_application.load(study)
    result = logic.run(volume, sure, confidence=True)
    first = confidence.confidenceOf(result)
    assert images.otherVolumes(volume) == []
    one = logic.start(volume, sure)
    wait(one)
    assert one.outcome().confidence is None
    logic.createResult(volume, sure, one.outcome(), result)
    assert confidence.confidenceOf(result) is None
    assert not slicer.mrmlScene.IsNodePresent(first)


def test_a_network_without_probabilities_gives_none_and_says_so(
    logic: IODeepLogic, study: Path, network: Model
) -> None:
    result = logic.run(slicer_application.load(study), network, confidence=True)
    assert confidence.confidenceOf(result) is None
    assert any("no confidence is given" in note for note in nodes.documentOf(result)["notes"])


def test_it_is_shown_when_it_is_asked_for_and_not_over_another_result(
    logic: IODeepLogic, study: Path, sure: Model
) -> None:
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    volume = slicer_application.load(study)
    node = confidence.confidenceOf(logic.run(volume, sure, confidence=True))
    assert view.GetForegroundVolumeID() is None and not confidence.isShown(node)
    assert confidence.show(node) == []
    assert view.GetForegroundVolumeID() == node.GetID() and confidence.isShown(node)
    assert 0 < view.GetForegroundOpacity() < 1
    hideFormer(logic.run(volume, sure))
    assert view.GetForegroundVolumeID() is None and not confidence.isShown(node)


def test_what_a_person_put_over_the_image_stays_there(
    logic: IODeepLogic, study: Path, sure: Model
) -> None:
    """In every view by itself, and when it is taken away again; a former confidence gives way."""
    empty, other = (
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceCompositeNode") for _ in range(2)
    )
    volume = slicer_application.load(study)
    pet = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "PET")
    other.SetForegroundVolumeID(pet.GetID())
    other.SetForegroundOpacity(0.7)
    node = confidence.confidenceOf(logic.run(volume, sure, confidence=True))

    def over() -> tuple[str | None, str | None, float]:
        views = (empty.GetForegroundVolumeID(), other.GetForegroundVolumeID())
        return (*views, other.GetForegroundOpacity())

    assert confidence.show(node) == ["PET"]
    assert over() == (node.GetID(), pet.GetID(), 0.7)
    again = confidence.confidenceOf(logic.run(volume, sure, confidence=True))
    assert confidence.show(again) == ["PET"]
    assert over() == (again.GetID(), pet.GetID(), 0.7)
    confidence.hide(node)
    assert confidence.isShown(again)
    confidence.hide(again)
    assert over() == (None, pet.GetID(), 0.7)
    other.SetForegroundVolumeID(None)
    assert confidence.show(again) == []
    assert over() == (again.GetID(), again.GetID(), 0.5)
    slicer.mrmlScene.RemoveNode(again)
    assert confidence.show(node) == [] and confidence.isShown(node)

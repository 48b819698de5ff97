"""A result in the place of another segmentation, and beside former ones, in Slicer's own core."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer_application
from IODeepSlicer.scene import images, nodes, saved, segment_table, segments
from IODeepSlicer.scene.former import hideFormer, isNetworksAlone
from IODeepSlicer.scene.segments import Origin
from makers.packed_models import make_model
from makers.recipes import label, recipe

from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.model_object import Model

pytestmark = pytest.mark.usefixtures("scene")

SHAPE = (4, 6, 8)  # slice, row, column
LABELS = [label(1, "kidney"), label(3, "liver")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_model(tmp_path_factory.mktemp("model"))


def volume(name: str = "image") -> slicer.vtkMRMLScalarVolumeNode:
    voxels = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    return slicer.util.addVolumeFromArray(voxels, np.diag([0.7, 0.8, 2.5, 1]), name)


def found(node: slicer.vtkMRMLScalarVolumeNode, row: int, *, overlapping: bool) -> Segmentation:
    """Two labels; where they are depends on `row`."""
    labels = recipe(output={"channels": 4, "labels": LABELS}).output.labels
    array = np.zeros((2, *SHAPE) if overlapping else SHAPE, np.uint8)
    if overlapping:
        array[0, :, row], array[1, 1:3, row, :4] = 1, 1
    else:
        array[:, row, :4], array[:, row, 4:] = 1, 3
    return Segmentation(array, images.imageOf(node).grid, labels)


def made(
    node: slicer.vtkMRMLScalarVolumeNode,
    model: Model,
    segmentation: Segmentation,
    into: slicer.vtkMRMLSegmentationNode | None = None,
    **said: object,
) -> slicer.vtkMRMLSegmentationNode:
    document = {"empty": False, "volumes_ml": segmentation.volumes(), "missing": [], **said}
    return nodes.createSegmentationNode(node, model, segmentation, document, into)


def assert_held(node: slicer.vtkMRMLSegmentationNode, segmentation: Segmentation) -> None:
    """The node holds the labels, and knows that they are as the network found them."""
    image = nodes.imageNodeOf(node)
    masks = slicer_application.labels_of(node, image)
    assert {each.origin for each in segments.now(node)} == {Origin.FOUND}
    assert len(masks) == node.GetSegmentation().GetNumberOfSegments() > 0
    for one in segmentation.labels:
        np.testing.assert_array_equal(masks[one.value], segmentation.mask(one))


@pytest.mark.parametrize(("before", "after"), [(False, True), (True, False), (False, False)])
def test_it_takes_the_place_of_another_result(model: Model, before: bool, after: bool) -> None:
    first, second = volume("first"), volume("second")
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    first.SetAndObserveTransformNodeID(transform.GetID())
    result = made(first, model, found(first, 1, overlapping=before), run=1)
    result.SetName("mine")
    saved.remember(result, "1.2.3", segments.now(result))
    result.SetNodeReferenceID(
        segment_table.TABLE_ROLE, slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode").GetID()
    )
    segmentations = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    events: list[str] = []
    for name in ("SegmentAdded", "SegmentRemoved"):
        event = getattr(slicer.vtkSegmentation, name)
        result.AddObserver(event, lambda caller, event, name=name: events.append(name))

    new = found(second, 4, overlapping=after)
    assert made(second, model, new, result, run=2) is result

    assert_held(result, new)
    assert sorted(events) == ["SegmentAdded", "SegmentRemoved"]  # once: there may be many
    assert result.GetName() == "mine"
    assert nodes.imageNodeOf(result) is second and result.GetTransformNodeID() is None
    assert nodes.documentOf(result)["run"] == 2
    assert saved.savedUIDs(result) == []
    assert segment_table.tableOf(result) is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == segmentations
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(result))
    assert hierarchy.GetItemDataNode(parent) is second


def test_it_takes_the_place_of_a_drawn_segmentation(model: Model) -> None:
    image = volume()
    drawn = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    assert isNetworksAlone(drawn)
    drawn.GetSegmentation().AddEmptySegment("mine")
    assert not isNetworksAlone(drawn)
    new = found(image, 2, overlapping=False)
    made(image, model, new, drawn)
    assert_held(drawn, new)
    assert drawn.GetSegmentation().GetNumberOfSegments() == 2
    assert drawn.GetDisplayVisibility() and isNetworksAlone(drawn)
    drawn.GetSegmentation().AddEmptySegment("mine")
    assert not isNetworksAlone(drawn)


def test_what_a_document_from_elsewhere_has_instead_of_texts_is_passed_over() -> None:
    document = {"notes": ["a", 1, None, ["b"]], "missing": "liver", "left_out": {"a": "b"}}
    assert nodes.textsOf(document, "notes") == ["a"]
    assert all(nodes.textsOf(document, key) == [] for key in ("missing", "left_out", "other"))


def test_only_former_results_on_the_same_image_are_hidden(model: Model) -> None:
    image, other = volume("image"), volume("other")
    results = [made(node, model, found(node, 1, overlapping=False)) for node in (image, image)]
    elsewhere = made(other, model, found(other, 1, overlapping=False))
    drawn = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    drawn.CreateDefaultDisplayNodes()
    new = made(image, model, found(image, 2, overlapping=False))
    hideFormer(new, together=results[1:])
    shown = [node.GetDisplayVisibility() for node in (*results, elsewhere, drawn, new)]
    assert shown == [0, 1, 1, 1, 1]
    assert all(slicer.mrmlScene.IsNodePresent(node) for node in results)

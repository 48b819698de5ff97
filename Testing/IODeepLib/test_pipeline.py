"""The whole way, on real images: the figures that the project must reach."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import onnx
import pytest
import SimpleITK as sitk  # noqa: N813
from makers.recipes import label, recipe
from makers.series import Stack
from onnx import helper

import IODeepLib
from IODeepLib.errors import CancelledError, ModelError, NoModelFitsError, UsageError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.model_object import Model
from IODeepLib.pipeline import Options, Stage, run
from IODeepLib.publish import pack
from IODeepLib.recipe import read_recipe
from IODeepLib.results import SegmentationType
from IODeepLib.results.result import Result
from IODeepLib.series import ImageSeries, find_series

DEMO = Path(IODeepLib.__file__).parent / "demo_data"
RECIPES = Path(__file__).parents[1] / "recipes"


@pytest.fixture
def real_model(shared_data: Path, tmp_path: Path) -> Callable[[str], Model]:
    """Packs one of the real networks under its recipe."""

    def make(name: str) -> Model:
        network = shared_data / "models" / f"{name}.onnx"
        return pack(network, read_recipe(RECIPES / f"{name}.json"), tmp_path / name)

    return make


def only_series(path: Path) -> ImageSeries:
    (series,) = find_series(path)
    return series


def dice(found: np.ndarray, wanted: np.ndarray) -> float:
    return 2 * np.count_nonzero(found & wanted) / (found.sum() + wanted.sum())


def mask(result: Result, *names: str) -> np.ndarray:
    """Where one of the labels is."""
    assert result.segmentation is not None
    labels = {item.name: item for item in result.segmentation.labels}
    return np.any([result.segmentation.mask(labels[name]) for name in names], axis=0)


def reference(path: Path, series: ImageSeries) -> dict[str, np.ndarray]:
    """The masks of a reference DICOM SEG on the series' voxels, by segment label."""
    seg = highdicom.seg.segread(path)
    pixels = seg.get_pixels_by_source_instance(
        list(series.sop_instance_uids), assert_missing_frames_are_empty=True
    )
    names = [seg.get_segment_description(n).segment_label for n in seg.segment_numbers]
    return {name: pixels[..., i] != 0 for i, name in enumerate(names)}


def on_grid(path: Path, grid: Grid) -> np.ndarray:
    """The mask of a NIfTI file on the voxels of `grid`."""
    target = sitk.Image([int(n) for n in grid.shape[::-1]], sitk.sitkUInt8)
    target.SetOrigin([float(v) for v in grid.origin])
    target.SetSpacing(grid.spacing[::-1])
    target.SetDirection([float(v) for v in grid.directions[:, ::-1].ravel()])
    image = sitk.Resample(
        sitk.ReadImage(str(path)), target, sitk.Transform(), sitk.sitkNearestNeighbor
    )
    return sitk.GetArrayFromImage(image) != 0


def test_brain_on_the_template(shared_data: Path, real_model: Callable[[str], Model]) -> None:
    series = only_series(shared_data / "dicom" / "mni152_t1_as_mr")
    wanted = reference(shared_data / "dicom" / "mni152_reference_seg.dcm", series)
    result = run(series, real_model("deepbet_bbox_model"))
    assert dice(mask(result, "Brain"), list(wanted.values())[2]) >= 0.975


def test_brain_on_a_person(
    shared_data: Path, tmp_path: Path, real_model: Callable[[str], Model]
) -> None:
    with zipfile.ZipFile(shared_data / "dicom" / "mr_t1_forrest.zip") as archive:
        archive.extractall(tmp_path / "forrest")
    series = only_series(tmp_path / "forrest")
    result = run(series, real_model("deepbet_bbox_model"))
    silver = shared_data / "nifti" / "mr_t1_forrest_brainmask_deepbet.nii.gz"
    assert dice(mask(result, "Brain"), on_grid(silver, series.grid)) >= 0.975


def test_tissue_on_the_template(shared_data: Path, real_model: Callable[[str], Model]) -> None:
    series = only_series(shared_data / "dicom" / "mni152_t1_as_mr")
    white, grey, _ = reference(shared_data / "dicom" / "mni152_reference_seg.dcm", series).values()
    result = run(series, real_model("model5_gw_ae"))
    assert dice(mask(result, "White matter"), white) >= 0.81
    assert dice(mask(result, "Grey matter"), grey) >= 0.79
    assert dice(mask(result, "White matter", "Grey matter"), white | grey) >= 0.935


def test_liver_on_ct(shared_data: Path, real_model: Callable[[str], Model]) -> None:
    series = only_series(shared_data / "dicom" / "ct_abdomen_totalseg_repaired")
    wanted = reference(shared_data / "dicom" / "ct_abdomen_totalseg_reference_seg.dcm", series)
    result = run(series, real_model("ct_abdomen_5class"))
    liver = next(pixels for name, pixels in wanted.items() if name.casefold() == "liver")
    assert dice(mask(result, "Liver"), liver) >= 0.91


# --- any orientation, any axis order --------------------------------------------------------

# Not the same from any two sides, unlike the symmetric template.
LETTER_F = np.zeros((20, 24, 28), np.int16)
LETTER_F[4:16, 4:8, 4:8] = 900
LETTER_F[12:16, 4:18, 4:8] = 700
LETTER_F[7:10, 4:12, 4:12] = 500
CONV_SIZE = 3


def asymmetric_network(axis_order: str = "NCZYX") -> onnx.ModelProto:
    """A convolution that no flip or permutation leaves as it is; two channels of scores."""
    rng = np.random.default_rng(7)
    kernel = rng.standard_normal((2, 1, *[CONV_SIZE] * 3)).astype(np.float32)
    usual = "NCZYX"
    there = [axis_order.index(axis) for axis in usual]
    back = [usual.index(axis) for axis in axis_order]
    nodes = [
        helper.make_node("Transpose", ["image"], ["usual"], perm=there),
        helper.make_node("Conv", ["usual", "kernel"], ["made"], pads=[1] * 6),
        helper.make_node("Transpose", ["made"], ["scores"], perm=back),
    ]
    float32 = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "asymmetric",
        [helper.make_tensor_value_info("image", float32, [None] * 5)],
        [helper.make_tensor_value_info("scores", float32, [None] * 5)],
        [onnx.numpy_helper.from_array(kernel, "kernel")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def asymmetric_model(folder: Path, **input_: object) -> Model:
    folder.mkdir(parents=True)
    axis_order = str(input_.get("axis_order", "NCZYX"))
    onnx.save(asymmetric_network(axis_order), str(folder / "network.onnx"))
    needs = recipe(
        input={"orientation": "LPS", "intensity": [{"step": "z_score"}], **input_},
        output={"channels": 2, "labels": [label(1)]},
    )
    return pack(folder / "network.onnx", needs, folder / "model")


def found(series: ImageSeries, model: Model) -> np.ndarray:
    """The labels, turned to LPS."""
    segmentation = run(series, model).segmentation
    assert segmentation is not None
    return Volume(segmentation.array, segmentation.grid).oriented("LPS").array


def turned_series(folder: Path, rows: str, columns: str) -> ImageSeries:
    """The letter F as a series whose rows and columns run toward these sides of the patient."""
    sides = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
    directions = np.zeros((2, 3))
    for direction, letter in zip(directions, (rows, columns), strict=True):
        axis, sign = sides[letter]
        direction[axis] = sign
    normal = np.cross(*directions)
    axis = int(np.abs(normal).argmax())
    slices = next(letter for letter, (a, s) in sides.items() if (a, s) == (axis, normal[axis]))
    grid = Grid(LETTER_F.shape[::-1], np.eye(4))  # (x, y, z) in LPS
    turned = Volume(LETTER_F.transpose(), grid).oriented(slices + columns + rows)
    stack = Stack(
        np.ascontiguousarray(turned.array),
        spacing=(1.0, 1.0, 1.0),
        directions=directions,
        origin=tuple(turned.grid.origin),
    )
    return only_series(stack.write(folder))


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """What is found in the letter F as it stands, in LPS."""
    folder = tmp_path_factory.mktemp("straight")
    labels = found(turned_series(folder / "images", "L", "P"), asymmetric_model(folder / "m"))
    assert 0.1 < labels.mean() < 0.9
    return labels


@pytest.mark.parametrize(
    ("rows", "columns"), [("L", "P"), ("R", "A"), ("A", "I"), ("P", "S"), ("S", "L"), ("I", "R")]
)
def test_any_orientation_of_the_series(
    tmp_path: Path, straight: np.ndarray, rows: str, columns: str
) -> None:
    series = turned_series(tmp_path / "images", rows, columns)
    np.testing.assert_array_equal(found(series, asymmetric_model(tmp_path / "m")), straight)


@pytest.mark.parametrize("axis_order", ["NCXYZ", "NCYXZ", "NZYXC", "ZNCXY"])
def test_any_axis_order_of_the_network(
    tmp_path: Path, straight: np.ndarray, axis_order: str
) -> None:
    series = turned_series(tmp_path / "images", "L", "P")
    model = asymmetric_model(tmp_path / "m", axis_order=axis_order)
    np.testing.assert_array_equal(found(series, model), straight)


def test_an_oblique_series(tmp_path: Path, straight: np.ndarray) -> None:
    angle = np.deg2rad(25)
    turn = np.array(
        [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    stack = Stack(LETTER_F, spacing=(1.0, 1.0, 1.0), directions=turn[:2])
    series = only_series(stack.write(tmp_path / "images"))
    np.testing.assert_array_equal(found(series, asymmetric_model(tmp_path / "m")), straight)


def test_any_orientation_that_the_network_wants(tmp_path: Path) -> None:
    """Two networks that want other sides see mirrored images: their results differ, as a check
    that the tests above could fail."""
    series = turned_series(tmp_path / "images", "L", "P")
    lps = found(series, asymmetric_model(tmp_path / "lps"))
    ras = found(series, asymmetric_model(tmp_path / "ras", orientation="RAS"))
    assert not np.array_equal(lps, ras)


# --- results, options, stopping -------------------------------------------------------------


@pytest.fixture(scope="module")
def demo_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("demo") / "model"
    return pack(DEMO / "demo_network.onnx", read_recipe(DEMO / "recipe.json"), folder)


@pytest.fixture(scope="module")
def middle() -> ImageSeries:
    """The slices in the middle of the demonstration series: half of its patches."""
    (series,) = find_series(sorted((DEMO / "mr_t1").iterdir())[30:54])
    return series


@pytest.mark.parametrize("seg_type", ["BINARY", "LABELMAP", "FRACTIONAL"])
def test_every_kind_of_segmentation(
    demo_model: Model, middle: ImageSeries, tmp_path: Path, seg_type: str
) -> None:
    result = run(middle, demo_model, Options(SegmentationType(seg_type)))
    result.save(tmp_path / "r")
    seg = highdicom.seg.segread(tmp_path / "r" / "segmentation.dcm")
    assert seg.SegmentationType == seg_type
    assert result.segmentation is not None
    pixels = seg.get_pixels_by_source_instance(
        list(middle.sop_instance_uids),
        assert_missing_frames_are_empty=True,
        rescale_fractional=True,
        segment_numbers=[1, 2],
    )
    for i, item in enumerate(result.segmentation.labels):
        agreement = dice(result.segmentation.mask(item), pixels[..., i] > 0.5)
        assert agreement > (0.99 if seg_type == "FRACTIONAL" else 0.999999)


def test_only_the_labels_that_are_wanted(
    demo_model: Model, middle: ImageSeries, tmp_path: Path
) -> None:
    every = run(middle, demo_model)
    white = run(middle, demo_model, Options(labels=("White Matter",)))
    assert every.segmentation is not None and white.segmentation is not None
    assert [item.name for item in white.segmentation.labels] == ["White Matter"]
    # What the network called gray stays gray for the decision, and is nothing in the result.
    np.testing.assert_array_equal(
        white.segmentation.array, np.where(every.segmentation.array == 2, 2, 0)
    )
    white.save(tmp_path / "r")
    seg = highdicom.seg.segread(tmp_path / "r" / "segmentation.dcm")
    assert [item.SegmentLabel for item in seg.SegmentSequence] == ["White Matter"]
    document = json.loads((tmp_path / "r" / "result.json").read_text())
    assert list(document["volumes_ml"]) == ["White Matter"]
    assert document["left_out"] == document["provenance"]["options"]["left_out"] == ["Gray Matter"]
    assert "left out, as asked: Gray Matter" in white.sentences()
    assert every.seg is not None and every.seg.sop_instance_uid != seg.SOPInstanceUID


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("White Matter", "Liver"), "no label 'Liver'.*one of Gray Matter, White Matter"),
        ((), "no label to keep.*one of Gray Matter, White Matter"),
    ],
)
def test_labels_that_the_model_does_not_have(
    demo_model: Model, middle: ImageSeries, names: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        run(middle, demo_model, Options(labels=names))


def test_the_number_of_threads_changes_nothing(demo_model: Model, middle: ImageSeries) -> None:
    one, two = (run(middle, demo_model, Options(threads=n)) for n in (1, 2))
    assert one.seg is not None
    assert two.seg is not None
    assert one.seg.sop_instance_uid == two.seg.sop_instance_uid


def test_progress_rises_to_the_end(demo_model: Model, middle: ImageSeries) -> None:
    seen: list[float] = []
    messages: set[str] = set()

    def progress(fraction: float, message: str) -> None:
        seen.append(fraction)
        messages.add(message)

    run(middle, demo_model, progress=progress)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert any("patch" in message for message in messages)


def test_every_stage_is_said_as_it_begins(demo_model: Model, middle: ImageSeries) -> None:
    seen: list[float] = []
    began: list[tuple[Stage, float]] = []
    run(
        middle,
        demo_model,
        progress=lambda fraction, message: seen.append(fraction),
        began=lambda stage: began.append((stage, seen[-1])),
    )
    assert [stage for stage, _ in began] == list(Stage)
    assert [fraction for _, fraction in began] == pytest.approx([0, 0.02, 0.10, 0.15, 0.95])


def test_cancelling_takes_effect_within_one_patch(demo_model: Model, middle: ImageSeries) -> None:
    calls: list[str] = []

    def progress(_: float, message: str) -> None:
        if message.startswith("patch"):
            calls.append(message)

    with pytest.raises(CancelledError):
        run(middle, demo_model, progress=progress, cancelled=lambda: len(calls) >= 2)
    assert len(calls) == 2


def test_a_model_that_does_not_fit_is_refused_with_the_reason(
    demo_model: Model, tmp_path: Path
) -> None:
    series = only_series(Stack(common={"Modality": "CT"}).write(tmp_path / "ct"))
    with pytest.raises(NoModelFitsError, match="modality fails: required MR, found CT"):
        run(series, demo_model)


def test_scores_that_are_not_finite_are_an_error_with_the_place(tmp_path: Path) -> None:
    model = asymmetric_model(
        tmp_path / "m", intensity=[{"step": "scale_offset", "scale": 1e19, "offset": 0}] * 2
    )
    with pytest.raises(ModelError, match=r"inf|nan"):
        run(turned_series(tmp_path / "images", "L", "P"), model)

"""What networks look at that judge a whole image: the map must peak where their answer comes from.

The networks' answers are the highest value of an image, so that it is known where they come from.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pydicom
import pytest
import SimpleITK
from judges import map_by_dcmqi, standard_errors
from makers.placed_blobs import BLOBS, LAYOUTS, write
from makers.recipes import label
from makers.series import Stack, put, save
from makers.staged_recipes import stage, staged
from makers.summing_networks import model_of, models_of, sums
from PIL import Image
from scipy import special

from IODeepLib.errors import CancelledError, UsageError
from IODeepLib.geometry import Grid
from IODeepLib.inference.occlusion import Occlusion
from IODeepLib.pipeline import Options, run
from IODeepLib.results.result import Result
from IODeepLib.series import find_series

MILLIMETER = {"value": "mm", "scheme": "UCUM", "meaning": "mm"}
OFFSET = {"step": "scale_offset", "offset": -30}
SHAPE = (8, 12, 16)
SPOT = (5, 3, 13)


def classifier(folder: Path, spatial: int = 3, ending: str = "peak", **changes: Any) -> Any:
    """Bright, if a voxel is above 100, or the mean is; gradually."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = "NCZYX" if spatial == 3 else "NCYX"
    given = {
        "applies_to": {"modalities": ["CT", "MR"]},
        "task": "CLASSIFICATION",
        "input": {"axis_order": letters} | changes.pop("input", {}),
        "output": {
            "channels": 2,
            "activation": "softmax",
            "labels": [label(1, "Dark", channel=0), label(2, "Bright", channel=1)],
        }
        | changes.pop("output", {}),
    }
    network = sums([[0.0], [0.02]], spatial, ending, bias=[0.0, -2.0])
    return model_of(folder, network, **{**given, **changes})


def spotted() -> np.ndarray:
    voxels = np.random.default_rng(0).integers(-20, 20, SHAPE).astype(np.int16)
    voxels[SPOT] = 200
    return voxels


def series_of(folder: Path, voxels: np.ndarray, **common: Any) -> Any:
    Stack(voxels, common=common).write(folder)
    (series,) = find_series(folder)
    return series


def occlusion_of(result: Result) -> Occlusion:
    assert result.occlusion is not None
    assert result.occlusion.volume.array.shape == result.volume.grid.shape
    return result.occlusion


def test_every_block_is_judged_by_the_network_by_hand(tmp_path: Path) -> None:
    voxels = spotted()
    model = classifier(tmp_path / "model")
    result = run(series_of(tmp_path / "images", voxels), model, Options(occlusion=4))
    found = occlusion_of(result)
    # 20 x 9.6 x 11.2 mm: blocks of 5 mm
    assert found.blocks == (4, 2, 2) and found.runs == 16
    assert found.size == pytest.approx((5.0, 4.8, 5.6))
    session = onnxruntime.InferenceSession(str(tmp_path / "model" / "network.onnx"))

    def bright(image: np.ndarray) -> float:
        [scores] = session.run(None, {"image": image[None, None].astype(np.float32)})
        return float(special.softmax(scores[0].astype(float))[1])

    whole = bright(voxels)
    assert found.label.name == "Bright" and found.value == pytest.approx(whole, abs=1e-6)
    judge = np.empty(SHAPE)
    for k in range(0, 8, 2):
        for r in range(0, 12, 6):
            for c in range(0, 16, 8):
                covered = voxels.astype(float)
                block = np.s_[k : k + 2, r : r + 6, c : c + 8]
                covered[block] = voxels.mean()
                judge[block] = whole - bright(covered)
    np.testing.assert_allclose(found.volume.array, judge, atol=1e-6)
    peak = np.argwhere(found.volume.array == found.volume.array.max())
    assert peak.min(axis=0).tolist() == [4, 0, 8] and peak.max(axis=0).tolist() == [5, 5, 15]
    assert found.volume.array.max() > 0.5


WAYS: dict[str, dict[str, Any]] = {
    "patches": {"patch_size": [4, 6, 8], "overlap": 0.5},
    "another orientation": {"orientation": "RAS", "axis_order": "NCXYZ"},
    "resampled": {"grid": {"mode": "spacing", "spacing": [1.7, 1.1, 1.3]}},
    "mirrored": {"mirror": "ZX"},
}


@pytest.mark.parametrize("way", WAYS)
def test_it_peaks_where_the_answer_comes_from(way: str, tmp_path: Path) -> None:
    schema = {"schema": "iodeep-recipe/2"} if way == "mirrored" else {}
    model = classifier(
        tmp_path / "model", input=WAYS[way], output={"aggregate": "maximum"}, **schema
    )
    result = run(series_of(tmp_path / "images", spotted()), model, Options(occlusion=6))
    array = occlusion_of(result).volume.array
    assert array[SPOT] == array.max() > 0.05
    assert (array == array.max()).mean() < 0.2
    far = array[:3, 6:, :8]
    assert np.abs(far).max() < 0.01


def test_patches_that_do_not_hold_a_block_are_not_run_again(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model", 2, output={"aggregate": "maximum"})
    calls: list[str] = []
    result = run(
        series_of(tmp_path / "images", spotted()),
        model,
        Options(occlusion=8),
        watch=lambda name, feeds: calls.append(name),
    )
    found = occlusion_of(result)
    assert found.blocks[0] == 8  # a slice each
    batch = 8 // (len(calls) - found.runs)
    assert found.runs == np.prod(found.blocks) and len(calls) == found.runs + 8 // batch
    assert found.volume.array[SPOT] == found.volume.array.max() > 0.5


def test_a_regression_says_how_much_of_the_quantity(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    model = model_of(
        tmp_path / "model",
        sums([[0.5]], 3, "peak"),
        task="REGRESSION",
        output={"channels": 1, "labels": [label(1, "Size", unit=MILLIMETER, channel=0)]},
    )
    result = run(series_of(tmp_path / "images", spotted()), model, Options(occlusion=4))
    found = occlusion_of(result)
    assert found.value == pytest.approx(100)
    assert found.volume.array[SPOT] == pytest.approx(100 - 0.5 * 19, abs=1e-3)
    files = {path.name: path for path in result.save(tmp_path / "out")}
    path = files["occlusion.dcm"]
    assert standard_errors(path) == []
    _, said = map_by_dcmqi(path, tmp_path / "dcmqi")
    assert said["MeasurementUnitsCode"]["CodeValue"] == "mm"
    document = json.loads(files["result.json"].read_text("utf-8"))["occlusion"]
    assert document["label"] == "Size" and document["for"]["change"] == pytest.approx(90.5)
    assert document["runs"] == 16 and document["blocks"] == [4, 2, 2]


@pytest.mark.parametrize("name", ["oblique", "tilted by 18.5 degrees", "two distances"])
def test_the_map_lies_in_the_patient(name: str, tmp_path: Path) -> None:
    """The mean says "Dark": the dark blob speaks for it, and the bright one against it."""
    write(LAYOUTS[name], tmp_path / "images", SliceThickness="3.2")
    (series,) = find_series(tmp_path / "images")
    result = run(series, classifier(tmp_path / "model", ending="pool"), Options(occlusion=8))
    found = occlusion_of(result)
    files = {path.name: path for path in result.save(tmp_path / "out")}
    path = files["occlusion.dcm"]
    assert standard_errors(path) == []
    image, said = map_by_dcmqi(path, tmp_path / "dcmqi")
    array = SimpleITK.GetArrayFromImage(image)
    assert found.label.name == "Dark"
    said_of = result.document()["occlusion"]
    for blob, most, key in (("Spleen", array.max(), "for"), ("Liver", array.min(), "against")):
        best = np.argwhere(array == most).mean(axis=0)
        place = np.array(image.TransformContinuousIndexToPhysicalPoint(best[::-1]))
        if name != "tilted by 18.5 degrees" or blob == "Liver":  # there, the corners are darkest
            assert np.linalg.norm(place - BLOBS[blob].centre) < np.linalg.norm(found.size)
        assert np.linalg.norm(said_of[key]["center"] - place) < 0.1
    assert array.max() == pytest.approx(found.volume.array.max())
    assert said["QuantityValueCode"]["CodingSchemeDesignator"] == "99IODEEP"
    grid = found.volume.grid
    assert isinstance(grid, Grid) and grid.same_as(series.grid)
    dataset = pydicom.dcmread(path)
    assert "blocks of" in dataset.DerivationDescription and dataset.SeriesNumber == 8007


def test_a_network_that_judges_a_region(tmp_path: Path) -> None:
    """What lies beside it was not looked at: nothing changes there."""
    voxels = spotted()
    voxels[4:8, 0:6, 8:16] += 60
    asked = staged(
        stage("coarse", label(1, "Bright"), input={"intensity": [OFFSET]}),
        stage(
            "judge",
            label(1, "Brightness"),
            output={"channels": 1, "decision": "threshold", "labels": [label(1, channel=0)]},
            region={"stage": "coarse"},
        ),
        task="REGRESSION",
    )
    networks = {"coarse": sums([[0], [1]], 3), "judge": sums([[1]], 3, "peak")}
    model = models_of(tmp_path, networks, asked)
    result = run(series_of(tmp_path / "images", voxels), model, Options(occlusion=4))
    array = occlusion_of(result).volume.array
    box = np.zeros(SHAPE, bool)
    box[4:8, 0:6, 8:16] = True
    assert array[SPOT] == array.max() > 100
    assert not array[~box].any()


def test_the_picture_shows_the_place_in_color(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(-20, 20, (1, 32, 32)).astype(np.int16)
    voxels[0, 4:8, 23:27] = 200
    attributes = {"PhotometricInterpretation": "MONOCHROME1", "PatientOrientation": ["L", "F"]}
    image = put(Stack(voxels).image(0), **attributes)
    del image.ImagePositionPatient
    save(image, tmp_path / "images" / "one.dcm")
    (series,) = find_series(tmp_path / "images")
    result = run(series, classifier(tmp_path / "model", 2), Options(occlusion=8))
    files = {path.name: path for path in result.save(tmp_path / "out")}
    assert "occlusion.dcm" not in files  # the image lies nowhere
    assert any("does not say where in the patient" in line for line in result.sentences())
    assert occlusion_of(result).size is None  # and nobody knows how large a pixel is
    assert any("of 1 x 8 x 7 blocks was covered" in line for line in result.sentences())
    assert any("56 runs of the network" in line for line in result.sentences())
    drawn = files["occlusion.png"].read_bytes()
    pixels = np.asarray(Image.open(BytesIO(drawn)).convert("RGB")).astype(int)
    shown = pixels[: -3 * 24 - 16]
    orange = shown[..., 0] - shown[..., 2] > 60
    rows, columns = np.nonzero(orange)
    gray = np.nonzero(shown.max(axis=-1) > 0)
    height, width = np.ptp(gray[0]), np.ptp(gray[1])
    assert (rows.mean() - gray[0].min()) / height == pytest.approx(6 / 32, abs=0.03)
    assert (columns.mean() - gray[1].min()) / width == pytest.approx(25 / 32, abs=0.03)
    result.save(tmp_path / "again")
    assert (tmp_path / "again" / "occlusion.png").read_bytes() == drawn


def test_the_answer_is_that_of_a_run_without(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model", input={"patch_size": [4, 6, 8], "overlap": 0.5})
    series = series_of(tmp_path / "images", spotted())
    said: list[str] = []
    with_it = run(series, model, Options(occlusion=3), progress=lambda f, m: said.append(m))
    without = run(series, model)
    assert with_it.classification == without.classification
    np.testing.assert_array_equal(with_it.volume.array, without.volume.array)
    assert without.occlusion is None and without.document()["occlusion"] is None
    runs = with_it.occlusion.runs
    (before,) = [message for message in said if message.startswith("covering")]
    assert f"{runs} runs, about " in before
    assert said.index(before) < said.index("block 1 of 6")


def test_it_is_canceled_between_runs(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model")
    calls: list[str] = []
    with pytest.raises(CancelledError):
        run(
            series_of(tmp_path / "images", spotted()),
            model,
            Options(occlusion=8),
            watch=lambda name, feeds: calls.append(name),
            cancelled=lambda: len(calls) > 5,
        )
    assert len(calls) == 6


@pytest.mark.parametrize("blocks", [1, 65, -1])
def test_what_cannot_be_is_refused_before_the_run(blocks: int, tmp_path: Path) -> None:
    series = series_of(tmp_path / "images", spotted())
    with pytest.raises(UsageError, match=f"with {blocks} blocks"):
        run(series, classifier(tmp_path / "model"), Options(occlusion=blocks))
    (tmp_path / "other").mkdir()
    segments = model_of(tmp_path / "other", sums([[0], [1]], 3))
    with pytest.raises(UsageError, match="which segments"):
        run(series, segments, Options(occlusion=8))

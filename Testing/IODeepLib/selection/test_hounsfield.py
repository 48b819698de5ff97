"""A network that counts in Hounsfield units does not run on values that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.packed_models import with_recipe
from makers.recipes import recipe_json
from makers.series import Stack
from makers.summing_networks import model_of, sums
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from IODeepLib.errors import ImageError, NoModelFitsError, RecipeError
from IODeepLib.geometry import Volume
from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.recipe import requirements_from_json
from IODeepLib.selection import judge
from IODeepLib.selection.criteria import Verdict
from IODeepLib.series import ImageSeries, VolumeImage, find_series
from IODeepLib.sources.folder import find_models

HU = np.random.default_rng(3).integers(-1000, 1000, (4, 8, 9)).astype(np.int16)
TISSUE = np.clip(HU, -100, 1000)  # cropped: no air
RESCALED = {"RescaleSlope": 1, "RescaleIntercept": 0}
CLIP = {"step": "clip", "lower": -200, "upper": 300}
WINDOW = {"step": "window", "center": 40, "width": 400}
SCALE = {"step": "scale_offset", "scale": 0.001}
PERCENTILES = {"step": "percentile_clip", "lower": 1, "upper": 99}
MIN_MAX, Z_SCORE = {"step": "min_max"}, {"step": "z_score"}
NNUNET = {"step": "z_score", "mean": 100.5, "std": 140.1}


def ct(folder: Path, voxels: np.ndarray = HU, **common: Any) -> ImageSeries:
    kind = {"SOPClassUID": CTImageStorage, "Modality": "CT"}
    (series,) = find_series(Stack(voxels, common=kind | common).write(folder))
    return series


def model(folder: Path, *steps: dict[str, Any]) -> Model:
    return model_of(
        folder,
        sums([[0], [1]], spatial=3),
        applies_to={"modalities": ["CT"]},
        input={"intensity": list(steps)},
    )


@pytest.mark.parametrize(
    ("steps", "absolute"),
    [
        ([], True),
        ([CLIP], True),
        ([CLIP, MIN_MAX], True),
        ([WINDOW], True),
        ([CLIP, NNUNET], True),
        ([NNUNET], True),
        ([SCALE], True),
        ([PERCENTILES], True),
        ([{"step": "z_score", "mean": 0}], True),
        ([MIN_MAX], False),
        ([Z_SCORE], False),
        ([PERCENTILES, Z_SCORE], False),
        ([SCALE, MIN_MAX], False),
        ([MIN_MAX, WINDOW], False),
        ([{"step": "suv_bw"}, CLIP], False),
    ],
)
@pytest.mark.parametrize("place", ["input", "channel", "before"])
def test_which_recipes_count_in_fixed_numbers(
    steps: list[dict[str, Any]], absolute: bool, place: str
) -> None:
    given: dict[str, Any] = {"channels": [{"name": "a"}]}
    match place:
        case "input":
            given["intensity"] = steps
        case "before":
            given["intensity_before_grid"] = steps
        case "channel":  # of its own, in place of those of the input
            given["channels"][0] |= {"intensity": steps}
            given["intensity"] = [MIN_MAX] if absolute else [CLIP]
    asked = requirements_from_json(json.dumps(recipe_json(input=given)))
    assert asked.absolute == (absolute,)


@pytest.mark.parametrize("broken", [5, "clip", {"step": "clip"}, [5], [{"step": 7}], None])
def test_a_card_with_broken_steps_is_a_problem_beside_the_others(
    broken: Any, tmp_path: Path
) -> None:
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
    good, bad = model(tmp_path / "good"), model(tmp_path / "bad")
    whole = json.loads(bad.card.recipe_json)
    whole["input"] |= {"intensity": broken, "intensity_before_grid": broken}
    with pytest.raises(RecipeError, match=r"\$\.input\.intensity"):
        with_recipe(bad, json.dumps(whole))
    library = find_models(tmp_path)
    assert [one.card for one in library.models] == [good.card]
    assert [problem.path for problem in library.problems[:1]] == [bad.card.path]


@pytest.mark.parametrize("unit", ["HU_MOD", "Z_EFF", "ED", "OD", "PCT", "SUV"])
def test_other_units_are_refused(unit: str, tmp_path: Path) -> None:
    series = ct(tmp_path / "i", RescaleType=unit, **RESCALED)
    counts = model(tmp_path, CLIP)
    reason = next(r for r in judge(series, counts).reasons if r.criterion == "values")
    assert (reason.verdict, reason.found, reason.attribute) == (Verdict.FAILS, unit, "RescaleType")
    with pytest.raises(NoModelFitsError, match=rf"values fails: .*found {unit} \(RescaleType\)"):
        run(series, counts)


@pytest.mark.parametrize(
    ("common", "verdict", "found"),
    [
        ({"RescaleType": "HU", **RESCALED}, Verdict.FITS, "HU"),
        (RESCALED, Verdict.FITS, "HU, not stated"),
        ({"RescaleType": "US", **RESCALED}, Verdict.UNKNOWN, "US"),
        ({}, Verdict.UNKNOWN, "nothing"),
        ({"MultienergyCTAcquisition": "YES", **RESCALED}, Verdict.UNKNOWN, "nothing"),
    ],
)
def test_what_is_not_stated(
    common: dict[str, Any], verdict: Verdict, found: str, tmp_path: Path
) -> None:
    """With air in the image the model runs, and what is unknown is said."""
    counts = model(tmp_path, CLIP)
    result = run(ct(tmp_path / "air", **common), counts)
    reason = next(r for r in result.reasons if r.criterion == "values")
    assert (reason.verdict, reason.found) == (verdict, found)
    said = [note for note in result.notes if note.startswith("values: ")]
    assert bool(said) == (verdict is Verdict.UNKNOWN)
    # Without, it does not where nothing is known; where the standard says HU, it is said.
    series = ct(tmp_path / "tissue", TISSUE, **common)
    if verdict is Verdict.UNKNOWN:
        with pytest.raises(ImageError, match=r"(no )?Rescale(Type|Slope).*no value below -500"):
            run(series, counts)
    else:
        notes = [note for note in run(series, counts).notes if "no value below -500" in note]
        assert len(notes) == (found != "HU")


@pytest.mark.parametrize("steps", [[MIN_MAX], [PERCENTILES, Z_SCORE]])
def test_a_model_that_measures_the_image_takes_any_unit(
    steps: list[dict[str, Any]], tmp_path: Path
) -> None:
    measures = model(tmp_path, *steps)
    for unit in ("HU_MOD", "US", ""):
        series = ct(tmp_path / f"i{unit}", TISSUE, RescaleType=unit, **RESCALED)
        result = run(series, measures)
        assert not any("values" in note or "below" in note for note in result.notes)


def test_one_slice_of_another_unit_is_enough(tmp_path: Path) -> None:
    def change(i: int, ds: Dataset) -> None:
        ds.RescaleType = ["HU", "HU_MOD"][i == 2]

    kind = {"SOPClassUID": CTImageStorage, "Modality": "CT", **RESCALED}
    (series,) = find_series(Stack(HU, common=kind).write(tmp_path / "i", change))
    with pytest.raises(NoModelFitsError, match="found HU_MOD"):
        run(series, model(tmp_path, CLIP))


def test_an_image_of_a_viewer_is_held_to_the_same(tmp_path: Path) -> None:
    counts = model(tmp_path, CLIP)
    series = ct(tmp_path / "i", TISSUE)
    shown = VolumeImage(series.volume(), series.header, "shown")
    with pytest.raises(ImageError, match="no RescaleSlope, and no value below"):
        run(shown, counts)
    # One of which nothing is known, not even that it is CT: the person is told.
    bare = VolumeImage(Volume(TISSUE, series.grid), Dataset(), "bare")
    assert any("no value below -500" in note for note in run(bare, counts).notes)
    assert (
        next(r for r in judge(bare, counts).reasons if r.criterion == "values").verdict
        is Verdict.UNKNOWN
    )


def test_of_several_channels_each_is_looked_at(tmp_path: Path) -> None:
    """The second channel measures its image: its unit does not matter; that of the first does."""
    channels = [{"name": "a", "attributes": [
        {"keyword": "SeriesDescription", "operator": "==", "value": "a"}]}, {
        "name": "b", "intensity": [MIN_MAX]}]  # fmt: skip
    counts = model_of(
        tmp_path,
        sums([[0, 0], [1, 1]], spatial=3),
        applies_to={"modalities": ["CT"]},
        input={"channels": channels, "intensity": [CLIP]},
    )
    stack = Stack(HU)
    for name, unit in (("a", "HU"), ("b", "HU_MOD")):
        kind = {"SOPClassUID": CTImageStorage, "Modality": "CT", **RESCALED, "RescaleType": unit}
        other = Stack(HU, common=kind | {"SeriesDescription": name})
        other.study, other.frame = stack.study, stack.frame
        other.write(tmp_path / "i" / name)
    one, two = sorted(find_series(tmp_path / "i"), key=lambda series: series.description)
    assert judge(one, counts, [two]).fits
    other_way = judge(two, counts, [one])
    assert other_way.channels == (one, two)
    swapped = [{**channels[0], "intensity": [MIN_MAX]}, {"name": "b"}]
    (tmp_path / "swapped").mkdir()
    fails = model_of(
        tmp_path / "swapped",
        sums([[0, 0], [1, 1]], spatial=3),
        applies_to={"modalities": ["CT"]},
        input={"channels": swapped, "intensity": [CLIP]},
    )
    assert not judge(one, fails, [two]).fits

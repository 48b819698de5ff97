"""Images that are in memory: selected for and run on as series are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from makers.summing_networks import model_of, sums
from makers.uneven import UNEVEN, VOXELS, uneven
from pydicom.dataset import Dataset

import IODeepLib
from IODeepLib.errors import NoModelFitsError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.publish import pack
from IODeepLib.recipe import read_recipe
from IODeepLib.selection import select
from IODeepLib.selection.criteria import Verdict
from IODeepLib.series import ImageSeries, VolumeImage, find_series

DEMO = Path(IODeepLib.__file__).parent / "demo_data"


@pytest.fixture(scope="module")
def series() -> ImageSeries:
    (found,) = find_series(DEMO / "mr_t1")
    return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    recipe = read_recipe(DEMO / "recipe.json")
    return pack(DEMO / "demo_network.onnx", recipe, tmp_path_factory.mktemp("model") / "demo")


def in_memory(series: ImageSeries) -> VolumeImage:
    return VolumeImage(series.volume(), series.header, series.description)


def test_it_gives_the_same_as_the_series(series: ImageSeries, model: Model, tmp_path: Path) -> None:
    image = in_memory(series)
    (of_series,) = select(series, [model]).candidates
    (of_image,) = select(image, [model]).candidates
    assert of_image.reasons == of_series.reasons
    found, wanted = run(image, model), run(series, model)
    assert found.segmentation is not None and wanted.segmentation is not None
    np.testing.assert_array_equal(found.segmentation.array, wanted.segmentation.array)
    assert found.provenance == wanted.provenance
    # Without the instances that it would refer to, no DICOM SEG is written; all else is.
    assert {p.name for p in found.save(tmp_path / "out")} == {"overlay.png", "result.json"}


@pytest.mark.parametrize("kind", UNEVEN)
def test_slices_in_memory_are_corrected_as_those_of_a_series(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    series = uneven(tmp_path, UNEVEN[kind])
    shown = Volume(VOXELS, Grid(VOXELS.shape, np.eye(4)))  # where it has them does not matter
    image = VolumeImage(
        shown, series.header, "uneven", stack=series.slices, correction=series.correction
    )
    assert image.grid is series.grid and image.slices is series.slices
    assert image.frame_of_reference == series.frame_of_reference
    np.testing.assert_array_equal(image.volume().array, series.volume().array)
    network = model_of(tmp_path_factory.mktemp("model"), sums([[0], [1]], spatial=3))
    found, wanted = run(image, network), run(series, network)
    assert found.reasons == wanted.reasons
    assert found.segmentation.lies_on(series.grid)
    np.testing.assert_array_equal(found.segmentation.array, wanted.segmentation.array)
    assert found.segmentation.volumes() == wanted.segmentation.volumes()


def test_without_header_all_that_it_would_say_is_unknown(series: ImageSeries, model: Model) -> None:
    (candidate,) = select(VolumeImage(series.volume(), Dataset(), "brain"), [model]).candidates
    unknown = {reason.criterion for reason in candidate.with_verdict(Verdict.UNKNOWN)}
    assert candidate.fits
    assert unknown == {"modality", "anatomy", "channel T1"}


def test_a_fault_that_its_maker_knows_of_excludes(series: ImageSeries, model: Model) -> None:
    volume = Volume(
        series.volume().array[:2], series.grid.cropped((0, 0, 0), (2, *series.grid.shape[1:]))
    )
    image = VolumeImage(volume, series.header, "brain", geometry_fault="a gap of 9 mm")
    assert image.label == "'brain' (MR, 2 slices)"
    with pytest.raises(NoModelFitsError, match="a gap of 9 mm"):
        run(image, model)

"""Every kind of network through the whole pipeline, with results that can be told beforehand.

The networks are one convolution of kernel 1: their scores are sums of the input channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from makers.recipes import BRAIN, LIVER, label
from makers.series import Stack, image, put, save
from makers.summing_networks import model_of, one_sided, sums

from IODeepLib.errors import NoModelFitsError, UsageError
from IODeepLib.inference.quality import Quality
from IODeepLib.model_object import Model
from IODeepLib.pipeline import Options, run
from IODeepLib.results import SegmentationType
from IODeepLib.series import ImageSeries, find_series

VOXELS = np.random.default_rng(5).integers(0, 1000, (5, 16, 12)).astype(np.int16)


def series_of(folder: Path, voxels: np.ndarray = VOXELS, **attributes: Any) -> ImageSeries:
    (series,) = find_series(Stack(voxels, common=attributes).write(folder))
    return series


def labels_of(series: ImageSeries, model: Model, others: Sequence[ImageSeries] = ()) -> np.ndarray:
    segmentation = run(series, model, others=others).segmentation
    assert segmentation is not None
    return segmentation.array


def test_a_2d_network_with_neighbouring_slices(tmp_path: Path) -> None:
    """Label 1 where the slice below is brighter than the slice itself."""
    model = model_of(
        tmp_path,
        sums([[0, 1, 0], [1, 0, 0]], spatial=2),
        input={"axis_order": "NCYX", "neighbours": 1, "patch_size": [8, 8]},
    )
    below = np.concatenate([VOXELS[:1], VOXELS[:-1]])
    np.testing.assert_array_equal(labels_of(series_of(tmp_path / "i"), model), below > VOXELS)


def test_a_2d_network_on_another_plane(tmp_path: Path) -> None:
    """The same for sagittal slices of an axial series: the neighbor lies to the right."""
    model = model_of(
        tmp_path,
        sums([[0, 1, 0], [1, 0, 0]], spatial=2),
        input={"axis_order": "NCZY", "neighbours": 1},
    )
    right = np.concatenate([VOXELS[..., :1], VOXELS[..., :-1]], axis=2)
    np.testing.assert_array_equal(labels_of(series_of(tmp_path / "i"), model), right > VOXELS)


def test_a_single_image(tmp_path: Path) -> None:
    model = model_of(
        tmp_path,
        sums([[0], [1]], spatial=2),
        input={"axis_order": "NCYX", "intensity": [{"step": "scale_offset", "offset": -500}]},
    )
    result = run(series_of(tmp_path / "i", VOXELS[:1]), model)
    assert result.segmentation is not None
    np.testing.assert_array_equal(result.segmentation.array, VOXELS[:1] > 500)
    assert result.seg is not None


def test_a_film_without_places(tmp_path: Path) -> None:
    """Ultrasound: a DICOM SEG could not say where its frames lie."""
    film = image(VOXELS.reshape(-1, 12), NumberOfFrames=5, Rows=16, Modality="US")
    (series,) = find_series(save(film, tmp_path / "film.dcm"))
    model = model_of(
        tmp_path,
        sums([[0], [1]], spatial=2),
        applies_to={"modalities": ["US"]},
        input={"axis_order": "NCYX", "intensity": [{"step": "scale_offset", "offset": -500}]},
    )
    result = run(series, model)
    assert result.segmentation is not None and result.seg is None
    np.testing.assert_array_equal(result.segmentation.array, VOXELS > 500)
    assert [path.name for path in result.save(tmp_path / "out")] == ["overlay.png", "result.json"]
    (why,) = [note for note in result.notes if note.startswith("no DICOM SEG is written")]
    assert "does not say where its 5 images lie" in why


def test_a_network_that_reads_colour(tmp_path: Path) -> None:
    """Label 1 where red outweighs green and blue."""
    colors = np.random.default_rng(7).integers(0, 256, (16, 12, 3)).astype(np.uint8)
    picture = image(colors[..., 0], PhotometricInterpretation="RGB", Modality="US")
    put(picture, SamplesPerPixel=3, PlanarConfiguration=0, PixelData=colors.tobytes())
    (series,) = find_series(save(picture, tmp_path / "picture.dcm"))
    channels = [{"name": name, "color": name} for name in ("red", "green", "blue")]
    model = model_of(
        tmp_path,
        sums([[0, 1, 1], [1, 0, 0]], spatial=2),
        applies_to={"modalities": ["US"]},
        input={"axis_order": "NCYX", "channels": channels},
    )
    result = run(series, model)
    red, green, blue = np.moveaxis(colors.astype(int), -1, 0)
    assert result.segmentation is not None and result.seg is not None
    np.testing.assert_array_equal(result.segmentation.array[0], red > green + blue)
    assert result.document()["series_instance_uids"] == [series.series_instance_uid]
    (reference,) = result.seg.dataset.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == picture.SOPInstanceUID
    with pytest.raises(NoModelFitsError, match=r"required red, green and blue, found MONOCHROME2"):
        run(series_of(tmp_path / "grey", VOXELS[:1], Modality="US"), model)


def test_several_channels_from_several_series(tmp_path: Path) -> None:
    """T2 lies in the same place but is stored in slices of another plane."""
    other = np.random.default_rng(6).integers(0, 1000, VOXELS.shape).astype(np.int16)
    size = (1.0, 1.0, 1.0)
    first = Stack(VOXELS, spacing=size, common={"SeriesDescription": "t1"})
    # Rows toward L, columns toward I: slices toward P, from the top.
    second = Stack(
        np.ascontiguousarray(other[::-1].transpose(1, 0, 2)),
        spacing=size,
        directions=np.array([[1.0, 0, 0], [0, 0, -1.0]]),
        origin=np.add(first.origin, (0, 0, len(other) - 1)),
        common={"SeriesDescription": "t2", "SpacingBetweenSlices": 3},
    )
    second.study, second.frame = first.study, first.frame
    (t1,) = find_series(first.write(tmp_path / "t1"))
    (t2,) = find_series(second.write(tmp_path / "t2"))
    assert t1.grid.shape != t2.grid.shape
    channels = [{"name": name, "words": [name]} for name in ("T1", "T2")]
    model = model_of(tmp_path, sums([[1, 0], [0, 1]], spatial=3), input={"channels": channels})
    result = run(t1, model, others=[t2])
    assert result.segmentation is not None
    np.testing.assert_array_equal(result.segmentation.array, other > VOXELS)
    said = "SpacingBetweenSlices says 3 mm, but the slices lie 1 mm apart"
    assert f"series {t2.label}: {said}" in result.notes
    with pytest.raises(NoModelFitsError, match="channel T2"):
        run(t1, model)


def refused_before_it_runs(series: ImageSeries, model: Model, seg_type: SegmentationType) -> None:
    steps: list[str] = []
    with pytest.raises(UsageError, match=f"a {seg_type} segmentation asked for"):
        run(series, model, Options(seg_type), progress=lambda _, message: steps.append(message))
    assert not steps


def test_labels_that_overlap(tmp_path: Path) -> None:
    model = model_of(
        tmp_path,
        sums([[1], [-1]], spatial=3),
        input={"intensity": [{"step": "scale_offset", "scale": 0.001}]},
        output={
            "decision": "threshold",
            "threshold": -0.5,
            "labels": [label(1, code=BRAIN), label(2, code=LIVER)],
        },
    )
    result = run(series_of(tmp_path / "i"), model)
    assert result.segmentation is not None
    first, second = (result.segmentation.mask(item) for item in result.segmentation.labels)
    assert first.all()
    np.testing.assert_array_equal(second, VOXELS < 500)
    result.save(tmp_path / "r")
    seg = highdicom.seg.segread(tmp_path / "r" / "segmentation.dcm")
    assert (seg.SegmentsOverlap, seg.number_of_segments) == ("YES", 2)
    refused_before_it_runs(result.channels[0], model, SegmentationType.LABELMAP)


def test_regions_are_painted_in_order(tmp_path: Path) -> None:
    """Values above 200 are 7; of these, values above 800 are 3."""
    steps = [{"step": "scale_offset", "scale": 0.001}]
    model = model_of(
        tmp_path,
        sums([[1], [0.25]], spatial=3),
        input={"intensity": steps},
        output={
            "decision": "regions",
            "threshold": 0.2,
            "labels": [label(7, channel=0), label(3, channel=1)],
        },
    )
    wanted = np.where(VOXELS > 200, 7, 0)
    wanted[VOXELS > 800] = 3
    np.testing.assert_array_equal(labels_of(series_of(tmp_path / "i"), model), wanted)


def test_a_network_that_gives_labels(tmp_path: Path) -> None:
    model = model_of(
        tmp_path,
        sums([[0], [1]], spatial=3, ending="argmax"),
        input={"intensity": [{"step": "scale_offset", "offset": -500}]},
        output={"decision": "labels", "channels": 1},
    )
    series = series_of(tmp_path / "i")
    np.testing.assert_array_equal(labels_of(series, model), VOXELS > 500)
    refused_before_it_runs(series, model, SegmentationType.FRACTIONAL)


@pytest.mark.parametrize("axis_order", ["NCZYX", "NCYX"])
def test_classification(tmp_path: Path, axis_order: str) -> None:
    """The mean of the image (about 500) as one score, 400 as the other."""
    spatial = len(axis_order) - 2
    model = model_of(
        tmp_path,
        sums([[1], [0]], spatial=spatial, ending="pool"),
        task="CLASSIFICATION",
        input={
            "axis_order": axis_order,
            "intensity": [{"step": "scale_offset", "scale": 0.01, "offset": -4}],
        },
        output={
            "activation": "softmax",
            "labels": [label(1, "bright", channel=0), label(2, "dark", channel=1)],
        },
    )
    result = run(series_of(tmp_path / "i"), model)
    assert result.classification is not None
    assert [item.name for item in result.classification.chosen] == ["bright"]
    score = float(VOXELS.mean()) / 100 - 4
    wanted = np.exp([score, 0]) / np.exp([score, 0]).sum()
    np.testing.assert_allclose(result.classification.values, wanted, rtol=1e-4)
    assert [path.name for path in result.save(tmp_path / "r")] == ["report.dcm", "result.json"]


def test_regression(tmp_path: Path) -> None:
    year = {"value": "a", "scheme": "UCUM", "meaning": "year"}
    model = model_of(
        tmp_path,
        sums([[0.1]], spatial=3, ending="pool"),
        task="REGRESSION",
        output={"channels": 1, "labels": [label(1, "brain age", channel=0, unit=year)]},
    )
    result = run(series_of(tmp_path / "i"), model)
    assert result.classification is not None
    assert result.classification.values[0] == pytest.approx(VOXELS.mean() / 10, rel=1e-4)
    assert any("brain age" in line and " a" in line for line in result.sentences())


def test_mirror_images_and_leaving_them_out(tmp_path: Path) -> None:
    """With them, the mean of both neighbors counts; without, that on the left alone."""
    model = model_of(tmp_path, one_sided(), schema="iodeep-recipe/2", input={"mirror": "X"})
    series = series_of(tmp_path / "i")
    beyond = np.pad(VOXELS.astype(np.float64), [(0, 0), (0, 0), (1, 1)])
    left, right = beyond[..., 2:], beyond[..., :-2]
    both, one = run(series, model), run(series, model, Options(mirroring=False))
    assert both.segmentation is not None and one.segmentation is not None
    np.testing.assert_array_equal(both.segmentation.array, (left + right) / 2 > VOXELS)
    np.testing.assert_array_equal(one.segmentation.array, left > VOXELS)
    said = [sentence for sentence in one.sentences() if "mirror images" in sentence]
    assert len(said) == 1 and not any("mirror" in sentence for sentence in both.sentences())
    options = [result.document()["provenance"]["options"] for result in (both, one)]
    assert options == [{"seg_type": "BINARY"}, {"seg_type": "BINARY", "mirroring": False}]
    assert both.seg is not None and one.seg is not None
    assert both.seg.sop_instance_uid != one.seg.sop_instance_uid


def test_nothing_is_left_out_where_there_are_no_mirror_images(tmp_path: Path) -> None:
    model = model_of(tmp_path, one_sided())
    result = run(series_of(tmp_path / "i"), model, Options(mirroring=False))
    assert not any("mirror" in sentence for sentence in result.sentences())
    assert result.document()["provenance"]["options"] == {"seg_type": "BINARY"}


@pytest.mark.parametrize(
    ("quality", "patch", "overlap", "patches"),
    [
        (Quality.FAST, 4, 0.5, 4),  # of 12 voxels those from 0, 3, 6 and 8 on
        (Quality.DEFAULT, 4, 0.5, 5),
        (Quality.BEST, 4, 0.5, 9),
        (Quality.FAST, 4, 0.0, 3),
        (Quality.BEST, 4, 0.8, 9),
    ],
)
def test_a_quality_changes_how_patches_overlap(
    tmp_path: Path, quality: Quality, patch: int, overlap: float, patches: int
) -> None:
    sizes = [*VOXELS.shape[:2], patch]
    model = model_of(tmp_path, one_sided(), input={"patch_size": sizes, "overlap": overlap})
    given: list[int] = []
    options = Options(quality=quality)
    run(
        series_of(tmp_path / "i"),
        model,
        options,
        watch=lambda _, feeds: given.extend(len(array) for array in feeds.values()),
    )
    assert sum(given) == patches


@pytest.mark.parametrize("quality", [Quality.FAST, Quality.BEST])
def test_a_quality_that_changes_nothing_is_no_other_run(tmp_path: Path, quality: Quality) -> None:
    model = model_of(tmp_path, one_sided())
    result = run(series_of(tmp_path / "i"), model, Options(quality=quality))
    assert result.document()["provenance"]["options"] == {"seg_type": "BINARY"}
    assert any("the same as the default" in note for note in result.notes)


def test_the_largest_component_on_the_networks_voxels(tmp_path: Path) -> None:
    """Two blobs of one size there, of which the upper one has more voxels of the series."""
    voxels = np.zeros((8, 16, 12), np.int16)
    voxels[1:3, 2:6, 2:6] = voxels[5:7, 8:12, 4:9] = 1000
    found = {}
    for on in ("network", "source"):
        (tmp_path / on).mkdir()
        model = model_of(
            tmp_path / on,
            sums([[0], [1]], spatial=3),
            schema="iodeep-recipe/2",
            input={"grid": {"mode": "resize", "shape": [4, 8, 6], "interpolation": "area"}},
            output={"decide_on": "network"},
            after=[{"step": "largest_component", "on": on}],
        )
        result = run(series_of(tmp_path / f"i-{on}", voxels), model)
        assert result.segmentation is not None
        assert any("removed 1 component of 2" in sentence for sentence in result.sentences())
        found[on] = result.segmentation.array
    np.testing.assert_array_equal(found["network"], found["source"])
    assert found["network"][5, 9, 6] == 1 and not found["network"][:4].any()


def test_a_2d_network_in_the_plane_of_acquisition(tmp_path: Path) -> None:
    """The neighbor is the slice before, whichever way the slices lie in the patient."""
    model = model_of(
        tmp_path,
        sums([[0, 1, 0], [1, 0, 0]], spatial=2),
        schema="iodeep-recipe/2",
        input={"axis_order": "NCYX", "neighbours": 1, "orientation": "source"},
    )
    before = np.concatenate([VOXELS[:1], VOXELS[:-1]])
    planes = [
        [[1, 0, 0], [0, 1, 0]],
        [[0, 1, 0], [0, 0, -1]],
        [[1, 0, 0], [0, 0, -1]],
        [[0.8, 0.6, 0], [0, 0, -1]],
        [[0, -1, 0], [1, 0, 0]],
    ]
    for i, directions in enumerate(planes):
        stack = Stack(VOXELS, directions=np.array(directions, float))
        (series,) = find_series(stack.write(tmp_path / f"i{i}"))
        np.testing.assert_array_equal(labels_of(series, model), before > VOXELS)

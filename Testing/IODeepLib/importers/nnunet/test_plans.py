"""plans.json: what a recipe is made of, and what is refused by its name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from makers.nnunet_plans import configuration, dataset, old_configuration, plans

from IODeepLib.errors import ModelError, UsageError
from IODeepLib.importers.nnunet import recipe
from IODeepLib.importers.nnunet.dataset import read_dataset
from IODeepLib.importers.nnunet.plans import read_plans


def input_of(of: dict[str, Any], mirroring=(0, 1, 2), data: Any = None, **changes: Any) -> Any:
    """The recipe's input for a configuration."""
    read = read_plans(plans(configurations={"x": of}, **changes))
    return recipe.input_of(
        read, read.configuration("x"), read_dataset(data or dataset()), mirroring
    )


def test_a_usual_3d_network() -> None:
    assert input_of(configuration(3)) == {
        "channels": [{"name": "CT"}],
        "axis_order": "NCZYX",
        "crop": "nonzero",
        "intensity_before_grid": [
            {"step": "clip", "lower": -60.5, "upper": 210.5},
            {"step": "z_score", "mean": 90.5, "std": 45.5},
        ],
        "grid": {
            "mode": "spacing",
            "spacing": [3.0, 1.5, 1.25],
            "interpolation": "cubic",
            "clip": True,
            "anchor": "extent",
            "separate_axis": {},
        },
        "patch_size": [8, 16, 16],
        "patch_starts": "even",
        "gaussian": {"center": "voxel", "least": 6e-9},
        "mirror": "ZYX",
    }


@pytest.mark.parametrize(
    ("transposed", "axes", "mirror"),
    [([0, 1, 2], "NCZYX", "ZX"), ([1, 0, 2], "NCYZX", "YX"), ([2, 0, 1], "NCXZY", "XY")],
)
def test_transposed_axes(transposed: list[int], axes: str, mirror: str) -> None:
    made = input_of(configuration(3), (0, 2), transpose_forward=transposed)
    assert (made["axis_order"], made["mirror"]) == (axes, mirror)


def test_a_2d_network_reads_along_the_first_axis() -> None:
    made = input_of(configuration(2), (0, 1), transpose_forward=[2, 0, 1])
    assert (made["axis_order"], made["mirror"]) == ("NCZY", "ZY")
    assert made["grid"]["spacing"] == [1.5, 1.25]


def test_mirroring_over_an_axis_that_there_is_not_is_refused() -> None:
    with pytest.raises(ModelError, match=r"mirroring over the axes \(0, 2\) of a 2D network"):
        input_of(configuration(2), (0, 2))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("residual", [False, True])
def test_the_old_form_describes_the_same_network(dims: int, residual: bool) -> None:
    old = read_plans(plans(configurations={"x": old_configuration(dims, residual)}))
    found = old.configuration("x")
    assert found.architecture is not None
    name, arguments = found.architecture.network_class_name, found.architecture.arch_kwargs
    assert name.endswith("ResidualEncoderUNet" if residual else "PlainConvUNet")
    wanted = configuration(dims)["architecture"]["arch_kwargs"]
    wanted["n_blocks_per_stage" if residual else "n_conv_per_stage"] = [1, 1, 1]
    for key in ("n_stages", "features_per_stage", "kernel_sizes", "strides", "conv_bias"):
        assert arguments[key] == wanted[key]


def test_inherited_configurations() -> None:
    heirs = {
        "a": configuration(3),
        "b": {"inherits_from": "a", "spacing": [1, 1, 1]},
        "c": {"inherits_from": "b", "patch_size": [16, 16, 16]},
    }
    found = read_plans(plans(configurations=heirs)).configuration("c")
    assert (found.spacing, found.patch_size) == ((1, 1, 1), (16, 16, 16))


def test_configurations_that_inherit_from_each_other_are_refused() -> None:
    heirs = {"a": {"inherits_from": "b"}, "b": {"inherits_from": "a"}}
    with pytest.raises(UsageError, match="one of a, b"):
        read_plans(plans(configurations=heirs)).configuration("a")


@pytest.mark.parametrize(
    ("scheme", "mask", "wanted"),
    [
        ("ZScoreNormalization", False, [{"step": "z_score"}]),
        ("ZScoreNormalization", True, [{"step": "z_score", "over": "mask"}]),
        ("RescaleTo01Normalization", True, [{"step": "min_max"}]),
        ("RGBTo01Normalization", False, [{"step": "scale_offset", "scale": 1 / 255}]),
        ("NoNormalization", False, []),
    ],
)
def test_normalizations(scheme: str, mask: bool, wanted: list[Any]) -> None:
    of = configuration(3, normalization_schemes=[scheme], use_mask_for_norm=[mask])
    assert input_of(of)["intensity_before_grid"] == wanted


def test_channels_that_are_normalized_in_different_ways() -> None:
    schemes = {"normalization_schemes": ["CTNormalization", "ZScoreNormalization"]}
    of = configuration(3, channels=2, **schemes)
    made = input_of(of, data=dataset(channel_names={"0": "CT", "1": "PET"}))
    assert "intensity_before_grid" not in made
    assert [len(one["intensity_before_grid"]) for one in made["channels"]] == [2, 1]
    assert [one["modality"] for one in made["channels"]] == ["CT", "PT"]


def test_contrasts_are_told_apart_by_their_names() -> None:
    made = input_of(
        configuration(3, channels=2), data=dataset(channel_names={"0": "T1", "1": "FLAIR"})
    )
    assert [one["words"] for one in made["channels"]] == [["T1"], ["FLAIR"]]


@pytest.mark.parametrize(
    ("reader", "orientation"),
    [("SimpleITKIO", None), ("NibabelIO", None), ("NibabelIOWithReorient", "RAS")],
)
def test_what_the_reader_of_files_says_of_the_orientation(reader: str, orientation: Any) -> None:
    made = input_of(configuration(3), image_reader_writer=reader)
    assert made.get("orientation") == orientation


def test_color_pictures_have_no_size() -> None:
    data = dataset(channel_names={"0": "R", "1": "G", "2": "B"})
    of = configuration(2, channels=3, normalization_schemes=["RGBTo01Normalization"] * 3)
    made = input_of(of, (0, 1), data, image_reader_writer="NaturalImage2DIO")
    assert (made["orientation"], made["grid"]) == ("source", {"mode": "native"})
    assert [one["color"] for one in made["channels"]] == ["red", "green", "blue"]


def test_pytorchs_resampling_is_linear() -> None:
    names = dict.fromkeys(
        ("resampling_fn_data", "resampling_fn_probabilities"), "resample_torch_fornnunet"
    )
    kwargs = {"is_seg": False, "force_separate_z": False, "memefficient_seg_resampling": False}
    of = configuration(
        3, **names, resampling_fn_data_kwargs=kwargs, resampling_fn_probabilities_kwargs=kwargs
    )
    grid = input_of(of)["grid"]
    assert grid == {
        "mode": "spacing",
        "spacing": [3.0, 1.5, 1.25],
        "anchor": "extent",
        "interpolation": "linear",
    }


def with_kwargs(key: str, **kwargs: Any) -> dict[str, Any]:
    return {f"{key}_kwargs": configuration(3)[f"{key}_kwargs"] | kwargs}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"normalization_schemes": ["MyNormalization"]}, "MyNormalization"),
        ({"preprocessor_name": "MyPreprocessor"}, "MyPreprocessor.*DefaultPreprocessor"),
        ({"resampling_fn_data": "my_resampling"}, "resampling_fn_data: my_resampling"),
        ({"resampling_fn_data": "no_resampling_hack"}, "no_resampling_hack"),
        ({"resampling_fn_probabilities": "mine"}, "resampling_fn_probabilities: mine"),
        (with_kwargs("resampling_fn_data", order=4), "resampling_fn_data"),
        (with_kwargs("resampling_fn_data", force_separate_z=True), "force_separate_z"),
        (with_kwargs("resampling_fn_data", mine=1), "with mine"),
        (with_kwargs("resampling_fn_data", is_seg=True), "is_seg"),
        (with_kwargs("resampling_fn_probabilities", order=3), "order 1"),
        (with_kwargs("resampling_fn_probabilities", order_z=1), "thick slices"),
        ({"patch_size": [8, 8]}, "a patch of 2 and a spacing of 3"),
        ({"patch_size": [8, 0, 8]}, r"patch_size\[1\]"),
        ({"spacing": [1, 1, -1]}, r"spacing\[2\]"),
        ({"spacing": "1"}, "spacing"),
        ({"normalization_schemes": []}, "normalization_schemes"),
    ],
)
def test_what_recipes_cannot_say_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=rf"plans.json.*{words}"):
        input_of(configuration(3, **changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"transpose_forward": [0, 0, 2]}, "transpose_forward"),
        ({"transpose_forward": [0, 1]}, "transpose_forward"),
        ({"label_manager": "MyLabelManager"}, "MyLabelManager"),
        ({"image_reader_writer": "Tiff3DIO"}, "Tiff3DIO"),
        ({"foreground_intensity_properties_per_channel": {}}, "intensities of 0"),
    ],
)
def test_plans_that_cannot_be_carried_out_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=rf"plans.json.*{words}"):
        input_of(configuration(3), **changes)


def test_a_missing_key_is_named_among_many_others() -> None:
    of = configuration(3)
    del of["spacing"]
    with pytest.raises(ModelError, match=r"plans.json, x: \$.spacing: nothing"):
        input_of(of)


def test_two_channels_and_one_normalization_are_refused() -> None:
    data = dataset(channel_names={"0": "T1", "1": "T2"})
    with pytest.raises(ModelError, match="1 normalizations, and channel 1"):
        input_of(configuration(3), data=data)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Dataset301_Abdomen_CT", "abdomen-ct"),
        ("Task004_Hippocampus", "hippocampus"),
        ("Dataset001_Größe", "gr-e"),
        ("Dataset001_" + "x" * 60, "x" * 40),
    ],
)
def test_names(name: str, wanted: str) -> None:
    assert recipe.names_of(read_plans(plans(dataset_name=name)), "2d")["name"] == wanted


def test_no_name_is_made_of_nothing() -> None:
    assert recipe.names_of(read_plans(plans(dataset_name="Dataset001_")), "2d") == {}


def test_plans_stay_what_they_are() -> None:
    whole = plans(configurations={"x": old_configuration(3)})
    before = json.dumps(whole)
    read_plans(whole).configuration("x")
    assert json.dumps(whole) == before

"""Bundles in the forms of the public zoo become the recipes that they mean, or are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from makers import bundles
from makers.bundles import ARGMAX, LOADED, RAS, SOFTMAX, config, inverted, keyed, metadata

from IODeepLib.errors import ModelError
from IODeepLib.importers.answers import put_answers, unanswered
from IODeepLib.importers.draft import Draft
from IODeepLib.importers.monai.bundle import open_bundle
from IODeepLib.importers.monai.draft import monai_draft

CT = keyed("ScaleIntensityRanged", a_min=-57, a_max=164, b_min=0, b_max=1, clip=True)
SPACED = keyed("Spacingd", pixdim=[1.5, 1.5, 2.0], mode="bilinear")
SIGMOID = keyed("Activationsd", "pred", sigmoid=True)
HALF = keyed("AsDiscreted", "pred", threshold=0.5)
BRATS = (
    "$lambda x: torch.where(x[[2]] > 0, 4, torch.where(x[[0]] > 0, 1, "
    "torch.where(x[[1]] > 0, 2, 0)))"
)


def draft_of(folder: Path, inference: dict[str, Any], about: dict[str, Any] | None = None) -> Draft:
    with open_bundle(bundles.write(folder / "small", inference, about)) as bundle:
        return monai_draft(bundle)


def test_a_bundle_says_nearly_everything(tmp_path: Path) -> None:
    inference = config(before=[*LOADED, RAS, SPACED, CT, keyed("EnsureTyped")])
    draft = draft_of(tmp_path, inference, metadata(modality="CT"))
    assert [item.path for item in unanswered(draft)] == ["applies_to.anatomic_regions"]
    put_answers(draft, ["applies_to.anatomic_regions=Abdomen"])
    recipe = draft.recipe
    labels = recipe["output"].pop("labels")
    assert [(x["value"], x["name"], x["type"]["value"]) for x in labels] == [
        (1, "spleen", "78961009"),
        (2, "liver", "10200004"),
    ]
    assert recipe["input"] == {
        "channels": [{"name": "CT"}],
        "orientation": "RAS",
        "axis_order": "NCXYZ",
        "grid": {"mode": "spacing", "spacing": [1.5, 1.5, 2.0], "anchor": "first_voxel"},
        "intensity": [{"step": "window", "center": 53.5, "width": 221}],
        "patch_size": [32, 32, 32],
        "overlap": 0.5,
        "importance_map": "constant",
    }
    assert recipe["output"] == {
        "channels": 3,
        "activation": "softmax",
        "decision": "argmax",
        "interpolate": "probabilities",
    }
    assert recipe["name"] == "a-small-bundle"
    assert recipe["version"] == "0.2.1"
    assert recipe["card"] == {
        "publisher": "Test Consortium",
        "intended_use": "Tests alone",
        "licence": "Apache-2.0",
        "authors": ["Test team"],
        "training_data": "made",
        "performance": [{"dataset": "made", "metric": "mean_dice", "value": 0.5}],
    }


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (
            [keyed("NormalizeIntensityd", nonzero="True", channel_wise="True")],
            {"intensity": [{"step": "z_score", "over": "nonzero"}]},
        ),
        (
            [keyed("NormalizeIntensityd", subtrahend=100, divisor=50)],
            {"intensity": [{"step": "z_score", "mean": 100, "std": 50}]},
        ),
        (
            [keyed("ScaleIntensityd", minv=-1.0, maxv=1.0)],
            {"intensity": [{"step": "min_max", "lower": -1.0, "upper": 1.0}]},
        ),
        (
            [keyed("ScaleIntensityd", minv=None, maxv=None, factor=1.0)],
            {"intensity": [{"step": "scale_offset", "scale": 2.0}]},
        ),
        (
            [keyed("ScaleIntensityRanged", a_min=-200, a_max=200, b_min=-1, b_max=1, clip=True)],
            {
                "intensity": [
                    {"step": "clip", "lower": -200, "upper": 200},
                    {"step": "scale_offset", "scale": 0.005, "offset": 0.0},
                ]
            },
        ),
        (
            [keyed("ScaleIntensityRangePercentilesd", lower=5, upper=95, b_min=0, b_max=1)],
            {"intensity": [{"step": "percentile_scale", "lower": 5, "upper": 95}]},
        ),
        (
            [
                keyed("ClipIntensityPercentilesd", lower=1, upper=99),
                keyed("ShiftIntensityd", offset=3),
            ],
            {
                "intensity": [
                    {"step": "percentile_clip", "lower": 1, "upper": 99},
                    {"step": "scale_offset", "offset": 3},
                ]
            },
        ),
        (
            [keyed("ScaleIntensityd"), SPACED, CT],
            {
                "intensity_before_grid": [{"step": "min_max"}],
                "intensity": [{"step": "window", "center": 53.5, "width": 221}],
            },
        ),
        (
            [SPACED, CT, keyed("CropForegroundd", source_key="@image_key")],
            {"crop": {"on": "network"}},
        ),
        (
            [keyed("CropForegroundd", source_key="image", margin=3, allow_smaller=True), SPACED],
            {"crop": {"on": "source", "margin": 3}},
        ),
        (
            [keyed("Resized", spatial_size=[64, 64, 48], mode="trilinear")],
            {"grid": {"mode": "resize", "shape": [64, 64, 48]}},
        ),
    ],
)
def test_what_is_done_before_the_network(
    tmp_path: Path, before: list[dict[str, Any]], wanted: dict[str, Any]
) -> None:
    found = draft_of(tmp_path, config(before=[*LOADED, RAS, *before])).recipe["input"]
    assert {key: found.get(key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("after", "wanted", "steps"),
    [
        ([SOFTMAX, ARGMAX, inverted(nearest=True)], ("network", "nearest-even", None), None),
        ([ARGMAX, inverted()], ("network", "linear", None), None),
        ([inverted(), ARGMAX], (None, None, None), None),
        ([SOFTMAX, inverted(), ARGMAX], (None, None, "probabilities"), None),
        (
            [
                ARGMAX,
                keyed("KeepLargestConnectedComponentd", "pred", applied_labels=[2]),
                inverted(),
            ],
            ("network", "linear", None),
            [{"step": "largest_component", "labels": ["liver"], "on": "network"}],
        ),
        (
            [SOFTMAX, inverted(), ARGMAX, keyed("FillHolesd", "pred", applied_labels=1)],
            (None, None, "probabilities"),
            [{"step": "fill_holes", "labels": ["spleen"]}],
        ),
    ],
)
def test_the_way_back_and_what_is_done_after_it(
    tmp_path: Path,
    after: list[dict[str, Any]],
    wanted: tuple[str | None, ...],
    steps: list[dict[str, Any]] | None,
) -> None:
    recipe = draft_of(tmp_path, config(before=[*LOADED, RAS, SPACED], after=after)).recipe
    keys = "decide_on", "label_interpolation", "interpolate"
    assert tuple(recipe["output"].get(key) for key in keys) == wanted
    assert recipe["output"]["decision"] == "argmax"
    assert recipe.get("after") == steps


def test_regions_that_are_painted_over_each_other(tmp_path: Path) -> None:
    names = ["Tumor core", "Whole tumor", "Enhancing tumor"]
    after = [SIGMOID, inverted(), HALF, keyed("Lambdad", "pred", func=BRATS)]
    network = {**bundles.UNET, "in_channels": 4}
    about = metadata(names)
    image = about["network_data_format"]["inputs"]["image"]
    image["channel_def"] = {"0": "T1c", "1": "T1", "2": "T2", "3": "FLAIR"}
    image["num_channels"] = 4
    before = [
        keyed("LoadImaged", image_only=False),
        keyed("NormalizeIntensityd", nonzero=True, channel_wise=True),
    ]
    draft = draft_of(tmp_path, config(network, before, after), about)
    output = draft.recipe["output"]
    assert output["decision"] == "regions"
    assert [(x["value"], x["channel"], x["name"]) for x in output["labels"]] == [
        (2, 1, "Whole tumor"),
        (1, 0, "Tumor core"),
        (4, 2, "Enhancing tumor"),
    ]
    assert [x["words"] for x in draft.recipe["input"]["channels"]] == [
        ["T1c"],
        ["T1"],
        ["T2"],
        ["FLAIR"],
    ]
    assert draft.recipe["input"]["intensity"] == [{"step": "z_score", "over": "nonzero"}]
    assert "input.orientation" in [item.path for item in unanswered(draft)]


def test_joint_statistics_and_channels_that_nobody_named(tmp_path: Path) -> None:
    network = {**bundles.UNET, "in_channels": 2}
    about = metadata()
    about["network_data_format"]["inputs"]["image"]["num_channels"] = 2
    draft = draft_of(tmp_path, config(network), about)
    assert draft.recipe["input"]["intensity"] == [{"step": "min_max", "per": "image"}]
    assert "input.channels" in [item.path for item in unanswered(draft)]


def test_pictures_in_color_and_slices_of_volumes(tmp_path: Path) -> None:
    flat = {**bundles.UNET, "spatial_dims": 2}
    about = metadata()
    image = about["network_data_format"]["inputs"]["image"]
    image |= {"num_channels": 3, "channel_def": {"0": "R", "1": "G", "2": "B"}}
    before = [
        keyed("LoadImaged"),
        keyed("EnsureChannelFirstd", channel_dim=-1),
        keyed("Resized", spatial_size=[64, 48], mode=["bilinear"]),
        keyed("NormalizeIntensityd", channel_wise=True),
    ]
    sized = {"_target_": "SlidingWindowInferer", "roi_size": [64, 48]}
    colors = draft_of(
        tmp_path / "a",
        config({**flat, "in_channels": 3}, before, [inverted(), ARGMAX], sized),
        about,
    ).recipe["input"]
    assert [x["color"] for x in colors["channels"]] == ["red", "green", "blue"]
    assert (colors["orientation"], colors["axis_order"]) == ("source", "NCXY")
    assert colors["intensity"] == [{"step": "z_score", "per": "slice"}]

    for axis, order in enumerate(["NCYZ", "NCXZ", "NCXY"]):
        slices = {"_target_": "SliceInferer", "roi_size": [64, 64], "spatial_dim": axis}
        volumes = draft_of(tmp_path / f"b{axis}", config(flat, inferer=slices)).recipe["input"]
        assert volumes["axis_order"] == order
        assert volumes["intensity"] == [{"step": "min_max"}]


def test_channels_from_several_files(tmp_path: Path) -> None:
    keys = ["t1", "t2"]
    before = [
        keyed("LoadImaged", keys),
        keyed("EnsureChannelFirstd", keys),
        keyed("Orientationd", keys, axcodes="LPS"),
        keyed("ScaleIntensityd", "t2"),
        keyed("ConcatItemsd", keys, name="image"),
        keyed("ShiftIntensityd", offset=1),
    ]
    about = metadata()
    about["network_data_format"]["inputs"]["image"]["num_channels"] = 2
    input_ = draft_of(tmp_path, config({**bundles.UNET, "in_channels": 2}, before), about).recipe[
        "input"
    ]
    shift = {"step": "scale_offset", "offset": 1}
    assert input_["channels"] == [
        {"name": "t1", "intensity_before_grid": [], "intensity": [shift]},
        {"name": "t2", "intensity_before_grid": [], "intensity": [{"step": "min_max"}, shift]},
    ]
    assert input_["orientation"] == "LPS"


def test_classification(tmp_path: Path) -> None:
    network = {"_target_": "DenseNet121", "spatial_dims": 2, "in_channels": 1, "out_channels": 2}
    about = metadata(["normal", "abnormal"])
    draft = draft_of(
        tmp_path,
        config(
            network, [*LOADED, keyed("ScaleIntensityd")], [SOFTMAX], {"_target_": "SimpleInferer"}
        ),
        about,
    )
    assert draft.recipe["task"] == "CLASSIFICATION"
    output = draft.recipe["output"]
    assert (output["blend"], output["decision"]) == ("probabilities", "argmax")
    assert [(x["value"], x["channel"]) for x in output["labels"]] == [(1, 0), (2, 1)]


def test_a_zip_file_is_the_same_as_its_folder(tmp_path: Path) -> None:
    folder = bundles.write(tmp_path / "small", config())
    (folder / "scripts").mkdir()
    (folder / "scripts" / "evil.py").write_text("raise SystemExit")
    path = tmp_path / "small.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(tmp_path))
        archive.writestr("../escaped.json", "{}")
        archive.writestr("small/configs/../../../escaped.json", "{}")
    with open_bundle(path) as one, open_bundle(folder) as other:
        assert monai_draft(one).recipe == monai_draft(other).recipe
    assert not list(tmp_path.parent.glob("escaped*"))
    assert not list(tmp_path.glob("escaped*"))


UNET3 = {**bundles.UNET}
SMALL = keyed("Resized", spatial_size=[64, 64, 48], mode="trilinear")
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "Python of its own before": (
        config(before=[*LOADED, keyed("scripts.mine.Transform")]),
        r"transforms::2: the transform scripts.mine.Transform, which is Python of the bundle's own",
    ),
    "unknown transform": (config(before=[*LOADED, keyed("Rotate90d")]), "the transform Rotate90d"),
    "unknown transform after": (config(after=[keyed("VoteEnsembled", "pred")]), "VoteEnsembled"),
    "an expression that matters": (
        config(before=[*LOADED, RAS, keyed("Spacingd", pixdim="$__import__('os').system('x')")]),
        r"pixdim: the Python expression \$__import__",
    ),
    "transforms that are an expression": (
        config(preprocessing="$make_transforms()"),
        r"the Python expression \$make_transforms",
    ),
    "unknown argument": (
        config(before=[*LOADED, keyed("ScaleIntensityd", other=1)]),
        "ScaleIntensityd with the argument other",
    ),
    "foreign network": (config({"_target_": "scripts.net.Net"}), "the network scripts.net.Net"),
    "network of another package": (config({"_target_": "os.system"}), "the network os.system"),
    "generation": (
        config({"_target_": "monai.networks.nets.diffusion_model_unet.DiffusionModelUNet"}),
        "DiffusionModelUNet",
    ),
    "unknown inferer": (config(inferer={"_target_": "SaliencyInferer"}), "SaliencyInferer"),
    "custom inferer": (config(inferer={"_target_": "scripts.a.B"}), "inferer scripts.a.B"),
    "custom evaluator": (
        config(evaluator={"_target_": "scripts.evaluator.DetectionEvaluator"}),
        "the evaluator scripts.evaluator.DetectionEvaluator",
    ),
    "two grids": (config(before=[*LOADED, RAS, SPACED, SPACED]), "behind another grid"),
    "orientation late": (config(before=[*LOADED, SPACED, RAS]), "Orientationd with a place"),
    "cubic": (
        config(before=[*LOADED, RAS, keyed("Spacingd", pixdim=1, mode="bicubic")]),
        "Spacingd with mode 'bicubic'",
    ),
    "corners": (
        config(before=[*LOADED, RAS, keyed("Spacingd", pixdim=1, align_corners=True)]),
        "Spacingd with align_corners True",
    ),
    "no way back": (config(before=[*LOADED, RAS, SPACED], after=[ARGMAX]), "network's voxels"),
    "another way back": (
        config(after=[keyed("Invertd", "pred", transform="@dataset"), ARGMAX]),
        "Invertd with transform",
    ),
    "averages on the way back": (
        config(before=[*LOADED, RAS, keyed("Resized", spatial_size=64)]),
        "Invertd with the mode of Resized",
    ),
    "nearest on the way back from Resized": (
        config(before=[*LOADED, RAS, SMALL], after=[ARGMAX, inverted(nearest=True)]),
        "Invertd with nearest_interp",
    ),
    "two activations": (config(after=[SOFTMAX, SIGMOID, ARGMAX]), "sigmoid, behind softmax"),
    "unknown function": (
        config(after=[SIGMOID, HALF, keyed("Lambdad", "pred", func="$lambda x: x * 2")]),
        "the function lambda x: x",
    ),
    "circular padding": (
        config(
            inferer={"_target_": "SlidingWindowInferer", "roi_size": 32, "padding_mode": "circular"}
        ),
        "padding_mode 'circular'",
    ),
    "padding with a value": (
        config(inferer={"_target_": "SlidingWindowInferer", "roi_size": 32, "cval": -1}),
        "cval -1",
    ),
    "enormous": (config({**UNET3, "channels": [10**9, 2]}), "1000000000"),
    "channels": (config({**UNET3, "in_channels": 2}), "reads 2 channels, and 1 in metadata.json"),
    "classes": (config({**UNET3, "out_channels": 5}), "gives 5 channels, and 3 in metadata.json"),
    "circle": (config(preprocessing="@preprocessing"), "in a circle"),
    "nested circle": (
        config(preprocessing={"_target_": "Compose", "transforms": ["@preprocessing"]}),
        "nested without end",
    ),
    "prepared by Python": (
        config(
            evaluator={
                "_target_": "SupervisedEvaluator",
                "network": "@network",
                "prepare_batch": "$lambda x: x",
            }
        ),
        "prepare_batch",
    ),
    "called otherwise": (
        config(before=[*LOADED, keyed("ScaleIntensityd", _mode_="callable")]),
        "_mode_, which is not understood",
    ),
}


@pytest.mark.parametrize(("inference", "words"), BAD.values(), ids=BAD)
def test_what_no_recipe_says_is_refused_by_name(
    tmp_path: Path, inference: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        draft_of(tmp_path, inference)


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"network_data_format": []},
        {"network_data_format": {"inputs": {"image": 5}}},
        {"network_data_format": {"inputs": {"image": {"num_channels": "many", "channel_def": 7}}}},
        {"name": 7, "version": "1", "authors": {"a": 1}, "eval_metrics": [1], "copyright": None},
        {"name": "x" * 1000 + "\n\x1b[0m", "copyright": "c" * 1000, "references": "one"},
    ],
)
def test_metadata_that_says_little_or_nonsense_is_asked_for_or_refused(
    tmp_path: Path, about: dict[str, Any]
) -> None:
    try:
        draft = draft_of(tmp_path, config(), about)
    except ModelError:
        return
    missing = {item.path for item in unanswered(draft)}
    assert {"card.intended_use", "applies_to.modalities", "output.labels[label 1].type"} <= missing


def test_what_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, words in (("nowhere", "no "), ("empty", "without a folder configs")):
        with pytest.raises(ModelError, match=words), open_bundle(tmp_path / path):
            pass
    (tmp_path / "some.zip").write_bytes(b"PK\x03\x04 truncated")
    with pytest.raises(ModelError, match="cannot be unpacked"), open_bundle(tmp_path / "some.zip"):
        pass
    folder = bundles.write(tmp_path / "small", config())
    with pytest.raises(ModelError, match="inference"), open_bundle(folder, "other"):
        pass


@pytest.mark.parametrize("inner", [10**9, [10**9], {"a": [[1, 10**9]]}])
def test_numbers_without_measure_are_refused_wherever_they_stand(
    inner: Any, tmp_path: Path
) -> None:
    network = {**bundles.UNET, "norm": ["group", {"num_groups": inner}]}
    with pytest.raises(ModelError, match=r"1000000000.*numbers up to 10000"):
        draft_of(tmp_path, config(network))

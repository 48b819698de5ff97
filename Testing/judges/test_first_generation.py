"""What the first IODeep program stored, against the same network in PyTorch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from command import DEMO, Answer  # noqa: E402
from makers.first_generation import NAME, unet, write  # noqa: E402
from makers.first_generation_networks import UNet, double, randomize, saved  # noqa: E402
from pacs.servers import Orthanc  # noqa: E402
from torch import nn  # noqa: E402

from IODeepLib import find_series  # noqa: E402
from IODeepLib.importers.first_generation.architecture import read_architecture  # noqa: E402
from IODeepLib.importers.first_generation.conversion import Choices  # noqa: E402
from IODeepLib.importers.first_generation.layers import convert  # noqa: E402
from IODeepLib.importers.first_generation.weights import units_of  # noqa: E402
from IODeepLib.network.onnx_runtime import onnx_runtime  # noqa: E402
from IODeepLib.sources.find import source_of  # noqa: E402

ANSWERS = [
    *("--set", "card.publisher=CHILab", "--set", "card.intended_use=Research"),
    *("--set", "card.licence=MIT", "--labels", "brain"),
]
# Of the range of the output. Both compute in single precision, in another order.
ALIKE = 1e-5


def converted(description: dict[str, Any], network: Any, choices: Choices | None = None) -> Any:
    units = list(units_of(network.state_dict(), 2**30))
    return convert(read_architecture(repr(description)), units, choices or Choices())


def assert_same(model: Any, network: Any, *shape: int) -> None:
    image = np.random.default_rng(0).random((2, *shape), np.float32)
    session = onnx_runtime().InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    [found] = session.run(None, {"image": image})
    with torch.no_grad():
        wanted = network(torch.from_numpy(image)).numpy()
    assert found.shape == wanted.shape
    assert np.ptp(wanted) > 0
    assert np.abs(found - wanted).max() <= ALIKE * np.ptp(wanted)


def differ(model: Any, other: Any) -> bool:
    return bool(model.SerializeToString() != other.SerializeToString())


@pytest.mark.parametrize("skip_first", [True, False])
@pytest.mark.parametrize(
    ("upsampling", "align"),
    [("bilinear", True), ("bilinear", False), ("nearest", False), ("transposed", False)],
)
def test_a_unet(upsampling: str, align: bool, skip_first: bool) -> None:
    network = UNet(3, upsampling=upsampling, align_corners=align, skip_first=skip_first)
    way = upsampling if upsampling == "nearest" else "bilinear"
    model = converted(unet(3), network, Choices(align, way, skip_first))
    assert_same(model, network, 3, 32, 48)


def test_the_unet_of_the_authors_own_example() -> None:
    network = UNet(3, width=64, depth=4, outputs=1)
    description = unet(3, width=64, depth=4, size=(32, 32))
    assert description["architecture"]["18"] == "cnn2d"
    assert list(description["convolutional"].values())[4] == 1024
    assert_same(converted(description, network), network, 3, 32, 32)


def test_a_choice_matters() -> None:
    network = UNet()
    model = converted(unet(), network)
    for choices in (Choices(align_corners=False), Choices(skip_first=False)):
        with pytest.raises(AssertionError):
            assert_same(converted(unet(), network, choices), network, 1, 32, 48)
    assert_same(model, network, 1, 32, 48)


def described(
    *codes: str, widths: tuple[int, ...] = (), pools: tuple[int, ...] = (), **more: Any
) -> dict[str, Any]:
    return {
        "input_shape": {"input_shape0": 2, "input_shape1": 15, "input_shape2": 17},
        "architecture": {f"{i}": code for i, code in enumerate(codes, 1)},
        "convolutional": {f"cn{i}": width for i, width in enumerate(widths, 1)},
        "kernel": {f"kernel{i}": 3 for i in range(1, len(widths) + 1)},
        "pooling": {f"pool{i}": pool for i, pool in enumerate(pools, 1)},
        "data_format": {"data_format": "channels_first"},
        **more,
    }


ONE = {"padding_conv": {"padding_conv": 1}}
NETWORKS = {
    "convolution without padding": (
        described("cnn2d", "relu", "cnn2d", "tanh", widths=(4, 3)),
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.Tanh()),
    ),
    "convolution with stride": (
        described("cnn2d", widths=(4,), stride={"stride": 2}, **ONE),
        lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1),
    ),
    "separable convolution": (
        described("dsc2d", "sigmoid", widths=(5,), **ONE),
        lambda: nn.Sequential(
            nn.Conv2d(2, 2, 3, padding=1, groups=2), nn.Conv2d(2, 5, 1), nn.Sigmoid()
        ),
    ),
    "normalization and slopes": (
        described("cnn2d", "batchNorm2d", "prelu", "dropout", "softmax", widths=(4,), **ONE),
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.PReLU(4), nn.Softmax(1)
        ),
    ),
    "poolings of odd sizes": (
        described("Maxpool2d", "Avgpool2d", pools=(2, 3)),
        lambda: nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(3)),
    ),
    "a block": (described("doubleConv", widths=(6,)), lambda: double(2, 6)),
    "classification": (
        described(
            "cnn2d",
            "relu",
            "Maxpool2d",
            "Flatten",
            "dense",
            "batchNorm1d",
            "prelu",
            "output",
            widths=(3,),
            pools=(5,),
        ),
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3),
            nn.ReLU(),
            nn.MaxPool2d(5),
            nn.Flatten(),
            nn.Linear(3 * 2 * 3, 7),
            nn.BatchNorm1d(7),
            nn.PReLU(),
            nn.Linear(7, 4),
        ),
    ),
}


@pytest.mark.parametrize(("description", "make"), NETWORKS.values(), ids=NETWORKS)
def test_every_layer(description: dict[str, Any], make: Callable[[], Any]) -> None:
    torch.manual_seed(0)
    network = randomize(make())
    assert_same(converted(description, network), network, 2, 15, 17)


# The command


def call(iodeep: Callable[..., Answer], tmp_path: Path, *more: str) -> Answer:
    answers = [*ANSWERS, "--out", tmp_path / "out", *more]
    return iodeep("import", "first-generation", tmp_path / "in", *answers)


def store(tmp_path: Path, description: object, weights: object, **attributes: Any) -> None:
    (tmp_path / "in").mkdir()
    text = description if isinstance(description, str) else repr(description)
    write(tmp_path / "in" / "net.dcm", architecture=text, weights=saved(weights), **attributes)


def test_it_runs_on_an_mr_series(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    """Of the series' own size, so that nothing is resized; each voxel is as PyTorch decides."""
    [series] = find_series(DEMO / "mr_t1")
    volume = series.volume().array.astype(np.float32)  # (slice, row, column)
    rows, columns = (n // 4 * 4 for n in volume.shape[1:])
    assert (rows, columns) == volume.shape[1:]
    network = UNet(1, width=4)
    scaled = torch.from_numpy((volume - volume.min()) / np.ptp(volume))[:, None]
    with torch.no_grad():
        # The limit lies among the voxels of the brain: those of air are all alike.
        brain = network(scaled).numpy()[:, 0][volume > np.quantile(volume, 0.9)]
        network.last.bias -= float(np.median(brain))
        scores = network(scaled).numpy()[:, 0]
    store(tmp_path, unet(1, width=4, size=(rows, columns)), network.state_dict())
    imported = call(iodeep, tmp_path, "--json")
    assert imported.status == 0, imported.err
    ran = iodeep(
        *("run", DEMO / "mr_t1", "--models", tmp_path / "out", "--out", tmp_path / "result"),
        "--json",
    )
    assert ran.status == 0, ran.err
    from highdicom.seg import segread

    seg = segread(tmp_path / "result" / "segmentation.dcm")
    found = seg.get_volume(combine_segments=True).array
    clear = np.abs(scores) > ALIKE * np.ptp(scores)
    assert clear.mean() > 0.99
    assert 0.02 < (scores > 0).mean() < 0.98
    same = (found[::way] == (scores > 0) for way in (1, -1))  # slices from either end
    assert any(one[clear].all() for one in same)


def test_what_the_object_says_is_in_the_recipe(
    iodeep: Callable[..., Answer], tmp_path: Path
) -> None:
    store(tmp_path, json.dumps(unet()), UNet().state_dict())
    done = call(iodeep, tmp_path, "--json")
    assert done.status == 0, done.err
    recipe = json.loads(done.out)["recipe"]
    assert (recipe["name"], recipe["title"]) == ("unet-mri", NAME)
    assert recipe["applies_to"]["modalities"] == ["MR"]
    assert recipe["applies_to"]["anatomic_regions"][0]["meaning"] == "Head"
    assert recipe["input"]["grid"]["shape"] == [32, 48]
    assert recipe["output"]["labels"][0]["type"]["meaning"] == "Brain"
    assert recipe["output"]["activation"] == "sigmoid"


def test_a_gray_image_fills_three_channels(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    store(tmp_path, unet(3), UNet(3).state_dict())
    recipe = json.loads(call(iodeep, tmp_path, "--json").out)["recipe"]
    assert [channel["name"] for channel in recipe["input"]["channels"]] == ["MR"]


def test_out_of_a_pacs(iodeep: Callable[..., Answer], tmp_path: Path, orthanc: Orthanc) -> None:
    (tmp_path / "in").mkdir()
    weights = saved(UNet().state_dict())
    uid = write(tmp_path / "in" / "net.dcm", architecture=repr(unet()), weights=weights)
    source_of(orthanc.source).store([tmp_path / "in" / "net.dcm"])
    found = iodeep(
        *("import", "first-generation", orthanc.source, "--series", uid, *ANSWERS),
        *("--out", tmp_path / "out"),
    )
    assert found.status == 0, found.err
    same = call(iodeep, tmp_path, "--out", str(tmp_path / "same"))
    assert same.status == 0, same.err
    shown = [json.loads(iodeep("show", tmp_path / name, "--json").out) for name in ("out", "same")]
    assert shown[0]["parts"][0]["sha256"] == shown[1]["parts"][0]["sha256"]


def test_colors(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    store(tmp_path, unet(3), UNet(3).state_dict(), SamplesPerPixel=3, Modality="ES")
    recipe = json.loads(call(iodeep, tmp_path, "--json").out)["recipe"]
    colors = [channel["color"] for channel in recipe["input"]["channels"]]
    assert colors == ["red", "green", "blue"]


def test_several_classes(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    store(tmp_path, unet(outputs=3), UNet(outputs=3).state_dict())
    done = call(iodeep, tmp_path, "--labels", "liver,left kidney", "--json")
    assert done.status == 0, done.err
    output = json.loads(done.out)["recipe"]["output"]
    assert (output["decision"], output["activation"]) == ("argmax", "softmax")
    assert [label["channel"] for label in output["labels"]] == [1, 2]
    wrong = call(iodeep, tmp_path, "--labels", "liver", "--out", str(tmp_path / "other"))
    assert wrong.status == 2
    assert "1 labels" in wrong.err


def test_without_labels_they_are_asked_for(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    store(tmp_path, unet(), UNet().state_dict())
    refused = iodeep("import", "first-generation", tmp_path / "in", "--out", tmp_path / "out")
    assert refused.status == 4
    for path in ("output.labels[0].name", "output.labels[0].type", "card.licence"):
        assert path in refused.err
    assert "--labels" in refused.err
    assert not (tmp_path / "out").exists()


class Hostile:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_nothing_of_a_pickle_is_run(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    store(tmp_path, unet(), {"weight": Hostile(tmp_path / "ran")})
    refused = call(iodeep, tmp_path)
    assert refused.status == 4
    assert "nothing of it was run" in refused.err
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: [state.popitem(), state.popitem()], "layer 10, cnn2d, for which"),
        (lambda state: state.update({"more.weight": torch.zeros(1, 1, 1, 1)}), "more.weight"),
        (
            lambda state: state.update({"down.1.0.weight": torch.zeros(3, 8, 3, 3)}),
            "layer 3, doubleConv: down.1",
        ),
        (
            lambda state: state.update({"elbow.1.weight": torch.zeros(3)}),
            "layer 5, ElbowUNet: elbow.1",
        ),
        (
            lambda state: state.update({"last.weight": torch.full((1, 8, 1, 1), float("nan"))}),
            "last.weight",
        ),
        (
            lambda state: state.update({"last.weight": torch.zeros(1, 8, 1, 1, dtype=torch.int8)}),
            "int8",
        ),
    ],
    ids=["missing", "too many", "shape", "statistics", "not finite", "kind of number"],
)
def test_weights_that_do_not_fit(
    iodeep: Callable[..., Answer], tmp_path: Path, change: Callable[[Any], object], words: str
) -> None:
    state = UNet().state_dict()
    change(state)
    store(tmp_path, unet(), state)
    refused = call(iodeep, tmp_path)
    assert refused.status == 4
    assert refused.err.count("\n") == 1
    assert words in refused.err
    assert not (tmp_path / "out").exists()


def test_a_tensor_that_is_larger_than_its_file(
    iodeep: Callable[..., Answer], tmp_path: Path
) -> None:
    state = UNet().state_dict()
    state["last.weight"] = torch.zeros(1).expand(2**34).view(1, 2**34, 1, 1)
    store(tmp_path, unet(), state)
    refused = call(iodeep, tmp_path)
    assert refused.status == 4
    assert "no more than there are" in refused.err


def test_a_state_dict_among_other_things(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    store(tmp_path, unet(), {"epoch": 3, "state_dict": UNet().state_dict()})
    assert call(iodeep, tmp_path).status == 0


@pytest.mark.parametrize("weights", ["AAA", "no base64!", "AAAA"])
def test_weights_that_are_none(iodeep: Callable[..., Answer], tmp_path: Path, weights: str) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "net.dcm", architecture=repr(unet()), weights=weights)
    refused = call(iodeep, tmp_path)
    assert refused.status == 4
    assert refused.err.count("\n") == 1
    assert not (tmp_path / "out").exists()

"""Networks and weights of MONAI bundles: what fits is exported, what does not is refused."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

monai_networks = pytest.importorskip("monai.networks.nets")
torch = pytest.importorskip("torch")

from command import Answer, refused  # noqa: E402
from makers import bundles  # noqa: E402
from makers.bundles import SOFTMAX, UNET, keyed  # noqa: E402

from IODeepLib import find_models  # noqa: E402
from IODeepLib.network.onnx_runtime import onnx_runtime  # noqa: E402

ANSWERS = ["--set", "applies_to.anatomic_regions=Abdomen"]


def network_of(definition: dict[str, Any]) -> torch.nn.Module:
    arguments = {key: value for key, value in definition.items() if key != "_target_"}
    return getattr(monai_networks, definition["_target_"])(**arguments)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle with weights that nobody trained."""
    folder = bundles.write(tmp_path / "small", bundles.config())
    torch.manual_seed(0)
    torch.save(network_of(UNET).state_dict(), folder / "models" / "model.pt")
    return folder


def imported(iodeep: Callable[..., Answer], folder: Path, *more: str) -> Answer:
    out = folder.parent / "out"
    answer = iodeep("import", "monai", folder, "--out", out, *ANSWERS, *more)
    assert (answer.status == 0) == out.exists()
    return answer


def test_weights_beside_other_things(bundle: Path, iodeep: Callable[..., Answer]) -> None:
    path = bundle / "models" / "model.pt"
    torch.save({"model": torch.load(path), "epoch": 3, "key_metric": 0.9}, path)
    assert imported(iodeep, bundle).status == 0
    assert [m.label for m in find_models(bundle.parent / "out").models] == ["a-small-bundle@0.2.1"]


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def spoil(kind: str, path: Path) -> str:
    """Spoil the weights, and say which words the refusal has."""
    state = torch.load(path)
    first = next(iter(state))
    if kind == "shape":
        torch.save(state | {first: torch.zeros(3, 3)}, path)
        return f"{first} of a tensor of 3 × 3"
    if kind == "missing":
        torch.save({key: value for key, value in state.items() if key != first}, path)
        return f"no parameter {first}"
    if kind == "more":
        torch.save(state | {"more.weight": torch.zeros(1)}, path)
        return "more.weight, which the network does not have"
    if kind == "other kind":
        torch.save(state | {first: [1, 2]}, path)
        return f"{first}, a list"
    if kind == "program":
        torch.save({"model": Evil(path.parent / "made")}, path)
        return "and nothing of it was run"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Evil(path.parent / "made")))
        return "no checkpoint in PyTorch's ZIP format"
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
        return "damaged"
    path.unlink()
    return "without models/model.pt"


KINDS = "shape", "missing", "more", "other kind", "program", "pickle", "truncated", "gone"


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_do_not_fit(bundle: Path, iodeep: Callable[..., Answer], kind: str) -> None:
    words = spoil(kind, bundle / "models" / "model.pt")
    answer = imported(iodeep, bundle)
    refused(answer, 4)
    assert words in answer.err
    assert not (bundle / "models" / "made").exists()


def test_a_network_that_gives_other_channels_than_the_metadata_says(
    bundle: Path, iodeep: Callable[..., Answer]
) -> None:
    """The config leaves them to MONAI's default."""
    definition = {"_target_": "SegResNet", "init_filters": 8, "in_channels": 1}
    bundles.write(bundle, bundles.config(definition))
    torch.save(network_of(definition).state_dict(), bundle / "models" / "model.pt")
    answer = imported(iodeep, bundle)
    refused(answer, 4)
    assert "a network that gives [1, 2, 32, 32, 32]" in answer.err


def test_arguments_that_monai_refuses(bundle: Path, iodeep: Callable[..., Answer]) -> None:
    bundles.write(bundle, bundles.config({**UNET, "strides": [2, 2, 2, 2, 2]}))
    (bundle / "models" / "model.pt").touch()
    for changes, words in (
        ({"colour": "red"}, "UNet with the argument colour"),
        ({"strides": [2]}, "UNet, which MONAI does not make"),
    ):
        bundles.write(bundle, bundles.config({**UNET, **changes}))
        answer = imported(iodeep, bundle)
        refused(answer, 4)
        assert words in answer.err


@pytest.mark.parametrize("kind", ["UNet", "SegResNet"])
def test_a_network_of_far_more_weights_than_there_are(
    bundle: Path, iodeep: Callable[..., Answer], kind: str
) -> None:
    """It would take terabytes."""
    wide = {
        "UNet": UNET | {"channels": [10_000, 10_000, 10_000]},
        "SegResNet": {"_target_": "SegResNet", "init_filters": 8000, "in_channels": 1},
    }
    bundles.write(bundle, bundles.config(wide[kind]))
    answer = imported(iodeep, bundle)
    refused(answer, 4)
    assert f"{kind} with far more weights than the files in models/ hold" in answer.err


def test_torchscript_is_run_only_when_asked(bundle: Path, iodeep: Callable[..., Answer]) -> None:
    net = network_of(UNET).eval()
    net.load_state_dict(torch.load(bundle / "models" / "model.pt"))
    (bundle / "models" / "model.pt").unlink()
    torch.jit.trace(net, torch.zeros(1, 1, 32, 32, 32)).save(bundle / "models" / "model.ts")
    bundles.write(bundle, bundles.config({"_target_": "scripts.net.Net"}))
    refused(imported(iodeep, bundle), 4)
    assert imported(iodeep, bundle, "--run-torchscript").status == 0


def test_a_network_of_its_own_class_as_onnx(bundle: Path, iodeep: Callable[..., Answer]) -> None:
    assert imported(iodeep, bundle).status == 0
    made = bundle.parent / "made"
    assert iodeep("unpack", bundle.parent / "out", "--out", made).status == 0
    definition = {"_target_": "scripts.net.Net"}
    bundles.write(bundle.parent / "other", bundles.config(definition))
    out = bundle.parent / "second"
    call = "import", "monai", bundle.parent / "other", "--out", out, *ANSWERS
    assert iodeep(*call).status == 4
    assert iodeep(*call, "--network", made / "model.onnx").status == 0
    (made / "model.onnx").rename(bundle.parent / "other" / "models" / "model.onnx")
    out.rename(bundle.parent / "third")
    assert iodeep(*call).status == 0


def test_an_architecture_that_a_search_found(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    """DiNTS, as the zoo's pancreas_ct_dints_segmentation has it."""
    node_a = np.ones((3, 3))
    codes = np.ones((2, 7)), np.zeros((2, 7))
    space = {"_target_": "monai.networks.nets.TopologyInstance", "channel_mul": 0.25}
    space |= {"num_blocks": 2, "num_depths": 3, "use_downsample": True}
    definition = {
        "_target_": "monai.networks.nets.DiNTS",
        "dints_space": "@dints_space",
        "in_channels": 1,
        "num_classes": 3,
        "use_downsample": True,
        "node_a": "$torch.from_numpy(@arch_ckpt['node_a'])",
    }
    arch = ["$@arch_ckpt['arch_code_a']", "$@arch_ckpt['arch_code_c']"]
    inference = bundles.config(
        definition,
        arch_ckpt_path="$@bundle_root + '/models/search_code.pt'",
        arch_ckpt="$torch.load(@arch_ckpt_path, map_location=torch.device('cuda'))",
        dints_space={**space, "arch_code": arch, "device": "$torch.device('cuda')"},
    )
    folder = bundles.write(tmp_path / "small", inference)
    found = {"arch_code_a": codes[0], "arch_code_c": codes[1], "node_a": node_a}
    torch.save(found, folder / "models" / "search_code.pt")
    made = monai_networks.TopologyInstance(
        **{key: value for key, value in space.items() if key != "_target_"}, arch_code=codes
    )
    net = monai_networks.DiNTS(made, 1, 3, use_downsample=True, node_a=torch.from_numpy(node_a))
    torch.save(net.state_dict(), folder / "models" / "model.pt")
    answer = imported(iodeep, folder)
    assert answer.status == 0, answer.err


def test_a_gray_picture_that_is_copied_to_all_channels(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    definition = {"_target_": "DenseNet121", "spatial_dims": 2, "in_channels": 3, "out_channels": 2}
    about = bundles.metadata(["liver", "spleen"])
    about["network_data_format"]["inputs"]["image"]["num_channels"] = 3
    before = [
        keyed("LoadImaged"),
        keyed("EnsureChannelFirstd", channel_dim=2),
        keyed("Resized", spatial_size=[32, 32]),
    ]
    inference = bundles.config(definition, before, [SOFTMAX], {"_target_": "SimpleInferer"})
    folder = bundles.write(tmp_path / "small", inference, about)
    net = network_of(definition).eval()
    torch.save(net.state_dict(), folder / "models" / "model.pt")
    assert "input.channels (" in imported(iodeep, folder).err
    one = "--set", 'input.channels=[{"name": "gray"}]'
    assert imported(iodeep, folder, *one).status == 0
    assert iodeep("unpack", tmp_path / "out", "--out", tmp_path / "made").status == 0
    session = onnx_runtime().InferenceSession(tmp_path / "made" / "model.onnx")
    image = np.random.default_rng(0).standard_normal((1, 1, 32, 32), np.float32)
    with torch.no_grad():
        wanted = net(torch.from_numpy(image).repeat(1, 3, 1, 1)).numpy()
    np.testing.assert_allclose(session.run(None, {"image": image})[0], wanted, atol=1e-4)


def test_a_zip_file(bundle: Path, iodeep: Callable[..., Answer]) -> None:
    shutil.make_archive(str(bundle), "zip", bundle.parent, bundle.name)
    shutil.rmtree(bundle)
    assert imported(iodeep, bundle.with_suffix(".zip")).status == 0

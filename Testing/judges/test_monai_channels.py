"""MONAI bundles of two channels, each a series: the same voxels as `python -m monai.bundle run`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

pytest.importorskip("monai")
pytest.importorskip("ignite")

from command import Answer
from judges import on_grid
from makers import bundles, monai_judge
from makers.bundles import ARGMAX, RAS, SOFTMAX, UNET, inverted, keyed
from makers.results import real_series
from makers.series import Stack

from IODeepLib import find_models, find_series, run
from IODeepLib.inference.preprocess import prepare
from IODeepLib.recipe import recipe_from_json

SPACED = keyed("Spacingd", pixdim=[2.5, 2.5, 3.0], mode="bilinear")


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.long
def test_two_series_in_one_network(
    tmp_path: Path, shared_data: Path, iodeep: Callable[..., Answer], joint: bool
) -> None:
    whole = real_series(shared_data, "MR template", tmp_path / "tmp").volume().array
    cut = whole[40:-40:3, 40:-60:2, 40:-40:2] * (1000 / float(whole.max()))
    first = Stack(cut.astype(np.int16), (3.0, 2.0, 2.0), common={"SeriesDescription": "T1"})
    second = Stack(
        (400 - 0.3 * cut).astype(np.int16), (3.0, 2.0, 2.0), common={"SeriesDescription": "T2"}
    )
    second.study, second.frame = first.study, first.frame
    first.write(tmp_path / "series" / "t1")
    second.write(tmp_path / "series" / "t2")
    found = {s.header.SeriesDescription: s for s in find_series(tmp_path / "series")}
    volumes = [found["T1"].volume(), found["T2"].volume()]

    network = {**UNET, "in_channels": 2}
    about = bundles.metadata()
    image = about["network_data_format"]["inputs"]["image"]
    image |= {"num_channels": 2, "channel_def": {"0": "T1", "1": "T2"}}
    before = [
        keyed("LoadImaged"),
        keyed("EnsureChannelFirstd"),
        *(RAS, SPACED),
        keyed("NormalizeIntensityd", channel_wise=not joint),
    ]
    inference = bundles.config(
        network,
        before,
        [SOFTMAX, inverted(), ARGMAX],
        datalist="$[sorted(glob.glob(@dataset_dir + '/*.nii.gz'))]",
    )
    bundle = bundles.write(tmp_path / "small", inference, about)
    given = ["--set", "applies_to.anatomic_regions=Brain"]
    draft = iodeep("import", "monai", bundle, "--draft", "--json", *given)
    assert draft.status == 0, draft.err
    recipe = recipe_from_json(json.dumps(json.loads(draft.out)["recipe"]))
    prepared = prepare(volumes, recipe.input).array
    sizes = tuple(slice(0, n // 16 * 16) for n in prepared.shape[1:])
    path = bundle / "models" / "model.pt"
    monai_judge.train(network, path, [prepared[(slice(None), *sizes)]])
    answer = iodeep("import", "monai", bundle, "--out", tmp_path / "model", *given)
    assert answer.status == 0, answer.err
    [model] = find_models(tmp_path / "model").models
    labels = run(found["T1"], model, others=[found["T2"]]).segmentation.array

    for name, volume in zip(("t1", "t2"), volumes, strict=True):
        monai_judge.write_nifti(volume, tmp_path / "data" / f"{name}.nii.gz")
    [file] = monai_judge.run_bundle(bundle, tmp_path / "data").rglob("*.nii.gz")
    wanted = on_grid(SimpleITK.ReadImage(str(file)), volumes[0].grid).astype(int)
    assert len(np.unique(wanted)) > 1, "the network learned something"
    shares = monai_judge.same(labels, wanted)
    assert min(shares) >= 0.999, shares

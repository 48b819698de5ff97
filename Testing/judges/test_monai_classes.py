"""MONAI bundles that judge a picture: the same probabilities as `python -m monai.bundle run`."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

networks = pytest.importorskip("monai.networks.nets")
torch = pytest.importorskip("torch")
pytest.importorskip("ignite")

from command import Answer  # noqa: E402
from makers import bundles, monai_judge  # noqa: E402
from makers.bundles import LOADED, SOFTMAX, keyed  # noqa: E402
from makers.results import real_series  # noqa: E402
from makers.series import Stack  # noqa: E402

from IODeepLib import find_models, find_series, run  # noqa: E402

MOST = 1e-3  # of a probability
SAVER = {
    "_target_": "ClassificationSaver",
    "output_dir": "@output_dir",
    "batch_transform": "$lambda x: [xx['image'].meta for xx in x]",
    "output_transform": "$monai.handlers.from_engine(['pred'])",
}
SIGMOID = keyed("Activationsd", "pred", sigmoid=True)
RESIZED = keyed("Resized", spatial_size=[64, 80], mode="bilinear")
SIZED = keyed("Resized", spatial_size=[48, 48])
CASES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]] = {
    "resized, softmax": (
        {"_target_": "DenseNet121", "spatial_dims": 2, "in_channels": 1, "out_channels": 3},
        [*LOADED, RESIZED, keyed("ScaleIntensityd")],
        SOFTMAX,
    ),
    "resized by areas, sigmoid (breast_density_classification)": (
        {"_target_": "SEResNet50", "spatial_dims": 2, "in_channels": 1, "num_classes": 3},
        [*LOADED, keyed("ScaleIntensityd", minv=0.0, maxv=1.0), SIZED],
        SIGMOID,
    ),
    "normalized": (
        {"_target_": "DenseNet121", "spatial_dims": 2, "in_channels": 1, "out_channels": 3},
        [
            *(*LOADED, keyed("CastToTyped", dtype="$torch.float32"), RESIZED),
            keyed("NormalizeIntensityd", nonzero=True, channel_wise=True),
        ],
        SOFTMAX,
    ),
}


def decided_network(definition: dict[str, Any]) -> torch.nn.Module:
    """One that nobody trained, but that is not undecided between classes."""
    torch.manual_seed(3)
    arguments = {key: value for key, value in definition.items() if key != "_target_"}
    net = getattr(networks, definition["_target_"])(**arguments)
    with torch.no_grad():
        *_, last = (part for part in net.modules() if isinstance(part, torch.nn.Linear))
        last.weight *= 20 if definition["_target_"] == "DenseNet121" else 0.5
    return net


@pytest.mark.parametrize(("network", "before", "activation"), CASES.values(), ids=CASES)
def test_probabilities(
    tmp_path: Path,
    shared_data: Path,
    iodeep: Callable[..., Answer],
    network: dict[str, Any],
    before: list[dict[str, Any]],
    activation: dict[str, Any],
) -> None:
    whole = real_series(shared_data, "MR template", tmp_path / "tmp").volume().array
    pixels = (whole[90, 10:-20, 15:-25] * (1000 / whole.max())).astype(np.int16)[None]
    [series] = find_series(Stack(pixels, (3.0, 1.0, 1.0)).write(tmp_path / "series"))
    names = ["normal", "unsure", "abnormal"]
    about = bundles.metadata(names)
    about["network_data_format"]["outputs"]["pred"]["format"] = "classes"
    inference = bundles.config(
        network, before, [activation], {"_target_": "SimpleInferer"}, handlers=[SAVER]
    )
    inference["postprocessing"]["transforms"].pop()  # there is no image to save
    bundle = bundles.write(tmp_path / "small", inference, about)
    torch.save(decided_network(network).state_dict(), bundle / "models" / "model.pt")
    given = ["applies_to.anatomic_regions=Brain", "input.orientation=source"]
    for i, name in enumerate(names):
        given += [
            f"output.labels[{i}].category=SCT^49755003^Morphologically abnormal structure",
            f"output.labels[{i}].type=99TEST^{i}^{name}",
        ]
    sets = [word for answer in given for word in ("--set", answer)]
    answer = iodeep("import", "monai", bundle, "--out", tmp_path / "model", *sets)
    assert answer.status == 0, answer.err
    [model] = find_models(tmp_path / "model").models
    found = np.array(run(series, model).found.values)

    monai_judge.write_flat_nifti(pixels[0], tmp_path / "data" / "image.nii.gz")
    results = monai_judge.run_bundle(bundle, tmp_path / "data")
    [row] = csv.reader((results / "predictions.csv").read_text().splitlines())
    wanted = np.array([float(number) for number in row[1:]])
    assert np.ptp(wanted) > 0.05, "the network is not undecided"
    np.testing.assert_allclose(found, wanted, atol=MOST)

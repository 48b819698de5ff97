"""MONAI bundles: the same voxels as `python -m monai.bundle run`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

pytest.importorskip("monai")
pytest.importorskip("ignite")

from command import Answer
from judges import on_grid
from makers import bundles, monai_judge
from makers.bundles import ARGMAX, LOADED, RAS, SOFTMAX, UNET, inverted, keyed
from makers.results import real_series
from makers.series import Stack

from IODeepLib import find_models, find_series, run
from IODeepLib.geometry import Volume
from IODeepLib.inference.preprocess import prepare

MOST_VOXELS = 0.999  # equal ones, of all and of the foreground


@dataclass
class Case:
    """A bundle, the series that it is run on, and what has to be answered."""

    network: dict[str, Any] = field(default_factory=lambda: UNET)
    before: tuple = (*LOADED, RAS, keyed("ScaleIntensityd"))
    after: tuple = (SOFTMAX, inverted(), ARGMAX)
    inferer: dict[str, Any] | None = None
    spacing: tuple[float, float, float] = (3.0, 2.0, 2.0)
    oblique: bool = False
    darkest: int = 0  # of the images; black around the head is 0 in the template
    answers: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ("background", "low", "high")


WINDOWS = {"_target_": "SlidingWindowInferer", "sw_batch_size": 2}
SPACED = keyed("Spacingd", pixdim=[2.5, 2.5, 3.0], mode="bilinear")
CT = keyed("ScaleIntensityRanged", a_min=100, a_max=900, b_min=0, b_max=1, clip=True)
SIGMOID = keyed("Activationsd", "pred", sigmoid=True)
HALF = keyed("AsDiscreted", "pred", threshold=0.5)
PAINTED = keyed(
    "Lambdad",
    "pred",
    func="$lambda x: torch.where(x[[2]] > 0, 4, torch.where(x[[1]] > 0, 1, 0))",
)
FLAT = {**UNET, "spatial_dims": 2}
CASES = {
    "own voxels": Case(),
    "own voxels, gaussian, replicate": Case(
        inferer={**WINDOWS, "roi_size": [48, 32, 32], "overlap": 0.25, "mode": "gaussian"}
        | {"padding_mode": "replicate"},
        before=(*LOADED, RAS, keyed("NormalizeIntensityd", nonzero=True)),
    ),
    "spacing, probabilities back (spleen_ct_segmentation)": Case(before=(*LOADED, RAS, SPACED, CT)),
    "spacing, normalized, nearest labels back (wholeBody_ct_segmentation)": Case(
        before=(
            *(*LOADED, RAS, keyed("Spacingd", pixdim=[2.9, 3.1, 3.3], mode="bilinear")),
            *(keyed("NormalizeIntensityd", nonzero=True), keyed("ScaleIntensityd", minv=-1.0)),
        ),
        after=(SOFTMAX, ARGMAX, inverted(nearest=True)),
        darkest=-250,
    ),
    "spacing, aslant": Case(
        before=(*LOADED, RAS, SPACED, keyed("NormalizeIntensityd")), oblique=True
    ),
    "spacing with ties, nearest labels back": Case(
        before=(*LOADED, RAS, keyed("Spacingd", pixdim=1.5, mode="bilinear"), CT),
        after=(SOFTMAX, ARGMAX, inverted(nearest=True)),
        spacing=(3.0, 3.0, 3.0),
    ),
    "largest components, then labels interpolated back (prostate_mri_anatomy)": Case(
        before=(
            *(*LOADED, RAS, SPACED),
            *(keyed("ScaleIntensityd", minv=0, maxv=1), keyed("NormalizeIntensityd")),
        ),
        after=(
            ARGMAX,
            keyed("KeepLargestConnectedComponentd", "pred", applied_labels=[1, 2]),
            inverted(),
        ),
    ),
    "cropped to the foreground (pediatric_abdominal_ct_segmentation)": Case(
        before=(
            *(*LOADED, RAS, SPACED, CT),
            keyed("CropForegroundd", source_key="image", mode=["minimum"]),
        ),
    ),
    "painted over each other (brats_mri_segmentation)": Case(
        before=(*LOADED, keyed("NormalizeIntensityd", nonzero=True, channel_wise=True)),
        after=(SIGMOID, inverted(), HALF, PAINTED),
        answers={"input.orientation": "source"},
    ),
    "scores back, then sigmoid (renalStructures_CECT_segmentation)": Case(
        before=(*LOADED, keyed("Orientationd", axcodes="LPS"), SPACED, CT),
        after=(inverted(), SIGMOID, HALF, PAINTED),
    ),
    "the whole image, resized": Case(
        before=(*LOADED, RAS, keyed("Resized", spatial_size=[32, 40, 32], mode="trilinear"), CT),
        inferer={"_target_": "SimpleInferer"},
        after=(inverted(), ARGMAX),
    ),
    "slices of a volume (ventricular_short_axis_3label)": Case(
        network=FLAT,
        before=(*LOADED, keyed("ScaleIntensityd"), keyed("EnsureTyped", device="@device")),
        inferer={"_target_": "SliceInferer", "roi_size": [64, 64], "spatial_dim": 2},
        answers={"input.orientation": "source"},
    ),
}
CODES = (
    "output.labels[{i}].category=SCT^91723000^Anatomical Structure",
    "output.labels[{i}].type=SCT^12738006^Brain",
)


def series_of(case: Case, shared_data: Path, folder: Path) -> Volume:
    """A real head in other voxels, as a series; and these."""
    whole = real_series(shared_data, "MR template", folder / "tmp").volume()
    steps = [max(1, round(size / 1.0)) for size in case.spacing]
    voxels = whole.array[40:-40, 40:-60, 40:-40][:: steps[0], :: steps[1], :: steps[2]]
    scale = 1000 / float(np.max(voxels))
    turn = np.eye(3)[:2]
    if case.oblique:
        turn = np.array([[0.96, 0.28, 0.0], [-0.168, 0.576, 0.8]])
    values = (voxels * scale).astype(np.int16) + np.int16(case.darkest)
    stack = Stack(values, case.spacing, turn)
    [series] = find_series(stack.write(folder / "series"))
    return series


# Two of them for `.ci/run`: resampled, and slice by slice.
_FEW = ("spacing, aslant", "slices of a volume (ventricular_short_axis_3label)")
_CASES = [
    pytest.param(case, id=name, marks=() if name in _FEW else pytest.mark.long)
    for name, case in CASES.items()
]


@pytest.mark.parametrize("case", _CASES)
def test_a_bundle_gives_the_voxels_that_monai_gives(
    case: Case, tmp_path: Path, shared_data: Path, iodeep: Callable[..., Answer]
) -> None:
    series = series_of(case, shared_data, tmp_path)
    volume = series.volume()
    about = bundles.metadata(case.names)
    configs = bundles.config(case.network, case.before, case.after, case.inferer)
    bundle = bundles.write(tmp_path / "small_bundle", configs, about)
    answers = [words.format(i=i) for i in range(len(case.names) - 1) for words in CODES]
    answers += [f"{path}={value}" for path, value in case.answers.items()]
    answers += ["applies_to.anatomic_regions=Brain"]
    given = [word for answer in answers for word in ("--set", answer)]

    draft = iodeep("import", "monai", bundle, "--draft", "--json", *given)
    assert draft.status == 0, draft.err
    recipe = recipe_of(draft)
    prepared = prepare([volume], recipe.input).array
    monai_judge.train(case.network, bundle / "models" / "model.pt", pieces(prepared, case))

    answer = iodeep("import", "monai", bundle, "--out", tmp_path / "model", *given)
    assert answer.status == 0, answer.err
    [model] = find_models(tmp_path / "model").models
    found = run(series, model).segmentation.array

    monai_judge.write_nifti(volume, tmp_path / "data" / "image.nii.gz")
    results = monai_judge.run_bundle(bundle, tmp_path / "data")
    [file] = results.rglob("*.nii.gz")
    wanted = np.rint(on_grid(SimpleITK.ReadImage(str(file)), volume.grid)).astype(int)
    assert len(np.unique(wanted)) > 1, "the network learned something"
    everywhere, foreground = monai_judge.same(found, wanted)
    assert everywhere >= MOST_VOXELS, (everywhere, foreground)
    assert foreground >= MOST_VOXELS, (everywhere, foreground)


def recipe_of(draft: Answer):
    import json

    from IODeepLib.recipe import recipe_from_json

    return recipe_from_json(json.dumps(json.loads(draft.out)["recipe"]))


def pieces(prepared: np.ndarray, case: Case) -> list[np.ndarray]:
    """What the network will see, cut to sizes that it takes."""
    if case.network.get("spatial_dims", 3) == 2:
        sizes = [n // 16 * 16 for n in prepared.shape[2:]]
        return [prepared[:, i, : sizes[0], : sizes[1]] for i in range(8, prepared.shape[1], 5)]
    starts = [(n - 48) // 2 if n > 48 else 0 for n in prepared.shape[1:]]
    cut = prepared[(slice(None), *(slice(s, s + 48) for s in starts))]
    return [cut[(slice(None), *(slice(0, n // 16 * 16) for n in cut.shape[1:]))]]

"""Whole commands against nnU-Net's: the same networks, from an image to a segmentation in files.

With and without mirror images; and five networks that find a part of the labels each, in the place
of TotalSegmentator's, whose shape they have.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import Bench, Row, alternate, seconds, speedup
from made import LIVER, SPACING, STRUCTURE, ct_series, ct_voxels
from nnunet_peer import CONFIGURATION, WEIGHTS

sys.path.append(str(Path(__file__).parents[1]))  # where the tests' plans are

PARTS = 5
CLASSES = 24  # of each part, as TotalSegmentator has 117 labels in five
LEAST = 3
# Added to the background's score: then labels take a twentieth of the image, as organs do. Without
# it both commands would write, and ours measure, noise in the whole of it.
BACKGROUND = 1.7


def rows(bench: Bench) -> Iterator[Row]:
    """One network with nnU-Net's eight mirror images and without, then five without."""
    if importlib.util.find_spec("nnunetv2") is None:
        sys.stderr.write("no figures of nnU-Net: found no nnunetv2\n")
        return
    shape, folder = bench.sizes.nnunet_volume, bench.folder
    ct_series(folder / "ct", shape)
    write_image(folder / "ct.nii.gz", shape)
    one = trained(folder, bench, 1)
    several = trained(folder, bench, PARTS)
    write_model(one, folder / "one")
    write_model(several, folder / "several")
    name = f"iodeep run, {'x'.join(map(str, shape[::-1]))} CT"
    often, seldom = bench.sizes.pairs, bench.sizes.nnunet_long_pairs
    for what, model, parts, mirroring, pairs in (
        ("one network", "one", one, False, often),
        ("one network, eight mirror images", "one", one, True, seldom),
        (f"{PARTS} networks of {CLASSES} labels", "several", several, False, seldom),
    ):
        ours = [sys.executable, "-m", "IODeepLib.cli", "run", folder / "ct", "--force"]
        ours += ["--models", folder / model, "--out", folder / "ours"]
        ours += [] if mirroring else ["--no-mirroring"]
        theirs = [sys.executable, Path(__file__).with_name("nnunet_peer.py"), folder / "ct.nii.gz"]
        theirs += [folder / "theirs", "yes" if mirroring else "no", *parts]
        times = alternate(lambda o=ours: _time(o), lambda t=theirs: _time(t), pairs)
        against = "nnU-Net's predictor, whole command"
        yield speedup(f"{name}, {what}: speed", against, times, LEAST)


def _time(command: list[Any]) -> float:
    def call() -> None:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command} failed:\n{done.stderr}")

    return seconds(call)


def write_image(path: Path, shape: tuple[int, int, int]) -> None:
    """The voxels of `ct_series` as nnU-Net reads them."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(ct_voxels(shape))
    image.SetSpacing(SPACING[::-1])
    SimpleITK.WriteImage(image, str(path))


def trained(folder: Path, bench: Bench, parts: int) -> list[Path]:
    """Folders with plans.json, dataset.json, and random weights: one for each part."""
    from makers import nnunet_plans
    from makers.nnunet_models import random_weights
    from safetensors.torch import save_file

    patch, features = bench.sizes.nnunet_patch, bench.sizes.nnunet_features
    stages = len(features)
    shape = {
        "n_stages": stages,
        "features_per_stage": list(features),
        "kernel_sizes": [[3] * 3] * stages,
        "strides": [[1] * 3, *[[2] * 3] * (stages - 1)],
        "n_conv_per_stage": [2] * stages,
        "n_conv_per_stage_decoder": [2] * (stages - 1),
    }
    of = nnunet_plans.configuration(
        patch_size=list(patch),
        spacing=list(SPACING),
        architecture=nnunet_plans.architecture(**shape),
    )
    made = []
    for number in range(1, parts + 1):
        name = f"Dataset{300 + number}_Bench" + (f"_part{number}_organs" if parts > 1 else "")
        labels = {"background": 0} | {f"Label {number} {i}": i for i in range(1, CLASSES)}
        one = folder / f"{parts}-{number}"
        one.mkdir()
        plans = nnunet_plans.plans(dataset_name=name, configurations={CONFIGURATION: of})
        (one / "plans.json").write_text(json.dumps(plans))
        (one / "dataset.json").write_text(json.dumps(nnunet_plans.dataset(labels=labels)))
        weights = random_weights(heads=CLASSES, seed=number, **shape)
        weights[f"decoder.seg_layers.{stages - 2}.bias"][0] += BACKGROUND
        save_file({key: tensor.clone() for key, tensor in weights.items()}, one / WEIGHTS)
        made.append(one)
    return made


def write_model(folders: list[Path], out: Path) -> None:
    """What `iodeep import nnunet` makes of them, but for the checkpoint that it reads."""
    from safetensors.torch import load_file

    from IODeepLib.importers import nnunet
    from IODeepLib.importers.answers import complete
    from IODeepLib.importers.import_model import import_model
    from IODeepLib.importers.nnunet.folder import Fold, Trained
    from IODeepLib.importers.nnunet.model import read_model

    models = []
    for folder in folders:
        plans, dataset = (
            json.loads((folder / f"{n}.json").read_text()) for n in ("plans", "dataset")
        )
        path = folder / "fold_0" / "checkpoint_final.pth"
        fold = Fold(path, CONFIGURATION, "nnUNetTrainer", (0, 1, 2), load_file(folder / WEIGHTS))
        models.append(read_model(Trained(folder, plans, dataset, (fold,))))
    if len(models) > 1:
        draft = nnunet._of_parts(out, models)
    else:
        draft = nnunet._of_one(out, models[0], False)
    recipe = draft.recipe
    for stage in recipe.get("stages", [recipe]):
        stage["input"]["orientation"] = "source"
        for label in stage["output"]["labels"]:
            label |= {"category": STRUCTURE, "type": LIVER}
    recipe |= {"name": out.name, "title": "A network for benchmarks"}
    recipe["applies_to"] |= {"modalities": ["CT"], "anatomic_regions": []}
    recipe["card"] |= {"publisher": "IODeep", "intended_use": "Benchmarks.", "licence": "MIT"}
    draft.missing.clear()
    import_model(draft, complete(draft), out)

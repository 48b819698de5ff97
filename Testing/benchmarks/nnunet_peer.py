"""nnU-Net's own prediction of one image, as `nnUNetv2_predict -npp 0 -nps 0 -device cpu` does it.

python nnunet_peer.py IMAGE OUT yes|no FOLDER...

Weights are safetensors in the place of a checkpoint, which is a pickle. Several networks find a
part of the labels each, one after the other, as TotalSegmentator's do; later ones paint over
earlier ones.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

CONFIGURATION, WEIGHTS = "3d_fullres", "weights.safetensors"


def main(image: Path, out: Path, mirroring: bool, folders: list[Path]) -> None:
    import SimpleITK

    total, before = None, 0
    for number, folder in enumerate(folders):
        predict(image, out / f"part{number}", mirroring, folder)
        part = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(out / f"part{number}.nii.gz")))
        total = part.astype("uint16") if total is None else total
        total[part > 0] = part[part > 0] + before
        before += len(json.loads((folder / "dataset.json").read_text())["labels"]) - 1
    if len(folders) > 1:
        whole = SimpleITK.GetImageFromArray(total)
        whole.CopyInformation(SimpleITK.ReadImage(str(image)))
        SimpleITK.WriteImage(whole, str(out / "all.nii.gz"))


def predict(image: Path, out: Path, mirroring: bool, folder: Path) -> None:
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
    from safetensors.torch import load_file

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    dataset = json.loads((folder / "dataset.json").read_text())
    plans = PlansManager(json.loads((folder / "plans.json").read_text()))
    configuration = plans.get_configuration(CONFIGURATION)
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        len(dataset["channel_names"]),
        len(dataset["labels"]),
        deep_supervision=False,
    )
    predictor = nnUNetPredictor(
        use_mirroring=mirroring,
        perform_everything_on_device=False,
        device=torch.device("cpu"),
        allow_tqdm=False,
    )
    weights = [load_file(folder / WEIGHTS)]
    predictor.manual_initialization(
        network, plans, configuration, weights, dataset, "nnUNetTrainer", (0, 1, 2)
    )
    out.parent.mkdir(exist_ok=True)
    predictor.predict_from_files_sequential([[str(image)]], [str(out)])


if __name__ == "__main__":
    image, out, mirroring, *folders = sys.argv[1:]
    main(Path(image), Path(out), mirroring == "yes", list(map(Path, folders)))

"""What networks look like where they are trained, one folder for each program that they come from.

`python trained_networks.py FOLDER`, in a Python that has PyTorch, writes them with random weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

_TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTING), str(_TESTING.parent)]

import torch  # noqa: E402
from makers import bundles, first_generation, kaapana  # noqa: E402
from makers.first_generation_networks import UNet, saved  # noqa: E402
from makers.nnunet_models import model_folder  # noqa: E402
from monai.networks import nets  # noqa: E402


def main(folder: Path) -> None:
    """Write nnunet, kaapana, monai and first-generation into a folder."""
    trained = model_folder(folder / "nnunet")
    files = {
        f"Dataset301_Abdomen/{trained.name}/{path.relative_to(trained)}": path.read_bytes()
        for path in trained.rglob("*")
        if path.is_file()
    }
    kaapana.write(folder / "kaapana", kaapana.zipped(files))
    bundle = bundles.write(folder / "monai", bundles.config())
    arguments = {key: value for key, value in bundles.UNET.items() if key != "_target_"}
    torch.save(nets.UNet(**arguments).state_dict(), bundle / "models" / "model.pt")
    (folder / "first-generation").mkdir()
    first_generation.write(
        folder / "first-generation" / "net.dcm",
        architecture=repr(first_generation.unet(1, width=4, size=(64, 64))),
        weights=saved(UNet(1, width=4).state_dict()),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

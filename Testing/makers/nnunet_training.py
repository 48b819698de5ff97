"""Small nnU-Net models, planned, trained and used by nnU-Net's own commands on real images.

They are kept in the folder that IODEEP_JUDGES_CACHE names, or for one run of the tests.
`python Testing/makers/nnunet_training.py` makes them all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TRAINER = "nnUNetTrainerOfAStranger"

# A trainer that is not a part of nnU-Net, as many have their own: an importer must do without it.
_TRAINER_CODE = f"""
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoDA import (
    nnUNetTrainerNoDA,
)

class {TRAINER}(nnUNetTrainer):
    get_training_transforms = staticmethod(nnUNetTrainerNoDA.get_training_transforms)

    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cpu")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs, self.num_iterations_per_epoch = 1, 80
        self.num_val_iterations_per_epoch = 1
        self.oversample_foreground_percent = 0.8

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self):
        rotation, flat, _, mirror = (
            super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        )
        return rotation, flat, self.configuration_manager.patch_size, mirror

    def perform_actual_validation(self, *arguments):
        if self.configuration_manager.next_stage_names is not None:  # which reads what this finds
            super().perform_actual_validation(*arguments)

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.network.parameters(), 5e-3)
        return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)
"""

# nnU-Net imports torchvision by the way, which a build of PyTorch that it was not made for cannot
# load: the operators that it misses are then declared, and never called. Python runs this first.
_SITE_CODE = """
try:
    import torchvision
except RuntimeError:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""


def image_of(array: np.ndarray, spacing: Sequence[float]) -> SimpleITK.Image:
    """An array (slice, row, column) as an image, with the mm between slices, rows and columns."""
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing([float(size) for size in reversed(spacing)])
    return image


@dataclass(frozen=True)
class Data:
    """A data set: one real image, parts of which are its cases.

    Attributes:
        number, name: those of nnU-Net's folder.
        modality: DICOM's.
        spacing: mm between slices, rows and columns.
        channels: nnU-Net's names of them.
        labels: as dataset.json has them.
        more: further keys of dataset.json.
    """

    number: int
    name: str
    modality: str
    spacing: tuple[float, float, float]
    channels: tuple[str, ...]
    labels: dict[str, Any]
    make: Callable[[], tuple[np.ndarray, np.ndarray]]
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return f"Dataset{self.number}_{self.name}"

    def image(self, array: np.ndarray) -> SimpleITK.Image:
        """An array (slice, row, column) with the voxels of this data set, from the origin on."""
        return image_of(array, self.spacing)


def _abdomen() -> tuple[np.ndarray, np.ndarray]:
    """CT, every second row and column: HU, and liver, spleen, and bones."""
    folder = SHARED_DATA / "dicom" / "ct_abdomen_totalseg_repaired"
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    labels = SimpleITK.ReadImage(str(SHARED_DATA / "nifti" / "ct_abdomen_totalseg_117class.nii.gz"))
    labels = SimpleITK.Resample(labels, image, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
    classes = np.zeros(256, np.uint8)
    classes[5], classes[1] = 1, 2
    classes[20:51] = classes[69:79] = classes[86:117] = 3
    found = classes[SimpleITK.GetArrayFromImage(labels)]
    window = (slice(None), slice(130, 400, 2), slice(80, 420, 2))
    hounsfield = np.clip(SimpleITK.GetArrayFromImage(image), -1024, 3000)
    return hounsfield[window].astype(np.int16)[None], found[window]


def _brain() -> tuple[np.ndarray, np.ndarray]:
    """MR of the brain in thick rows, with a second contrast made of it; tissue by its value."""
    folder = SHARED_DATA / "dicom" / "mni152_t1_as_mr"
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    t1 = SimpleITK.GetArrayFromImage(reader.Execute()).astype(np.float32)
    t1 = t1[10:180:2, 10:223:5, 12:185:2]
    t1 *= 1000 / t1.max()
    t2 = np.where(t1 > 0, 1100 - t1 + 60 * np.sin(t1 / 40), 0)
    tissue = np.digitize(t1, [1, 500, 760]).astype(np.uint8)  # CSF, gray, white
    tissue[:3] = 4 * (tissue[:3] > 0)  # slices that nobody looked at
    return np.stack([t1, t2]).astype(np.int16), tissue


ABDOMEN = Data(
    301,
    "Abdomen",
    "CT",
    (2.0, 1.953125, 1.953125),
    ("CT",),
    {"background": 0, "liver": 1, "spleen": 2, "bones": 3},
    _abdomen,
)
BRAIN = Data(
    302,
    "Brain",
    "MR",
    (2.0, 5.0, 2.0),
    ("T1", "T2"),
    {"background": 0, "head": [1, 2, 3], "brain": [2, 3], "white": 3, "ignore": 4},
    _brain,
    {"regions_class_order": [1, 2, 3]},
)


@dataclass(frozen=True)
class Model:
    """A configuration to be trained.

    Attributes:
        data: on what.
        configuration: nnU-Net's name of it.
        folds: "0", "1", ... or "all".
        after: configurations that must be trained first.
        changes: what is made of the plan of this configuration.
    """

    data: Data
    configuration: str
    folds: tuple[str, ...]
    after: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Of the trained model, in the results."""
        return Path(self.data.folder, f"{TRAINER}__nnUNetPlans__{self.configuration}")


MODELS = {
    "fullres": Model(ABDOMEN, "3d_fullres", ("0", "1")),
    "2d": Model(ABDOMEN, "2d", ("0",)),
    "lowres": Model(ABDOMEN, "3d_lowres", ("all",)),
    "cascade": Model(ABDOMEN, "3d_cascade_fullres", ("all",), after=("lowres",)),
    "regions": Model(BRAIN, "3d_fullres", ("0",)),
}


def _network(dims: int, pools: tuple[tuple[int, ...], ...], residual: bool) -> dict[str, Any]:
    """A U-Net of three stages, as plans describe it."""
    kind = "ResidualEncoderUNet" if residual else "PlainConvUNet"
    a_stage = "n_blocks_per_stage" if residual else "n_conv_per_stage"
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{kind}",
        "arch_kwargs": {
            "n_stages": 3,
            "features_per_stage": [8, 16, 24],
            "conv_op": f"torch.nn.modules.conv.Conv{dims}d",
            "kernel_sizes": [[3] * dims] * 3,
            "strides": [[1] * dims, *map(list, pools)],
            a_stage: [1, 1, 1],
            "n_conv_per_stage_decoder": [1, 1],
            "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dims}d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def _planned(data: Data, plans: dict[str, Any]) -> None:
    """Make the plans small, and such that everything happens: resampling, patches, padding."""
    all_of = plans["configurations"]
    if data is ABDOMEN:
        full, flat = all_of["3d_fullres"], all_of["2d"]
        full.update(batch_size=2, patch_size=[16, 48, 56], spacing=[2.4, 2.3, 2.1])
        full["architecture"] = _network(3, ((1, 2, 2), (2, 2, 2)), residual=False)
        flat.update(batch_size=8, patch_size=[64, 80], spacing=[2.3, 2.5])
        flat["architecture"] = _network(2, ((2, 2), (2, 2)), residual=False)
        low = json.loads(json.dumps(full)) | {"next_stage": "3d_cascade_fullres"}
        low.update(data_identifier="nnUNetPlans_3d_lowres", spacing=[3.1, 3.4, 3.3])
        low["patch_size"] = [12, 40, 40]
        all_of["3d_lowres"] = low
        cascade = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
        all_of["3d_cascade_fullres"] = cascade
    else:
        full = all_of["3d_fullres"]
        full.update(batch_size=2, patch_size=[16, 48, 48], spacing=[4.1, 2.2, 2.3])
        full["architecture"] = _network(3, ((1, 2, 2), (2, 2, 2)), residual=True)


class Cache:
    """The folders of nnU-Net, filled as far as tests ask for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "nnUNet_raw": str(folder / "raw"),
            "nnUNet_preprocessed": str(folder / "preprocessed"),
            "nnUNet_results": str(folder / "results"),
            "nnUNet_extTrainer": str(folder / "trainer"),
            "nnUNet_def_n_proc": "1",
            "nnUNet_compile": "f",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(folder / "site"),
        }

    def command(self, name: str, *arguments: object) -> None:
        """Run one of nnU-Net's commands."""
        command = [str(Path(sys.executable).parent / f"nnUNetv2_{name}"), *map(str, arguments)]
        # Training in one process; planning wants a positive number.
        environment = self.environment | {"nnUNet_n_proc_DA": "0" if name == "train" else "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")

    def trained(self, name: str) -> Path:
        """The folder of a trained model."""
        model = MODELS[name]
        folder = self.folder / "results" / model.folder
        self._prepare(model.data)
        for earlier in model.after:
            self.trained(earlier)
        for fold in model.folds:
            done = folder / f"fold_{fold}" / "done"
            if not done.exists():
                shutil.rmtree(folder / f"fold_{fold}", ignore_errors=True)
                self._preprocess(model)
                where = model.data.number, model.configuration, fold
                self.command("train", *where, "-tr", TRAINER, "-device", "cpu")
                done.touch()
        return folder

    def predicted(
        self, name: str, image: np.ndarray, spacing: Sequence[float], *more: str, folder: Path
    ) -> np.ndarray:
        """Labels (slice, row, column) that nnUNetv2_predict gives for an image (channel, ...).

        Args:
            name: the model.
            image: values (channel, slice, row, column).
            spacing: mm between slices, rows and columns.
            more: further arguments, such as "--disable_tta".
            folder: for files.
        """
        model = MODELS[name]
        inside = folder / "in"
        inside.mkdir()
        for i, channel in enumerate(image):
            path = inside / f"case_{i:04}.nii.gz"
            SimpleITK.WriteImage(image_of(channel, spacing), str(path))
        before: list[str | Path] = []
        for earlier in model.after:
            before = ["-prev_stage_predictions", folder / earlier]
            self._predict(MODELS[earlier], inside, folder / earlier, *more)
        self._predict(model, inside, folder / name, *before, *more)
        return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / name / "case.nii.gz")))

    def _predict(self, model: Model, inside: Path, out: Path, *more: object) -> None:
        of = ["-d", model.data.number, "-c", model.configuration, "-tr", TRAINER]
        of += ["-f", *model.folds, *more]
        self.command(
            "predict", "-i", inside, "-o", out, *of, "-device", "cpu", "-npp", 1, "-nps", 1
        )

    def _prepare(self, data: Data) -> None:
        """Data, plans and the stranger's trainer."""
        (self.folder / "site").mkdir(parents=True, exist_ok=True)
        (self.folder / "site" / "sitecustomize.py").write_text(_SITE_CODE)
        (self.folder / "trainer").mkdir(parents=True, exist_ok=True)
        (self.folder / "trainer" / f"{TRAINER}.py").write_text(_TRAINER_CODE)
        for name in ("raw", "preprocessed", "results"):
            (self.folder / name).mkdir(exist_ok=True)
        preprocessed = self.folder / "preprocessed" / data.folder
        if (preprocessed / "splits_final.json").exists():
            return
        self._write(data)
        self.command("extract_fingerprint", "-d", data.number, "-np", 1)
        self.command("plan_experiment", "-d", data.number)
        path = preprocessed / "nnUNetPlans.json"
        plans = json.loads(path.read_text())
        _planned(data, plans)
        path.write_text(json.dumps(plans))
        shutil.copy(self.folder / "raw" / data.folder / "dataset.json", preprocessed)
        cases = [f"case{i}" for i in range(4)]
        splits = [{"train": [c for c in cases if c != v], "val": [v]} for v in cases[::-1]]
        (preprocessed / "splits_final.json").write_text(json.dumps(splits))

    def _preprocess(self, model: Model) -> None:
        done = self.folder / "preprocessed" / model.data.folder / f"{model.configuration}.done"
        if not done.exists():
            configuration = model.configuration.replace("3d_cascade_fullres", "3d_fullres")
            self.command("preprocess", "-d", model.data.number, "-c", configuration, "-np", 1)
            done.touch()

    def _write(self, data: Data) -> None:
        """The cases: parts of the image."""
        image, labels = data.make()
        raw = self.folder / "raw" / data.folder
        for name in ("imagesTr", "labelsTr"):
            (raw / name).mkdir(parents=True, exist_ok=True)
        rows, columns = labels.shape[1] // 3, labels.shape[2] // 3
        parts = [
            (slice(None), slice(None), slice(0, 2 * columns)),
            (slice(None), slice(None), slice(columns, None)),
            (slice(None), slice(0, 2 * rows), slice(None)),
            (slice(1, None), slice(rows // 2, None), slice(columns // 2, None)),
        ]
        for i, part in enumerate(parts):
            for channel, voxels in enumerate(image):
                path = raw / "imagesTr" / f"case{i}_{channel:04}.nii.gz"
                SimpleITK.WriteImage(data.image(voxels[part]), str(path))
            SimpleITK.WriteImage(
                data.image(labels[part]), str(raw / "labelsTr" / f"case{i}.nii.gz")
            )
        described = {
            "channel_names": {str(i): name for i, name in enumerate(data.channels)},
            "labels": data.labels,
            "numTraining": len(parts),
            "file_ending": ".nii.gz",
            "overwrite_image_reader_writer": "SimpleITKIO",
            **data.more,
        }
        (raw / "dataset.json").write_text(json.dumps(described))


def cache_folder() -> Path | None:
    """Where models are kept between runs of the tests; None: nowhere."""
    named = os.environ.get("IODEEP_JUDGES_CACHE")
    return Path(named) / "nnunet" if named else None


if __name__ == "__main__":
    cache = Cache(cache_folder() or Path(tempfile.mkdtemp()))
    for name in sys.argv[1:] or MODELS:
        sys.stdout.write(f"{cache.trained(name)}\n")

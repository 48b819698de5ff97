"""The files of a trained model: a folder as nnUNetv2_train leaves it, or one among others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IODeepLib.disk.files import temporary_folder
from IODeepLib.errors import ModelError, UsageError
from IODeepLib.importers.checkpoint import read_checkpoint
from IODeepLib.importers.foreign_json import read_object
from IODeepLib.importers.unzipped import unzip

PLANS, DATASET = "plans.json", "dataset.json"
CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")  # the first one that is there
_FOLD = re.compile(r"fold_(all|0|[1-9][0-9]?)")
# A data set's results lie two folders above the plans; TotalSegmentator's zips have more around.
_DEPTH = 4
_WANTED = re.compile(
    r"(?:.*/)?(?:plans\.json|dataset\.json|fold_\w+/checkpoint_(?:final|best)\.pth"
    r"|crossval_results_\w+/(?:postprocessing\.json|postprocessing\.pkl|summary\.json)"
    r"|fold_\w+/validation/summary\.json)"
)


@dataclass(frozen=True)
class Fold:
    """One training.

    Attributes:
        path: of the checkpoint.
        configuration: which one was trained.
        mirroring: the axes that may be mirrored, of those that the network has, zero based.
        weights: the state dict, still in the file.
    """

    path: Path
    configuration: str
    trainer: str
    mirroring: tuple[int, ...]
    weights: Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """A trained model.

    Attributes:
        folder: with plans.json.
        plans, dataset: the objects in these files.
        folds: in order.
    """

    folder: Path
    plans: dict[str, Any]
    dataset: dict[str, Any]
    folds: tuple[Fold, ...]


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder itself, or a temporary one with what matters of a ZIP file.

    Raises:
        ModelError: there is neither.
    """
    if path.is_dir():
        yield path
    elif path.is_file():
        with temporary_folder() as folder:
            unzip(path, folder, lambda name: _WANTED.fullmatch(name) is not None)
            yield folder
    else:
        raise ModelError(f"no {path}", "a folder of nnU-Net, or a ZIP file of it", "check the path")


def read_trained(
    path: Path, folds: str | None = None, configuration: str | None = None, called: str = ""
) -> Trained:
    """The trained model in a folder, or in one of those below it.

    Args:
        path: where.
        folds: "0,1" or "all", which is the fold of this name where there is one; all by default.
        configuration: which one, where there are several.
        called: how messages call the folder, if not by its path: it may be a temporary one.

    Raises:
        UsageError: there are several models, or no such fold or configuration.
        ModelError: a file is not there, or damaged.
    """
    folder = _model_in(path, configuration, called or str(path))
    plans, dataset = read_object(folder / PLANS), read_object(folder / DATASET)
    found = tuple(_fold(folder / name) for name in _names(folder, folds))
    kinds = sorted({fold.configuration for fold in found})
    if len(kinds) > 1:
        raise ModelError(
            f"folds of different configurations in {folder.name}: {', '.join(kinds)}",
            "one configuration in a folder",
            "take the folder as the training left it",
        )
    return Trained(folder, plans, dataset, found)


def _model_in(path: Path, configuration: str | None, called: str) -> Path:
    found = list(models_below(path))
    if not found:
        raise ModelError(
            f"no {PLANS} beside folders fold_* in {called}",
            "a trained model of nnU-Net v2, such as nnUNetTrainer__nnUNetPlans__3d_fullres",
            "choose that folder, below nnUNet_results",
        )
    if configuration is not None and not (len(found) == 1 and found[0] == path):
        named = [one for one in found if one.name.rpartition("__")[2] == configuration]
    else:
        named = found
    if len(named) != 1:
        listed = ", ".join(one.relative_to(path).as_posix() for one in found)
        raise UsageError(
            f"{called} with {len(found)} trained models"
            + (f", {len(named)} of them {configuration}" if configuration else ""),
            f"one of: {listed}",
            "choose it with --configuration, or give its folder",
        )
    return named[0]


def models_below(path: Path, depth: int = _DEPTH) -> Iterator[Path]:
    """Folders with plans and folds, in order; links to folders are not followed."""
    if (path / PLANS).is_file() and any(path.glob("fold_*")):
        yield path
    elif depth:
        for one in sorted(path.iterdir()):
            if one.is_dir() and not one.is_symlink():
                yield from models_below(one, depth - 1)


def beside(folder: Path, configuration: str) -> Path | None:
    """The folder of another configuration of the same trainer and plans, if it is there."""
    start = folder.name.rpartition("__")[0]
    other = folder.parent / f"{start}__{configuration}"
    return other if start and (other / PLANS).is_file() else None


def _names(folder: Path, folds: str | None) -> list[str]:
    """The folders of the folds that are asked for."""
    there = [one.name for one in folder.iterdir() if _FOLD.fullmatch(one.name)]
    numbered = sorted((n for n in there if n != "fold_all"), key=lambda name: int(name[5:]))
    if folds in (None, "all"):
        if numbered and (folds is None or "fold_all" not in there):
            return numbered
        return ["fold_all"]
    assert folds is not None  # noqa: S101 - said for mypy
    asked = [f"fold_{word.strip()}" for word in folds.split(",")]
    for name in asked:
        if name not in there or asked.count(name) > 1:
            known = ", ".join(one[5:] for one in sorted(there)) or "none"
            raise UsageError(
                f"--folds {folds}: {name} of {folder.name}", f"some of {known}", "correct --folds"
            )
    return asked


def _fold(folder: Path) -> Fold:
    path = next((folder / name for name in CHECKPOINTS if (folder / name).is_file()), None)
    if path is None:
        raise ModelError(
            f"no checkpoint in {folder}",
            " or ".join(CHECKPOINTS),
            "finish its training, or leave it out: --folds",
        )
    value = read_checkpoint(path)
    weights, arguments = value.get("network_weights"), value.get("init_args")
    configuration = arguments.get("configuration") if isinstance(arguments, dict) else None
    if not isinstance(weights, dict) or not isinstance(configuration, str):
        raise ModelError(
            f"{path} without network_weights and the name of its configuration",
            "a checkpoint of nnU-Net v2",
            "choose another folder",
        )
    axes = _axes(value.get("inference_allowed_mirroring_axes"), path)
    return Fold(path, configuration, str(value.get("trainer_name", "")), axes, weights)


def _axes(value: Any, path: Path) -> tuple[int, ...]:
    axes = tuple(value) if isinstance(value, (list, tuple)) else () if value is None else None
    if axes is None or not set(axes) <= {0, 1, 2} or len(set(axes)) < len(axes):
        raise ModelError(
            f"{path}: inference_allowed_mirroring_axes {str(value)[:60]}",
            "some of 0, 1, 2, or None",
            "take the checkpoint as the training left it",
        )
    return tuple(sorted(axes))

"""One trained model of nnU-Net: what its files say together, as a recipe's input and output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.export import export
from IODeepLib.importers.nnunet import network, postprocessing, recipe, resampling
from IODeepLib.importers.nnunet.dataset import Dataset, read_dataset
from IODeepLib.importers.nnunet.folder import CHECKPOINTS, Trained
from IODeepLib.importers.nnunet.plans import Architecture, Configuration, Plans, read_plans


@dataclass(frozen=True)
class Model:
    """A trained model, read and understood; its weights are still in the files.

    Attributes:
        trained: its files.
        plans, of: the plans, and the configuration that was trained.
        dataset: channels and labels.
    """

    trained: Trained
    plans: Plans
    of: Configuration
    dataset: Dataset

    @property
    def configuration(self) -> str:
        """Its name, such as 3d_fullres."""
        return self.trained.folds[0].configuration

    @cached_property
    def read_labels(self) -> tuple[str, ...]:
        """The labels of the stage before that a cascade reads, in the order of its channels."""
        if self.of.previous_stage is None:
            return ()
        names = dict(self.dataset.labels)
        if any(value not in names for value in self.dataset.values):
            raise ModelError(
                f"dataset.json: labels {list(self.dataset.values)}, of which regions paint "
                f"{sorted(names)} only",
                "a value for each: a cascade reads all of them",
                "import a configuration of one stage, such as 3d_fullres",
            )
        resampling.check_labels(self.of)
        return tuple(names[value] for value in self.dataset.values)

    def input(self) -> dict[str, Any]:
        """The recipe's input but for what a cascade reads of the stage before."""
        mirroring = self.trained.folds[0].mirroring
        return recipe.input_of(self.plans, self.of, self.dataset, mirroring)

    def networks(self, stage: str = "") -> tuple[str, ...]:
        """Names of its networks in a recipe: folds whose mean is taken, or () for the only one."""
        folds = [fold.path.parent.name.replace("_", "-") for fold in self.trained.folds]
        before = f"{stage}-" if stage else ""
        return tuple(before + fold for fold in folds) if len(folds) > 1 else ()

    def write(self, folder: Path, source: str, stage: str = "") -> Mapping[str, Path]:
        """Write its networks as ONNX, each by its name in the recipe.

        Raises:
            ModelError: the weights do not fit, or ONNX gives other values.
        """
        assert isinstance(self.of.architecture, Architecture)  # noqa: S101 - read_model sees to it
        channels = len(self.dataset.channels) + len(self.read_labels)
        shape = (1, channels, *self.of.patch_size)
        written = {}
        for name, fold in zip(self.networks(stage) or (stage,), self.trained.folds, strict=True):
            where = f"{source}, {fold.path.parent.name}"
            module = network.build(
                self.of.architecture, channels, self.dataset.heads, fold.weights, where
            )
            written[name] = folder / f"{name or 'network'}.onnx"
            export(module, shape, written[name], where)
        return written

    def after(self) -> tuple[list[dict[str, Any]], str]:
        """Steps of the recipe behind the decision, and a sentence on where they are from."""
        folder = self.trained.folder
        path = postprocessing.file_in(folder)
        if path is not None:
            said = f"{path.parent.name}/{path.name} is applied: --no-postprocessing"
            return postprocessing.steps(path, self.dataset), said
        if any(folder.glob("crossval_results_*/postprocessing.pkl")):
            return [], "postprocessing.pkl is a pickle and is not read: nothing is done there"
        return [], ""

    def assumed(self) -> Iterator[str]:
        """What a person should know of how it is run."""
        folds = self.trained.folds
        if len(folds) > 1:
            names = ", ".join(fold.path.parent.name for fold in folds)
            yield f"the mean of {names}, as nnU-Net predicts with them"
        if any(fold.path.name != CHECKPOINTS[0] for fold in folds):
            yield f"{CHECKPOINTS[1]}: there is no {CHECKPOINTS[0]}"
        if self.dataset.regions:
            yield "regions are painted in this order, the later ones over the earlier ones"


def read_model(trained: Trained) -> Model:
    """What the files of a trained model say.

    Raises:
        ModelError: they contradict each other, or it is of a kind that cannot be run.
        UsageError: the plans do not have its configuration.
    """
    plans = read_plans(trained.plans)
    of = plans.configuration(trained.folds[0].configuration)
    return Model(trained, plans, of, read_dataset(trained.dataset))

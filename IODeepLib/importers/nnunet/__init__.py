"""Trained models of nnU-Net v2: the folder, the plans, the network, and the recipe they make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.draft import Draft
from IODeepLib.importers.export import export
from IODeepLib.importers.labels import labels_of
from IODeepLib.importers.nnunet import network, postprocessing, recipe
from IODeepLib.importers.nnunet.dataset import Dataset, read_dataset
from IODeepLib.importers.nnunet.folder import opened, read_trained
from IODeepLib.importers.nnunet.plans import read_plans


@contextmanager
def draft(
    path: Path,
    folds: str | None = None,
    configuration: str | None = None,
    postprocess: bool = True,
) -> Iterator[Draft]:
    """What a trained model says.

    Args:
        path: its folder, or that of its data set with several, or a ZIP file of one.
        folds: "0,1", or "all"; without it those that are there.
        configuration: which one, where there are several.
        postprocess: whether to do what the cross validation found worth doing.

    Raises:
        UsageError: there is no such fold or configuration, or several.
        ModelError: a file is not there or damaged, or the model is of a kind that cannot be run.
    """
    with opened(path) as place:
        trained = read_trained(place, folds, configuration)
        plans, dataset = read_plans(trained.plans), read_dataset(trained.dataset)
        first = trained.folds[0]
        of = plans.configuration(first.configuration)
        if of.previous_stage is not None:
            raise ModelError(
                f"{first.configuration}, a stage behind {of.previous_stage}",
                "a model of one stage",
                "import another configuration, such as 3d_fullres",
            )
        source = f"{path.name} ({first.configuration})"
        labels = labels_of(dataset.labels)
        values: dict[str, Any] = {
            **recipe.names_of(plans, first.configuration),
            "input": recipe.input_of(plans, of, dataset, first.mirroring),
            "output": recipe.output_of(dataset) | {"labels": labels.recipe},
            "card": {"training_data": dataset.text or plans.dataset_name},
        }
        made = Draft(
            source, lambda folder: write(folder), values, [recipe.ORIENTATION, *labels.missing]
        )
        modalities = list(dict.fromkeys(filter(None, dataset.modalities)))
        if None not in dataset.modalities:
            made.recipe["applies_to"]["modalities"] = modalities
        _add_postprocessing(made, trained.folder, dataset, postprocess)
        shape = (1, len(dataset.channels), *of.patch_size)

        def write(folder: Path) -> Path:
            weights = [fold.weights for fold in trained.folds]
            assert of.architecture is not None  # noqa: S101 - plans.configuration sees to it
            module = network.build(of.architecture, shape[1], dataset.heads, weights)
            onnx = folder / "network.onnx"
            export(module, shape, onnx, source)
            return onnx

        made.assumed += [*_assumed(dataset, trained.folds), *filter(None, [labels.assumed])]
        yield made


def _add_postprocessing(made: Draft, folder: Path, dataset: Dataset, wanted: bool) -> None:
    path = postprocessing.file_in(folder)
    if path is not None and wanted:
        made.recipe["after"] = postprocessing.steps(path, dataset)
        made.assumed.append(f"{path.parent.name}/{path.name} is applied: --no-postprocessing")
    elif wanted and any(folder.glob("crossval_results_*/postprocessing.pkl")):
        made.assumed.append("postprocessing.pkl is a pickle and is not read: nothing is done there")


def _assumed(dataset: Dataset, folds: tuple[Any, ...]) -> Iterator[str]:
    if len(folds) > 1:
        names = ", ".join(fold.path.parent.name for fold in folds)
        yield f"the mean of {names}, as nnU-Net predicts with them"
    if folds[0].path.name != "checkpoint_final.pth":
        yield f"{folds[0].path.name}: there is no checkpoint_final.pth"
    if dataset.regions:
        yield "regions are painted in this order, the later ones over the earlier ones"

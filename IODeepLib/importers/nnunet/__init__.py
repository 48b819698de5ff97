"""Trained models of nnU-Net v2: the folder, the plans, the network, and the recipe they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from IODeepLib.errors import UsageError
from IODeepLib.importers.draft import Draft
from IODeepLib.importers.labels import labels_of
from IODeepLib.importers.nnunet import performance, recipe, stages
from IODeepLib.importers.nnunet.folder import beside, models_below, opened, read_trained
from IODeepLib.importers.nnunet.model import Model, read_model


@contextmanager
def draft(
    path: Path,
    folds: str | None = None,
    configuration: str | None = None,
    postprocess: bool = True,
    previous_stage: Path | None = None,
) -> Iterator[Draft]:
    """What a trained model says.

    Args:
        path: its folder, or that of its data set with several, or a ZIP file of one. Several parts,
            such as TotalSegmentator's, become one model.
        folds: "0,1", or "all"; without it those that are there.
        configuration: which one, where there are several.
        postprocess: whether to do what the cross validation found worth doing.
        previous_stage: of a cascade, the folder of the stage before; without it the one beside.

    Raises:
        UsageError: there is no such fold or configuration, or several.
        ModelError: a file is not there or damaged, or the model is of a kind that cannot be run.
    """
    with ExitStack() as stack:
        place = stack.enter_context(opened(path))
        several = _parts(place, folds, configuration)
        if several:
            yield _of_parts(path, several)
            return
        model = read_model(read_trained(place, folds, configuration, path.name))
        if model.of.previous_stage is None and previous_stage is None:
            yield _of_one(path, model, postprocess)
            return
        before = _before(model, previous_stage and stack.enter_context(opened(previous_stage)))
        yield _of_cascade(path, before, model, postprocess)


def _of_one(path: Path, model: Model, postprocess: bool) -> Draft:
    labels = labels_of(model.dataset.labels)
    source = f"{path.name} ({model.configuration})"
    values = _top(model)
    values["input"] = model.input()
    values["output"] = recipe.output_of(model.dataset) | {"labels": labels.recipe}
    if model.networks():
        values["networks"] = list(model.networks())
    made = Draft(
        source,
        lambda folder: _only(model.write(folder, source)),
        values,
        [recipe.ORIENTATION, *labels.missing],
    )
    made.assumed += [*model.assumed(), *filter(None, [labels.assumed])]
    _finish(made, model, postprocess)
    return made


def _of_cascade(path: Path, before: Model, model: Model, postprocess: bool) -> Draft:
    stages.check_cascade(before, model)
    values, missing, assumed = stages.cascade(before, model)
    source = f"{path.name} ({before.configuration}, {model.configuration})"

    def write(folder: Path) -> Mapping[str, Path]:
        written: dict[str, Path] = {}
        for one in (before, model):
            written |= one.write(folder, f"{path.name}, {one.configuration}", one.configuration)
        return written

    made = Draft(source, write, _top(model) | values, missing, finish=stages.share)
    made.assumed += [f"{before.trained.folder.name} is the stage before"]
    made.assumed += [*before.assumed(), *model.assumed(), *assumed]
    _finish(made, model, postprocess)
    return made


def _of_parts(path: Path, models: list[Model]) -> Draft:
    values, missing, assumed = stages.parts(models)

    def write(folder: Path) -> Mapping[str, Path]:
        written: dict[str, Path] = {}
        for model, name in zip(models, stages.part_names(models), strict=True):
            written |= model.write(folder, f"{path.name}, {name}", name)
        return written

    made = Draft(path.name, write, _top(models[0]) | values, missing, finish=stages.share)
    made.assumed += [f"{len(models)} parts, of which a later one paints over an earlier one"]
    made.assumed += [*models[0].assumed(), *assumed]
    _finish(made, models[0], postprocess=False)
    return made


def _parts(place: Path, folds: str | None, configuration: str | None) -> list[Model]:
    """The models below a folder whose data sets are numbered parts of one, in order."""
    found: dict[int, Path] = {}
    for folder in models_below(place):
        number = stages.part_of(folder.parent.name)
        if number is None or (configuration and not folder.name.endswith(f"__{configuration}")):
            return []
        if number in found:
            raise UsageError(
                f"part {number} twice: {found[number].name} and {folder.name}",
                "one trained model for each part",
                "choose with --configuration",
            )
        found[number] = folder
    if len(found) < 2 or sorted(found) != list(range(1, len(found) + 1)):
        return []
    return [read_model(read_trained(found[number], folds)) for number in sorted(found)]


def _before(model: Model, given: Path | None) -> Model:
    """The stage before a cascade: the folder that was given, or the one beside the model's own."""
    folder = given or beside(model.trained.folder, model.of.previous_stage or "")
    if folder is None:
        raise UsageError(
            f"{model.configuration}, which reads the labels of {model.of.previous_stage}",
            "that model as well",
            "add --previous-stage FOLDER",
        )
    return read_model(read_trained(folder, None, model.of.previous_stage))


def _top(model: Model) -> dict[str, Any]:
    """What stands at the top of the recipe and in its card."""
    text = "; ".join(filter(None, [model.plans.dataset_name, model.dataset.text]))
    card: dict[str, Any] = {"training_data": text}
    found = performance.measured(model.trained, model.dataset)
    card |= {"performance": found} if found else {}
    return {**recipe.names_of(model.plans, model.configuration), "card": card}


def _finish(made: Draft, model: Model, postprocess: bool) -> None:
    """Modalities where the channels' names say them, and what is done afterwards."""
    modalities = model.dataset.modalities
    if None not in modalities:
        made.recipe["applies_to"]["modalities"] = list(dict.fromkeys(modalities))
    if postprocess:
        steps, said = model.after()
        made.recipe |= {"after": steps} if steps else {}
        made.assumed += [said] if said else []


def _only(written: Mapping[str, Path]) -> Mapping[str, Path] | Path:
    """The path of the only network, which has no name."""
    return written[""] if list(written) == [""] else written

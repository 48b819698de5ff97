"""A model tuned with a site's own cases, measured, and packed as its next version."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from IODeepLib import pipeline
from IODeepLib.cohort import Case, Cohort, Loaded, Split, load
from IODeepLib.disk.files import temporary_folder
from IODeepLib.errors import ModelError, UsageError
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.model_object.new_version import next_version, with_version
from IODeepLib.recipe.contradictions import refuse_contradictions
from IODeepLib.selection.publisher import refuse_to_try
from IODeepLib.shrink.comparison import Comparison
from IODeepLib.text.wording import counted
from IODeepLib.training.figures import Figures, compared, with_figures
from IODeepLib.training.new_weights import with_weights
from IODeepLib.training.packages import check_packages
from IODeepLib.training.settings import Settings
from IODeepLib.training.trainable import trained_stage
from IODeepLib.trust.signer import Signer

# Of the time, without that of training.
_MEASURING = 0.2
_COMPARED = 2  # held-out cases whose patches PyTorch and ONNX Runtime are given


@dataclass(frozen=True, slots=True)
class Options:
    """How a model is tuned, beside the settings of the training.

    Attributes:
        version: of the new one; None for the next minor version.
        even_if_worse: write it even if it is no better than before on the held-out patients.
        work: the folder for what is kept on the way; None for one beside the new model.
        device: what trains, see `train`.
        run: how the networks are run that are measured; None for the defaults.
    """

    version: str | None = None
    even_if_worse: bool = False
    work: Path | None = None
    device: str = "auto"
    run: pipeline.Options | None = None


def tune(
    model: Model,
    cohort: Cohort,
    out: Path,
    settings: Settings | None = None,
    options: Options | None = None,
    *,
    signer: Signer | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Model, Figures]:
    """Train `model` on a cohort and write what it became as a new version.

    Killed at any moment, the same call goes on where it was. Both versions are run on the held-out
    patients (of the cohort's test split; of its validation split, where nobody is in the former),
    and the new model card says what was measured.

    Args:
        model: a model of one network, with its weights.
        cohort: cases of one site, in splits.
        out: a new or empty folder; it appears whole or not at all.
        settings: of the training.
        options: the rest.
        signer: who signs the new version, which is run before it is there.
        progress: called with the fraction done and a message; it may raise to stop.
        cancelled: asked all the time.

    Returns:
        The new model, and what was measured.

    Raises:
        UsageError: a Python package is not there, the model cannot be trained so far, or nobody is
            held out.
        NoModelFitsError: the model does not fit a series, or the site would not run the new one.
        ImageError: a case cannot be read, or changed since it was collected.
        ModelError: the network cannot be trained; or it became no better; or ONNX Runtime and
            PyTorch give other scores.
        CancelledError: `cancelled` said so; what was learned is kept.
        OutputError: a folder cannot be written.
    """
    settings, options = settings or Settings(), options or Options()
    check_packages()
    from IODeepLib.training.alike import check_alike
    from IODeepLib.training.torch_network import TorchNetwork
    from IODeepLib.training.train import train

    card = model.card
    trained_stage(card.recipe)
    refuse_to_try(card, signer)
    recipe = with_version(card, options.version or next_version(card.version))
    refuse_contradictions(recipe)
    _check_free(out)
    splits = {split: _Cases(cohort.of(split), model) for split in Split}
    training, validation = splits[Split.TRAIN], splits[Split.VALIDATION]
    held_out = splits[Split.TEST] if len(splits[Split.TEST]) else validation
    if not len(training) or not len(validation):
        raise UsageError(
            f"{counted(len(training), 'case')} to train on and {counted(len(validation), 'case')} "
            "to see when to stop",
            "one or more of each, of different patients",
            "collect more cases, or split them otherwise",
        )
    network = TorchNetwork.of(model)
    work = options.work or out.absolute().with_name(f"{out.absolute().name}.work")
    parts = _Parts(progress)
    trained = train(
        network,
        card.recipe,
        training,
        validation,
        settings,
        work,
        identity=cohort.digest,
        device=options.device,
        progress=parts.first,
        cancelled=cancelled,
    )
    with temporary_folder() as folder:
        trial = with_weights(model, trained.weights, recipe, folder / "trial", signer=signer)
        few = range(min(_COMPARED, len(validation)))
        check_alike(network, trial, [trained.examples[1][number].image for number in few])
        found: list[dict[int, list[dict[str, float]]]] = [{}, {}]
        for number, case in enumerate(held_out):
            for which, one in enumerate((model, trial)):
                share = parts.of(2 * number + which, 2 * len(held_out))
                dice = _dice(one, case, options.run, share, cancelled)
                found[which].setdefault(case.patient, []).append(dice)
        figures = Figures(
            compared(recipe.labels, *found),
            f"held-out {_words(held_out)}",
            _words(training),
            f"{counted(trained.best, 'step')} of {settings.words()}",
        )
    _check_better(model, figures, options)
    recipe = with_figures(card, recipe, figures)
    tuned = with_weights(model, trained.weights, recipe, out, signer=signer)
    shutil.rmtree(work, ignore_errors=True)
    return tuned, figures


def _check_free(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            f"{out}, which holds something", "a new or an empty folder", "take another"
        )


def _check_better(model: Model, figures: Figures, options: Options) -> None:
    if not figures.labels:
        raise ModelError(
            f"{figures.dataset}, on which there is nothing to find",
            "held-out patients with labels of the model, to measure on",
            "split the cohort otherwise",
        )
    if figures.after <= figures.before and not options.even_if_worse:
        raise ModelError(
            f"{model.label}, which became no better on {figures.dataset}: "
            f"Dice {figures.after:.4f}, before {figures.before:.4f}",
            "a network that is better on them than before",
            "train on more cases or at a lower rate; --even-if-worse writes it as it is",
        )


def _dice(
    model: Model,
    case: Loaded,
    options: pipeline.Options | None,
    progress: Progress,
    cancelled: Callable[[], bool] | None,
) -> dict[str, float]:
    """Of each label by name, on the voxels of the series."""
    result = pipeline.run(
        case.series, model, options, others=case.others, progress=progress, cancelled=cancelled
    )
    found = result.segmentation
    assert found is not None  # noqa: S101 - see `trained_stage`
    comparison = Comparison(found.labels)
    truth = case.truth.view(np.uint8) if case.truth.ndim == 4 else case.truth
    comparison.add(found, Segmentation(truth, found.grid, found.labels))
    unknown = {label.name for label in found.labels if label.value in case.unknown}
    return {name: dice for name, dice in comparison.dice().items() if name not in unknown}


class _Cases(Sequence[Loaded]):
    """Cases that are read when they are asked for, and not held."""

    def __init__(self, cases: Sequence[Case], model: Model) -> None:
        self.cases, self._model = cases, model
        self.modalities = model.card.recipe.applies_to.modalities

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, number: int) -> Loaded:  # type: ignore[override]
        return load(self.cases[number], self._model)

    def __iter__(self) -> Iterator[Loaded]:
        return (self[number] for number in range(len(self)))


def _words(cases: _Cases) -> str:
    """How many patients, series and slices, and nothing of whose they are."""
    patients = len({case.patient for case in cases.cases})
    slices = sum(len(case.images[0].files) for case in cases.cases)
    kind = " and ".join(cases.modalities)
    series = counted(len(cases), f"{kind} series", f"{kind} series")
    return f"{counted(patients, 'patient')} ({series}, {counted(slices, 'file')})"


class _Parts:
    """Progress over training and measuring."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def first(self, fraction: float, message: str) -> None:
        """Of the training."""
        if self._progress is not None:
            self._progress((1 - _MEASURING) * fraction, message)

    def of(self, number: int, count: int) -> Progress:
        """Of a run, counted from 0."""

        def progress(fraction: float, message: str) -> None:
            done = 1 - _MEASURING + _MEASURING * (number + fraction) / count
            if self._progress is not None:
                self._progress(done, f"measuring, run {number + 1} of {count}: {message}")

        return progress

"""A model shrunk, held against the one that it was made from, and packed as its next version."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from IODeepLib import pipeline
from IODeepLib.disk.files import temporary_folder, whole_folder
from IODeepLib.errors import ImageError, ModelError
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model, unpack, write_model
from IODeepLib.model_object.new_version import next_version, with_version
from IODeepLib.model_object.unpacking import onnx_file_name
from IODeepLib.network.runtime import open_session
from IODeepLib.publish import pack
from IODeepLib.recipe.contradictions import refuse_contradictions
from IODeepLib.selection.publisher import refuse_to_try
from IODeepLib.series import Image
from IODeepLib.shrink.comparison import Comparison
from IODeepLib.shrink.half import to_half
from IODeepLib.shrink.integers import prepared, to_integers
from IODeepLib.shrink.new_version import Figures, dataset_of, rounded, with_figures
from IODeepLib.shrink.precision import Precision, check
from IODeepLib.shrink.samples import Samples
from IODeepLib.sources.folder import find_model
from IODeepLib.trust.signer import Signer
from IODeepLib.trust.signing import sign_files

# Below this a label is another one to a person who looks at both.
LEAST_DICE = 0.95
# What calibration keeps on the disk, of all networks together.
_MOST_SAMPLE_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True)
class Case:
    """Images that the model fits: what a run is given.

    Attributes:
        series: the one that is read.
        others: further ones, from which other channels are filled.
    """

    series: Image
    others: Sequence[Image] = ()


def shrink(
    model: Model,
    cases: Sequence[Case],
    to: Precision,
    out: Path,
    *,
    version: str | None = None,
    least_dice: float = LEAST_DICE,
    options: pipeline.Options | None = None,
    signer: Signer | None = None,
    progress: Progress | None = None,
) -> tuple[Model, Figures]:
    """Write `model` as a new version with weights of fewer bits: all its networks, same recipe.

    Both versions are run on the images, in turns. What they find is compared, and stands in the new
    model card with the seconds that it took. For int8, a run before shows what values occur.

    Args:
        model: a model with its weights, in float32.
        cases: at least one, as different as what it will be used on.
        to: fp16 or int8.
        out: a new or empty folder; it appears whole or not at all.
        version: of the new one; None for the next minor version.
        least_dice: a label that is less alike than this is an error.
        options: how the networks are run.
        signer: who signs the new version, which is run before it is there.
        progress: called with the fraction done and a message; it may raise to stop.

    Returns:
        The new model, and what was measured.

    Raises:
        UsageError: a Python package is not there, or the model segments nothing.
        NoModelFitsError: the model does not fit a series, or the site would not run the new one.
        ImageError: a series cannot be read, or neither version finds anything on any.
        ModelError: it cannot be shrunk, or finds something else then.
        OutputError: the folder cannot be written, or something else is there.
    """
    check(model, to)
    card = model.card
    refuse_to_try(card, signer)
    recipe = with_version(card, version or next_version(card.version))
    refuse_contradictions(recipe)
    names = [network.name for network in card.networks]
    for name in names:  # what cannot be run is refused before other programs are given it
        open_session(model, name, providers="cpu", to_run=False)
    steps = _Steps(progress, (3 if to is Precision.INT8 else 2) * len(cases) + len(names) + 1)
    runner = _Runner(options or pipeline.Options(), steps)
    with whole_folder(out) as new, temporary_folder() as folder:
        unpack(model, folder / "before")
        samples: dict[str, Samples] = {}
        if to is Precision.INT8:
            samples = _samples(model, cases, folder, runner)
        paths: dict[str, Path] = {}
        single: set[str] = set()
        for name in names:
            steps.next()(0.0, f"making {to.value}")
            before = folder / "before" / onnx_file_name(name)
            paths[name], ready = folder / f"after-{name}.onnx", folder / f"ready-{name}.onnx"
            what = f"the network {name} of {card.label}" if name else card.label
            prepared(before, ready, what)
            before.unlink()
            if to is Precision.FP16:
                single.update(to_half(ready, paths[name], what))
            else:
                to_integers(ready, paths[name], samples[name], what)
            ready.unlink()
        given = paths if recipe.networks or recipe.stages else paths[""]
        write_model(given, recipe, folder / "trial")
        if signer is not None:
            sign_files(sorted((folder / "trial").iterdir()), signer)
        trial = find_model(folder / "trial")
        figures = _compared(model, trial, cases, runner)
        _check_dice(model, to, figures, least_dice)
        recipe = with_figures(card, recipe, to, figures, sorted(single))
        pack(given, recipe, new, parent=card, signer=signer, progress=steps.next())
    return find_model(out), figures


def _samples(
    model: Model, cases: Sequence[Case], folder: Path, runner: _Runner
) -> dict[str, Samples]:
    """What each network is given on the images, some of it.

    Raises:
        ImageError: a network was never run.
    """
    names = [network.name for network in model.card.networks]
    samples = {
        name: Samples(folder / f"samples-{name}", _MOST_SAMPLE_BYTES // len(names))
        for name in names
    }
    for case in cases:
        runner.run(model, case, lambda name, feeds: samples[name].offer(feeds))
    idle = [name for name, kept in samples.items() if not len(kept)]
    if idle:
        raise ImageError(
            f"series on which {', '.join(idle)} of {model.label} was not run",
            "series on which all networks are, to see what values occur",
            "give other series, or take fp16",
        )
    return samples


def _compared(model: Model, trial: Model, cases: Sequence[Case], runner: _Runner) -> Figures:
    """Both on all cases, in turns, so that what else the machine does is fair to both.

    Raises:
        ImageError: neither finds anything.
    """
    comparison = Comparison(model.card.recipe.labels)
    seconds = [0.0, 0.0]
    images: dict[Image, None] = {}
    for case in cases:
        found: list[Segmentation] = []
        for i, one in enumerate((model, trial)):
            run = runner.run(one, case)
            seconds[i] += run.seconds / len(cases)
            images.update(dict.fromkeys(run.images))
            found.append(run.found)
        comparison.add(*found)
    dataset, dice = dataset_of(list(images)), comparison.dice()
    if not dice:
        raise ImageError(
            f"{dataset}, on which {model.label} finds nothing",
            "images with what it finds, so that both versions can be compared",
            "give other series",
        )
    sizes = _megabytes(model), _megabytes(trial)
    return Figures(dataset, dice, (seconds[0], seconds[1]), sizes, run.processor)


def _check_dice(model: Model, to: Precision, figures: Figures, least: float) -> None:
    unlike = sorted((dice, name) for name, dice in figures.dice.items() if dice < least)
    if unlike:
        listed = ", ".join(f"{name} {rounded(dice):.4f}" for dice, name in unlike)
        worst = int(unlike[0][0] * 100) / 100
        raise ModelError(
            f"{to.value} finds something else than {model.label} on {figures.dataset} "
            f"(Dice {listed})",
            f"a Dice of {least:g} or more for each label",
            f"take {'fp16, or ' if to is Precision.INT8 else ''}other series; who knows that it "
            f"does no harm says --least-dice {worst:g}",
        )


def _megabytes(model: Model) -> float:
    """Of all instances."""
    assert model.card.path is not None  # noqa: S101 - it was unpacked
    files = [model.card.path, *(part.path for part in model.weights())]
    return sum(file.stat().st_size for file in files) / 1e6


class _Steps:
    """Progress over steps that take about equally long."""

    def __init__(self, progress: Progress | None, count: int) -> None:
        self._progress, self._count, self._done = progress, count, -1

    def next(self) -> Progress:
        """The callback for the next step."""
        self._done += 1
        before = self._done

        def progress(fraction: float, message: str) -> None:
            if self._progress is not None:
                self._progress((before + fraction) / self._count, message)

        return progress


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run found, from which images, in which time without reading them, with what."""

    found: Segmentation
    images: tuple[Image, ...]
    seconds: float
    processor: str


class _Runner:
    """Runs models, each with the same options."""

    def __init__(self, options: pipeline.Options, steps: _Steps) -> None:
        self._options, self._steps = options, steps

    def run(
        self,
        model: Model,
        case: Case,
        watch: Callable[[str, Mapping[str, NDArray[Any]]], None] | None = None,
    ) -> _Run:
        began: dict[pipeline.Stage, float] = {}

        def note(stage: pipeline.Stage) -> None:
            began.setdefault(stage, time.monotonic())

        result = pipeline.run(
            case.series,
            model,
            self._options,
            others=case.others,
            progress=self._steps.next(),
            began=note,
            watch=watch,
        )
        seconds = time.monotonic() - began[pipeline.Stage.PREPARE]
        assert result.segmentation is not None  # noqa: S101 - see `check`
        threads = f", threads: {result.threads}" if result.threads else ""
        return _Run(result.segmentation, result.channels, seconds, f"{result.provider}{threads}")

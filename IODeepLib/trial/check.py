"""A model on a series: the run itself, what its network saw, and what looks wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IODeepLib import pipeline
from IODeepLib.disk.files import whole_folder
from IODeepLib.inference.classification import Classification
from IODeepLib.inference.preprocess import Prepared, prepare
from IODeepLib.inference.suv import in_suv
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.model_object.held import held
from IODeepLib.model_object.publishers import proved
from IODeepLib.network.predictor import Ensemble
from IODeepLib.network.runtime import open_session
from IODeepLib.recipe import Stage, Task
from IODeepLib.results.pictures.overlay import overlay_picture
from IODeepLib.results.result import Result
from IODeepLib.selection import Candidate, judge
from IODeepLib.selection.criteria import Verdict
from IODeepLib.selection.publisher import refuse_untrusted
from IODeepLib.series import Image
from IODeepLib.text.wording import counted
from IODeepLib.trial.picture import network_view
from IODeepLib.trial.turns import Seen, try_turns
from IODeepLib.trial.values import oddities

RESULT_NAME, VIEW_NAME = "result.png", "network-{number}-{channel}.png"
_UNSURE = 0.6  # probability of the likeliest label, in the mean
_EVERYWHERE = 0.95  # of all voxels


@dataclass(frozen=True, slots=True)
class Check:
    """What was seen.

    Attributes:
        model: its label.
        series: its label.
        odd: sentences on what looks wrong; none, where nothing does.
        seen: of each network that was tried, by the name of its stage.
        notes: what the run says of itself.
        volumes: millilitres of each label by name, or what was chosen; {} where the run failed.
        files: names of the pictures.
    """

    model: str
    series: str
    odd: tuple[str, ...]
    seen: dict[str, Seen]
    notes: tuple[str, ...]
    volumes: dict[str, Any]
    files: tuple[str, ...]


def check(
    series: Image,
    model: Model,
    out_dir: Path,
    others: Sequence[Image] = (),
    progress: Progress | None = None,
) -> Check:
    """Try a model on a series, and write pictures of what its network saw and found.

    It is tried whether the series fits or not, as long as it fills the channels.

    Args:
        series: the series.
        model: a model with its weights.
        out_dir: a new or empty folder.
        others: further series, for the other channels.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        ImageError: the series cannot be read.
        ModelError: the network fails.
        NoModelFitsError: this site never runs models of this publisher.
        OutputError: the folder cannot be written.
    """
    model = proved(model)
    refuse_untrusted(model)
    recipe = model.card.recipe
    candidate = judge(series, model, others)
    odd = [f"it does not fit: {why}" for why in candidate.with_verdict(Verdict.FAILS)]
    names: list[str] = []
    notes: tuple[str, ...] = ()
    volumes: dict[str, Any] = {}
    seen: dict[str, Seen] = {}
    with whole_folder(out_dir) as folder, held(model) as model:
        if candidate.fits:
            result = pipeline.run(series, model, others=others, progress=progress)
            notes = result.notes
            volumes = _found(result, folder, names, odd)
        for number, stage in enumerate(recipe.all_stages):
            if stage.reads or recipe.task is not Task.SEGMENTATION:
                continue  # what it reads is made by another stage; or there are no voxels to show
            own = _look(candidate, model, stage, number, folder, names, odd)
            if own is not None:
                seen[stage.name] = own
    return Check(model.label, series.label, tuple(odd), seen, notes, volumes, tuple(names))


def _found(result: Result, folder: Path, names: list[str], odd: list[str]) -> dict[str, Any]:
    """What the run found, with a picture of it; what looks wrong in that goes to `odd`."""
    if isinstance(result.found, Classification):
        return dict(zip(_names(result.found), result.found.values, strict=True))
    volumes = result.found.volumes()
    missing = [name for name, volume in volumes.items() if not volume]
    if len(missing) == len(volumes):
        odd.append("nothing was found")
    elif missing:
        odd.append(f"{counted(len(missing), 'label')} not found: {', '.join(missing)}")
    for label in result.found.labels:
        share = float(result.found.mask(label).mean())
        if share > _EVERYWHERE:
            odd.append(f"{label.name} fills {share:.0%} of the image")
    (folder / RESULT_NAME).write_bytes(overlay_picture(result.volume, result.found))
    names.append(RESULT_NAME)
    return dict(volumes)


def _names(found: Classification) -> list[str]:
    return [label.name for label in found.labels]


def _look(
    candidate: Candidate,
    model: Model,
    stage: Stage,
    number: int,
    folder: Path,
    names: list[str],
    odd: list[str],
) -> Seen | None:
    """What the network of a stage sees, in pictures, and how sure it is of turned images."""
    channels = [candidate.channels[i] for i in model.card.recipe.series_of(stage)]
    input_, _ = in_suv(stage.input, channels)
    volumes = [
        image.volume(None, channel.color)
        for image, channel in zip(channels, input_.channels, strict=True)
    ]
    prepared = prepare(volumes, input_)
    odd += oddities(volumes, stage, prepared.array)
    predict = Ensemble(stage, [open_session(model, name) for name in stage.network_names])
    seen = try_turns(prepared.array, stage, predict)
    better = seen.better
    if better is not None:
        odd.append(
            f"the network is surer with {better.words}: {better.confidence:.1%}, against "
            f"{seen.turns[0].confidence:.1%}: are input.orientation and input.axis_order right"
        )
    elif seen.turns and seen.turns[0].confidence < _UNSURE:
        odd.append(f"the network is unsure: {seen.turns[0].confidence:.1%} in the mean")
    _draw(prepared, seen, stage, number, folder, names)
    return seen


def _draw(
    prepared: Prepared, seen: Seen, stage: Stage, number: int, folder: Path, names: list[str]
) -> None:
    grid = prepared.network
    spacing = " x ".join(f"{mm:.3g}" for mm in grid.spacing)  # not every font has ×
    for i, channel in enumerate(stage.input.channels):
        name = VIEW_NAME.format(number=number + 1, channel=i + 1)
        view = network_view(
            seen.array[i],
            seen.labels,
            stage.output.labels,
            stage.input.working_axes,
            grid.orientation,
            grid.spacing,
            f"{channel.name}, as the network sees it: axes {stage.input.working_axes}, toward "
            f"{grid.orientation}, {spacing} mm",
        )
        (folder / name).write_bytes(view)
        names.append(name)

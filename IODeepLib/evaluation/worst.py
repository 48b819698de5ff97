"""Pictures of the cases that a model did worst on, drawn while all of it is at hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from IODeepLib.codes import Code
from IODeepLib.cohort import Case, Loaded
from IODeepLib.disk.files import whole_file
from IODeepLib.evaluation.place import WORST, Kept
from IODeepLib.evaluation.records import Evaluation, Figures
from IODeepLib.geometry import Volume
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.results.colors import RGB

MOST = 6  # of each model
REFERENCE: RGB = (64, 200, 90)
FOUND: RGB = (240, 90, 200)
_WHAT = Code("85756007", "SCT", "Tissue")


@dataclass(frozen=True, slots=True)
class Bad:
    """A case that a model did badly on, and the label that it did worst on there.

    Attributes:
        model: which one.
        figures: of that label.
        dice: the mean of all labels.
        picture: its file.
    """

    model: int
    figures: Figures
    dice: float
    picture: Path


class Worst:
    """The worst cases of each model so far.

    Args:
        folder: of the evaluation; None for no pictures.
        kept: what is done.
        asked: the evaluation, without figures.
    """

    def __init__(self, folder: Path | None, kept: Kept, asked: Evaluation) -> None:
        self._folder = folder
        self._dice: dict[int, dict[str, tuple[float, Figures]]] = defaultdict(dict)
        for i, model in enumerate(asked.models):
            for (sha256, _), one in kept.done.items():
                if sha256 == model.network_sha256:
                    self._note(i, one.figures)

    def offer(
        self,
        model: int,
        case: Case,
        figures: Sequence[Figures],
        loaded: Loaded,
        volume: Volume,
        found: Segmentation,
        labels: Mapping[int, Label],
    ) -> None:
        """Draw the case if it is one of the worst so far.

        Args:
            model: which one.
            case, figures: what was measured.
            loaded: its truth.
            volume: the image.
            found: what the model found.
            labels: of the model, by the value of those of the cohort.
        """
        if self._folder is None or not self._note(model, figures):
            return
        ranked = self._ranked(model)
        if case.key not in [key for key, _ in ranked]:
            return
        _, worst = self._dice[model][case.key]
        truth = loaded.segmentation
        label = next(one for one in truth.labels if one.name == worst.label)
        own = labels[label.value]
        pair = np.stack([truth.mask(label), found.mask(own)]).view(np.uint8)
        content = _drawn(volume, pair, loaded)
        with whole_file(self._path(model, case.key)) as new:
            new.write_bytes(content)

    def chosen(self) -> list[Bad]:
        """The worst of each model, the worst first; other pictures are removed."""
        if self._folder is None:
            return []
        found = [
            Bad(model, figures, dice, self._path(model, key))
            for model in sorted(self._dice)
            for key, (dice, figures) in self._ranked(model)
        ]
        shown = [one for one in found if one.picture.is_file()]
        there = (self._folder / WORST).glob("*.png")
        for path in {*there} - {one.picture for one in shown}:
            path.unlink(missing_ok=True)
        return shown

    def _note(self, model: int, figures: Sequence[Figures]) -> bool:
        known = [(one.dice, one) for one in figures if one.dice is not None]
        if known:
            mean = sum(dice for dice, _ in known) / len(known)
            _, worst = min(known, key=lambda pair: pair[0])
            self._dice[model][worst.case] = mean, worst
        return bool(known)

    def _ranked(self, model: int) -> list[tuple[str, tuple[float, Figures]]]:
        bad = [(key, one) for key, one in self._dice[model].items() if one[0] < 1]
        return sorted(bad, key=lambda item: (item[1][0], item[0]))[:MOST]

    def _path(self, model: int, case: str) -> Path:
        assert self._folder is not None  # noqa: S101 - callers ask before
        return self._folder / WORST / f"{case}-{model + 1}.png"


def _drawn(volume: Volume, pair: np.ndarray, loaded: Loaded) -> bytes:
    from IODeepLib.results import overlay_picture

    labels = (
        Label(1, "what is right", _WHAT, _WHAT, color=REFERENCE),
        Label(2, "what was found", _WHAT, _WHAT, color=FOUND),
    )
    return overlay_picture(
        volume,
        Segmentation(pair, volume.grid, labels),
        placed=loaded.series.has_patient_geometry,
        sized=loaded.series.has_voxel_size,
        inverse=loaded.series.photometric_interpretation == "MONOCHROME1",
    )

"""What a site does with its own data in a round: training, and measuring what came out.

Needs the extra [train]; nothing else here does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from IODeepLib.cohort import Case, Cohort, Loaded, Split, load
from IODeepLib.errors import UsageError
from IODeepLib.federation.aggregate import Measure
from IODeepLib.federation.join import Train
from IODeepLib.federation.records import Round
from IODeepLib.federation.rounds import now
from IODeepLib.federation.tensors import Float32
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.recipe import Measurement
from IODeepLib.text.wording import counted
from IODeepLib.training.packages import check_packages

_LOOKS = 4  # at the held-out patients, in a round


def trainer(cohort: Cohort, device: str = "auto", progress: Progress | None = None) -> Train:
    """Trains with a cohort; it ends when the round does.

    Args:
        cohort: the site's.
        device: "cpu", "cuda", or "auto" for a card where there is one.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        UsageError: a Python package is not there.
    """
    check_packages()

    def train(parent: Model, said: Round, folder: Path) -> tuple[Mapping[str, Float32], int]:
        from IODeepLib.training.settings import Settings
        from IODeepLib.training.torch_network import TorchNetwork
        from IODeepLib.training.train import train as tune

        cases = _Cases(cohort.of(Split.TRAIN), parent)
        if not cases:
            raise UsageError(
                "a cohort without a case for training", "one at least", "collect more cases"
            )
        asked = said.settings
        settings = Settings(
            rate=asked.rate,
            steps=asked.steps,
            batch_size=asked.batch_size,
            augment=asked.augment,
            patch_size=asked.patch_size or None,
            # A look at the held-out patients takes as long as many steps.
            validate_every=max(1, asked.steps // _LOOKS),
        )
        trained = tune(
            TorchNetwork.of(parent),
            parent.card.recipe,
            cases,
            _Cases(cohort.of(Split.VALIDATION), parent),
            settings,
            folder,
            identity=cohort.digest,
            device=device,
            progress=progress,
            cancelled=lambda: now() > said.due,
        )
        return trained.weights, len(cases)

    return train


def measurer(cohort: Cohort, progress: Progress | None = None) -> Measure:
    """Measures a version on the cases of a cohort that are for testing."""

    def measure(model: Model) -> Sequence[Measurement]:
        from IODeepLib.evaluation import evaluate
        from IODeepLib.evaluation.records import Metric
        from IODeepLib.evaluation.summary import Groups, summary_of

        evaluation = evaluate([model], cohort, surfaces=False, progress=progress)
        groups = Groups(evaluation)
        dataset = f"the coordinator's own, {counted(len(cohort.of(Split.TEST)), 'case')}"
        found = (
            (label, summary_of(groups.of(0, label), Metric.DICE)) for label in evaluation.labels
        )
        return [
            Measurement(dataset, "Dice", round(one.mean, 4), label)
            for label, one in found
            if one.mean is not None
        ]

    return measure


class _Cases(Sequence[Loaded]):
    """Cases that are read when they are asked for, and not held."""

    def __init__(self, cases: Sequence[Case], model: Model) -> None:
        self._cases, self._model = cases, model

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, number: int) -> Loaded:  # type: ignore[override]
        return load(self._cases[number], self._model)

    def __iter__(self) -> Iterator[Loaded]:
        return (self[number] for number in range(len(self)))

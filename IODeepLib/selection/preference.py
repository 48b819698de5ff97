"""Of networks that fit alike, the one that measured better on this site's own data.

Nothing that excludes a network, or ranks one below another, is changed by it: only among versions
of one network, and among equals, it decides, and only where all that are compared were measured in
one evaluation. What was not measured is no worse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.text.wording import counted

if TYPE_CHECKING:
    from IODeepLib.selection.ranking import Candidate

CRITERION = "measured here"
_SAME = 5e-5  # figures are told with four digits


@dataclass(frozen=True, slots=True)
class Measured:
    """How well a network did on data of this site.

    Attributes:
        dice: the mean over patients, of their labels and images.
        patients: how many.
        dataset: the name of the cohort, and its split.
        evaluation: tells evaluations apart: figures of two are not compared.
    """

    dice: float
    patients: int
    dataset: str
    evaluation: str

    def __str__(self) -> str:
        return f"mean Dice {self.dice:.4f} over {counted(self.patients, 'patient')}"

    @property
    def reason(self) -> Reason:
        """It, among the criteria."""
        required = "a high Dice on this site's own data"
        return Reason(CRITERION, Verdict.FITS, required, str(self), self.dataset)


def preferred(
    candidates: Iterable[Candidate], measured: Mapping[str, Measured]
) -> dict[str, Candidate]:
    """Of each model the version that is taken, with what it measured and why it is the better one.

    Args:
        candidates: those that fit, the newest version of each model first.
        measured: by the SHA-256 of the network, see `Card.network_digest`.
    """
    families: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        families[candidate.model.family].append(candidate)
    taken = {family: _version(versions, measured) for family, versions in families.items()}
    by_rank: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for family, candidate in taken.items():
        by_rank[candidate.rank].append(family)
    for equals in by_rank.values():
        known = [measured.get(taken[family].model.card.network_digest) for family in equals]
        figures = [one for one in known if one is not None]
        if len(equals) < 2 or len({one and one.evaluation for one in known}) > 1 or not figures:
            continue
        ranked = sorted({_rounded(one) for one in figures}, reverse=True)
        for family, figure in zip(equals, figures, strict=True):
            place = ranked.index(_rounded(figure))
            worse = [
                f"{taken[other].model.label} ({that.dice:.4f})"
                for other, that in zip(equals, figures, strict=True)
                if place == 0 and _rounded(that) < _rounded(figure)
            ]
            why = _because(figure, worse) if worse else taken[family].because
            taken[family] = replace(taken[family], measured_place=place, because=why)
    return taken


def _version(versions: list[Candidate], measured: Mapping[str, Measured]) -> Candidate:
    """The version that measured best, or the newest."""
    newest = versions[0]
    figure = measured.get(newest.model.card.network_digest)
    if figure is None:
        return newest
    best, best_figure = newest, figure
    for other in versions[1:]:
        that = measured.get(other.model.card.network_digest)
        comparable = that is not None and that.evaluation == figure.evaluation
        if comparable and other.model.standing is newest.model.standing:
            assert that is not None  # noqa: S101 - comparable
            if that.dice > best_figure.dice + _SAME:
                best, best_figure = other, that
    if best is newest:
        return newest
    newer = f"the newer {newest.model.label} ({figure.dice:.4f})"
    return replace(best, because=_because(best_figure, [newer]))


def _because(figure: Measured, worse: list[str]) -> str:
    return (
        f"it measured better on this site's own data than {' and '.join(worse)}: "
        f"{figure} of {figure.dataset}"
    )


def _rounded(figure: Measured) -> int:
    return round(figure.dice / (2 * _SAME))

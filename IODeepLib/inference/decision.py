"""From blended scores to labels on the voxels of the series, plane by plane.

Scores come in planes of the network's grid. On the voxels of the series they are interpolated
linearly, and decided there; or the decision is made on the network's voxels and each voxel of the
series takes that of the one it lies in. Of a slab only the last plane is held when the next one
comes. Planes are painted on all processors, in tiles small enough for their caches. Where labels
are interpolated or changed before they are brought to the series, they are held on the network's
voxels first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ModelError
from IODeepLib.inference.canvas import Canvas
from IODeepLib.inference.labels_on_source import labels_on_source, on_itself
from IODeepLib.inference.painter import Painter
from IODeepLib.inference.preprocess import Prepared
from IODeepLib.inference.score_planes import is_whole, pairs_of
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.inference.sliding_window import Slab
from IODeepLib.inference.surrounded import surrounded
from IODeepLib.machine.parallel import in_order
from IODeepLib.recipe import Blend, Decision, Interpolation, Output
from IODeepLib.voxels.activation import activate
from IODeepLib.voxels.resample import parallel_steps
from IODeepLib.voxels.taps import linear_taps, nearest_even_taps, nearest_taps


def decide(
    slabs: Iterable[Slab],
    prepared: Prepared,
    output: Output,
    *,
    want_probabilities: bool = False,
    confidence_layers: int = 0,
    on_network: Callable[[Segmentation], Segmentation] | None = None,
) -> Segmentation:
    """The labels on the series' own voxels.

    Args:
        slabs: scores on the network's grid in order, as `sliding_window.score_slabs` gives them;
            which channel is the highest where `needs_highest_alone` says so.
        prepared: what the network was run on.
        output: the recipe's output.
        want_probabilities: also give each label's probability; not for label values, which have
            none.
        confidence_layers: of `Segmentation.confidence`, 2 or 3 of them, or 0 for none; not for
            label values either. Where there are 3, the last channel of the scores is the
            disagreement.
        on_network: what is done to the labels on the network's voxels, where they are decided
            there.

    Returns:
        Labels in the axis order of the series, contiguous; voxels that the network did not see
        are background.

    Raises:
        ModelError: scores at an angle to the series, to be decided there.
    """
    decided_there = output.decides_on_network
    if prepared.at_an_angle and not decided_there:
        raise ModelError(
            "scores at an angle to the series",
            "labels, decided on the network's voxels",
            "set output.decide_on to 'network' in the recipe",
        )
    linear = output.label_interpolation is Interpolation.LINEAR
    held = on_network is not None or linear or prepared.at_an_angle
    if held and decided_there and prepared.source is not prepared.network:
        there = decide(
            slabs,
            on_itself(prepared),
            output,
            want_probabilities=want_probabilities,
            confidence_layers=confidence_layers,
        )
        changed = on_network(there) if on_network else there
        return labels_on_source(changed, prepared, output.label_interpolation)
    if output.interpolates_probabilities and output.blend is Blend.SCORES:
        slabs = _probabilities(slabs, output)
    if not decided_there:
        slabs, prepared = surrounded(slabs, prepared)
    axes = _positions(prepared)
    if output.decision is Decision.LABELS:
        want_probabilities, confidence_layers = False, 0
    canvas = Canvas(prepared, output, want_probabilities, confidence_layers)
    sizes = prepared.network.shape
    if decided_there or all(is_whole(axis) for axis in axes):
        whole = [np.arange(n, dtype=np.float64) for n in sizes[1:]]
        painter = Painter(whole, sizes[1:], output, want_probabilities, confidence_layers)
        even = output.label_interpolation is Interpolation.NEAREST_EVEN
        taps_of = nearest_even_taps if even else nearest_taps
        nearest = [taps_of(axis, n).index[0] for axis, n in zip(axes, sizes, strict=True)]
        _decide_on_network(slabs, painter, canvas, nearest)
    else:
        painter = Painter(axes[1:], sizes[1:], output, want_probabilities, confidence_layers)
        for pairs in pairs_of(slabs, linear_taps(axes[0], sizes[0])):
            for painted in in_order(painter.paint, pairs):
                canvas.put(*painted)
    return canvas.segmentation(sure=painter.sure)


def needs_highest_alone(
    prepared: Prepared, output: Output, *, want_probabilities: bool, confidence_layers: int
) -> bool:
    """Whether `decide` asks nothing but which channel is the highest at each voxel of the network.

    Args:
        prepared, output, want_probabilities, confidence_layers: as for `decide`.
    """
    if output.decision is not Decision.ARGMAX or want_probabilities or confidence_layers:
        return False
    if output.interpolates_probabilities and output.blend is Blend.SCORES:
        return False  # rounded, some probabilities are equal that were no equal scores
    if output.decides_on_network:
        return True
    cropped = any(before or behind for before, behind in prepared.cut)
    return not (cropped or prepared.at_an_angle) and all(map(is_whole, _positions(prepared)))


def _positions(prepared: Prepared) -> list[npt.NDArray[np.float64]]:
    """Where the seen voxels of the series lie, in voxels of the network's grid, for each axis."""
    steps = parallel_steps(prepared.network, prepared.turned_source)
    axes = [
        step * np.arange(part.start, part.stop, dtype=np.float64) + offset
        for (step, offset), part in zip(steps, prepared.box, strict=True)
    ]
    back = prepared.back
    if back is not None and back.interpolation is not Interpolation.LINEAR:
        nearest = nearest_taps(axes[back.axis], prepared.network.shape[back.axis])
        axes[back.axis] = nearest.index[0].astype(np.float64)
    return axes


def _probabilities(slabs: Iterable[Slab], output: Output) -> Iterator[Slab]:
    """What was blended, as probabilities; nobody needs the scores any more."""
    labels = output.decision is Decision.LABELS
    for start, scores in slabs:
        if not labels:
            activate(scores[: output.channels], output.activation)  # behind: the disagreement
        yield start, scores


def _decide_on_network(
    slabs: Iterable[Slab], painter: Painter, canvas: Canvas, nearest: list[npt.NDArray[np.intp]]
) -> None:
    planes, rows, columns = nearest
    wanted, first, counts = np.unique(planes, return_index=True, return_counts=True)
    for pairs in pairs_of(slabs, linear_taps(wanted.astype(np.float64), wanted[-1] + 1)):
        for number, *painted in in_order(painter.paint, pairs):
            parts = [None if part is None else part[:, rows[:, None], columns] for part in painted]
            for target in range(first[number], first[number] + counts[number]):
                canvas.put(target, *parts)

"""A network over an image, patch by patch, in bounded memory.

Class scores are blended in a slab as deep as a patch that moves along the first working axis. A
plane leaves it as soon as no later patch reaches it, so that memory grows with the depth of the
patch and the area of a plane, never with classes times the volume.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.alike import MOST_KEPT
from IODeepLib.inference.blending import Average, Blend, Strongest, slab_shape
from IODeepLib.inference.network_run import (
    NetworkRun,
    Predict,
    Scored,
    blends_scores,
    check_finite,
    score_channels,
)
from IODeepLib.inference.patches import Patch, Patches
from IODeepLib.machine.progress import Progress
from IODeepLib.recipe import Decision, Input, Output

# A finished piece: the index of its first plane, and (channel, planes, a1, a2) float32. Or, where
# nobody needs more, (1, planes, a1, a2) uint16: the channel with the highest score, the first of
# equals.
Slab = tuple[int, npt.NDArray[Any]]

# Bytes of scores that are finished at once where patches do not overlap.
_PIECE_BYTES = 64 * 2**20
# Bytes of scores that may wait to be blended while the network runs on, and of how many runs at
# most: enough for it not to wait, and few against what else a run takes. Where a single run gives
# more, as networks with a hundred classes do, memory goes before time: run and blending take turns.
_AHEAD_BYTES = 128 * 2**20
_MOST_AHEAD = 4


def score_slabs(
    array: Float32,
    input_: Input,
    output: Output,
    predict: Predict,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    batch: int = 1,
    voting: bool = False,
    overlapped: bool = False,
) -> Iterator[Slab]:
    """The scores of the whole image, in order of the first axis.

    Where patches overlap, scores are averaged with the weights of the importance map
    (probabilities, where the recipe blends these); label values cannot be averaged: there, the
    patch with the greatest weight decides. A slab is valid until the next one is asked for.

    Args:
        array: (channel, a0, a1, a2) float32, as `preprocess.prepare` made it.
        input_: the recipe's input.
        output: the recipe's output.
        predict: runs the network.
        progress: called after each patch with the fraction done and a message.
        cancelled: asked before each patch.
        batch: slices that a 2D network is given at once, or patches that a 3D one is.
        voting: a further channel, the last: the share of networks or mirror images that decide
            otherwise than their mean; `predict` then has a second argument.
        overlapped: whether the network runs on while its last results are blended here. Where it
            computes with the very cores that would blend, that takes longer (by 4 % on 16 cores).

    Raises:
        ModelError: scores of the wrong shape, or not finite.
        CancelledError: `cancelled` said so.
    """
    patches = Patches.of(array.shape[1:], input_, batch)
    run = NetworkRun(
        array, input_, output, predict, len(patches), progress, cancelled, voting=voting
    )
    groups = [list(patches.groups(start)) for start in patches.starts[0]]
    found = run.scored(
        [group for row in groups for group in row], _ahead_of(patches, output) if overlapped else 0
    )
    if patches.overlap_nowhere:
        for patch, scored in found:
            yield from _in_pieces(run, patch, scored)
            del scored  # not to be held while the network runs again
        return
    channels = score_channels(output) + voting
    blended: Blend
    if output.decision is Decision.LABELS:
        blended = Strongest(patches, input_)
    else:
        blended = Average(patches, input_, channels)
    at_once = output.decision is Decision.LABELS or not blends_scores(output)
    starts = patches.starts[0]
    for i, start in enumerate(starts):
        blended.begin_row(start)
        for patch, scored in itertools.islice(found, sum(map(len, groups[i]))):
            given = run.finished(scored.scores, patch.start) if at_once else scored.scores
            more = () if scored.against is None else (scored.against,)
            blended.add((*given, *more), patch)
            del scored, given, more  # not to be held while the network runs again
        first = max(0, start)
        end = starts[i + 1] if i + 1 < len(starts) else patches.image_shape[0]
        for plane, slab in blended.finished(slice(first, end)):
            if not at_once:  # a score that is no number has made none of all that it was added to
                check_finite(slab, (plane, 0, 0))
            yield plane, slab


def _ahead_of(patches: Patches, output: Output) -> int:
    """Of how many runs of the network the results may wait while those of one are blended."""
    if len(patches) == 1:
        return 0
    return min(_MOST_AHEAD, _AHEAD_BYTES // _run_bytes(patches, output))


def _run_bytes(patches: Patches, output: Output) -> int:
    """Memory that the scores of one run of the network take."""
    return 4 * score_channels(output) * patches.batch * math.prod(patches.size)


def _in_pieces(run: NetworkRun, patch: Patch, scored: Scored) -> Iterator[Slab]:
    """The scores of a patch that no other one overlaps, a few planes at a time."""
    seen = scored.scores[(slice(None), *patch.inner)]
    against = None if scored.against is None else scored.against[patch.inner]
    first, rows, columns = (part.start for part in patch.box)
    together = max(1, _PIECE_BYTES // max(1, seen[:, 0].size * 4))
    for i in range(0, seen.shape[1], together):
        piece = run.finished(seen[:, i : i + together], (first + i, rows, columns))
        if against is not None:
            piece = np.concatenate([piece, against[None, i : i + together]])
        yield first + i, piece


def score_bytes(
    image_shape: tuple[int, int, int],
    input_: Input,
    output: Output,
    batch: int,
    voting: int = 0,
    *,
    overlapped: bool = False,
) -> int:
    """Memory that the scores need: those of one run of the network, some kept ones, and the slab.

    Where mirror images are run, too, the sum of the runs is held beside the last one; where so many
    have votes, what each decides, and how many decide otherwise.
    """
    patches = Patches.of(image_shape, input_, batch)
    channels = score_channels(output)
    at_once = batch * math.prod(patches.size)
    together = at_once * (2 if input_.mirror else 1)
    together += at_once * _ahead_of(patches, output) if overlapped else 0
    kept = min(MOST_KEPT, _run_bytes(patches, output)) if len(patches) > 1 else 0
    slab = 0 if patches.overlap_nowhere else math.prod(slab_shape(patches))
    votes = 4 * (at_once * (voting + 1) + slab) if voting else 0
    return 4 * channels * (together + slab) + votes + kept

"""The mean of overlapping patches is the same to the last bit, however the work is shared out."""

from __future__ import annotations

import numpy as np
import pytest

from IODeepLib.inference import blending
from IODeepLib.inference.blending import Average
from IODeepLib.inference.patches import Patches
from IODeepLib.recipe import Channel, Input

CHANNELS = 5


def input_of(size, axis_order="NCZYX"):
    channels = (Channel("image"),)
    return Input(channels=channels, orientation="LPS", axis_order=axis_order, patch_size=size)


def slabs(patches, input_):
    """What is blended of chance scores, with the number of each piece's first plane."""
    rng = np.random.default_rng(0)
    average = Average(patches, input_, CHANNELS)
    starts = patches.starts[0]
    for start, following in zip(starts, (*starts[1:], patches.image_shape[0]), strict=True):
        average.begin_row(start)
        for patch in patches.row(start):
            scores = rng.standard_normal((CHANNELS, *patch.size)).astype(np.float32)
            average.add(scores, patch)
        for plane, piece in average.finished(slice(max(0, start), following)):
            yield plane, piece.copy()


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("input_", [input_of((8, 6, 10)), input_of((6, 10), "NCYX")], ids=str)
def test_threads_and_pieces_change_no_bit(input_, batch, monkeypatch):
    patches = Patches.of((21, 13, 11), input_, batch)
    found = []
    for threads, together in (("1", 1 << 16), ("3", 1 << 16), ("2", 1), ("9", 130)):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        monkeypatch.setattr(blending, "_TOGETHER", together)
        found.append(list(slabs(patches, input_)))
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert one[0] == other[0]
            np.testing.assert_array_equal(one[1], other[1])
    whole = np.concatenate([piece for _, piece in found[0]], axis=1)
    assert whole.shape == (CHANNELS, 21, 13, 11)
    assert [plane for plane, _ in found[0]] == sorted(plane for plane, _ in found[0])


def test_what_all_patches_say_is_their_mean(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    input_ = input_of((8, 6, 10))
    patches = Patches.of((21, 13, 11), input_)
    average = Average(patches, input_, CHANNELS)
    values = np.arange(CHANNELS, dtype=np.float32)
    starts = patches.starts[0]
    for start, following in zip(starts, (*starts[1:], 21), strict=True):
        average.begin_row(start)
        for patch in patches.row(start):
            scores = np.broadcast_to(values[:, None, None, None], (CHANNELS, *patch.size))
            average.add(scores, patch)
        for _, done in average.finished(slice(start, following)):
            wanted = np.broadcast_to(values[:, None, None, None], done.shape)
            np.testing.assert_allclose(done, wanted, rtol=1e-5)

"""Patches of one value: the network runs once for each, and nothing is another bit than without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from makers.recipes import recipe
from numpy.typing import NDArray

from IODeepLib.inference import alike, device_blending, network_run
from IODeepLib.inference.alike import Last, values_of
from IODeepLib.inference.sliding_window import score_slabs

PATCHES = {"patch_size": [8, 6, 10]}
FLAT = {"axis_order": "NCYX", "patch_size": [8, 16], "neighbours": 1}
PROBABLE = {"activation": "softmax", "blend": "probabilities"}
WAYS = [
    (PATCHES, {}, 1),
    ({**PATCHES, "mirror": "YX"}, {}, 1),
    ({**PATCHES, "axis_order": "NZYXC", "mirror": "Z"}, PROBABLE, 1),
    (PATCHES, PROBABLE, 3),
    ({**PATCHES, "overlap": 0}, {}, 1),
    (FLAT, {}, 2),
    ({**FLAT, "mirror": "X"}, PROBABLE, 1),
    ({**PATCHES, "outside": "zero"}, {"decision": "labels", "channels": 1}, 1),
]


class Network:
    """Scores that depend on values and on their places; it counts how often it runs."""

    def __init__(self, axis_order: str, channels: int) -> None:
        self._axis_order, self._channels, self.runs = axis_order, channels, 0

    def __call__(self, tensor: NDArray[Any], each: Any = None) -> NDArray[Any]:
        self.runs += 1
        standard = "NC" + "".join(letter for letter in self._axis_order if letter not in "NC")
        x = tensor.transpose([self._axis_order.index(letter) for letter in standard])
        total = x.sum(axis=1, keepdims=True)
        ramp = np.indices(total.shape[2:]).sum(axis=0) / total[0, 0].size
        scores = [np.sin(total * (i + 1) + ramp * i) for i in range(self._channels)]
        if self._channels == 1:
            scores = [np.rint(2 + scores[0])]
        found = np.concatenate(scores, axis=1).astype(np.float32)
        found = found.transpose([standard.index(letter) for letter in self._axis_order])
        if each is not None:
            each(found)
            each(found + np.float32(0.5) * found.max())
        return found


def body_in_air(channels: int = 2) -> NDArray[np.float32]:
    """(channel, 28, 18, 30): noise in a box, and beside it two values of air a channel."""
    array = np.empty((channels, 28, 18, 30), np.float32)
    array[:] = -1 - np.arange(channels).reshape(-1, 1, 1, 1)
    array[:, 16:] = 4
    body = array[:, 10:14, 7:12, 2:12]
    body[:] = np.random.default_rng(3).normal(size=body.shape)
    return array


def run(
    ways: tuple[dict[str, Any], dict[str, Any], int], *, voting: bool = False, **more: Any
) -> tuple[NDArray[np.float32], int]:
    """The scores, and how often the network ran."""
    given, output, batch = ways
    channel = {"modality": "CT", "words": []}
    asked = recipe(
        input={
            "axis_order": "NCZYX",
            **given,
            "channels": [{"name": name, **channel} for name in "ab"],
        },
        output={"channels": 3, **output},
    )
    [stage] = asked.all_stages
    network = Network(stage.input.axis_order, stage.output.channels)
    array = body_in_air()
    slabs = score_slabs(
        array, stage.input, stage.output, network, batch=batch, voting=voting, **more
    )
    parts = [scores.copy() for _, scores in slabs]
    np.testing.assert_array_equal(array, body_in_air())
    return np.concatenate(parts, axis=1), network.runs


@pytest.fixture
def all_differ(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Every patch is taken to have different voxels, while this is not undone."""
    with monkeypatch.context() as patched:
        for module in (network_run, device_blending):
            patched.setattr(module, "values_of", lambda *_: None)
        yield patched


@pytest.mark.parametrize(
    ("ways", "overlapped"), [*((ways, False) for ways in WAYS), (WAYS[0], True), (WAYS[3], True)]
)
def test_the_scores_are_the_same_to_the_last_bit(
    ways: tuple[dict[str, Any], dict[str, Any], int],
    overlapped: bool,
    all_differ: pytest.MonkeyPatch,
) -> None:
    every, all_runs = run(ways, overlapped=overlapped)
    all_differ.undo()
    once, runs = run(ways, overlapped=overlapped)
    np.testing.assert_array_equal(once, every)
    assert runs < 0.6 * all_runs


def test_votes_are_those_of_the_same_values(all_differ: pytest.MonkeyPatch) -> None:
    ways = ({**PATCHES, "mirror": "X"}, {"activation": "softmax"}, 1)
    every, all_runs = run(ways, voting=True)
    all_differ.undo()
    once, runs = run(ways, voting=True)
    np.testing.assert_array_equal(once, every)
    assert every[-1].max() > 0
    assert runs < 0.6 * all_runs


def test_what_is_large_is_not_held_while_the_network_runs(
    monkeypatch: pytest.MonkeyPatch, all_differ: pytest.MonkeyPatch
) -> None:
    every, all_runs = run(WAYS[0])
    all_differ.undo()
    _, kept = run(WAYS[0])
    monkeypatch.setattr(alike, "MOST_KEPT", 100)
    once, runs = run(WAYS[0])
    np.testing.assert_array_equal(once, every)
    assert kept < runs < all_runs  # those in a row still are one


def test_less_is_left_to_do_where_a_patch_is_known() -> None:
    told: list[tuple[float, str]] = []
    _, runs = run(WAYS[1], progress=lambda *how: told.append(how))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    count = int(told[-1][1].split(" of ")[1].split(",")[0])
    assert told[-1][1] == f"patch {count} of {count}, mirror image 4 of 4"
    # The time left is that of the runs to come: a step of the network, or a shorter way.
    last = [fraction for fraction, words in told if not words.startswith(f"patch {count} ")]
    assert last[-1] >= 1 - 8 / runs


@pytest.mark.parametrize("axis_order", ["NCZYX", "NZYXC", "XNYC"])
def test_values_of(axis_order: str) -> None:
    shape = [{"N": 2, "C": 3}.get(letter, 20) for letter in axis_order]
    own = [size if letter in "NC" else 1 for letter, size in zip(axis_order, shape, strict=True)]
    values = np.arange(6, dtype=np.float32).reshape(own)
    tensor = np.ascontiguousarray(np.broadcast_to(values, shape))
    assert values_of(tensor, axis_order) == values.tobytes()
    for place in (0, 5, -1):
        other = tensor.copy()
        other[tuple(min(place, n - 1) for n in shape)] += 1
        assert values_of(other, axis_order) is None
    zeros = np.zeros(shape, np.float32)
    zeros.flat[-1] = -0.0  # equal, and not the same to a network that divides
    assert values_of(zeros, axis_order) is None


def test_only_the_last_one_is_kept() -> None:
    last = Last[str]()
    last.keep(b"a", "air", 1)
    last.keep(None, "body", 1)
    assert (last.of(b"a"), last.of(None), last.of(b"b")) == ("air", None, None)
    last.keep(b"b", "bed", 1)
    assert (last.of(b"a"), last.of(b"b")) == (None, "bed")

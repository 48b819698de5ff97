"""What an ONNX network shows of itself: by what it declares, and by running it on noise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ModelError
from IODeepLib.machine.cores import usable_cores
from IODeepLib.machine.memory import check_room
from IODeepLib.network.agreement import FLOATING, INTEGER
from IODeepLib.network.onnx_runtime import onnx_runtime
from IODeepLib.network.session import Session, TensorInfo
from IODeepLib.onnx_file import OnnxFile

# Along axes of open size: multiples of what networks halve, an odd number of times, so that one
# that halves once more notices.
_STEPS = (1, 2, 4, 8, 16, 32)
_PARTS = 3
# A fixed size this small is a number of channels; images are larger.
_MOST_CHANNELS = 16
_OPEN_CHANNELS = (1, 3, 2, 4)  # tried where it leaves them open
_NEAR = 1e-3  # probabilities in float16 are that far from a sum of 1
_SILENT = 4


class Values(Enum):
    """What a network gives for noise."""

    SCORES = "scores"
    SOFTMAX = "probabilities that sum to 1"
    SIGMOID = "values between 0 and 1"
    LABELS = "whole numbers"


@dataclass(frozen=True, slots=True)
class Look:
    """What a network shows.

    Attributes:
        inputs: its inputs.
        output: the output that was read.
        outputs: names of all of them.
        channels: of each input.
        last: whether the channels are the last axis.
        sizes: of the spatial axes; None for open ones.
        step: what open sizes have to be a multiple of.
        classes: channels of the output.
        whole: whether it gives one answer for an image, and no voxels.
        values: what it gave.
    """

    inputs: tuple[TensorInfo, ...]
    output: TensorInfo
    outputs: tuple[str, ...]
    channels: tuple[int, ...]
    last: bool
    sizes: tuple[int | None, ...]
    step: int
    classes: int
    whole: bool
    values: Values


def look_at(path: Path) -> Look:
    """What the network in a file shows of itself.

    Raises:
        ModelError: it cannot be run by ONNX Runtime alone, or reads no images.
    """
    OnnxFile.open(path)  # what ONNX Runtime would obey, and should not, is refused here
    session = _session(path)
    for item in session.inputs:
        if len(item.shape) not in (4, 5) or item.dtype not in FLOATING + INTEGER:
            raise ModelError(
                f"{path.name} with the input {item}",
                "images: numbers along batch, channels and two or three axes",
                "export the network without what is not the network",
            )
    if len({len(item.shape) for item in session.inputs}) != 1:
        raise ModelError(f"{path.name} with inputs of different axes", "the same axes", "export it")
    last = _channels_last(session.inputs[0].shape)
    axis = -1 if last else 1
    sizes = session.inputs[0].shape[1:-1] if last else session.inputs[0].shape[2:]
    known = [item.shape[axis] for item in session.inputs]
    failures: list[str] = []
    for step, guess in itertools.product(_STEPS, [None] if all(known) else _OPEN_CHANNELS):
        channels = tuple(number or guess or 1 for number in known)
        found = _run(session, channels, _spatial(sizes, step), last, failures)
        if found is None:
            continue
        name, array, spatial = found
        whole = array.ndim == 2
        if not whole and not _same_size(array, spatial, last):
            failures.append(f"its output has the shape {array.shape} for {spatial}")
            continue
        classes = array.shape[1] if whole or not last else array.shape[-1]
        if array.ndim == len(spatial) + 1:
            classes = 1
        output = next(item for item in session.outputs if item.name == name)
        fixed = None not in sizes
        return Look(
            session.inputs,
            output,
            tuple(item.name for item in session.outputs),
            channels,
            last,
            sizes,
            1 if fixed else step,
            classes,
            whole,
            _values(array, -1 if last and not whole else 1, classes),
        )
    raise ModelError(
        f"{path.name} gives no voxels or classes for any size that was tried ({failures[-1]})"
        if failures
        else f"{path.name} does not run",
        "an output for each voxel of the input, or one for the image",
        "export the network with open sizes, or say what it reads in a recipe (iodeep pack)",
    )


def _session(path: Path) -> Session:
    options = onnx_runtime().SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = usable_cores()
    try:
        made = onnx_runtime().InferenceSession(
            path, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime's errors have no common class
        raise ModelError(
            f"ONNX Runtime refuses {path.name} ({' '.join(str(error).split())[:200]})",
            "a network that this ONNX Runtime can run",
            "export it again, or update onnxruntime",
        ) from None
    return Session(made, path.name, (), 0)


def _channels_last(shape: Sequence[int | None]) -> bool:
    def few(size: int | None) -> bool:
        return size is not None and size <= _MOST_CHANNELS

    return few(shape[-1]) and not few(shape[1])


def _spatial(sizes: Sequence[int | None], step: int) -> tuple[int, ...]:
    return tuple(size or step * _PARTS for size in sizes)


def _run(
    session: Session,
    channels: Sequence[int],
    spatial: tuple[int, ...],
    last: bool,
    failures: list[str],
) -> tuple[str, npt.NDArray, tuple[int, ...]] | None:
    """The first output with voxels, or else with one answer for the image; None if it fails."""
    rng = np.random.default_rng(0)
    feeds = {}
    for item, count in zip(session.inputs, channels, strict=True):
        batch = item.shape[0] or 1
        shape = (batch, *spatial, count) if last else (batch, count, *spatial)
        check_room(4 * math.prod(shape), "the values of a trial run", "a smaller network")
        noise = rng.standard_normal(shape)
        feeds[item.name] = (noise if item.dtype in FLOATING else abs(noise) * 100).astype(
            item.dtype
        )
    try:
        results = session.run(feeds)
    except ModelError as error:
        failures.append(error.found)
        return None
    names = [item.name for item in session.outputs]
    pairs = list(zip(names, results, strict=True))
    for wanted in (len(spatial) + 2, len(spatial) + 1, 2):
        for name, array in pairs:
            if array.ndim == wanted:
                return name, array, spatial
    failures.append(f"its outputs have the shapes {[array.shape for array in results]}")
    return None


def _same_size(array: npt.NDArray, spatial: tuple[int, ...], last: bool) -> bool:
    if array.ndim == len(spatial) + 1:
        return array.shape[1:] == spatial
    return (array.shape[1:-1] if last else array.shape[2:]) == spatial


def _values(array: npt.NDArray, axis: int, classes: int) -> Values:
    """What the values are, as far as noise shows it."""
    if array.dtype.kind in "iub" or (classes == 1 and _whole_numbers(array)):
        return Values.LABELS
    numbers = array.astype(np.float32)
    if numbers.min() < -_NEAR or numbers.max() > 1 + _NEAR:
        return Values.SCORES
    if classes > 1 and np.abs(numbers.sum(axis=axis) - 1).max() < _NEAR:
        return Values.SOFTMAX
    return Values.SIGMOID


def _whole_numbers(array: npt.NDArray) -> bool:
    return bool((array == np.rint(array)).all()) and len(np.unique(array)) > 1

"""The network as a function, from the tensor that the recipe makes to the output that it reads.

In between: the channels go to the inputs that they belong to, in the types that these take; a batch
is filled up to the size that the network asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ModelError
from IODeepLib.network import agreement
from IODeepLib.network.device import Array as OnDevice
from IODeepLib.network.device import Device
from IODeepLib.network.session import Session, TensorInfo
from IODeepLib.recipe import Activation, Blend, Stage
from IODeepLib.voxels.activation import activate

Array = npt.NDArray[Any]
# What a network's results may be made of to be used on a device.
FLOATS = ("float32", "float16")


class Predictor:
    """`session` as a stage of the recipe uses it.

    Attributes:
        batch: how many slices or patches it should be given at once.
        device: where its results can stay, if that is not here.
        half: whether they are float16.
    """

    def __init__(self, stage: Stage, session: Session) -> None:
        self._session, self._axes = session, stage.input.axis_order
        self._inputs = agreement.inputs_of(stage, session)
        self._output = agreement.output_of(stage, session)
        self._slices = stage.input.slices_a_channel
        self.batch = agreement.batch_of(stage, session)
        self.device = session.device if self._output.dtype in FLOATS else None
        self.half = self._output.dtype == "float16"

    def __call__(self, tensor: npt.NDArray[np.float32]) -> Array:
        """The output for a tensor with all channels, in the recipe's axis order.

        Raises:
            ModelError: the values do not fit the type of an input, or the network fails.
        """
        n = self._axes.index("N")
        count = tensor.shape[n]
        [result] = self._session.run(self._feeds(tensor), [self._output.name])
        if count >= self.batch:
            return result
        without_channels = self._axes.replace("C", "")  # as label values may come
        axis = without_channels.index("N") if result.ndim == len(without_channels) else n
        axis = 0 if result.ndim == 2 else axis  # (N, K), of a classification
        return result[(slice(None),) * axis + (slice(count),)]

    def on(self, device: Device, tensor: npt.NDArray[np.float32]) -> OnDevice:
        """The same, on a device; with as many images as the network takes at once."""
        return self._session.run_on(device, self._feeds(tensor), self._output.name)

    def _feeds(self, tensor: npt.NDArray[np.float32]) -> dict[str, Array]:
        """What each input of the network is given."""
        tensor = _filled_up(tensor, self._axes.index("N"), self.batch)
        return {
            item.tensor.name: as_type(self._part(tensor, item.channels), item.tensor)
            for item in self._inputs
        }

    def _part(self, tensor: Array, channels: tuple[int, ...]) -> Array:
        """The channels of one input, with their neighboring slices."""
        if len(self._inputs) == 1:
            return tensor
        which = [c * self._slices + i for c in channels for i in range(self._slices)]
        return np.ascontiguousarray(tensor.take(which, axis=self._axes.index("C")))


class Ensemble:
    """Several networks of a stage as one: the mean of what they give, or the only one itself.

    Attributes:
        batch: how many slices or patches they should be given at once.
        count: how many they are.
        device: where the results of all can stay, if that is not here.
        half: whether these are float16.
        uses_cores: whether one computes with the processor's cores.
        each_activated: what is made of the scores of each before the mean is taken.
    """

    def __init__(self, stage: Stage, sessions: Sequence[Session]) -> None:
        self._predictors = [Predictor(stage, session) for session in sessions]
        self._axes, self._output = stage.input.axis_order, stage.output
        self.count, first = len(sessions), self._predictors[0]
        alike = all(one.device and one.half == first.half for one in self._predictors)
        self.device, self.half = (first.device if alike else None), first.half
        self.uses_cores = any(session.uses_cores for session in sessions)
        each = self.count > 1 and stage.output.ensemble is Blend.PROBABILITIES
        self.each_activated = stage.output.activation if each else Activation.NONE
        self.batch, *others = (predictor.batch for predictor in self._predictors)
        if any(batch != self.batch for batch in others):
            raise ModelError(
                f"networks for {self.batch} and {max(others)} images at once, to be averaged",
                "networks of one architecture",
                "export them with one batch size",
            )

    def __call__(
        self, tensor: npt.NDArray[np.float32], each: Callable[[Array], None] | None = None
    ) -> Array:
        """The mean of scores, or of probabilities, for a tensor with all channels.

        Args:
            tensor: in the recipe's axis order.
            each: called with what each network gives, before the mean is taken.

        Raises:
            ModelError: a network fails, or its output has another shape than that of the first.
        """
        each = each or (lambda part: None)
        if len(self._predictors) == 1:
            only = self._predictors[0](tensor)
            each(only)
            return only
        total = self._one(self._predictors[0], tensor)
        each(total)
        for predictor in self._predictors[1:]:
            part = self._one(predictor, tensor)
            each(part)
            if part.shape != total.shape:
                raise ModelError(
                    f"outputs of shape {total.shape} and {part.shape}, to be averaged",
                    "equal shapes",
                    "give networks of one architecture the names of an ensemble",
                )
            with np.errstate(all="ignore"):  # what is not finite is refused later
                total += part
        total /= len(self._predictors)
        return total

    def on(self, device: Device, tensor: npt.NDArray[np.float32]) -> Iterator[OnDevice]:
        """What each network gives, on a device."""
        for predictor in self._predictors:
            yield predictor.on(device, tensor)

    def _one(self, predictor: Predictor, tensor: npt.NDArray[np.float32]) -> Array:
        """A new array of float32."""
        result = np.array(predictor(tensor), np.float32)
        axis = self._axes.index("C") if result.ndim == len(self._axes) else 1
        with np.errstate(all="ignore"):
            activate(result, self.each_activated, axis=axis)
        return result


def as_type(tensor: npt.NDArray[np.float32], declared: TensorInfo) -> Array:
    """`tensor` in the type that an input takes; for integers, rounded to the nearest.

    Raises:
        ModelError: a value is beyond what the type can hold.
    """
    dtype = np.dtype(declared.dtype)
    if dtype.itemsize >= tensor.itemsize and dtype.kind == "f":
        return tensor.astype(dtype, copy=False)
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    values = tensor if dtype.kind == "f" else np.rint(tensor)
    low, high = float(values.min()), float(values.max())
    if not (low >= float(limits.min) and high <= float(limits.max)):
        raise ModelError(
            f"values from {low:g} to {high:g} for the input {declared.name!r}, which takes "
            f"{declared.dtype}",
            f"values from {limits.min} to {limits.max}",
            "correct the recipe's intensity steps",
        )
    return values.astype(dtype)


def _filled_up(tensor: Array, axis: int, size: int) -> Array:
    """`tensor` with its last image repeated until there are `size` of them."""
    missing = size - tensor.shape[axis]
    if missing <= 0:
        return tensor
    return np.pad(tensor, [(0, missing if i == axis else 0) for i in range(tensor.ndim)], "edge")

"""How a bundle runs its network over an image, as a recipe's input says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from IODeepLib.importers.monai.call import Call, unknown
from IODeepLib.importers.monai.config import Node

_WHOLE = "SimpleInferer"
_WINDOWS = ("SlidingWindowInferer", "SlidingWindowInfererAdapt")
_SLICES = "SliceInferer"
KNOWN = (_WHOLE, *_WINDOWS, _SLICES)
_PADDING = {"constant": "zero", "replicate": "edge", "reflect": "reflect"}
_MEMORY = (
    *("sw_batch_size", "sw_device", "device", "progress", "cache_roi_weight_map"),
    *("cpu_thresh", "buffer_steps", "buffer_dim"),
)


@dataclass(frozen=True, slots=True)
class Windows:
    """How a network is run over an image.

    Attributes:
        keys: of the recipe's input.
        across: the letter of the axis whose slices are read one by one out of a volume; "" for
            images that are read as they are.
    """

    keys: dict[str, Any] = field(default_factory=dict)
    across: str = ""


def windows_of(node: Node | None, dims: int) -> Windows:
    """What the inferer at a place does.

    Args:
        node: the inferer; None for MONAI's default, the whole image at once.
        dims: axes of the network, 2 or 3.

    Raises:
        ModelError: an inferer that is not known, or does what no recipe says.
    """
    if node is None:
        return Windows()
    call = Call(node)
    if call.name not in KNOWN:
        raise unknown(node, "inferer", KNOWN)
    if call.name == _WHOLE:
        call.done()
        return Windows()
    across = ""
    if call.name == _SLICES:
        axis = call.one("spatial_dim", 0)
        if dims != 2 or axis not in (0, 1, 2):
            raise call.error(f"spatial_dim {axis!r}", "0, 1 or 2, and a network of two axes")
        across = "XYZ"[axis]
    keys = _patches(call, dims)
    call.done()
    return Windows(keys, across)


def _patches(call: Call, dims: int) -> dict[str, Any]:
    size = call.numbers("roi_size")
    size = size * dims if len(size) == 1 else size
    if len(size) != dims or not all(isinstance(n, int) and n > 0 for n in size):
        raise call.error(f"roi_size {size}", f"{dims} numbers of voxels")
    overlaps = set(call.numbers("overlap")) if call.has("overlap") else {0.25}
    if len(overlaps) > 1:
        raise call.error(f"overlap {sorted(overlaps)}", "one for all axes")
    mode = str(call.one("mode", "constant")).lower()
    if mode not in ("constant", "gaussian"):
        raise call.error(f"mode {mode!r}", "'constant' or 'gaussian'")
    sigmas = set(call.numbers("sigma_scale")) if call.has("sigma_scale") else {0.125}
    if len(sigmas) > 1:
        raise call.error(f"sigma_scale {sorted(sigmas)}", "one for all axes")
    padding = str(call.one("padding_mode", "constant")).lower()
    if padding not in _PADDING:
        raise call.error(f"padding_mode {padding!r}", " or ".join(map(repr, _PADDING)))
    if padding == "constant":
        call.want("cval", 0)
    call.ignore("cval", *_MEMORY)
    call.want("with_coord", False)
    keys: dict[str, Any] = {"patch_size": size, "overlap": overlaps.pop(), "importance_map": mode}
    if mode == "gaussian" and (sigma := sigmas.pop()) != 0.125:
        keys["gaussian"] = {"sigma": sigma}
    if padding != "constant":
        keys["outside"] = _PADDING[padding]
    return keys

"""What a bundle does to an image before the network, as a recipe's input.

The recipe has one order: intensity steps, grid, intensity steps, crop. Transforms that say the same
in another order are put into it where that changes nothing; others are refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.geometry import is_orientation
from IODeepLib.importers.monai import intensity
from IODeepLib.importers.monai.call import Call, unknown
from IODeepLib.importers.monai.config import Node
from IODeepLib.importers.monai.workflow import IMAGE_KEY

# These change no value: they load, convert, and move between devices.
_SILENT = {
    "EnsureTyped": ("data_type", "device", "wrap_sequence", "track_meta"),
    "ToTensord": ("device", "wrap_sequence", "track_meta"),
    "ToDeviced": ("device", "non_blocking"),
    "CastToTyped": (),
    "Identityd": (),
    "SelectItemsd": (),
    "DeleteItemsd": ("sep", "use_re"),
}
_MODES = {"bilinear": "linear", "nearest": "nearest-even"}
_RESIZE_MODES = {
    "bilinear": "linear",
    "trilinear": "linear",
    "area": "area",
    "nearest-exact": "nearest-exact",
}
KNOWN = (
    *("LoadImaged", "EnsureChannelFirstd", "Orientationd", "Spacingd", "Resized"),
    *("CropForegroundd", "ConcatItemsd", "ConcatImages", *_SILENT, *intensity.NAMES),
)


@dataclass
class Image:
    """What was done to the images under one key, so far.

    Attributes:
        key: in the bundle's data.
        orientation: where its axes grow toward; None for those of the file.
        grid: the recipe's grid; {} for the image's own voxels.
        before: intensity steps before the grid.
        after: those after it.
        crop: the recipe's crop.
        colors: whether its channels are the colors of a picture.
    """

    key: str
    orientation: str | None = None
    grid: dict[str, Any] = field(default_factory=dict)
    before: list[dict[str, Any]] = field(default_factory=list)
    after: list[dict[str, Any]] = field(default_factory=list)
    crop: dict[str, Any] = field(default_factory=dict)
    colors: bool = False

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The list to which the next intensity step belongs."""
        return self.after if self.grid else self.before


def images_of(transforms: Sequence[Node], *, dims: int, channels: int, flat: bool) -> list[Image]:
    """What becomes of the images that the network is given: one, or several put together.

    Args:
        transforms: those of the bundle, in order.
        dims: axes of the network, 2 or 3.
        channels: that the network reads.
        flat: whether each slice is an image by itself.

    Raises:
        ModelError: a transform that is not known, or does what no recipe says.
    """
    return _Reader(dims, channels, flat).read(transforms)


class _Reader:
    def __init__(self, dims: int, channels: int, flat: bool) -> None:
        self._dims, self._channels, self._flat = dims, channels, flat
        self._images: dict[str, list[Image]] = {}
        self._joined = False  # files of one channel each, which are put together

    def read(self, transforms: Sequence[Node]) -> list[Image]:
        calls = [Call(node) for node in transforms]
        self._joined = any(call.name in ("ConcatItemsd", "ConcatImages") for call in calls)
        for call in calls:
            self._apply(call)
        if IMAGE_KEY not in self._images:
            raise ModelError(
                f"transforms that make {', '.join(self._images) or 'nothing'}",
                f"the key {IMAGE_KEY!r}, which the evaluator gives to the network",
                "correct the config",
            )
        return self._images[IMAGE_KEY]

    def _apply(self, call: Call) -> None:
        if call.name not in KNOWN:
            raise unknown(call.node, "transform", KNOWN)
        keys = call.keys()
        if call.name == "ConcatItemsd":
            call.want("dim", 0)
            self._join(call, keys, call.take("name"))
        elif call.name == "ConcatImages":
            self._join(call, call.take("keys_merge", []), call.take("keys_out"))
        elif call.name in _SILENT:
            call.ignore(*_SILENT[call.name])
            call.want("dtype", "float32", "float64", "float")
        else:
            for place, key in enumerate(keys):
                if call.name == "LoadImaged":
                    self._images.setdefault(key, [Image(key)])
                parts = self._images.get(key, [])
                several = len(parts) > 1 or (self._channels > 1 and not self._joined)
                for image in parts:
                    # Each asks for the arguments anew.
                    self._one(call.again(), image, place, several)
            return
        call.done()

    def _one(self, call: Call, image: Image, place: int, several: bool) -> None:
        first = not image.steps
        steps = intensity.steps_of(call, first=first, several=several, flat=self._flat)
        if steps is not None:
            if image.crop.get("on") == "network":
                raise call.error("a place behind CropForegroundd", "one before it")
            image.steps.extend(steps)
        elif call.name == "LoadImaged":
            call.ignore(
                *("reader", "image_only", "ensure_channel_first", "simple_keys", "expanduser"),
                *("meta_keys", "meta_key_postfix", "overwriting", "prune_meta_pattern"),
                *("prune_meta_sep", "affine_lps_to_ras"),
            )
            call.want("dtype", "float32", "float64", "float")
        elif call.name == "EnsureChannelFirstd":
            call.ignore("strict_check")
            image.colors = call.one("channel_dim", None, place) in (-1, 2) and self._dims == 2
        elif call.name == "Orientationd":
            self._turn(call, image)
        elif call.name == "Spacingd":
            self._space(call, image, place)
        elif call.name == "Resized":
            self._resize(call, image, place)
        else:
            self._crop(call, image)
        call.done()

    def _turn(self, call: Call, image: Image) -> None:
        call.want("as_closest_canonical", False)
        call.want("labels")
        axes = call.one("axcodes")
        if not isinstance(axes, str) or not is_orientation(axes):
            raise call.error(f"axcodes {axes!r}", "three patient axes, such as 'RAS'")
        if image.grid:
            raise call.error(f"a place behind {image.grid['mode']}", "one before it")
        image.orientation = axes

    def _space(self, call: Call, image: Image, place: int) -> None:
        sizes = call.numbers("pixdim")
        sizes = sizes * self._dims if len(sizes) == 1 else sizes
        if len(sizes) != 3 or self._dims != 3 or min(sizes) <= 0:
            raise call.error(f"pixdim {sizes}", "three positive sizes, for a network of three axes")
        for key in ("align_corners", "scale_extent", "recompute_affine", "diagonal"):
            call.want(key, False)
        call.want("padding_mode", "border")
        call.want("min_pixdim")
        call.want("max_pixdim")
        call.want("dtype", "float64", "float32")
        call.ignore("ensure_same_shape")
        mode = call.one("mode", "bilinear", place)
        if mode not in _MODES:
            raise call.error(f"mode {mode!r}", " or ".join(map(repr, _MODES)))
        self._lay(call, image, {"mode": "spacing", "spacing": sizes, "anchor": "first_voxel"})
        if _MODES[mode] != "linear":
            image.grid["interpolation"] = _MODES[mode]

    def _resize(self, call: Call, image: Image, place: int) -> None:
        shape = call.numbers("spatial_size")
        shape = shape * self._dims if len(shape) == 1 else shape
        if len(shape) != self._dims or not all(isinstance(n, int) and n > 0 for n in shape):
            raise call.error(f"spatial_size {shape}", f"{self._dims} numbers of voxels")
        call.want("size_mode", "all")
        call.want("align_corners", False)
        call.want("anti_aliasing", False)
        call.want("dtype", "float32", "float64")
        call.ignore("anti_aliasing_sigma")
        mode = call.one("mode", "area", place)
        if mode not in _RESIZE_MODES:
            raise call.error(f"mode {mode!r}", " or ".join(map(repr, _RESIZE_MODES)))
        self._lay(call, image, {"mode": "resize", "shape": shape})
        if _RESIZE_MODES[mode] != "linear":
            image.grid["interpolation"] = _RESIZE_MODES[mode]

    def _lay(self, call: Call, image: Image, grid: dict[str, Any]) -> None:
        if image.grid:
            raise call.error(f"a place behind another grid, {image.grid['mode']}", "one grid")
        if image.crop.get("on") == "network":
            raise call.error("a place behind CropForegroundd", "one before it")
        image.grid = grid

    def _crop(self, call: Call, image: Image) -> None:
        margins = set(call.numbers("margin")) if call.has("margin") else {0}
        smaller = call.true("allow_smaller")
        if len(margins) > 1 or (margins != {0} and not smaller):
            raise call.error(
                f"margin {sorted(margins)}", "one margin for all axes, and allow_smaller"
            )
        for key in ("select_fn", "channel_indices"):
            call.want(key)
        call.want("k_divisible", 1)
        call.want("source_key", image.key)
        call.ignore("start_coord_key", "end_coord_key", "mode")
        if image.crop:
            raise call.error("a place behind another crop", "one crop")
        margin = int(margins.pop())
        first = not image.grid and not image.steps
        image.crop = {"margin": margin} if margin else {}
        image.crop["on"] = "source" if first else "network"

    def _join(self, call: Call, keys: list[str], name: str) -> None:
        parts = [image for key in keys for image in self._images.get(key, ())]
        if not isinstance(name, str) or len(parts) != len(keys):
            raise call.error(f"keys {keys}", "keys of images that were loaded, and a name")
        first = parts[0]
        for part in parts:
            if (part.orientation, part.grid, part.crop) != (
                first.orientation,
                first.grid,
                first.crop,
            ):
                raise call.error(f"{part.key} on another grid than {first.key}", "one grid")
        self._images[name] = parts

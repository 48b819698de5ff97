"""MONAI's intensity transforms as steps of a recipe.

Each is a function of the call and of the image so far; it gives the steps. What the sources say of
them: monai/transforms/intensity/array.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IODeepLib.importers.monai.call import Call

Step = dict[str, Any]


def steps_of(call: Call, *, first: bool, several: bool, flat: bool) -> list[Step] | None:
    """The intensity steps of a transform; None where it is no such transform.

    Args:
        call: the transform.
        first: whether no step came before it on the same voxels.
        several: whether the image has several channels.
        flat: whether each slice is an image by itself.

    Raises:
        ModelError: it does what no step does.
    """
    make = _STEPS.get(call.name)
    if make is None:
        return None
    call.want("dtype", "float32", "float64", "float")
    return make(call, {"first": first, "several": several, "flat": flat})


def _per(call: Call, image: dict[str, bool]) -> Step:
    """Whose statistic it is: each channel's own, or that of all together."""
    apart = call.true("channel_wise")
    if image["several"] and not apart:
        return {"per": "image"}
    return {"per": "slice"} if image["flat"] else {}


def _scale_range(call: Call, image: dict[str, bool]) -> list[Step]:
    a_min, a_max = call.number("a_min"), call.number("a_max")
    b_min, b_max = call.one("b_min"), call.one("b_max")
    clip = call.true("clip")
    if a_min >= a_max:
        raise call.error(f"a_min {a_min:g} and a_max {a_max:g}", "a_min less than a_max")
    if b_min is None or b_max is None:
        if clip:
            raise call.error("clip without b_min and b_max", "both")
        b_min, b_max = 0.0, 1.0
    if clip and b_min == 0 and b_max == 1:
        return [{"step": "window", "center": (a_min + a_max) / 2, "width": a_max - a_min}]
    if b_min >= b_max:
        raise call.error(f"b_min {b_min:g} and b_max {b_max:g}", "b_min less than b_max")
    scale = (b_max - b_min) / (a_max - a_min)
    scaled = {"step": "scale_offset", "scale": scale, "offset": b_min - a_min * scale}
    return [*([{"step": "clip", "lower": a_min, "upper": a_max}] if clip else []), scaled]


def _scale(call: Call, image: dict[str, bool]) -> list[Step]:
    lower, upper = call.one("minv", 0.0), call.one("maxv", 1.0)
    if lower is None or upper is None:
        factor = call.number("factor")
        return [{"step": "scale_offset", "scale": 1 + factor}]
    call.ignore("factor")  # MONAI does not look at it where it has minv and maxv
    ends = {"lower": lower, "upper": upper} if (lower, upper) != (0, 1) else {}
    return [{"step": "min_max", **ends, **_per(call, image)}]


def _normalize(call: Call, image: dict[str, bool]) -> list[Step]:
    step: Step = {"step": "z_score"}
    for key, name in (("subtrahend", "mean"), ("divisor", "std")):
        if (value := call.take(key)) is None:
            continue
        if isinstance(value, list):
            if len(set(map(str, value))) != 1:
                raise call.error(f"a {key} for each channel", "one for all")
            value = value[0]
        step[name] = value
    if call.true("nonzero"):
        if not image["first"]:
            raise call.error("nonzero behind another step", "it before all other intensity steps")
        step["over"] = "nonzero"
    return [{**step, **_per(call, image)}]


def _percentiles(call: Call, image: dict[str, bool]) -> list[Step]:
    low, high = call.number("b_min"), call.number("b_max")
    call.want("relative", False)
    step: Step = {"step": "percentile_scale", "lower": call.number("lower")}
    step["upper"] = call.number("upper")
    step |= {"low": low, "high": high} if (low, high) != (0, 1) else {}
    step |= {"clip": True} if call.true("clip") else {}
    return [{**step, **_per(call, image)}]


def _percentile_clip(call: Call, image: dict[str, bool]) -> list[Step]:
    call.want("sharpness_factor")
    step: Step = {"step": "percentile_clip", "lower": call.number("lower", 0.0)}
    step["upper"] = call.number("upper", 100.0)
    return [{**step, **_per(call, image)}]


def _shift(call: Call, image: dict[str, bool]) -> list[Step]:
    call.want("safe", False)
    call.want("factor_key")
    call.ignore("meta_keys", "meta_key_postfix")
    return [{"step": "scale_offset", "offset": call.number("offset")}]


_STEPS: dict[str, Callable[[Call, dict[str, bool]], list[Step]]] = {
    "ScaleIntensityRanged": _scale_range,
    "ScaleIntensityd": _scale,
    "NormalizeIntensityd": _normalize,
    "ScaleIntensityRangePercentilesd": _percentiles,
    "ClipIntensityPercentilesd": _percentile_clip,
    "ShiftIntensityd": _shift,
}
NAMES = tuple(_STEPS)

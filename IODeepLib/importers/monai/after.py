"""What a bundle does with a network's output, as a recipe's output and its steps after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from IODeepLib.importers.monai.call import Call, unknown
from IODeepLib.importers.monai.config import Node, shortened
from IODeepLib.importers.monai.expressions import Unread
from IODeepLib.importers.monai.merging import regions_of, takes_foreground
from IODeepLib.importers.monai.workflow import PRED_KEY

_SILENT = ("EnsureTyped", "ToTensord", "ToDeviced", "Identityd", "CastToTyped", "SqueezeDimd")
_SAVES = ("SaveImaged", "SaveClassificationd", "DeleteItemsd", "SelectItemsd")
KNOWN = (
    *("Activationsd", "Invertd", "AsDiscreted", "KeepLargestConnectedComponentd"),
    *("FillHolesd", "Lambdad", "MergeClassesd", *_SILENT, *_SAVES),
)
_CONNECTIVITY = {None: "corners", 1: "faces", 3: "corners"}


@dataclass
class Decided:
    """What becomes of the scores.

    Attributes:
        output: keys of the recipe's output.
        after: the recipe's steps; with label values or channels for `labels`, which have no names
            here yet.
        first_wins: whether of several labels in one voxel the first one is kept.
        painted: (channel, value) of labels that are painted over each other, the first ones first.
        has_labels: whether labels are made of the scores.
        inverted: whether the way back to the image's own voxels was gone.
    """

    output: dict[str, Any] = field(default_factory=dict)
    after: list[dict[str, Any]] = field(default_factory=list)
    first_wins: bool = False
    painted: list[tuple[int, int]] = field(default_factory=list)
    has_labels: bool = False
    inverted: bool = False


def decided_by(transforms: Sequence[Node], preprocessing: Node | None) -> Decided:
    """What the transforms on a network's output do.

    Args:
        transforms: those of the bundle, in order.
        preprocessing: what the way back has to invert.

    Raises:
        ModelError: a transform that is not known, or does what no recipe says.
    """
    so_far = Decided()
    for node in transforms:
        call = Call(node)
        if call.name not in KNOWN:
            raise unknown(node, "transform", KNOWN)
        keys = call.keys()
        if call.name in _SAVES or call.name in _SILENT or PRED_KEY not in keys:
            continue
        place = keys.index(PRED_KEY)
        if call.name == "Activationsd":
            _activate(call, place, so_far)
        elif call.name == "Invertd":
            _invert(call, place, so_far, preprocessing)
        elif call.name == "AsDiscreted":
            _decide(call, place, so_far)
        elif call.name == "MergeClassesd":
            so_far.output["decision"] = "regions"
            so_far.first_wins = True
        elif call.name == "Lambdad":
            _merge(call, place, so_far)
        else:
            _tidy(call, so_far)
        call.done()
    return so_far


def _activate(call: Call, place: int, so_far: Decided) -> None:
    call.want("other")
    ways = [way for way in ("sigmoid", "softmax") if call.true(way, False, place)]
    call.want("dim", 0)
    former = so_far.output.get("activation")
    if len(ways) > 1 or (ways and so_far.has_labels):
        raise call.error(" and ".join(ways), "sigmoid or softmax, on scores")
    if ways and former:
        raise call.error(f"{ways[0]}, behind {former}", "one of them")
    if ways:
        so_far.output["activation"] = ways[0]
        if not so_far.inverted:
            so_far.output["interpolate"] = "probabilities"


def _invert(call: Call, place: int, so_far: Decided, preprocessing: Node | None) -> None:
    inverted = call.raw("transform")
    if inverted is None or preprocessing is None or inverted.raw is not preprocessing.raw:
        raise call.error("transform", "a reference to the preprocessing")
    call.want("post_func")
    call.ignore("orig_keys", "meta_keys", "orig_meta_keys", "meta_key_postfix", "to_tensor")
    call.ignore("device")
    if so_far.inverted:
        raise call.error("the way back for the second time", "it once")
    so_far.inverted = True
    nearest = call.true("nearest_interp", True, place)
    if so_far.has_labels or nearest:
        # The nearest voxel's scores give the nearest voxel's label.
        so_far.output.pop("interpolate", None)
        so_far.output["decide_on"] = "network"
        so_far.output["label_interpolation"] = "nearest-even" if nearest else "linear"
        for step in so_far.after:
            step["on"] = "network"


def _decide(call: Call, place: int, so_far: Decided) -> None:
    call.ignore("to_onehot", "keepdim", "dim")
    call.want("rounding")
    highest, threshold = call.true("argmax", False, place), call.one("threshold", None, place)
    if so_far.has_labels and not highest and threshold is None:
        return
    if highest == (threshold is not None):
        raise call.error(f"argmax {highest} and threshold {threshold!r}", "one of them")
    if so_far.has_labels:
        raise call.error("a decision on labels", "one on scores")
    so_far.has_labels = True
    if highest:
        so_far.output["decision"] = "argmax"
    else:
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float)):
            raise call.error(f"threshold {threshold!r}", "a number")
        so_far.output |= {"decision": "threshold", "threshold": float(threshold)}


def _merge(call: Call, place: int, so_far: Decided) -> None:
    """Lambdad: two forms of functions are known."""
    function = call.raw("func")
    raw = function.items()[min(place, len(function.items()) - 1)].raw if function else None
    call.ignore("overwrite", "track_meta", "inv_func")
    text = raw.text if isinstance(raw, Unread) else ""
    if takes_foreground(text):
        return
    painted = regions_of(text)
    if painted is None or so_far.output.get("decision") != "threshold":
        raise call.error(
            f"the function {shortened(text) or repr(raw)}",
            "lambda x: x[1:], or torch.where(x[[i]] > 0, VALUE, ...) on thresholded channels",
        )
    so_far.output["decision"] = "regions"
    so_far.painted = painted


def _tidy(call: Call, so_far: Decided) -> None:
    if not so_far.has_labels:
        raise call.error("a place before AsDiscreted", "one behind it")
    labels = call.take("applied_labels")
    step: dict[str, Any] = {"step": "fill_holes"}
    connectivity = call.one("connectivity")
    if call.name == "KeepLargestConnectedComponentd":
        step = {"step": "largest_component"}
        call.want("num_components", 1)
        call.ignore("is_onehot")
        if not call.true("independent", True):
            step["together"] = True
        if connectivity not in _CONNECTIVITY:
            raise call.error(f"connectivity {connectivity!r}", "1, 3 or none")
        if _CONNECTIVITY[connectivity] != "corners":
            step["connectivity"] = _CONNECTIVITY[connectivity]
    elif not so_far.inverted:
        raise call.error("a place before Invertd", "one behind it")
    if labels is not None:
        step["labels"] = labels if isinstance(labels, list) else [labels]
    so_far.after.append(step)

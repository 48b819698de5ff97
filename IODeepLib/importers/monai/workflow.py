"""The parts of a bundle's inference: the network, what is done before it, how it is run, and after.

They are found as MONAI itself comes to them: from the evaluator, which names all of them. A config
without one has them under the names that MONAI's bundles use.
"""

from __future__ import annotations

from dataclasses import dataclass

from IODeepLib.errors import ModelError
from IODeepLib.importers.monai.call import own_name, unknown
from IODeepLib.importers.monai.config import Config, Node
from IODeepLib.importers.monai.expressions import Unread

_EVALUATOR = "SupervisedEvaluator"
# They apply the transforms to one image at a time, and keep the results in different ways.
_DATA_SETS = ("Dataset", "CacheDataset", "PersistentDataset", "SmartCacheDataset", "LMDBDataset")
# The key of the data that this evaluator gives to the network, and the one of what comes out.
IMAGE_KEY, PRED_KEY = "image", "pred"


@dataclass(frozen=True, slots=True)
class Workflow:
    """The parts of an inference.

    Attributes:
        network: the definition of the network.
        before: the transforms before the network.
        inferer: how it is run; None for once on the whole image.
        after: the transforms on its output.
        loaders: what loads checkpoints.
        preprocessing: the node that all transforms before the network hang on.
    """

    network: Node
    before: list[Node]
    inferer: Node | None
    after: list[Node]
    loaders: list[Node]
    preprocessing: Node | None


def workflow_of(config: Config) -> Workflow:
    """The parts of the inference that a config describes.

    Raises:
        ModelError: one is missing, or the config is for something else than one run of a network.
    """
    evaluator = config.find("evaluator")
    if evaluator is not None:
        _check_evaluator(evaluator)

    def part(key: str, *ids: str) -> Node | None:
        node = evaluator.get(key) if evaluator is not None else None
        node = node or config.find(*ids)
        return None if node is None or node.raw is None else node

    network = part("network", "network_def", "network", "net")
    if network is None:
        raise ModelError(
            f"{config.name} without a network",
            "an evaluator, or network_def",
            "name the config for inference with --config",
        )
    preprocessing = _preprocessing(config, evaluator)
    inferer = part("inferer", "inferer")
    handlers = part("val_handlers", "handlers", "val_handlers")
    loaders = [] if handlers is None else list(handlers.walk())
    extra = config.find("checkpointloader")
    loaders += [extra] if extra is not None else []
    return Workflow(
        network=network,
        before=_transforms(preprocessing),
        inferer=inferer,
        after=_transforms(part("postprocessing", "postprocessing")),
        loaders=[one for one in loaders if own_name(one.target) == "CheckpointLoader"],
        preprocessing=preprocessing,
    )


def _check_evaluator(evaluator: Node) -> None:
    if own_name(evaluator.target) != _EVALUATOR:
        raise unknown(evaluator, "evaluator", (_EVALUATOR,))
    # `prepare_batch` decides what the network is given; `iteration_update` is the run itself.
    for key in ("prepare_batch", "iteration_update"):
        if evaluator.get(key) is not None:
            raise evaluator.error(f"{key}, which is Python of the bundle's own", "none")


def _preprocessing(config: Config, evaluator: Node | None) -> Node | None:
    """What the evaluator's data set does with each image, or what has the usual name."""
    node = evaluator
    for key in ("val_data_loader", "dataset"):
        node = node.get(key) if node is not None else None
    if node is not None:
        if own_name(node.target) not in _DATA_SETS:
            raise unknown(node, "data set", _DATA_SETS)
        node = node.get("transform")
    return node or config.find("preprocessing")


def _transforms(node: Node | None) -> list[Node]:
    """The transforms of a Compose or a list, and of those within it."""
    if node is None or node.raw is None:
        return []
    if isinstance(node.raw, Unread):
        raise node.error(f"the Python expression ${node.raw.text}", "a list of transforms")
    if isinstance(node.raw, list):
        return [one for item in node.walk() for one in _transforms(item)]
    if own_name(node.target) != "Compose":
        return [node]
    for key in node.arguments():
        if key not in ("transforms", "lazy", "map_items", "unpack_items", "log_stats"):
            raise node.error(f"Compose with {key}", "transforms alone")
    inner = node.get("transforms")
    return [] if inner is None else _transforms(inner)

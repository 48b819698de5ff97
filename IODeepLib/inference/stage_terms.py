"""What the stages of a model are given, and what is said of them afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from IODeepLib.machine.progress import Progress
from IODeepLib.network.session import Session
from IODeepLib.recipe import Input


@dataclass(frozen=True, slots=True)
class How:
    """How stages are run.

    Attributes:
        open_network: opens the network of this name.
        inputs: of each stage by its name, its input as it is for these series.
        began: called with the number of a stage, from 0, and True when its image is prepared, then
            with False when its networks begin to run; it gives the callback for progress.
        cancelled: asked all the time.
        sized: whether the size of a voxel is known.
        probabilities: whether the result has those of each label as well.
        confidence: whether it says how sure the networks are.
        rewritten: whether a network may run as a faster graph, see `network.layout`.
        occlusion: blocks along the longest side for a map of what a network that judges the whole
            image looks at; 0 for none.
    """

    open_network: Callable[[str], Session]
    inputs: Mapping[str, Input]
    began: Callable[[int, bool], Progress]
    cancelled: Callable[[], bool]
    sized: bool
    probabilities: bool
    confidence: bool = False
    occlusion: int = 0
    rewritten: bool = True


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """What became of a stage.

    Attributes:
        name: of the stage; "" for the only one of a model.
        networks: the names of its networks.
        ran: whether it was run; it is not, where an earlier one found no place for it.
        volumes: millilitres of each label by name; 0 for one that was not found, and None where the
            size of a voxel is not known, or there are no labels.
        seconds: how long it took.
    """

    name: str
    networks: tuple[str, ...]
    ran: bool
    volumes: dict[str, float] | None
    seconds: float

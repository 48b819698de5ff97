"""The model card: what a person should know before the first run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from IODeepLib.recipe.limits import Title
from IODeepLib.structured import Limits


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured figure of the network's performance."""

    dataset: str
    metric: str
    value: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a person should know before the first run."""

    publisher: Title
    intended_use: Annotated[str, Limits(length=1)]
    licence: Annotated[str, Limits(length=1)]
    authors: tuple[str, ...] = ()
    out_of_scope: str = ""
    training_data: str = ""
    performance: tuple[Measurement, ...] = ()
    limitations: str = ""
    citation: str = ""
    contact: str = ""

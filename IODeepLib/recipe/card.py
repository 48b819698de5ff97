"""The model card: what a person should know before the first run."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from IODeepLib.recipe.limits import Title
from IODeepLib.recipe.training import TrainedOn
from IODeepLib.text.records import Many, Record


class Measurement(Record):
    """One measured figure of the network's performance."""

    dataset: str
    metric: str
    value: float
    label: str = ""


class ModelCard(Record):
    """What a person should know before the first run."""

    publisher: Title
    intended_use: Annotated[str, Meta(min_length=1)]
    licence: Annotated[str, Meta(min_length=1)]
    authors: Many[str] = ()
    out_of_scope: str = ""
    training_data: str = ""
    trained_on: TrainedOn | None = None
    performance: Many[Measurement] = ()
    limitations: str = ""
    citation: str = ""
    contact: str = ""

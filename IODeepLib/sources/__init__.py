"""Where models are found and fetched from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from IODeepLib.errors import ModelError
from IODeepLib.model_object import Model
from IODeepLib.model_object.progress import Progress


@dataclass(frozen=True)
class Problem:
    """A file that looks like a part of a model, but cannot be used."""

    path: Path
    error: ModelError


@dataclass(frozen=True)
class Library:
    """What a source holds.

    Attributes:
        models: all models, by name and version; parts that are not on this machine are missing.
        problems: damaged instances, and weights whose card is not there.
    """

    models: tuple[Model, ...]
    problems: tuple[Problem, ...] = ()


class Source(Protocol):
    """A place that holds models."""

    def models(self) -> Library:
        """The models there, as far as their cards tell."""
        ...

    def fetch(self, model: Model, progress: Progress | None = None) -> Model:
        """The same model with all its instances as files on this machine."""
        ...

"""Where models and images are found, fetched from and stored: folders, and PACS of any kind.

`IODeepLib.sources.find.source_of` turns the words of a call into a source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from IODeepLib.errors import IODeepError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.model_object.retirement import Retirement

if TYPE_CHECKING:
    from IODeepLib.series import ImageSeries
    from IODeepLib.sources.archive import Entity
    from IODeepLib.sources.query import Query


@dataclass(frozen=True)
class Problem:
    """What looks like a part of a model, but cannot be used.

    Attributes:
        path: the file; None for an object that a PACS has and that could not be fetched.
        error: what is wrong with it.
    """

    path: Path | None
    error: IODeepError

    def __str__(self) -> str:
        return f"{self.path}: {self.error}" if self.path else str(self.error)


@dataclass(frozen=True)
class Catalog:
    """What a source holds.

    Attributes:
        models: the models to be used, by name and version; parts that are not on this machine are
            missing.
        problems: damaged instances, objects that cannot be fetched, and weights whose card is not
            there.
        retired: models that are not to be used any more, each with the notice that says so.
    """

    models: tuple[Model, ...]
    problems: tuple[Problem, ...] = ()
    retired: tuple[tuple[Model, Retirement], ...] = ()

    @property
    def every(self) -> tuple[Model, ...]:
        """All models, those that are retired last."""
        return (*self.models, *(model for model, _ in self.retired))

    def notice(self, model: Model) -> Retirement | None:
        """What says that this model is retired; None if nothing does."""
        uid = model.card.sop_instance_uid
        return next((notice for _, notice in self.retired if notice.card_uid == uid), None)


class Source(Protocol):
    """A place that holds models, images and results."""

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    def models(self) -> Catalog:
        """The models there, as far as their cards tell; their weights are not touched.

        Raises:
            ModelError: there is no such folder.
            SourceError: the PACS failed.
        """
        ...

    def fetch(self, model: Model, progress: Progress | None = None) -> Model:
        """`model` with all its instances as files on this machine.

        Raises:
            ModelError: a part is not there.
            SourceError: the PACS failed, or sent something else.
        """
        ...

    def images(
        self, query: Query, folder: Path, progress: Progress | None = None
    ) -> list[ImageSeries]:
        """The image volumes that `query` names.

        Args:
            query: which.
            folder: where their files go if they are not on this machine.
            progress: called with the fraction done and a message; it may raise to stop.

        Raises:
            UsageError: the query is no good here.
            ImageError: there are none.
            SourceError: the PACS failed.
        """
        ...

    def objects(self, uid: str, folder: Path, progress: Progress | None = None) -> list[Path]:
        """Copies, in `folder`, of all DICOM files of a study or series; none if it is not there.

        Args:
            uid: Study or Series Instance UID.
            folder: where they go.
            progress: called with the fraction done and a message; it may raise to stop.

        Raises:
            SourceError: the PACS failed.
        """
        ...

    def series(self, keys: Mapping[str, str]) -> Sequence[Entity]:
        """The series whose attributes have these values, by keyword, see `Archive.find_series`.

        Raises:
            SourceError: the PACS failed.
        """
        ...

    def files_of(self, series: Entity, folder: Path, most: int) -> list[Path]:
        """Copies, in `folder`, of the files of a series that was found there.

        Args:
            series: as it was found.
            folder: where they go.
            most: bytes that a file may have.

        Raises:
            SourceError: a file is longer, or the PACS failed.
        """
        ...

    def instances(self, study_uid: str, series_uid: str) -> frozenset[str]:
        """The SOP Instance UIDs of what is there of a series; none if it is not there.

        Raises:
            SourceError: the PACS failed.
        """
        ...

    def store(self, files: Sequence[Path], progress: Progress | None = None) -> list[Path]:
        """Put DICOM files there, in this order, and prove that they are there.

        What is there already is not stored again.

        Returns:
            The files that were not there before.

        Raises:
            SourceError: the PACS failed; what it has taken stays there.
        """
        ...

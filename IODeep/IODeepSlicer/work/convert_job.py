"""What the process that imports a trained network is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepSlicer.work.json_file import readJson, writeJson

if TYPE_CHECKING:
    from IODeepLib.importers.draft import Draft
    from IODeepLib.machine.progress import Progress

_JOB, _DRAFT = "conversion.json", "draft.json"


@dataclass(frozen=True)
class Conversion:
    """A trained network of another program, and what is known beside it.

    Attributes:
        path: a folder, a ZIP file or an ONNX file.
        options: what of it is taken, see `IODeepLib.importers.formats`.
        answers: what it does not say, each as "PATH=VALUE", see `IODeepLib.importers.answers`.
    """

    path: Path
    options: dict[str, str] = field(default_factory=dict)
    answers: Sequence[str] = ()


@dataclass(frozen=True)
class Question:
    """Something that nobody but a person knows.

    Attributes:
        path: its place in the recipe.
        why: what it is.
        example: an answer.
    """

    path: str
    why: str
    example: str


@dataclass(frozen=True)
class Findings:
    """What a trained network says of itself.

    Attributes:
        format: the program that it comes from, in words.
        recipe: as far as it is known, JSON.
        questions: what is still to be answered.
        assumed: what was taken for granted, in sentences.
    """

    format: str
    recipe: Any
    questions: Sequence[Question]
    assumed: Sequence[str]


def writeConversion(folder: Path, conversion: Conversion) -> None:
    """Say in `folder` what is to be imported."""
    writeJson(folder / _JOB, conversion)


def lookInto(folder: Path) -> None:
    """Put into `folder` what the network there says of itself."""
    from IODeepLib.importers.answers import unanswered

    with _opened(folder) as (name, draft):
        questions = [Question(m.path, m.why, m.example) for m in unanswered(draft)]
        found = Findings(name, draft.recipe, questions, tuple(draft.assumed))
        writeJson(folder / _DRAFT, found)


def readFindings(folder: Path) -> Findings:
    """What the network says of itself."""
    return readJson(folder / _DRAFT, Findings)


def convert(folder: Path, target: Path, progress: Progress) -> None:
    """Write the network there as DICOM instances into `target`."""
    from IODeepLib.importers.answers import complete
    from IODeepLib.importers.import_model import import_model

    with _opened(folder) as (_name, draft):
        import_model(draft, complete(draft), target, progress)


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[str, Draft]]:
    from IODeepLib.importers.answers import put_answers
    from IODeepLib.importers.formats import draft_of, format_of

    conversion: Conversion = readJson(folder / _JOB, Conversion)
    kind = format_of(conversion.path)
    with draft_of(kind, conversion.path, conversion.options) as draft:
        put_answers(draft, conversion.answers)
        yield kind.program, draft

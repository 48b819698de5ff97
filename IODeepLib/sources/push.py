"""Publishing: from files to a source, so that nobody ever sees half a model there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from IODeepLib.disk.files import temporary_folder
from IODeepLib.errors import ModelError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Card, Model, same_content, verify
from IODeepLib.model_object.instance import is_dicom, read_head
from IODeepLib.model_object.retirement import Retirement, write_retirement
from IODeepLib.sources import Catalog, Source
from IODeepLib.sources.folder import models_in_files
from IODeepLib.trust.signer import Signer
from IODeepLib.trust.signing import sign_files


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        stored: the files that the source did not have before.
        there: those that it had, be it under other UIDs.
        retired: the notices of models among them that are not to be used any more.
    """

    stored: tuple[Path, ...]
    there: tuple[Path, ...]
    retired: tuple[Retirement, ...] = ()


def push(files: Iterable[Path], source: Source, progress: Progress | None = None) -> Pushed:
    """Store models and all other DICOM files; what a former push has stored is not sent again.

    Of each model the weights go first and the card last: without its card nobody sees it.

    Args:
        files: all files of the models, and others; those that are no DICOM files are passed over.
        source: where they go.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        ModelError: a model is damaged or incomplete, or the source has its version with another
            content.
        SourceError: the source failed; what it has taken stays there.
    """
    files = [path for path in files if is_dicom(read_head(path))]
    catalog = models_in_files(files)
    if catalog.problems:
        raise catalog.problems[0].error
    models = catalog.every
    for model in models:
        verify(model, progress)
    there = source.models() if models else Catalog(())
    published = _by_version(there)
    stored: list[Path] = []
    own: set[Path] = set()
    for model in models:
        paths = _paths(model)
        own.update(paths)
        if _is_new(model, published.get(_version(model.card), []), source.name):
            stored += source.store(paths, progress)
    others = [path for path in files if path not in own]
    stored += source.store(others, progress) if others else []
    versions = {_version(model.card) for model in models}
    retired = {
        notice.label: notice
        for model, notice in (*there.retired, *catalog.retired)
        if _version(model.card) in versions
    }
    return Pushed(
        tuple(stored),
        tuple(path for path in files if path not in set(stored)),
        tuple(retired.values()),
    )


def retire(
    model: Model,
    source: Source,
    *,
    reason: str,
    replacement: Model | None,
    signer: Signer | None = None,
) -> None:
    """Say in `source` that `model` is not to be used any more; nothing there is edited.

    Args:
        model: a model as `source` gave it.
        source: where it is.
        reason: why, in words; may be empty.
        replacement: the version to be used instead.
        signer: who signs the notice.

    Raises:
        ModelError: the reason is too long.
        SourceError: the source failed.
    """
    with temporary_folder() as folder:
        notice = folder / "notice.dcm"
        other = replacement.card if replacement else None
        write_retirement(model.card, notice, reason=reason, replacement=other)
        if signer is not None:
            sign_files([notice], signer)
        source.store([notice])


def _values(card: Card) -> set[bytes]:
    return {one.value for one in card.signatures}


def _signers(model: Model) -> str:
    return model.trust.found if model.trust else "nobody has looked at them"


def _is_new(model: Model, published: Sequence[Model], where: str) -> bool:
    """Whether `model` is to be stored: not under other UIDs already.

    Raises:
        ModelError: the same version is there, with another content or other signatures.
    """
    for other in published:
        card = other.card
        own = model.card.sop_instance_uid == card.sop_instance_uid
        if own and _values(card) != _values(model.card):
            raise ModelError(
                f"{where} has {model.label} already, with other signatures ({_signers(other)})",
                "a version that was not published yet",
                "pack it under a new version, and sign that",
            )
        if other.family == model.family and not same_content(card, model.card):
            raise ModelError(
                f"{where} has {model.label} already, with another content",
                "a version that was not published yet",
                "pack it under a new version",
            )
    same = [other for other in published if other.family == model.family]
    uids = {other.card.sop_instance_uid for other in same}
    return not uids or model.card.sop_instance_uid in uids


def _by_version(catalog: Catalog) -> dict[tuple[str, str], list[Model]]:
    found: dict[tuple[str, str], list[Model]] = {}
    for model in catalog.every:
        found.setdefault(_version(model.card), []).append(model)
    return found


def _version(card: Card) -> tuple[str, str]:
    return card.model_uid, card.version


def _paths(model: Model) -> list[Path]:
    """All files of a model, the card last."""
    assert model.card.path is not None  # noqa: S101 - it was found in a file
    return [*(part.path for part in model.weights()), model.card.path]

"""Whether what objects say of where they come from still holds, a plain line for each question."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from IODeepLib.model_object import Model
from IODeepLib.model_object.retirement import Retirement
from IODeepLib.results.origin.run import Run
from IODeepLib.results.provenance import weights_digest
from IODeepLib.selection.ranking import version_precedence
from IODeepLib.text.wording import counted


class Outcome(StrEnum):
    """What came of a check."""

    OK = "OK"
    DIFFERS = "differs"
    ABSENT = "not found here"
    UNCHECKED = "not checked"
    NOTE = "note"  # holds, and a person should know more


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer.

    Attributes:
        subject: what it is about.
        outcome: what came out.
        words: the answer, and why.
    """

    subject: str
    outcome: Outcome
    words: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where models, or images, are looked for.

    Attributes:
        name: how messages call it.
        models: those there, retired ones as well.
        notices: what says that a model is retired, by the UID of its card.
    """

    name: str
    models: Sequence[Model]
    notices: Mapping[str, Retirement]


def check_model(run: Run, place: Place) -> Iterator[Check]:
    """Whether the model that a run names is there, and is the one that ran."""
    said = run.network()
    uid, sha256 = said["card_sop_instance_uid"], said["network_sha256"]
    model = next((m for m in place.models if m.card.sop_instance_uid == uid), None)
    if model is None:
        again = [m for m in place.models if sha256 and m.card.network_digest == sha256]
        words = f"no card {uid} in {place.name}"
        if again:
            card = again[0].card
            words += (
                f"; {card.label}, card {card.sop_instance_uid}, is the same network, packed again"
            )
        yield Check("model", Outcome.ABSENT, words)
        yield from _versions(said["model_uid"], said["label"], place)
        return
    card = model.card
    yield Check("model", Outcome.OK, f"{card.label} is in {place.name}, card {uid}")
    if said["label"] and said["label"] != card.label:
        words = f"the result says {said['label']}, the card {card.label}"
        yield Check("name and version", Outcome.DIFFERS, words)
    if said["model_uid"] and said["model_uid"] != card.model_uid:
        words = f"the result says {said['model_uid']}, the card {card.model_uid}"
        yield Check("model UID", Outcome.DIFFERS, words)
    weights = weights_digest([part.sha256 for part in card.manifest.parts])
    for name, now in (("network_sha256", card.network_digest), ("weights_sha256", weights)):
        yield _digest(name, said[name], now)
    notice = place.notices.get(uid)
    if notice is not None:
        yield Check("retired", Outcome.NOTE, f"{card.label} is retired by now: {notice}")
    yield from _versions(card.model_uid, card.label, place, model.family)


def _digest(name: str, said: str, now: str) -> Check:
    if not said:
        return Check(name, Outcome.UNCHECKED, "the result does not say it")
    if said != now:
        return Check(name, Outcome.DIFFERS, f"the result says {said}, the model is {now}")
    return Check(name, Outcome.OK, "that of the model")


def _versions(
    model_uid: str, label: str, place: Place, family: str | None = None
) -> Iterator[Check]:
    """Whether there is a newer version that is not retired, of this publisher if it is known."""
    version = label.rpartition("@")[2]
    versions = {
        m.card.version
        for m in place.models
        if (m.card.model_uid == model_uid and family in (None, m.family))
        and m.card.sop_instance_uid not in place.notices
    }
    try:
        newest = max(versions, key=version_precedence, default="")
        newer = newest and version_precedence(newest) > version_precedence(version)
    except ValueError:  # the result names no semantic version
        newer = False
    if newer:
        yield Check("newer version", Outcome.NOTE, f"{newest} is in {place.name}")


def check_images(
    run: Run, where: str, instances: Callable[[str, str], Collection[str]] | None
) -> Iterator[Check]:
    """Whether the images that a run names are there.

    Args:
        run: what names them.
        where: the place, for people.
        instances: the SOP Instance UIDs there, of a study and a series; None if there is no place.
    """
    images = run.images()
    if not images:
        yield Check("images", Outcome.UNCHECKED, "no object here names any")
    for (study, series), uids in images.items():
        if instances is None:
            yield Check("images", Outcome.UNCHECKED, where)
            return
        there = frozenset(instances(study, series))
        missing = [uid for uid in uids if uid not in there]
        if not there:
            yield Check("images", Outcome.ABSENT, f"no series {series} in {where}")
        elif missing:
            words = (
                f"{counted(len(missing), 'image')} of {len(uids)} of series {series} not in "
                f"{where}, first {missing[0]}"
            )
            yield Check("images", Outcome.ABSENT, words)
        else:
            all_of_them = f"all {len(uids)} images" if len(uids) > 1 else "the image"
            yield Check("images", Outcome.OK, f"{all_of_them} of series {series} in {where}")

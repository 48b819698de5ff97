"""Which updates go into the new version, and why each other one does not.

Decided once, and kept: whoever ends a round twice ends it in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from IODeepLib.errors import InputError, SourceError
from IODeepLib.federation.averaging import counted
from IODeepLib.federation.clipping import longest, norm
from IODeepLib.federation.difference import check_manifest, read_difference
from IODeepLib.federation.records import MOST_SITES, Refused, Round, Taken, Update
from IODeepLib.federation.rounds import Announced, difference_files, updates_of
from IODeepLib.federation.signers import Signed, Signers
from IODeepLib.federation.statement import Statement
from IODeepLib.federation.tensors import Tensor
from IODeepLib.machine.progress import Progress
from IODeepLib.sources import Source
from IODeepLib.sources.archive import TransientError
from IODeepLib.text.foreign import plain

_LONGEST_SHOWN = 400  # characters of a reason


@dataclass(frozen=True)
class Decision:
    """What becomes of the updates in a round.

    Attributes:
        taken: those that go in, in the order in which they are added up.
        refused: the others, or the first of very many.
        differences: the tensors of each that goes in.
    """

    taken: tuple[Taken, ...]
    refused: tuple[Refused, ...]
    differences: tuple[Mapping[str, Tensor], ...]


@dataclass(frozen=True)
class Sent:
    """An update that somebody sent who may take part, as far as its statement goes.

    Attributes:
        statement: it.
        by: its site.
    """

    statement: Statement[Update]
    by: Signed


def sent_in(
    source: Source, one: Announced, folder: Path, signers: Signers
) -> tuple[list[Sent], list[Refused]]:
    """The updates in a round, the oldest first and one of each site; and those that are refused.

    The differences are not fetched for it.
    """
    said = one.said
    sent: list[Sent] = []
    refused: list[Refused] = []
    for found in updates_of(source, said, folder):
        if isinstance(found, str):
            refused.append(_refused("", found))
            continue
        try:
            by = signers.of_site(found, said)
        except InputError as error:
            refused.append(_refused(found.sop_instance_uid, error.found))
            continue
        if why := _misplaced(found.said, said, by):
            refused.append(_refused(found.sop_instance_uid, why, by))
        else:
            sent.append(Sent(found, by))
    sent.sort(key=lambda item: (item.by.at, item.statement.sop_instance_uid))
    first: dict[str, Sent] = {}
    for item in sent:
        if first.setdefault(item.by.key, item) is not item:
            why = "a second update of the same site: the first one that it signed counts"
            refused.append(_refused(item.statement.sop_instance_uid, why, item.by))
    return list(first.values()), refused


def decide(
    source: Source,
    one: Announced,
    parent: Mapping[str, Tensor],
    folder: Path,
    signers: Signers,
    progress: Progress | None = None,
) -> Decision:
    """Look at every update in a round, and fetch the differences of those that may go in.

    Args:
        source: where they are.
        one: the round.
        parent: the tensors of its parent that are trained.
        folder: where copies go.
        signers: who may take part.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        SourceError: the PACS failed.
    """
    sent, refused = sent_in(source, one, folder, signers)
    good: list[tuple[Sent, Mapping[str, Tensor]]] = []
    for number, item in enumerate(sent):
        if progress:
            progress(number / len(sent), f"looking at the update of {item.by.name}")
        where = folder / item.statement.sop_instance_uid
        try:
            good.append((item, _checked(source, one.said, item.statement.said, parent, where)))
        except TransientError:
            raise
        except (InputError, SourceError) as error:
            uid = item.statement.sop_instance_uid
            refused.append(_refused(uid, f"{error.found}; wanted: {error.wanted}", item.by))
    # The order in which they are added up: anybody finds it again.
    good.sort(key=lambda pair: pair[0].statement.sop_instance_uid)
    cases = [item.statement.said.cases for item, _ in good]
    taken = tuple(
        Taken(
            item.statement.sop_instance_uid,
            item.by.sha256,
            plain(item.by.name)[:_LONGEST_SHOWN],
            count,
            weight,
            tuple(part.sha256 for part in item.statement.said.weights.parts),
        )
        for (item, _), count, weight in zip(
            good, cases, counted(cases) if cases else [], strict=True
        )
    )
    return Decision(taken, tuple(refused[:MOST_SITES]), tuple(tensors for _, tensors in good))


def _misplaced(update: Update, said: Round, by: Signed) -> str:
    """What an update of somebody who may take part has to do with another round; "" for nothing."""
    if update.parent_digest != said.parent_digest:
        return f"it is of another parent ({update.parent_digest}; wanted: {said.parent_digest})"
    if by.at > said.due:
        return f"late: signed at {by.at:%Y-%m-%d %H:%M:%S} UTC, the deadline was {said.deadline}"
    return ""


def _checked(
    source: Source, said: Round, update: Update, parent: Mapping[str, Tensor], folder: Path
) -> Mapping[str, Tensor]:
    """The tensors of an update that may go in.

    Raises:
        InputError: it may not.
    """
    check_manifest(update, parent)
    found = read_difference(update, difference_files(source, said, update, folder), parent)
    length, most = norm(found.values()), longest(said)
    if not length <= most:  # NaN is not, either
        raise InputError(
            f"its difference has the norm {length:.6g}"
            if length < float("inf")
            else "its difference has values that are not finite",
            f"at most {most:.6g}, as the round clips",
            "have it made again",
        )
    return found


def _refused(uid: str, why: str, by: Signed | None = None) -> Refused:
    site, name = (by.sha256, plain(by.name)[:_LONGEST_SHOWN]) if by else ("", "")
    return Refused(uid, plain(why)[:_LONGEST_SHOWN], site, name)

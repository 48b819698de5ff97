"""A round computed again from what the PACS holds alone, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from IODeepLib.errors import InputError
from IODeepLib.federation.averaging import counted
from IODeepLib.federation.difference import read_difference
from IODeepLib.federation.new_version import network_digest
from IODeepLib.federation.parent import parent_of
from IODeepLib.federation.records import Round, Taken, Update
from IODeepLib.federation.rounds import Announced, difference_files, updates_of
from IODeepLib.federation.signers import certificate_of
from IODeepLib.federation.statement import Statement
from IODeepLib.federation.tensors import Tensor, trained_in
from IODeepLib.machine.progress import Progress
from IODeepLib.sources import Source


def differences_of(
    source: Source,
    said: Round,
    taken: Sequence[Taken],
    parent: Mapping[str, Tensor],
    folder: Path,
) -> list[Mapping[str, Tensor]]:
    """The differences of updates that were taken, in their order, fetched to `folder`.

    Raises:
        InputError: one is not there, or not the one that was taken.
        SourceError: the PACS failed.
    """
    there = {
        found.sop_instance_uid: found
        for found in updates_of(source, said, folder)
        if not isinstance(found, str)
    }
    differences: list[Mapping[str, Tensor]] = []
    for one in taken:
        found = there.get(one.update_uid)
        if found is None:
            raise InputError(
                f"{source.name} has no update {one.update_uid} of {one.name}",
                f"all updates that {said.label} was made of",
                "have it sent again",
            )
        _check_same(found, one)
        files = difference_files(source, said, found.said, folder / one.update_uid)
        differences.append(read_difference(found.said, files, parent))
    return differences


def check_outcome(
    source: Source, one: Announced, folder: Path, progress: Progress | None = None
) -> None:
    """Compute the outcome of a round again, and compare.

    Raises:
        InputError: it is another one, or cannot be computed.
        SourceError: the PACS failed.
    """
    said, outcome = one.said, one.outcome
    if outcome is None:
        raise InputError(f"{said.label} has not ended", "its outcome", "wait for it")
    published = [
        model for model in source.models().every if model.card.sop_instance_uid == outcome.card_uid
    ]
    if not published or published[0].card.network_digest != outcome.digest:
        raise InputError(
            f"{source.name} has no {said.model}@{outcome.version} with the network digest "
            f"{outcome.digest}",
            f"the outcome of {said.label}",
            "have it pushed there",
        )
    weights = counted([taken.cases for taken in outcome.taken])
    if len(outcome.taken) < said.least or weights != [taken.weight for taken in outcome.taken]:
        raise InputError(
            f"the outcome counts {[taken.weight for taken in outcome.taken]} cases",
            f"{weights}, of {said.least} sites at least",
            "ask the round's coordinator",
        )
    parent = parent_of(source, said, progress)
    differences = differences_of(source, said, outcome.taken, trained_in(parent, said), folder)
    recipe = published[0].card.recipe
    found = network_digest(parent, said, outcome.taken, differences, recipe)
    if found != outcome.digest:
        raise InputError(
            f"these updates make a network with the digest {found}",
            f"{outcome.digest}, which {said.label} published",
            "ask the round's coordinator, and do not use it before",
        )


def _check_same(found: Statement[Update], one: Taken) -> None:
    """Raise InputError unless an update is the one that was taken, and as its site signed it."""
    [signature] = found.signatures or (None,)
    if signature is None or signature.fault or certificate_of(signature) != one.site:
        raise InputError(
            f"the update {one.update_uid} is not as {one.name} signed it",
            "it as it was taken",
            "have it sent again",
        )
    digests = tuple(part.sha256 for part in found.said.weights.parts)
    if (digests, found.said.cases) != (one.digests, one.cases):
        raise InputError(
            f"the update {one.update_uid} is another one than was taken",
            f"{one.cases} cases, and the SHA-256 {', '.join(one.digests)}",
            "ask the round's coordinator",
        )

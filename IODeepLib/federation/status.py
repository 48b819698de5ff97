"""What has become of the rounds in a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from IODeepLib.federation.accountant import epsilon
from IODeepLib.federation.decision import sent_in
from IODeepLib.federation.records import Refused
from IODeepLib.federation.rounds import Announced, find_rounds
from IODeepLib.federation.signers import Signed, Signers
from IODeepLib.sources import Source
from IODeepLib.trust.signer import Signer


@dataclass(frozen=True)
class Status:
    """A round as it stands.

    Attributes:
        announced: the round, and how it ended.
        sent: who has sent an update that may go in, as far as its statement goes.
        missing: the certificates' SHA-256 of its sites that have not; none where it names no sites.
        refused: the other updates.
        epsilon: what the rounds up to this one spend; None without noise.
    """

    announced: Announced
    sent: tuple[Signed, ...]
    missing: tuple[str, ...]
    refused: tuple[Refused, ...]
    epsilon: float | None


def status(
    source: Source, folder: Path, signer: Signer | None = None
) -> tuple[Sequence[Status], dict[str, str]]:
    """The rounds in a source, the newest last; and those that do not count here, with the reason.

    Args:
        source: where they are.
        folder: where copies of their objects go.
        signer: whoever asks, and believes themselves.

    Raises:
        SourceError: the PACS failed.
    """
    signers = Signers(signer)
    found = find_rounds(source, folder / "rounds", signers)
    return [_of(source, one, folder / "updates", signers) for one in found.rounds], found.refused


def _of(source: Source, one: Announced, folder: Path, signers: Signers) -> Status:
    said = one.said
    sent, refused = sent_in(source, one, folder, signers)
    there = {item.by.sha256 for item in sent}
    if one.outcome is not None:  # the coordinator has looked at the differences, too
        known = {which.update_uid for which in one.outcome.refused}
        sent = [item for item in sent if item.statement.sop_instance_uid not in known]
        refused = [*one.outcome.refused, *(r for r in refused if r.update_uid not in known)]
    return Status(
        one,
        tuple(item.by for item in sent),
        tuple(site for site in said.sites if site not in there),
        tuple(refused),
        epsilon((*said.earlier, said.noise), said.delta),
    )

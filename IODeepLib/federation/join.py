"""A site takes part in a round: it tunes the parent with its own data, and sends what that changed.

Nothing else leaves the site: the difference of the weights, clipped and with noise as the round
asks, and how many cases it is of.

    FOLDER/training/   what training keeps to go on with
    FOLDER/update/     the update, signed; from then on it is the same one, whoever is killed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from IODeepLib.disk.files import temporary_folder, whole_folder
from IODeepLib.errors import InputError, UsageError
from IODeepLib.federation.alone import alone
from IODeepLib.federation.clipping import clipped
from IODeepLib.federation.difference import write_difference
from IODeepLib.federation.parent import parent_of
from IODeepLib.federation.records import Round, Update
from IODeepLib.federation.rounds import Announced, Found, find_rounds, updates_of
from IODeepLib.federation.signers import Signers, certificate_of
from IODeepLib.federation.statement import Statement, read_statement, write_statement
from IODeepLib.federation.tensors import Float32, trained_in
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.sources import Source
from IODeepLib.trust.signer import Signer

# Trains a version as a round says, keeping in a folder what it needs to go on; the new weights by
# name, and of how many cases.
Train = Callable[[Model, Round, Path], tuple[Mapping[str, Float32], int]]
_STATEMENT = "update.dcm"


@dataclass(frozen=True)
class Joined:
    """How a site took part.

    Attributes:
        about: the round.
        update: what was sent.
        is_new: whether it was sent now; False if it was there.
    """

    about: Round
    update: Update
    is_new: bool


def join(
    source: Source,
    signer: Signer,
    folder: Path,
    train: Train,
    *,
    round_uid: str | None = None,
    progress: Progress | None = None,
) -> Joined:
    """Take part in a round.

    Args:
        source: where the round is, and the update goes.
        signer: this site.
        folder: where the steps are kept; new, or that of the same round.
        train: trains the parent with this site's data.
        round_uid: which round; the only one that is open for this site by default.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        UsageError: there is no such round.
        InputError: the round is not signed by somebody in the trust list, is over, or asks for what
            cannot be done.
        SourceError: the PACS failed; what is kept in the folder is sent by the next call.
    """
    with temporary_folder() as work, alone(folder):
        one = _round(source, signer, round_uid, work / "rounds")
        said = one.said
        if sent := _sent(source, said, signer, work / "updates"):
            return Joined(said, sent.said, False)
        _check_open(one)
        update = folder / "update"
        if not update.is_dir():
            parent = parent_of(source, said, progress)
            tensors = trained_in(parent, said)
            weights, cases = train(parent, said, folder / "training")
            with whole_folder(update) as new:
                _write(said, clipped(weights, tensors, said), cases, new, signer)
        statement = read_statement(Update, update / _STATEMENT)
        if statement.said.round_uid != said.round_uid:
            raise UsageError(
                f"{folder} is of the round {statement.said.round_uid}",
                "a new folder",
                "name another one",
            )
        _check_open(one)  # it took a while
        # Without its statement nobody sees an update: it goes last.
        parts = sorted(path for path in update.glob("*.dcm") if path.name != _STATEMENT)
        source.store([*parts, update / _STATEMENT], progress)
        return Joined(said, statement.said, True)


def _write(
    said: Round, difference: Mapping[str, Float32], cases: int, folder: Path, signer: Signer
) -> None:
    weights = write_difference(difference, said, folder)
    update = Update("iodeep-update/1", said.round_uid, said.parent_digest, cases, weights)
    write_statement(update, said, folder / _STATEMENT, signer)


def _round(source: Source, signer: Signer, uid: str | None, folder: Path) -> Announced:
    """The round that is meant, if this site may take part in it."""
    found = find_rounds(source, folder, Signers(signer))
    if uid is not None:
        return found.named(uid)
    open_here = tuple(one for one in found.rounds if one.is_open and _may(one.said, signer))
    return Found(open_here, found.refused).named(None)


def _may(said: Round, signer: Signer) -> bool:
    return not said.sites or signer.certificate.sha256 in said.sites


def _check_open(one: Announced) -> None:
    if not one.is_open:
        raise InputError(
            f"{one.said.label} has {'ended' if one.outcome else 'passed its deadline'} "
            f"({one.said.deadline})",
            "a round that is open",
            "wait for the next one",
        )


def _sent(source: Source, said: Round, signer: Signer, folder: Path) -> Statement[Update] | None:
    """What this site has sent already: a second update would give more away, and does not count."""
    if not _may(said, signer):
        raise UsageError(
            f"{said.label} is for {len(said.sites)} sites, and {signer.subject} is none of them",
            "a key whose certificate the round names",
            "ask its coordinator",
        )
    for found in updates_of(source, said, folder):
        if isinstance(found, str):
            continue
        for signature in found.signatures:
            own = bool(signature.certificates) and not signature.fault
            if own and certificate_of(signature) == signer.certificate.sha256:
                return found
    return None

"""A round ends: the updates that may go in become a new version, published with how it came about.

Each step is kept as soon as it is done, and found again: a call that was killed goes on there.

    FOLDER/decision.json   which updates go in, and why others do not
    FOLDER/model/          the new version, signed
    FOLDER/outcome.dcm     what is said of it, signed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from IODeepLib.disk.files import temporary_folder, whole_file
from IODeepLib.errors import InputError, UsageError
from IODeepLib.federation.accountant import epsilon
from IODeepLib.federation.alone import alone
from IODeepLib.federation.decision import decide
from IODeepLib.federation.new_version import new_version, recipe_of
from IODeepLib.federation.parent import parent_of
from IODeepLib.federation.records import Outcome, Refused, Round, Taken, from_json, to_json
from IODeepLib.federation.reproduce import differences_of
from IODeepLib.federation.rounds import Announced, Found, find_rounds
from IODeepLib.federation.signers import Signers
from IODeepLib.federation.statement import read_statement, write_statement
from IODeepLib.federation.tensors import Tensor, trained_in
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.recipe import Measurement
from IODeepLib.sources import Source
from IODeepLib.sources.folder import files_below, find_model
from IODeepLib.sources.push import push
from IODeepLib.text.records import Many, Record
from IODeepLib.text.wording import counted
from IODeepLib.trust.signer import Signer

Measure = Callable[[Model], Sequence[Measurement]]


class _Kept(Record):
    """What was decided, as it is kept."""

    round_uid: str
    taken: Many[Taken]
    refused: Many[Refused]


def aggregate(
    source: Source,
    signer: Signer,
    folder: Path,
    *,
    round_uid: str | None = None,
    measure: Measure | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """End a round: average its updates, publish the new version and say how it came about.

    Args:
        source: where the round is.
        signer: its coordinator.
        folder: where the steps are kept; new, or that of the same round.
        round_uid: which round; the only one of this coordinator that has not ended by default.
        measure: what the coordinator measures of the new version.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        UsageError: there is no such round, or it is somebody else's.
        InputError: too few updates may go in, or it is too early to say.
        SourceError: the PACS failed.
    """
    with temporary_folder() as work, alone(folder):
        signers = Signers(signer)
        one = _own(source, signer, round_uid, work / "rounds", signers)
        if one.outcome is not None:
            return one.outcome
        parent = parent_of(source, one.said, progress)
        trained = trained_in(parent, one.said)
        kept, differences = _decided(source, one, trained, folder, work / "updates", signers)
        model = _model(parent, one.said, kept.taken, differences, folder, measure, work, signer)
        push(files_below(folder / "model"), source, progress)
        return _published(source, one.said, kept, model, folder / "outcome.dcm", signer)


def _own(
    source: Source, signer: Signer, round_uid: str | None, folder: Path, signers: Signers
) -> Announced:
    found = find_rounds(source, folder, signers)
    mine = [one for one in found.rounds if one.by.sha256 == signer.certificate.sha256]
    if round_uid is None:
        mine = [one for one in mine if one.outcome is None]
    return Found(tuple(mine), found.refused).named(round_uid)


def _decided(
    source: Source,
    one: Announced,
    trained: Mapping[str, Tensor],
    folder: Path,
    work: Path,
    signers: Signers,
) -> tuple[_Kept, Sequence[Mapping[str, Tensor]]]:
    """Which updates go in, and their differences."""
    path = folder / "decision.json"
    if path.is_file():
        kept = from_json(_Kept, path.read_text("utf-8"), str(path))
        if kept.round_uid != one.said.round_uid:
            raise UsageError(
                f"{folder} is of the round {kept.round_uid}", "a new folder", "name another one"
            )
        return kept, differences_of(source, one.said, kept.taken, trained, work)
    decision = decide(source, one, trained, work, signers)
    _check_complete(one, decision.taken, decision.refused)
    kept = _Kept(one.said.round_uid, decision.taken, decision.refused)
    with whole_file(path) as new:
        new.write_text(to_json(kept), "utf-8")
    return kept, decision.differences


def _check_complete(one: Announced, taken: Sequence[Taken], refused: Sequence[Refused]) -> None:
    """Raise InputError unless the round can end now."""
    said = one.said
    there = f"{counted(len(taken), 'update')} in {said.label}"
    if refused:
        why = "; ".join(
            f"{which.name or which.update_uid or 'one'}: {which.why}" for which in refused
        )
        there += f", {len(refused)} refused ({why})"
    heard = {who.site for who in taken} | {who.site for who in refused}
    if one.is_open and not (said.sites and heard >= set(said.sites)):
        raise InputError(
            there,
            f"those of all its sites ({len(said.sites)}), or its deadline {said.deadline}"
            if said.sites
            else f"its deadline {said.deadline}",
            "wait",
        )
    if len(taken) < said.least:
        raise InputError(there, f"{said.least} at least", "announce another round")


def _model(
    parent: Model,
    said: Round,
    taken: Sequence[Taken],
    differences: Sequence[Mapping[str, Tensor]],
    folder: Path,
    measure: Measure | None,
    work: Path,
    signer: Signer,
) -> Model:
    """The new version, made now or before."""
    out = folder / "model"
    if out.is_dir():
        return find_model(out)
    spent = epsilon((*said.earlier, said.noise), said.delta)
    recipe = recipe_of(parent, said, taken, spent)
    if measure is not None:
        tried = new_version(parent, said, taken, differences, recipe, work / "tried")
        recipe = recipe_of(parent, said, taken, spent, measure(tried))
    return new_version(parent, said, taken, differences, recipe, out, signer)


def _published(
    source: Source, said: Round, kept: _Kept, model: Model, path: Path, signer: Signer
) -> Outcome:
    """Say how it ended."""
    if not path.is_file():
        digest = model.card.network_digest
        there = [one.card for one in source.models().every if one.card.network_digest == digest]
        # It may have been published before, by a call that was killed and whose folder is lost.
        uids = [card.sop_instance_uid for card in there]
        own = model.card.sop_instance_uid
        outcome = Outcome(
            "iodeep-outcome/1",
            said.round_uid,
            said.parent_digest,
            kept.taken,
            kept.refused,
            said.version,
            own if own in uids or not uids else uids[0],
            digest,
            epsilon((*said.earlier, said.noise), said.delta),
        )
        with whole_file(path) as new:
            write_statement(outcome, said, new, signer)
    source.store([path])
    return read_statement(Outcome, path).said

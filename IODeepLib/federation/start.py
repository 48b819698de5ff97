"""A coordinator announces a round."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from IODeepLib.disk.files import temporary_folder
from IODeepLib.errors import InputError
from IODeepLib.federation.records import Round, Rule, Settings, from_json, to_json
from IODeepLib.federation.rounds import find_rounds
from IODeepLib.federation.signers import Signers
from IODeepLib.federation.statement import write_statement
from IODeepLib.federation.tensors import described, tensors_of
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model, verify
from IODeepLib.model_object.datasets import new_uid
from IODeepLib.model_object.new_version import next_version
from IODeepLib.sources import Source
from IODeepLib.training.new_weights import shapes_of
from IODeepLib.trust.signer import Signer


def start(
    source: Source,
    model: Model,
    signer: Signer,
    *,
    deadline: datetime,
    minimum: int,
    clip: float,
    noise: float = 0.0,
    delta: float = 1e-5,
    rule: Rule = Rule.MEAN,
    trim: int = 1,
    sites: Sequence[str] = (),
    settings: Settings | None = None,
    version: str | None = None,
    progress: Progress | None = None,
) -> Round:
    """Announce a round in `source`; one that follows on another one counts on.

    Args:
        source: where the model is, and sites look for rounds.
        model: the version to be tuned, with all its files.
        signer: the coordinator.
        deadline: by when updates have to be signed.
        minimum, clip, noise, delta, rule, trim, sites: see `Round`.
        settings: how sites train.
        version: of what comes out; the next minor one by default.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        InputError: it asks for what is beyond its limits.
        SourceError: the PACS failed.
    """
    verify(model, progress)
    card = model.card
    there = tensors_of(model)
    trained = shapes_of(model)
    if odd := sorted(trained.keys() - there.keys()):
        raise InputError(
            f"{model.label} has no tensor {odd[0]!r} in float32",
            "a version whose trained tensors are in float32",
            "tune the version that it was shrunk from",
        )
    taken = {one.card.version for one in source.models().every if one.card.name == card.name}
    with temporary_folder() as folder:
        found = find_rounds(source, folder / "rounds", Signers(signer)).rounds
        before = [
            one for one in found if one.outcome and one.outcome.card_uid == card.sop_instance_uid
        ]
        former = before[0].said if before else None
        said = Round(
            schema="iodeep-round/1",
            round_uid=new_uid(),
            number=former.number + 1 if former else 1,
            model=card.name,
            parent=card.version,
            parent_uid=card.sop_instance_uid,
            parent_digest=card.network_digest,
            version=version or next_version(card.version, taken),
            tensors=described({name: there[name] for name in trained}),
            settings=settings or Settings(),
            minimum=minimum,
            deadline=f"{deadline.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            clip=clip,
            sites=tuple(sites),
            noise=noise,
            earlier=(*former.earlier, former.noise) if former else (),
            delta=delta,
            rule=rule,
            trim=trim,
        )
        said = from_json(Round, to_json(said), "the round")
        if said.due <= datetime.now(UTC):
            raise InputError(f"the deadline {said.deadline}", "one to come", "correct it")
        path = folder / "round.dcm"
        write_statement(said, said, path, signer)
        source.store([path], progress)
    return said

"""What is said in a federated round, as JSON: the round, the update of a site, the outcome.

All of it comes from elsewhere: every number has its limits here, and a name is never a path.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from IODeepLib.errors import InputError
from IODeepLib.model_object.manifest import Digest, Manifest
from IODeepLib.recipe.limits import Name, Uid, Version
from IODeepLib.text.json_text import StructureError, parse_json
from IODeepLib.text.records import Many, OneOrMore, Record, dump, form, parse, within

MOST_SITES = 1000
MOST_ROUNDS = 10_000
# Cases that one site can say it has; how much they count is bounded by what the others have.
MOST_CASES = 1_000_000
_LONGEST_REASON = 500  # characters
_T = TypeVar("_T", bound=Record)

Moment = Annotated[
    str,
    form(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ", "2026-11-28T09:00:00Z: a time, in UTC"),
]
Cases = Annotated[int, within(1, MOST_CASES)]
Noise = Annotated[float, within(0, 1000)]
TensorName = Annotated[str, Meta(min_length=1, max_length=1000)]


class Rule(StrEnum):
    """How the updates of several sites become one."""

    MEAN = "mean"  # weighted by cases
    MEDIAN = "median"  # of each value
    TRIMMED = "trimmed"  # the mean of each value without the highest and the lowest ones


class Trained(Record):
    """A tensor that is trained, in float32."""

    name: TensorName
    shape: Annotated[tuple[Annotated[int, within(1, 2**31 - 1)], ...], Meta(max_length=8)]


class Settings(Record):
    """How a site trains, within what it lets others ask; all else is as `iodeep tune` has it.

    Attributes:
        rate: of learning.
        steps: of the optimizer, at most.
        batch_size: patches in a step.
        augment: whether patches are changed by chance.
        patch_size: of training; as `iodeep tune` has it where there is none.
    """

    rate: Annotated[float, within(1e-7, 1.0)] = 3e-4
    steps: Annotated[int, within(1, 100_000)] = 1000
    batch_size: Annotated[int, within(1, 64)] = 2
    augment: bool = True
    patch_size: Annotated[tuple[Annotated[int, within(8, 512)], ...], Meta(max_length=3)] = ()


class Round(Record):
    """A round, as its coordinator announces it.

    Attributes:
        schema: the version of this JSON.
        round_uid: its own UID, and that of the study that all of it is in.
        number: from 1, of the rounds that follow each other.
        model, parent: name and version of what is tuned.
        parent_uid: SOP Instance UID of that version's card.
        parent_digest: its network digest: what exactly it is.
        version: of what comes out.
        tensors: what is trained of it.
        settings: how.
        minimum: of sites, or there is no new version.
        deadline: by when an update has to be signed.
        sites: the certificates' SHA-256 of those who may take part; none for everyone whom the
            coordinator's trust list believes.
        clip: the longest that a site's difference may be (L2 norm over all tensors).
        noise: standard deviation of the noise that each site adds, as a multiple of `clip`.
        earlier: the same of the rounds before that this one follows.
        delta: at which epsilon is told.
        rule: how updates become one.
        trim: how many of the highest and of the lowest values the trimmed mean leaves out.
    """

    schema: Annotated[str, form("iodeep-round/1", "iodeep-round/1")]
    round_uid: Uid
    number: Annotated[int, within(1, MOST_ROUNDS)]
    model: Name
    parent: Version
    parent_uid: Uid
    parent_digest: Digest
    version: Version
    tensors: Annotated[tuple[Trained, ...], Meta(min_length=1, max_length=100_000)]
    settings: Settings
    minimum: Annotated[int, within(1, MOST_SITES)]
    deadline: Moment
    clip: Annotated[float, within(1e-6, 1e6)]
    sites: Annotated[tuple[Digest, ...], Meta(max_length=MOST_SITES)] = ()
    noise: Noise = 0.0
    earlier: Annotated[tuple[Noise, ...], Meta(max_length=MOST_ROUNDS)] = ()
    delta: Annotated[float, within(1e-12, 0.1)] = 1e-5
    rule: Rule = Rule.MEAN
    trim: Annotated[int, within(1, MOST_SITES)] = 1

    @property
    def label(self) -> str:
        """For people."""
        return f"round {self.number} of {self.model} ({self.parent} to {self.version})"

    @property
    def due(self) -> datetime:
        """The deadline."""
        return datetime.fromisoformat(self.deadline)

    @property
    def least(self) -> int:
        """How many updates it takes: the minimum, and what the rule cannot do without."""
        return max(self.minimum, 2 * self.trim + 1 if self.rule is Rule.TRIMMED else 1)


class Update(Record):
    """What a site says of its update.

    Attributes:
        schema: the version of this JSON.
        round_uid, parent_digest: as in the round.
        cases: how many it trained with.
        weights: the parts of the difference (new minus parent), as those of a model's weights.
    """

    schema: Annotated[str, form("iodeep-update/1", "iodeep-update/1")]
    round_uid: Uid
    parent_digest: Digest
    cases: Cases
    weights: Manifest


class Taken(Record):
    """An update that is in the new version.

    Attributes:
        update_uid: SOP Instance UID of the update.
        site: the SHA-256 of its signer's certificate.
        name: of the site, as the coordinator calls it.
        cases: as the site says.
        weight: how many of them counted.
        digests: the SHA-256 of the parts of the difference.
    """

    update_uid: Uid
    site: Digest
    name: str
    cases: Cases
    weight: Cases
    digests: OneOrMore[Digest]


class Refused(Record):
    """An update that is not, and why.

    Attributes:
        update_uid: SOP Instance UID of the update; "" of what is none.
        why: in words.
        site, name: of who signed it, as far as that is known.
    """

    update_uid: Annotated[str, Meta(max_length=64)]
    why: Annotated[str, Meta(max_length=_LONGEST_REASON)]
    site: str = ""
    name: str = ""


class Outcome(Record):
    """How a round ended.

    Attributes:
        schema: the version of this JSON.
        round_uid, parent_digest: as in the round.
        taken: the updates in the order in which they are added up.
        refused: the others that were there.
        version: of what came out.
        card_uid: SOP Instance UID of its card.
        digest: its network digest.
        epsilon: what the rounds up to this one have spent; None without noise, which has no bound.
    """

    schema: Annotated[str, form("iodeep-outcome/1", "iodeep-outcome/1")]
    round_uid: Uid
    parent_digest: Digest
    taken: OneOrMore[Taken]
    refused: Many[Refused]
    version: Version
    card_uid: Uid
    digest: Digest
    epsilon: float | None = None


def to_json(said: Record) -> str:
    """A record as it stands in its object.

    Raises:
        InputError: it has a value beyond its limits.
    """
    text = json.dumps(dump(said), ensure_ascii=False, separators=(",", ":"))
    try:
        _parsed(type(said), text)  # it is read within limits
    except StructureError as error:
        raise InputError(f"{error.path}: {error.found}", error.wanted, "correct it") from None
    return text


def from_json(kind: type[_T], text: str, where: str) -> _T:
    """A record from its JSON; `where` names it in errors.

    Raises:
        InputError: it is none, or asks for what is beyond all limits.
    """
    try:
        return _parsed(kind, text)
    except StructureError as error:
        raise InputError(
            f"{where}: {error.path}: {error.found}", error.wanted, "ask whoever signed it"
        ) from None


def _parsed(kind: type[_T], text: str) -> _T:
    said: Any = parse(kind, parse_json(text), exact=True)
    if isinstance(said, Round):
        _check_round(said)
    result: _T = said
    return result


def _check_round(said: Round) -> None:
    try:
        due = said.due
    except ValueError as error:
        raise StructureError("$.deadline", f"{said.deadline} ({error})", "a time") from None
    assert due.tzinfo == UTC  # noqa: S101 - the form has Z
    names = [tensor.name for tensor in said.tensors]
    if len(set(names)) < len(names):
        raise StructureError("$.tensors", "a tensor twice", "each once")
    if said.version == said.parent:
        raise StructureError("$.version", f"{said.version}, the parent's", "another version")
    if 0 < len(said.sites) < said.least:
        raise StructureError("$.minimum", f"{said.least} of {len(said.sites)} sites", "fewer")

"""Which series fills which input channel.

A channel is named after a contrast (or a phase, or words of its own). What a series says of it is
asked in this order, the most specific first:

1. Series Description;
2. the acquisition: times, kind of sequence, Image Type, b-value, see `acquisition`;
3. Protocol Name, which some scanners write once for a whole examination.

A text that names several contrasts decides nothing. Study Description says what was examined, and
never which of its series is which. Where text and acquisition contradict, the matter is open.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from IODeepLib.recipe import AttributeConstraint, Channel, Requirements
from IODeepLib.selection import criteria
from IODeepLib.selection.assignment import assign
from IODeepLib.selection.contrast_words import (
    T1,
    T1_ENHANCED,
    is_name,
    phases,
    says_agent,
    weightings,
)
from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.selection.facts import Facts
from IODeepLib.series import Image

# What an assignment of series to channels costs. One series more that is not known to be the right
# one is worse than nothing; the series that was asked about is among them if there is any way.
_COSTS = {Verdict.FITS: 0, Verdict.ANY: 0, Verdict.UNKNOWN: 1, Verdict.FAILS: 10**9}
_ASKED = -(10**6)

# How a recipe says that a channel is for something else than magnitude.
_COMPONENT_WORDS = ("PHASE", "PHA", "REAL", "IMAG", "VELOC", "FLOW", "FIELD", "B0")
_COMPONENT_KEYWORDS = ("ImageType", "FrameType", "ComplexImageComponent")

Filled = tuple[tuple[Image, ...], tuple[Reason, ...]]


def fill_channels(asked: Requirements, pool: Sequence[Facts]) -> Filled:
    """Give each channel a series of `pool` that fits it: the best for all channels together.

    The first of the pool is the series that was asked about, and fills one of them.
    """
    channels = asked.channels
    if len(channels) == 1 or any(channel.color for channel in channels):
        # one image, or components of one and the same image
        own = tuple(channel_reason(pool[0], channel, asked) for channel in channels)
        if any(reason.verdict is Verdict.FAILS for reason in own):
            return (), own
        return (pool[0].series,) * len(channels), own
    pool = [pool[0], *(facts for facts in pool[1:] if criteria.excluded(asked, facts) is None)]
    if len(pool) < len(channels):
        return (), tuple(_none_left(channel, len(pool)) for channel in channels)
    judged = [[channel_reason(facts, c, asked) for facts in pool] for c in channels]
    costs = [[_COSTS[reason.verdict] for reason in row] for row in judged]
    for costs_of_channel in costs:
        costs_of_channel[0] += _ASKED
    assigned = assign(costs)
    reasons: list[Reason] = []
    for channel, row, (column, others) in zip(channels, judged, assigned, strict=True):
        reason = row[column]
        if reason.verdict is Verdict.FAILS:
            reason = _none_left(channel, len(pool))
        elif others:
            reason = _one_of_several(reason, [pool[other] for other in others])
        reasons.append(reason)
    columns = [column for column, _ in assigned]
    if 0 not in columns and not any(reason.verdict is Verdict.FAILS for reason in reasons):
        required = "a series that fills a channel"
        found = f"{pool[0].series.label}, which fills none"
        reasons.append(Reason("channels", Verdict.FAILS, required, found, "SeriesDescription"))
    if any(reason.verdict is Verdict.FAILS for reason in reasons):
        return (), tuple(reasons)
    return tuple(pool[column].series for column in columns), tuple(reasons)


def _none_left(channel: Channel, count: int) -> Reason:
    return Reason(
        f"channel {channel.name}",
        Verdict.FAILS,
        " or ".join(channel.words) or channel.modality or "a further series of this study",
        f"{count} series, all of them taken or of another kind",
        "study",
    )


def _one_of_several(reason: Reason, others: Sequence[Facts]) -> Reason:
    """Other series would do as well: nobody knows that it is this one."""
    listed = ", ".join(other.series.label for other in others)
    found = f"{reason.found}, and as good: {listed}"
    # Of several of which nothing is known, one would be a guess.
    verdict = Verdict.FAILS if reason.verdict is Verdict.UNKNOWN else Verdict.UNKNOWN
    return Reason(reason.criterion, verdict, reason.required, found, reason.attribute)


def channel_reason(facts: Facts, channel: Channel, asked: Requirements | None = None) -> Reason:
    """Whether a series can fill an input channel: its modality, attributes, component, contrast.

    Args:
        facts: what the series says.
        channel: the channel.
        asked: what the network requires besides, and of its other channels.
    """
    criterion = f"channel {channel.name}"
    if channel.modality and facts.modality and facts.modality != channel.modality:
        return Reason(criterion, Verdict.FAILS, channel.modality, facts.modality, "Modality")
    for condition in channel.attributes:
        reason = criteria.constraint(facts, condition)
        if reason.verdict is Verdict.FAILS:
            return Reason(criterion, Verdict.FAILS, reason.required, reason.found, reason.attribute)
    component, attribute = facts.component
    conditions = (*channel.attributes, *(asked.applies_to.attributes if asked else ()))
    if component and not _asks_for_components(channel.words, conditions):
        found = f"{component} ({facts.image_type})"
        return Reason(criterion, Verdict.FAILS, "magnitude", found, attribute)
    described = facts.description or "nothing"
    if not channel.words:
        return Reason(criterion, Verdict.ANY, "any", described, "image")
    beside = tuple(other.words for other in asked.channels) if asked else ()
    verdict, found, attribute = _of_contrast(facts, _wanted(channel.words, beside))
    required = criteria.any_of(channel.words)
    return Reason(criterion, verdict, required, found or described, attribute)


def _asks_for_components(words: Sequence[str], conditions: Sequence[AttributeConstraint]) -> bool:
    """Whether a recipe itself decides on phase, real and imaginary parts, velocities and fields."""
    named = any(name in word.upper() for word in words for name in _COMPONENT_WORDS)
    return named or any(c.keyword in _COMPONENT_KEYWORDS for c in conditions)


# Contrasts


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the words of a channel mean.

    Attributes:
        names: the contrasts that they name.
        phases: the phases that they name.
        literal: words that name none, to be found as they stand: "mprage", "dixon water".
        implied: the contrasts that the literal ones have.
        others: what the channels beside it are called by, and this one is not.
    """

    names: frozenset[str]
    phases: frozenset[str]
    literal: tuple[re.Pattern[str], ...]
    implied: frozenset[str]
    others: tuple[re.Pattern[str], ...]


@functools.lru_cache(maxsize=10_000)
def _wanted(words: tuple[str, ...], siblings: tuple[tuple[str, ...], ...]) -> _Wanted:
    names = frozenset[str]().union(*(weightings(word) for word in words if is_name(word)))
    beside = [word for sibling in siblings if sibling != words for word in sibling]
    if T1 in names and not any(T1_ENHANCED in weightings(word) for word in beside):
        names |= {T1_ENHANCED}  # T1 as such
    literal = [word for word in words if word.strip() and not is_name(word)]
    own = {word.casefold() for word in words}
    return _Wanted(
        names=names,
        phases=frozenset[str]().union(
            *(phases(word) for word in words if is_name(word) and not weightings(word))
        ),
        literal=tuple(map(_standing, literal)),
        implied=frozenset[str]().union(*map(weightings, literal)),
        others=tuple(
            _standing(word)
            for word in beside
            if word.strip() and word.casefold() not in own and not is_name(word)
        ),
    )


def _standing(word: str) -> re.Pattern[str]:
    """`word` where it begins a word of a text: "W" is in "t1_dixon_w" and not in "W3"."""
    parts = [re.escape(part) for part in re.split(r"[\W_]+", word) if part] or [re.escape(word)]
    return re.compile(r"(?<![^\W_])" + r"[\W_]*".join(parts) + r"(?!\d)", re.IGNORECASE)


def _of_contrast(facts: Facts, wanted: _Wanted) -> tuple[Verdict, str, str]:
    """The verdict, what was found, and where."""
    own = facts.descriptions["SeriesDescription"]
    protocol = facts.descriptions["ProtocolName"]
    series, exam = _of_text(own, wanted, facts), _of_text(protocol, wanted, facts)
    acquired = _of_acquisition(wanted, facts)
    made, attribute = facts.acquired.words, facts.acquired.attribute
    if series is not Verdict.UNKNOWN:
        if series is Verdict.FITS and acquired is Verdict.FAILS:
            return Verdict.UNKNOWN, f"{own}, but {made} in {attribute}", "SeriesDescription"
        return series, own, "SeriesDescription"
    if acquired is not Verdict.UNKNOWN:
        if acquired is Verdict.FITS and exam is Verdict.FAILS:
            return Verdict.UNKNOWN, f"{made}, but {protocol} in ProtocolName", attribute
        return acquired, made, attribute
    if exam is not Verdict.UNKNOWN:
        return exam, protocol, "ProtocolName"
    return Verdict.UNKNOWN, own or protocol, "SeriesDescription" if own else "ProtocolName"


def _of_text(text: str, wanted: _Wanted, facts: Facts) -> Verdict:
    """What a text says; unknown where it names nothing of the kind, or several contrasts."""
    named, phase = frozenset[str](), phases(text) if wanted.phases else frozenset()
    if wanted.names or wanted.implied:
        named = weightings(text)
        if named == {T1} and facts.acquired.agent and not says_agent(text):
            named |= {T1_ENHANCED}
    stands = any(word.search(text) for word in wanted.literal)
    wants = stands or named & wanted.names or phase & wanted.phases
    others = named - wanted.names - wanted.implied or phase - wanted.phases
    beside = any(word.search(text) for word in wanted.others)
    if wants:
        return Verdict.UNKNOWN if others or beside else Verdict.FITS
    one = len(named | phase) <= 1
    return Verdict.FAILS if one and (others or beside) else Verdict.UNKNOWN


def _of_acquisition(wanted: _Wanted, facts: Facts) -> Verdict:
    can_be = facts.acquired.contrasts
    if not can_be or not wanted.names | wanted.implied:
        return Verdict.UNKNOWN
    if can_be <= wanted.names:
        return Verdict.FITS
    return Verdict.UNKNOWN if can_be & (wanted.names | wanted.implied) else Verdict.FAILS

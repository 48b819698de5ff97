"""Whose a model is, as its signatures prove it, in a few words: pure functions."""

from __future__ import annotations

import functools
from enum import StrEnum
from textwrap import shorten
from typing import TYPE_CHECKING

from IODeepSlicer.text.fit_text import AMBER, GRAY, GREEN, RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import html

if TYPE_CHECKING:
    from IODeepLib.trust.verdict import Trust

_LONGEST = 140  # characters of a reason in the panel; tooltip and window have all of it


class Badge(StrEnum):
    """What the table shows: told apart by form and sign, the color comes on top."""

    TRUSTED = "trusted"
    UNSIGNED = "unsigned"
    UNKNOWN = "unknown"
    DOUBTFUL = "doubtful"
    BAD = "bad"


COLORS = {
    Badge.TRUSTED: GREEN,
    Badge.UNSIGNED: GRAY,
    Badge.UNKNOWN: AMBER,
    Badge.DOUBTFUL: AMBER,
    Badge.BAD: RED,
}


def isTrusted(trust: Trust | None) -> bool:
    """Whether it is proved to be of a publisher whom this computer trusts."""
    return trust is not None and trust.is_trusted


def badge(trust: Trust | None) -> Badge:
    """The sign for a verdict."""
    from IODeepLib.trust.verdict import NEVER, Kind

    if trust is None or trust.kind is Kind.UNSIGNED:
        return Badge.UNSIGNED
    if trust.is_trusted:
        return Badge.TRUSTED
    if trust.kind in NEVER:
        return Badge.BAD
    return Badge.UNKNOWN if trust.kind is Kind.UNKNOWN else Badge.DOUBTFUL


def word(trust: Trust | None) -> str:
    """The verdict, as a heading."""
    if trust is None:
        return _("Nobody has looked at its signatures")
    return _words()[trust.kind.value]


@functools.cache  # Slicer looks long for a translation, and a table asks for many
def _words() -> dict[str, str]:
    return {
        "trusted": _("Signed and trusted"),
        "unsigned": _("Not signed"),
        "unknown signer": _("Signed by somebody unknown here"),
        "expired": _("Signed, but the certificate has expired"),
        "not yet valid": _("Signed, but the certificate is not valid yet"),
        "too weak": _("Signed by means that are too weak"),
        "wrong usage": _("Signed with a certificate that is for something else"),
        "not allowed": _("Signed by a publisher who may not speak for this model"),
        "broken": _("Signature bad"),
        "revoked": _("Signed with a revoked certificate"),
    }


def tip(trust: Trust | None) -> str:
    """The verdict with its reason, line by line."""
    if trust is None:
        return word(trust)
    found = [] if trust.found == trust.kind.value else [trust.found]
    return "\n".join([word(trust), *found, *trust.notes, consequence(trust)])


def tipHtml(trust: Trust | None) -> str:
    """The same as a part of HTML, the verdict in the color of its sign."""
    first, *more = tip(trust).splitlines()
    color = COLORS[badge(trust)]
    lines = [f"<font color='{color}'><b>{html(first)}</b></font>", *map(html, more)]
    return "<br>".join(lines)


def consequence(trust: Trust) -> str:
    """What follows from a verdict on this computer."""
    return _consequences()[trust.standing.value]


@functools.cache
def _consequences() -> dict[str, str]:
    return {
        "believed": _("It is run."),
        "refused": _("It is not run on this computer."),
        "unproved": _("It is run after a warning, which stays in the result."),
        "ignored": _("It is run: this computer was not told whom to trust."),
    }


def line(trust: Trust | None) -> tuple[str, str]:
    """(text, color): what a person should know before *Apply* is pressed."""
    from IODeepLib.trust.verdict import Standing

    if trust is None:
        return word(trust), ""
    found = shorten(trust.found, _LONGEST, placeholder="…")
    if trust.is_trusted and trust.publisher is not None:
        text = _("Signed by {publisher}, trusted; valid until {day}.")
        day = f"{trust.publisher.ends:%Y-%m-%d}"
        return text.format(publisher=trust.publisher.name, day=day), ""
    if trust.standing is Standing.REFUSED:
        return _("Not run on this computer: {reason}.").format(reason=found), RED
    if trust.standing is Standing.UNPROVED:
        text = _("Not proved to be of a trusted publisher: {reason}.")
        return text.format(reason=found), AMBER
    return _("Nothing proves who published it: {reason}.").format(reason=found), ""


def refusal(trust: Trust | None) -> str:
    """Why *Apply* cannot be pressed, as far as the publisher goes; "" if it can."""
    if trust is None or trust.may_run:
        return ""
    found = shorten(trust.found, _LONGEST, placeholder="…")
    text = _("This model is not run here: {reason}. Details… has more; ask who runs this computer.")
    return text.format(reason=found)

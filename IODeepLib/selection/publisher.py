"""Whether a model may be run here, as far as its publisher goes: a criterion like the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IODeepLib.errors import NoModelFitsError
from IODeepLib.model_object import Card, Model
from IODeepLib.model_object.publishers import Judge
from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.trust.verdict import Standing

if TYPE_CHECKING:
    from IODeepLib.trust.signer import Signer

CRITERION = "publisher"
_VERDICTS = {
    Standing.IGNORED: Verdict.ANY,
    Standing.BELIEVED: Verdict.FITS,
    Standing.UNPROVED: Verdict.UNKNOWN,
    Standing.REFUSED: Verdict.FAILS,
}
# The smaller, the sooner it is chosen.
PLACE = {
    Standing.IGNORED: 0,
    Standing.BELIEVED: 0,
    Standing.UNPROVED: 1,
    Standing.REFUSED: 1,
}


def refuse_untrusted(model: Model) -> None:
    """Raise NoModelFitsError if this site never runs a model of this publisher."""
    if model.standing is Standing.REFUSED:
        raise NoModelFitsError(
            f"{model.label} is not run here ({reason(model)})",
            "a model of a publisher that this site trusts, as it was signed",
            "see 'iodeep trust list', or ask whoever runs this machine",
        )


def refuse_to_try(card: Card, signer: Signer | None) -> None:
    """Raise NoModelFitsError if this site would not run a model like this one, made here and now.

    Args:
        card: of a model of that name, for the same body parts.
        signer: who signs it; None for nobody.
    """
    trust = Judge().card_by(card, signer)
    if trust.standing is Standing.REFUSED:
        raise NoModelFitsError(
            f"{card.name}, to be made and run here, would be refused ({trust.found})",
            "a network of a publisher that this site trusts",
            "add --sign, with a key whose certificate 'iodeep trust list' has",
        )


def reason(model: Model) -> Reason:
    """What the site requires of a publisher, and what is proved of this one."""
    verdict = _VERDICTS[model.standing]
    required = "any" if verdict is Verdict.ANY else "trusted"
    found = model.trust.found if model.trust else "nothing"
    return Reason(CRITERION, verdict, required, found, "DigitalSignaturesSequence")

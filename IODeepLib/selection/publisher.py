"""Whether a model may be run here, as far as its publisher goes: a criterion like the others."""

from __future__ import annotations

from IODeepLib.errors import NoModelFitsError
from IODeepLib.model_object import Model
from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.trust.verdict import Standing

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


def reason(model: Model) -> Reason:
    """What the site requires of a publisher, and what is proved of this one."""
    verdict = _VERDICTS[model.standing]
    required = "any" if verdict is Verdict.ANY else "trusted"
    found = model.trust.found if model.trust else "nothing"
    return Reason(CRITERION, verdict, required, found, "DigitalSignaturesSequence")

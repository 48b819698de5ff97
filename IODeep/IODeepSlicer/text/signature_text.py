"""What signatures a model bears and what this computer makes of them, in full: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from IODeepSlicer.text import trust_text
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import html

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.trust.dicom_signature import DicomSignature
    from IODeepLib.trust.verdict import Trust

Signatures = Mapping[str, Sequence["DicomSignature"]]  # by what bears them
_Rows = list[tuple[str, str]]  # of names and texts
_ON_A_LINE = 16  # bytes of a fingerprint, which is told by telephone


def detailsHtml(model: Model, signatures: Signatures, missing: Sequence[str]) -> str:
    """All of it, for the window.

    Args:
        model: whose they are.
        signatures: those of each instance that is here.
        missing: what is not here, or cannot be read.
    """
    heading = _("{title}, version {version}").format(
        title=model.card.title, version=model.card.version
    )
    verdict = f"{trust_text.tipHtml(model.trust)}<br>"
    parts = [f"<b>{html(heading)}</b><br><br>{verdict}", _table(_policy(model.trust))]
    parts += [f"<br><b>{html(_('What is signed'))}</b>", _table(_extent(signatures, missing))]
    for rows, what in _each(signatures):
        title = _("The signature of: {what}").format(what=what)
        parts += [f"<br><b>{html(title)}</b>", _table(rows)]
    return "".join(parts)


def fingerprint(model: Model) -> str:
    """That of the signer's certificate; "" if there is none."""
    from IODeepLib.trust.signature_words import as_json

    trust = model.trust
    if trust is not None and trust.publisher is not None:
        return trust.publisher.fingerprint
    of_others = (as_json(one)["certificate"] for one in model.card.signatures)
    return next((_pairs(one["sha256"]) for one in of_others if one is not None), "")


def _policy(trust: Trust | None) -> _Rows:
    if trust is None:
        return []
    where = str(trust.policy_file) if trust.policy_file else _("no file says anything else")
    return [
        (_("Policy"), f"{trust.policy.value} ({where})"),
        (_("Meaning"), _meaning(trust)),
    ]


def _meaning(trust: Trust) -> str:
    return {
        "off": _("Nobody looks at who published a model."),
        "warn": _(
            "What is not proved to be of a trusted publisher is run, and the result says so."
        ),
        "require": _("What is not proved to be of a trusted publisher is never run."),
    }[trust.policy.value]


def _extent(signatures: Signatures, missing: Sequence[str]) -> _Rows:
    names = {
        _("Signed"): [what for what, found in signatures.items() if found],
        _("Not signed"): [what for what, found in signatures.items() if not found],
        _("Not here"): missing,
    }
    covers = _(
        "A signature of the card is over all that the model is: by digests over recipe, model "
        "card, manifest and architecture, and through the manifest over the weights. It is not "
        "over study, date and place of storage, which archives correct or set themselves."
    )
    return [*((name, ", ".join(of)) for name, of in names.items() if of), (_("Note"), covers)]


def _each(signatures: Signatures) -> list[tuple[_Rows, str]]:
    """What each signature says, and what bears it: one block for those that say the same."""
    from IODeepLib.trust.signature_words import as_json

    found: list[tuple[_Rows, list[str]]] = []
    for what, those in signatures.items():
        for rows in map(_signature, map(as_json, those)):
            bearers = next((of for known, of in found if known == rows), None)
            if bearers is None:
                found.append((rows, [what]))
            else:
                bearers.append(what)
    return [(rows, ", ".join(of)) for rows, of in found]


def _signature(said: dict[str, Any]) -> _Rows:
    intact = said["integrity"] if not said["why"] else f"{said['integrity']}: {said['why']}"
    rows = [(_("State"), intact)]
    if (certificate := said["certificate"]) is None:
        rows.append((_("Signed by"), _("nobody who can be named")))
    else:
        rows += [
            (_("Signed by"), certificate["subject"]),
            (_("Issued by"), certificate["issuer"]),
            (_("Fingerprint (SHA-256)"), _inLines(_pairs(certificate["sha256"]))),
            (_("Serial number"), certificate["serial"]),
            (_("Valid"), _("{first} to {last}").format(**_days(certificate))),
        ]
    at = said["signed_at"]
    stamp = _("yes; the verdict above says whether it is believed")
    rows += [
        (_("Signed on"), _("{day}, by the signer's own word").format(day=at[:10]) if at else ""),
        (_("Time stamp"), stamp if said["time_stamp"] else _("none")),
        (_("Digest"), said["mac_algorithm"]),
        (_("Purpose"), said["purpose"]),
        (_("Covers"), ", ".join(said["covered"])),
        (_("Leaves out"), ", ".join(said["left_out"])),
    ]
    return [(name, text) for name, text in rows if text]


def _days(certificate: dict[str, Any]) -> dict[str, str]:
    return {"first": certificate["valid_from"][:10], "last": certificate["valid_until"][:10]}


def _pairs(digits: str) -> str:
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2)).upper()


def _inLines(fingerprint: str) -> str:
    pairs = fingerprint.split(":")
    lines = (pairs[at : at + _ON_A_LINE] for at in range(0, len(pairs), _ON_A_LINE))
    return "\n".join(map(":".join, lines))


def _table(rows: _Rows) -> str:
    cells = (f"<td><b>{html(name)}</b>&nbsp;</td><td>{html(text)}</td>" for name, text in rows)
    return f"<table cellpadding='2'>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"

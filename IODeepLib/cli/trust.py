"""Say whose models and results this site believes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.cli import console, trust_text
from IODeepLib.cli.verbs_below import VerbsBelow
from IODeepLib.errors import CertificateError, UsageError

if TYPE_CHECKING:
    from IODeepLib.trust.certificates import Certificate
    from IODeepLib.trust.trust_file import Entry, Permission
    from IODeepLib.trust.trust_list import TrustList

NAME = "trust"
_SHORTEST_FINGERPRINT = 8  # digits that name a certificate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = VerbsBelow(parser)
    add = verbs.add("add", _add)
    add.add_argument(
        "certificate", type=Path, metavar="CERT", help="of a publisher or an authority, PEM or DER"
    )
    add.add_argument("--name", metavar="NAME", help="what to call it [as its certificate does]")
    for option, of, example in (
        ("model", "which models it may publish", "liver-*"),
        ("publisher", "what these may say of who published them", "University Hospital"),
        ("region", "body parts that they may be for", "LIVER"),
        ("subject", "of an authority: whom else it is believed for", "O=University Hospital"),
    ):
        add.add_argument(
            f"--{option}",
            action="append",
            default=[],
            metavar="TEXT",
            help=f"{of}: {example}; may be repeated [any]",
        )
    for option, words in (("since", "first"), ("until", "last")):
        add.add_argument(
            f"--{option}", type=date.fromisoformat, metavar="DATE", help=f"{words} day, YYYY-MM-DD"
        )
    add.add_argument(
        "--fingerprint",
        action="append",
        metavar="SHA-256",
        help="as its owner told it: then nothing is asked; one for each certificate in the file",
    )
    _add_site(add)
    verbs.add("list", _list)
    remove = verbs.add("remove", _remove)
    remove.add_argument("entry", metavar="ENTRY", help="its name, or the SHA-256 of a certificate")
    _add_site(remove)


def _add_site(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--site", action="store_true", help="in the file for all users of this machine"
    )


def run(options: argparse.Namespace) -> None:
    options.run_below(options)


def _add(options: argparse.Namespace) -> None:
    """Believe a certificate, once its fingerprint is compared."""
    from IODeepLib.trust import edit
    from IODeepLib.trust.certificates import pem, read_certificates
    from IODeepLib.trust.trust_file import Permission
    from IODeepLib.trust.trust_list import read_trust_list

    there = read_trust_list(may_be_new=True)
    path = _file(options, there)
    certificates = read_certificates(options.certificate)
    for one in certificates:
        _check(one)
    name = _name(options, certificates, there)
    permission = Permission(
        name=name,
        certificate="".join(map(pem, certificates)),
        subjects=tuple(options.subject),
        models=tuple(options.model),
        publishers=tuple(options.publisher),
        regions=tuple(options.region),
        since=options.since,
        until=options.until,
    )
    _compare(options, certificates, permission)
    is_new = not path.exists()
    edit.add(path, permission, certificates)
    document = {"file": str(path), **trust_text.document(name, certificates, permission)}
    lines = [f"{name} is believed from now on ({path}{', a new file' if is_new else ''})"]
    lines += [f"  {words}" for words in map(trust_text.intermediate, certificates) if words]
    console.emit(options, document, "\n".join(lines))


def _list(options: argparse.Namespace) -> None:
    """Show whom this site believes, for what, and until when."""
    from IODeepLib.trust.trust_list import read_trust_list

    there = read_trust_list()
    rows = [trust_text.row(entry, one) for entry in there.entries for one in entry.certificates]
    entries = [
        {"file": str(e.path), **trust_text.document(e.name, e.certificates, e.said)}
        for e in there.entries
    ]
    where = there.policy_file or "nobody said anything else"
    lines = [f"policy: {there.policy.value} ({where})"]
    if there.site_alone:
        lines.append("the file for all users alone says who is believed")
    if rows:
        header = ("name", "", "subject", "valid until", "SHA-256", "for")
        lines += ["", console.table(header, rows)]
    lines += ["", *more] if (more := trust_text.lists(there)) else []
    document = {
        "policy": there.policy.value,
        "policy_file": str(there.policy_file or ""),
        "site_alone": there.site_alone,
        "believe_first_seen": there.first_seen,
        "entries": entries,
        "crls": [
            {
                "file": str(one.path),
                "issuer": one.issuer,
                "due": one.due.isoformat() if one.due else "",
            }
            for one in there.lists
        ],
        "revoked": sorted(there.revoked),
        "time_stamps": [one.subject for one in there.time_stamps],
    }
    console.emit(options, document, "\n".join(lines))


def _remove(options: argparse.Namespace) -> None:
    """Believe somebody no more."""
    from IODeepLib.trust import edit
    from IODeepLib.trust.trust_file import read_trust_file
    from IODeepLib.trust.trust_list import read_trust_list

    there = read_trust_list()
    path = _file(options, there)
    file = read_trust_file(path)
    entries = file.entries if file else ()
    places = [i for i, entry in enumerate(entries) if _is_named(entry, options.entry)]
    if not places:
        elsewhere = [e for e in there.entries if _is_named(e, options.entry)]
        names = ", ".join(dict.fromkeys(entry.name for entry in entries)) or "no entry"
        raise UsageError(
            f"no entry {options.entry!r} in {path}",
            f"one of {names}",
            f"it is in {elsewhere[0].path}: {'leave out' if options.site else 'add'} --site"
            if elsewhere
            else "see what is there with 'iodeep trust list'",
        )
    edit.remove(path, places)
    removed = [entries[i].name for i in places]
    document = {"file": str(path), "removed": removed}
    console.emit(options, document, f"{removed[0]} is believed no more ({path})")


def _file(options: argparse.Namespace, there: TrustList) -> Path:
    """The file to be changed."""
    from IODeepLib.disk import settings_file

    site = settings_file.site_wide_file()
    if options.site:
        return site
    if there.site_alone:
        raise UsageError(
            f"a list of one's own, where {site} requires trusted publishers",
            "the list for all users, which alone counts then",
            "add --site, as whoever runs this machine",
        )
    own = settings_file.own_file()
    if own is None:
        raise UsageError("no home folder", "a place for the list", "set HOME, or add --site")
    return own


def _check(certificate: Certificate) -> None:
    """Raise CertificateError if nothing signed with it would ever be believed."""
    from IODeepLib.trust.chains import usage_fault

    fault = certificate.weakness
    if not certificate.is_authority:
        fault = fault or usage_fault(certificate)
    now = datetime.now(UTC)
    if fault:
        raise CertificateError(
            f"{certificate.subject} with {fault}",
            "a certificate that is good for signatures",
            "ask its owner for another one",
        )
    if now > certificate.ends:
        raise CertificateError(
            f"{certificate.subject}, which was valid until {certificate.ends:%Y-%m-%d}",
            "a certificate that is valid",
            "ask its owner for the new one",
        )
    if now < certificate.starts:
        raise CertificateError(
            f"{certificate.subject}, which is valid from {certificate.starts:%Y-%m-%d %H:%M} UTC, "
            f"while the clock here says {now:%Y-%m-%d %H:%M} UTC",
            "a certificate that is valid, by a clock that is right",
            "set the clock of this machine, or of the one that made it, or wait",
        )


def _name(
    options: argparse.Namespace, certificates: Sequence[Certificate], there: TrustList
) -> str:
    """What the entry is called. A name that is there is taken only from whoever says it."""
    from cryptography.x509.oid import NameOID

    for one in certificates:
        for entry in there.entries:
            wanted = options.name or entry.name
            if any(one.der == known.der for known in entry.certificates):
                raise UsageError(
                    f"{one.subject}, which is in the list as {entry.name!r}",
                    "another certificate",
                    "remove it first, to change what it may speak for",
                )
            if any(one.key_sha256 == known.key_sha256 for known in entry.certificates):
                if wanted != entry.name:
                    raise UsageError(
                        f"a certificate of the key that {entry.name!r} has",
                        "one name for each key",
                        f"leave out --name: it is {entry.name!r}",
                    )
                return wanted
    if options.name is not None:
        return str(options.name)
    first = certificates[0]
    common = first.x509.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(common[0].value) if common else first.subject
    if any(entry.name == name for entry in there.entries):
        raise UsageError(
            f"another certificate of {name!r} than those in the list",
            "one publisher for each name",
            f"add --name {name!r} if it is the same one, or another name if it is not",
        )
    return name


def _compare(
    options: argparse.Namespace, certificates: Sequence[Certificate], permission: Permission
) -> None:
    """Raise UsageError unless somebody has compared the fingerprints."""
    if options.fingerprint is not None:
        said = {_digits(one) for one in options.fingerprint}
        if wrong := [one for one in certificates if one.sha256 not in said]:
            raise UsageError(
                f"{wrong[0].subject} with the SHA-256 {wrong[0].fingerprint}",
                " or ".join(options.fingerprint),
                "believe nothing before its owner has read it to you",
            )
        return
    if not console.somebody_is_there():
        raise UsageError(
            f"nobody who has compared the SHA-256 {certificates[0].fingerprint}",
            "it as the certificate's owner reads it",
            "answer at a terminal, or give it with --fingerprint",
        )
    for one in certificates:
        console.say(f"subject      {one.subject}")
        console.say(f"issuer       {one.issuer}")
        console.say(f"valid        {one.starts:%Y-%m-%d} to {one.ends:%Y-%m-%d}")
        console.say(f"SHA-256      {one.fingerprint}")
        if one.is_authority and not permission.subjects:
            console.say("an authority: so is everybody to whom it gives a certificate")
    console.say(
        f"believed for {trust_text.spoken_for(permission)}, under the name {permission.name}"
    )
    if not console.confirm("Did its owner tell you the same, by telephone or in person?"):
        raise UsageError(
            "a fingerprint that nobody has told",
            "the SHA-256 as the certificate's owner reads it",
            "ask its owner; nothing was changed",
        )


def _is_named(entry: Entry, words: str) -> bool:
    digits = _digits(words)
    long_enough = len(digits) >= _SHORTEST_FINGERPRINT
    return entry.name == words or (
        long_enough and any(one.sha256.startswith(digits) for one in entry.certificates)
    )


def _digits(words: str) -> str:
    return words.replace(":", "").replace(" ", "").lower()

"""Make a key to sign models and results with."""

from __future__ import annotations

import argparse
from pathlib import Path

from IODeepLib.cli import console, pass_phrase
from IODeepLib.cli.verbs_below import VerbsBelow

NAME = "key"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    new = VerbsBelow(parser).add("new", _new)
    new.add_argument("name", metavar="NAME", help="who signs with it, such as 'Radiology AI'")
    new.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    new.add_argument("--organization", default="", metavar="TEXT", help="where that is")
    new.add_argument("--country", default="", metavar="CC", help="in which country, two letters")
    new.add_argument("--years", type=_years, default=3.0, help="how long it is valid [3]")
    new.add_argument("--rsa", action="store_true", help="RSA of 3072 bits [EC P-256]")
    new.add_argument(
        "--request", action="store_true", help="a request for the hospital's authority to sign"
    )
    pass_phrase.add_argument(new)
    new.add_argument(
        "--no-pass-phrase", action="store_true", help="whoever can read the file can sign with it"
    )


def run(options: argparse.Namespace) -> None:
    options.run_below(options)


def _new(options: argparse.Namespace) -> None:
    """A new key, with a certificate of its own."""
    from IODeepLib.trust.certificates import read_certificates
    from IODeepLib.trust.new_key import KEY, new_key, subject_of

    subject = subject_of(options.name, options.organization, options.country)
    key = options.out / KEY
    phrase = None if options.no_pass_phrase else pass_phrase.new(options, str(key))
    made = new_key(
        options.out,
        subject,
        pass_phrase=phrase,
        years=options.years,
        by_rsa=options.rsa,
        request=options.request,
    )
    document = {"key": str(key), "request" if options.request else "certificate": str(made)}
    lines = [f"{key}: keep it to yourself"]
    if options.request:
        lines.append(f"{made}: for the authority, which makes the certificate of it")
    else:
        (certificate,) = read_certificates(made)
        document |= {"sha256": certificate.sha256, "valid_until": certificate.ends.isoformat()}
        lines += [
            f"{made}: for whoever shall believe you, with 'iodeep trust add'",
            f"subject      {certificate.subject}",
            f"valid until  {certificate.ends:%Y-%m-%d}",
            f"SHA-256      {certificate.fingerprint}",
        ]
    console.emit(options, document, "\n".join(lines))


def _years(words: str) -> float:
    years = float(words)
    if not 0 < years <= 30:
        raise argparse.ArgumentTypeError(f"found {words}; wanted: more than 0, at most 30")
    return years

"""Ways from a signer to an authority, in certificates that were made to have none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from makers.certificates import NOW, Made, made

from IODeepLib.trust import chains
from IODeepLib.trust.certificates import Certificate, opened
from IODeepLib.trust.chains import NoWayError, way


def read(*several: Made) -> list[Certificate]:
    return [opened(one.der, "it") for one in several]


ROOT = made("CN=Root", authority=True)


@contextmanager
def most_given() -> Iterator[list[int]]:
    """The numbers of certificates that the library gets to look for a way in."""
    seen: list[int] = []
    found = chains._found

    def counted(signer, given, believed, at):
        seen.append(len(given))
        return found(signer, given, believed, at)

    with mock.patch.object(chains, "_found", counted):
        yield seen


def test_circles_end() -> None:
    """Two names, each with many certificates of the other: the ways between them double."""
    x, y = (
        made(f"CN={name}", authority=True, key=ec.generate_private_key(ec.SECP256R1()))
        for name in "XY"
    )
    crossed = [made("CN=X", y, authority=True, key=x.key) for _ in range(8)]
    crossed += [made("CN=Y", x, authority=True, key=y.key) for _ in range(8)]
    (signer,) = read(made("CN=S", x))
    with most_given() as seen, pytest.raises(NoWayError):
        way(signer, read(*crossed), read(ROOT), NOW)
    assert max(seen) <= 4 and len(seen) <= 2


@pytest.mark.parametrize(("between", "found"), [(4, True), (5, False)])
def test_how_many_authorities_may_stand_between(between: int, found: bool) -> None:
    chain = [ROOT]
    for number in range(between):
        chain.append(made(f"CN=A{number}", chain[-1], authority=True))
    (signer,) = read(made("CN=S", chain[-1]))
    given = read(*chain[:0:-1])
    if found:
        subjects = [one.subject for one in way(signer, given, read(ROOT), NOW)]
        assert subjects == ["CN=S", *(f"CN=A{n}" for n in range(between)[::-1]), "CN=Root"]
    else:
        with pytest.raises(NoWayError):
            way(signer, given, read(ROOT), NOW)


def test_an_authority_may_have_ended_since() -> None:
    """That is for the caller to see; the way is one all the same."""
    ended = made("CN=Ended", ROOT, authority=True, ends=-1)
    (signer,) = read(made("CN=S", ended))
    assert len(way(signer, read(ended), read(ROOT), NOW)) == 3

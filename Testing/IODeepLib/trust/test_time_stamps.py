"""Time stamps that OpenSSL makes, as an authority for them does, are believed or not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from makers import time_stamps
from makers.certificates import DAY, NOW, made
from makers.packed_models import make_model
from makers.signed_objects import signed_by_dcmtk
from makers.time_stamps import ROOT
from makers.trust_lists import entry

from IODeepLib.trust.certificates import opened
from IODeepLib.trust.dicom_signature import Integrity
from IODeepLib.trust.judge import judge
from IODeepLib.trust.signature_reading import read_signatures
from IODeepLib.trust.time_stamps import TimeStampError, time_of
from IODeepLib.trust.trust_list import TrustList
from IODeepLib.trust.verdict import Kind

from .test_judge import LIVER, by

VALUE = b"a signature"


@pytest.fixture
def stamp(tmp_path: Path) -> Callable[..., bytes]:
    """Makes the stamp of a value, by an authority."""
    return lambda value=VALUE, **how: time_stamps.stamp(tmp_path, value, **how)


@pytest.mark.parametrize("digest", ["sha256", "sha384"])
def test_a_stamp_gives_its_time(stamp: Callable[..., bytes], digest: str) -> None:
    found = time_of(stamp(digest=digest), VALUE, [opened(ROOT.der, "it")])
    assert abs(found - datetime.now(UTC)) < timedelta(minutes=5)


def test_stamps_that_prove_nothing(stamp: Callable[..., bytes]) -> None:
    root = [opened(ROOT.der, "it")]
    token = stamp()
    changed = bytearray(token)
    changed[-10] ^= 1
    stranger = made("CN=Stamps Root", authority=True)
    for bad, value, believed, words in (
        (token, b"something else", root, "Mismatch between messages"),
        (token, VALUE, [opened(stranger.der, "it")], "."),
        (token, VALUE, [], "lists nobody"),
        (bytes(changed), VALUE, root, "."),
        (token[:100], VALUE, root, "."),
        (b"", VALUE, root, "."),
        (bytes(200_000), VALUE, root, "200000 bytes"),
        (stamp(digest="sha1"), VALUE, root, "Unsupported hash"),
    ):
        with pytest.raises(TimeStampError, match=words):
            time_of(bad, value, believed)


def test_without_the_package_a_stamp_proves_nothing(
    stamp: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(TimeStampError, match="pip install rfc3161-client"):
        time_of(stamp(), VALUE, [opened(ROOT.der, "it")])


def test_what_was_signed_before_the_end_of_its_certificate(
    stamp: Callable[..., bytes], listed: Callable[..., TrustList], tmp_path: Path
) -> None:
    signer = made("CN=Alone", ends=5)
    signature = replace(by(signer), value=VALUE, time_stamp=stamp())
    ROOT.write(tmp_path / "tsa.pem")
    later = NOW + 10 * DAY
    site = listed(entry("alone", signer.pem), time_stamps=["tsa.pem"])
    found = judge([signature], LIVER, site, later)
    assert found.is_trusted and "by its time stamp" in found.found
    found = judge([signature], LIVER, listed(entry("alone", signer.pem)), later)
    assert found.kind is Kind.EXPIRED
    assert "its time stamp proves nothing: this site lists nobody" in found.notes[0]


def test_a_stamp_that_dcmtk_has_put_in(tmp_path: Path, listed: Callable[..., TrustList]) -> None:
    """As Docs/trust.md says it: IODeep signs offline, and fetches no stamps itself."""
    card = make_model(tmp_path).card.path
    who = made("CN=Alone", ends=5)
    query, uid = tmp_path / "query", tmp_path / "uid"
    signed_by_dcmtk(card, tmp_path / "keys", who, "+ts", query, uid)
    time_stamps.answer(tmp_path)
    call = ["dcmsign", "+t", query, tmp_path / "answer", uid, card, tmp_path / "stamped.dcm"]
    subprocess.run(call, check=True, capture_output=True)
    [signature] = read_signatures(tmp_path / "stamped.dcm")
    assert signature.integrity is Integrity.INTACT
    ROOT.write(tmp_path / "tsa.pem")
    for stamps, kind in ((["tsa.pem"], Kind.TRUSTED), ([], Kind.EXPIRED)):
        site = listed(entry("alone", who.pem), time_stamps=stamps)
        assert judge([signature], LIVER, site, NOW + 10 * DAY).kind is kind

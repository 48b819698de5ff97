"""Time stamps (RFC 3161), as OpenSSL makes them for an authority."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from makers.certificates import Made, made

ROOT = made("CN=Stamps Root", authority=True)
STAMPING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True
STAMPER = made("CN=Stamps", ROOT, extensions=[STAMPING])
_CONFIG = """
[tsa]
default_tsa = it
[it]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha1, sha256, sha384
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def stamp(folder: Path, value: bytes, by: Made = STAMPER, digest: str = "sha256") -> bytes:
    """The stamp of a value; what OpenSSL needs for it lies in a folder."""
    (folder / "value").write_bytes(value)
    _openssl(folder, "-query", "-data", "value", f"-{digest}", "-cert", "-out", "query")
    return answer(folder, by, "-token_out")


def answer(folder: Path, by: Made = STAMPER, *options: str) -> bytes:
    """What an authority answers to the file `query` in a folder: the whole, or the stamp alone."""
    (folder / "config").write_text(_CONFIG)
    (folder / "serial").write_text("01\n")
    key = by.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)
    by.write(folder / "signer.pem")
    signer = ("-inkey", "key.pem", "-signer", "signer.pem", "-config", "config")
    _openssl(folder, "-reply", "-queryfile", "query", *signer, *options, "-out", "answer")
    return (folder / "answer").read_bytes()


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", "ts", *words], cwd=folder, check=True, capture_output=True)

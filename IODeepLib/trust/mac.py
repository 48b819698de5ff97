"""How what is signed is digested, and which keys sign: what the standard has and is strong.

PS3.15 annex C: RSA as PKCS #1 v1.5, ECDSA in DER, both over a digest (MAC Algorithm).
"""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

# MAC Algorithm (0400,0015), in the standard's words.
STRONG: dict[str, type[hashes.HashAlgorithm]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}
WEAK = ("SHA1", "MD5", "RIPEMD160")
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
# As strong as the curve (NIST SP 800-57); RSA as it is used today.
_OF_CURVES = ((256, "SHA256"), (384, "SHA384"))


def mac_for(key: PrivateKey) -> str:
    """The MAC algorithm that a key of this strength signs with."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "SHA256"
    return next((name for bits, name in _OF_CURVES if key.curve.key_size <= bits), "SHA512")


def signature_of(digest: bytes, mac: str, key: PrivateKey) -> bytes:
    """The signature of a digest, of an even number of bytes."""
    kind = Prehashed(STRONG[mac]())
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, padding.PKCS1v15(), kind)
    # The pad of an odd length would be bytes behind the end of DER, which not all readers bear;
    # every second one has an even length.
    while len(signature := key.sign(digest, ec.ECDSA(kind))) % 2:
        pass
    return signature


def is_of(signature: bytes, digest: bytes, mac: str, key: Any) -> bool:
    """Whether a signature is that of a digest, by a public key.

    Raises:
        UnsupportedAlgorithm: the key is of a kind that signs nothing in DICOM.
    """
    kind = Prehashed(STRONG[mac]())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), kind)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, digest, ec.ECDSA(kind))
        else:
            raise UnsupportedAlgorithm(f"a key of the kind {type(key).__name__}")
    except InvalidSignature:
        return False
    return True


def der_in(content: bytes) -> bytes:
    """A value of DER without the byte that pads it to an even length."""
    size = der_length(content)
    return content[:-1] if size == len(content) - 1 and content[-1] == 0 else content


def der_length(content: bytes) -> int:
    """How long the value of DER is with which `content` begins, by its own words; 0 for none."""
    if len(content) < 2:
        return 0
    first = content[1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    return 2 + count + int.from_bytes(content[2 : 2 + count], "big") if count <= 4 else 0

"""Signed objects for tests: keys in files, DCMTK's dcmsign as the other side."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydicom
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from makers.certificates import Made, made, rsa_key
from pydicom.dataset import Dataset

from IODeepLib.model_object.characteristics import sha256
from IODeepLib.model_object.private_dictionary import Element, block_of
from IODeepLib.trust.signature_reading import read_signatures
from IODeepLib.trust.signer import Signer, read_signer
from IODeepLib.trust.signing import sign_files

KEYS = {
    "RSA": functools.partial(rsa_key, 2048),
    "RSA 3072": functools.partial(rsa_key, 3072),
    "P-256": functools.partial(ec.generate_private_key, ec.SECP256R1()),
    "P-384": functools.partial(ec.generate_private_key, ec.SECP384R1()),
    "P-521": functools.partial(ec.generate_private_key, ec.SECP521R1()),
    "brainpool": functools.partial(ec.generate_private_key, ec.BrainpoolP256R1()),
}


@functools.cache
def publisher(kind: str = "P-256") -> Made:
    """A certificate with a key of this kind, the same in all tests of a process."""
    return made(f"CN=Publisher {kind},O=Hospital", key=KEYS[kind]())


def write_key(key: Any, path: Path, phrase: str | None = None) -> Path:
    """A private key as a PEM file."""
    encryption = BestAvailableEncryption(phrase.encode()) if phrase else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return path


def key_files(folder: Path, who: Made) -> tuple[Path, Path]:
    """Key and certificate as PEM files in a folder."""
    folder.mkdir(exist_ok=True)
    return write_key(who.key, folder / "key.pem"), who.write(folder / "certificate.pem")


def signer_of(folder: Path, who: Made) -> Signer:
    """The same, read."""
    return read_signer(*key_files(folder, who), lambda path: "")


def sign(paths: Sequence[Path], folder: Path, who: Made | None = None) -> None:
    """Sign files with the keys of `who`, which are written to `folder`."""
    sign_files(paths, signer_of(folder, who or publisher()))


def signed_by_dcmtk(path: Path, folder: Path, who: Made, *options: object) -> None:
    """Sign a file with dcmsign: with SHA-256 all elements, if the options do not say otherwise."""
    key, certificate = key_files(folder, who)
    out = folder / "signed.dcm"
    digest = () if any(str(o).startswith("+m") for o in options) else ("+m2",)
    call = ["dcmsign", "+s", key, certificate, *digest, *options, path, out]
    done = subprocess.run(list(map(str, call)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    out.replace(path)


def dcmtk_agrees(path: Path, folder: Path, *who: Made) -> bool:
    """Whether dcmsign finds all signatures of a file good, and there are some."""
    folder.mkdir(exist_ok=True)
    trusted: list[object] = []
    for number, one in enumerate(who):
        trusted += ["+cf", one.write(folder / f"trusted{number}.pem")]
    call = ["dcmsign", "--verify", "+rg", *trusted, path]
    done = subprocess.run(list(map(str, call)), capture_output=True, text=True)
    return done.returncode == 0


def verdicts(path: Path) -> list[str]:
    """What is found of each signature of a file."""
    return [str(one.integrity) for one in read_signatures(path)]


def with_signature_of(source: Path, target: Path) -> None:
    """Put the signatures of one file in the place of those of another."""
    donor, dataset = pydicom.dcmread(source), pydicom.dcmread(target)
    for keyword in ("MACParametersSequence", "DigitalSignaturesSequence"):
        setattr(dataset, keyword, donor[keyword].value)
    dataset.save_as(target)


def in_block(element: Element, digest: Element | None) -> Callable[[Dataset], None]:
    """Changes a text and its digest, or of what is large the digest alone."""

    def changed(dataset: Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        if digest is None:
            block[element].value = f"{block[element].value}1"
        elif element in (Element.ARCHITECTURE, Element.PAYLOAD):
            content = bytearray(block[element].value)
            content[-20] ^= 1
            block[element].value = bytes(content)
            block[digest].value = sha256(bytes(content))
        else:
            block[element].value += "\n"
            block[digest].value = sha256(block[element].value)

    return changed

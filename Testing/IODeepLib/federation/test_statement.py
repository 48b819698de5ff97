"""A statement says what its signer said, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from makers import trust_lists
from makers.certificates import made
from makers.rounds import round_of
from makers.signed_objects import signer_of

from IODeepLib.errors import InputError
from IODeepLib.federation.records import Outcome, Round, Update
from IODeepLib.federation.signers import Signers
from IODeepLib.federation.statement import read_statement, write_statement


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A round that somebody has signed whom this site believes."""
    coordinator = made("CN=Coordinator,O=Hospital")
    _, own = trust_lists.in_a_folder(tmp_path, monkeypatch)
    own.write_text(trust_lists.toml(trust_lists.entry("Coordinator", coordinator.pem)))
    path = tmp_path / "round.dcm"
    said = round_of()
    write_statement(said, said, path, signer_of(tmp_path / "key", coordinator))
    return path


def test_it_is_read_as_it_was_written(written: Path) -> None:
    found = read_statement(Round, written)
    assert found.said == round_of()
    by = Signers().of_coordinator(found, found.said)
    assert by.name == "Coordinator"


def test_whatever_byte_is_changed_it_is_refused_or_says_the_same(
    written: Path, tmp_path: Path
) -> None:
    content, path = written.read_bytes(), tmp_path / "changed.dcm"
    signers, refused = Signers(), 0
    for position in range(0, len(content), 31):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        try:
            found = read_statement(Round, path)
            signers.of_coordinator(found, found.said)
        except InputError:
            refused += 1
        else:
            assert found.said == round_of(), position
    assert refused > len(content) / 31 / 3


def test_an_object_of_one_kind_is_none_of_another(written: Path) -> None:
    for kind in (Update, Outcome):
        with pytest.raises(InputError, match="round"):
            read_statement(kind, written)

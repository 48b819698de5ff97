"""Which key this user signs with: what the call names, or else the table `signing` of iodeep.toml.

    [signing]
    key = "~/keys/key.pem"
    certificate = "~/keys/certificate.pem"
    pass_phrase = "keyring:iodeep"

Docs/trust.md describes it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from IODeepLib.disk import settings_file
from IODeepLib.disk.secret_places import secret_at
from IODeepLib.disk.user_folders import expanded
from IODeepLib.errors import UsageError
from IODeepLib.text.records import Record
from IODeepLib.trust.signer import Ask, Signer, read_signer

TABLE = "signing"


class _Table(Record):
    """What the file says of the user's own key.

    Attributes:
        key: a PEM or PKCS #12 file.
        certificate: a PEM or DER file; not needed where it is in the key's file.
        pass_phrase: where that of the key is, 'env:VARIABLE' or 'keyring:SERVICE'.
    """

    key: str | None = None
    certificate: str | None = None
    pass_phrase: str | None = None


def own_signer(key: Path | None, certificate: Path | None, said: Ask | None, ask: Ask) -> Signer:
    """Who signs.

    Args:
        key, certificate: files; None for those that the settings name.
        said: gives the pass phrase, if the call says where that is.
        ask: asks for it, if neither the call nor the settings say where it is.

    Raises:
        UsageError: nothing names a key, or the settings are wrong.
        CertificateError: it cannot be used.
    """
    if key is not None:
        return read_signer(key, certificate, said or ask)
    path, table = _settings()
    if table.key is None:
        raise UsageError(
            "nothing to sign with",
            f"--key and --certificate, or the table {TABLE} in {settings_file.FILE_NAME}",
            "name the key's file",
        )
    if certificate is None and table.certificate is not None:
        certificate = expanded(table.certificate)
    place = table.pass_phrase

    def kept(whose: str) -> str:
        wrong = partial(settings_file.wrong, path, f"{TABLE}.pass_phrase")
        return secret_at(str(place), whose, wrong)

    return read_signer(expanded(table.key), certificate, said or (kept if place else ask))


def _settings() -> tuple[Path | None, _Table]:
    """What the user's file says, or else that for all users."""
    for path in (settings_file.own_file(), settings_file.site_wide_file()):
        if path is not None and path.is_file():
            table: Any = settings_file.read_toml(path).get(TABLE, {})
            return path, settings_file.parsed(_Table, path, TABLE, table)
    return None, _Table()

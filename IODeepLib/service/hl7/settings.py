"""What `iodeep.toml` says of messages of HL7: its table `service.hl7`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from IODeepLib.service.addresses import is_loopback, is_network
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, Record, within


class Hl7(Record):
    """Messages of HL7 version 2 over MLLP.

    Attributes:
        host, port: where they are taken.
        addresses: who may send, addresses or networks; this machine where nobody is named.
        certificate, key: PEM files for TLS; the key may be in the certificate's file.
        ca: PEM file with the authorities that have to have signed the senders' certificates.
        timeout: seconds without a sign of life after which a sender counts as lost.
    """

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, within(1, 65_535)] = 2575
    addresses: Many[str] = ()
    certificate: str | None = None
    key: str | None = None
    ca: str | None = None
    timeout: Annotated[float, within(0.1, 86_400)] = 60.0

    def __post_init__(self) -> None:
        if not self.addresses and not is_loopback(self.host):
            raise StructureError(
                "$.host", f"{self.host}, which others reach, and nobody who may send", "addresses"
            )
        for number, words in enumerate(self.addresses):
            if not is_network(words):
                raise StructureError(
                    f"$.addresses[{number}]", words, "an address or a network: 10.1.0.0/16"
                )
        for one in ("key", "ca"):
            if getattr(self, one) is not None and self.certificate is None:
                raise StructureError(f"$.{one}", "no certificate", "one as well")

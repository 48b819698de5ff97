"""What `iodeep.toml` says of the service as an application entity: its table `service.dimse`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from IODeepLib.service.addresses import is_loopback, is_network
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, Record, form, within

# PS3.5 section 6.2, value representation AE.
Title = Annotated[str, form(r"(?! )[ -\[\]-~]{1,16}(?<! )", "PACS1, 1-16 characters")]
Port = Annotated[int, within(1, 65_535)]


class Caller(Record):
    """Another application entity.

    Attributes:
        aet: its AE title.
        addresses: where it calls from, addresses or networks; from anywhere if there are none.
        host, port: where it takes reports of procedure steps.
    """

    aet: Title
    addresses: Many[str] = ()
    host: Annotated[str, Meta(min_length=1)] | None = None
    port: Port | None = None

    def __post_init__(self) -> None:
        for number, words in enumerate(self.addresses):
            if not is_network(words):
                raise StructureError(
                    f"$.addresses[{number}]", words, "an address or a network: 10.1.0.0/16"
                )
        if (self.host is None) != (self.port is None):
            raise StructureError("$", "only one of host and port", "both, for reports to it")


class Dimse(Record):
    """The service as an application entity.

    Attributes:
        host, port: where it listens.
        aet: its AE title.
        store: whether images may be sent to it.
        callers: who may call; whoever is on this machine where nobody is named.
        certificate, key: PEM files for TLS; the key may be in the certificate's file.
        ca: PEM file with the authorities that have to have signed the callers' certificates.
        timeout: seconds without a sign of life after which a caller counts as lost.
        associations: how many at once.
        largest_gb: the largest object that is taken.
    """

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Port = 11112
    aet: Title = "IODEEP"
    store: bool = True
    callers: Many[Caller] = ()
    certificate: str | None = None
    key: str | None = None
    ca: str | None = None
    timeout: Annotated[float, within(0.1, 86_400)] = 60.0
    associations: Annotated[int, within(1, 1000)] = 20
    largest_gb: Annotated[float, within(0.001, 4)] = 4.0

    def __post_init__(self) -> None:
        if not self.callers and not is_loopback(self.host):
            raise StructureError(
                "$.host",
                f"{self.host}, which others reach, and nobody who may call",
                "[[service.dimse.callers]] with an aet each, or 127.0.0.1",
            )
        for one in ("key", "ca"):
            if getattr(self, one) is not None and self.certificate is None:
                raise StructureError(f"$.{one}", "no certificate", "one as well")

    def caller(self, aet: str) -> Caller | None:
        """Whom this AE title is of; None if nobody is named that."""
        return next((one for one in self.callers if one.aet == aet), None)

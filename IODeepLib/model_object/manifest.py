"""The manifest in the card: which parts the weights have, and how to know that they are whole."""

from __future__ import annotations

import json
from typing import Annotated

from IODeepLib.errors import ModelError
from IODeepLib.recipe.limits import Count, Uid
from IODeepLib.text.json_text import StructureError, parse_json
from IODeepLib.text.records import Many, Record, dump, form, parse

SCHEMA = "iodeep-manifest/1"
Digest = Annotated[str, form("[0-9a-f]{64}", "a SHA-256: 64 digits and letters from a to f")]


class Part(Record):
    """One weights instance.

    Attributes:
        sop_instance_uid: the instance.
        length: of its payload in bytes, without the DICOM pad.
        sha256: of the payload.
        tensors: their names, in the payload's order.
        typed: those of them that the ModelProto held in float_data or double_data.
        network: the network that they belong to; "" for the only one of a model.
    """

    sop_instance_uid: Uid
    length: Count
    sha256: Digest
    tensors: tuple[str, ...]  # there may be thousands
    typed: tuple[str, ...] = ()
    network: str = ""


class Manifest(Record):
    """All parts, in the order of their part numbers, which count from 1.

    Attributes:
        schema: the version of this JSON.
        series_instance_uid: the series that the parts are in. Retrieving them then takes no search,
            for which many servers would read them from end to end.
        parts: the weights instances.
    """

    schema: Annotated[str, form(SCHEMA, SCHEMA)]
    series_instance_uid: Uid
    parts: Many[Part]

    def to_json(self) -> str:
        """As it stands in the card."""
        return json.dumps(dump(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, where: str) -> Manifest:
        """From the JSON in a card; `where` names it in errors.

        Raises:
            ModelError: it is no manifest.
        """
        try:
            manifest: Manifest = parse(cls, parse_json(text), exact=True)
        except StructureError as error:
            raise ModelError(
                f"{where}: manifest {error.path}: {error.found}",
                error.wanted,
                "pack the model again",
            ) from None
        return manifest

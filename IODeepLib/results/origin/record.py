"""What `result.json` says of a run, checked at the door."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from IODeepLib.errors import InputError
from IODeepLib.headers.header_file import open_regular
from IODeepLib.results.origin.parameters import (
    Count,
    Digest,
    Options,
    Sentences,
    Uid,
    Word,
    Words,
    read_plain,
)
from IODeepLib.results.run_record import SCHEMA
from IODeepLib.text.json_text import MAX_JSON_CHARACTERS, StructureError

_BYTES_A_CHARACTER = 4  # at most, in UTF-8


class Network(Struct):
    """Which network it was, how it ran, and what is noteworthy of that."""

    title: Word
    name: Word
    version: Word
    publisher: Word
    model_uid: Uid
    card_sop_instance_uid: Uid
    network_digest: Digest
    weights_digest: Digest
    runtime: Word = ""
    provider: Word = ""
    software: Word = ""
    software_version: Word = ""
    options: Options = msgspec.field(default_factory=dict)
    notes: Sentences = msgspec.field(default_factory=list)
    steps: Sentences = msgspec.field(default_factory=list)


class Segment(Struct):
    """The figures of a label; null is what is not known."""

    label: Word
    voxels: Count
    volume_ml: float | None = None
    mean: float | None = None
    stdev: float | None = None
    minimum: float | None = None
    median: float | None = None
    maximum: float | None = None
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    surface_mm2: float | None = None
    suv_mean: float | None = None
    suv_stdev: float | None = None
    suv_minimum: float | None = None
    suv_median: float | None = None
    suv_maximum: float | None = None


class Measured(Struct):
    """What was measured."""

    segments: Annotated[list[Segment], Meta(max_length=100_000)]


class Record(Struct):
    """What is needed here of `result.json`; the rest is passed over."""

    schema: Word
    study_instance_uid: Word
    series_instance_uids: Words
    series: Word
    provenance: Network
    started: Word = ""
    ended: Word = ""
    measurements: Measured | None = None
    values: Annotated[dict[Word, float], Meta(max_length=100_000)] | None = None
    voxels_at_half: Annotated[dict[Word, Count], Meta(max_length=100_000)] | None = None
    sop_instance_uid: Uid | None = None
    sop_instance_uid_on_slices: Uid | None = None
    sop_instance_uid_confidence: Uid | None = None
    sop_instance_uid_occlusion: Uid | None = None
    sop_instance_uid_report: Uid | None = None

    def objects(self) -> dict[str, str]:
        """The SOP Instance UIDs of the objects that it names, by key."""
        keys = [name for name in self.__struct_fields__ if name.startswith("sop_instance_uid")]
        return {key: uid for key in keys if (uid := getattr(self, key))}


def read_record(path: Path) -> Record:
    """What the file says.

    Raises:
        InputError: it cannot be read, is no such JSON, or lacks something.
    """
    try:
        with open_regular(path) as file:
            content = file.read(_BYTES_A_CHARACTER * MAX_JSON_CHARACTERS + 1)
        record = read_plain(content.decode("utf-8"), Record, MAX_JSON_CHARACTERS)
        if record.schema != SCHEMA:
            raise StructureError("$.schema", repr(record.schema), SCHEMA)
    except StructureError as error:
        raise InputError(
            f"{path}: {error.found} at {error.path}", error.wanted, "run the network again"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({error})", "a result.json of a run", "run the network again"
        ) from None
    return record

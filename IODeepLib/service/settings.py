"""What `iodeep.toml` says of the service: its table `service`.

    [service]
    source = "pacs"

    [service.changes]

    [[service.rules]]
    applies_to = { modalities = ["CT"] }

Docs/service.md describes all keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from msgspec import Meta, field

from IODeepLib.disk import settings_file
from IODeepLib.disk.toml_lines import line_of
from IODeepLib.disk.user_folders import expanded, service_folder
from IODeepLib.errors import UsageError
from IODeepLib.recipe import AppliesTo
from IODeepLib.service.dimse.settings import Dimse
from IODeepLib.service.hl7.settings import Hl7
from IODeepLib.service.web.settings import WebSettings
from IODeepLib.sources.settings import Settings
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, OneOrMore, Record, form, parse, within

_DAY = 86_400.0  # seconds
Seconds = Annotated[float, within(0, _DAY)]
_MODALITY = re.compile(r"[A-Z0-9_]{2,16}")
_MINUTE = re.compile(r"(\d\d):(\d\d)")


class Product(StrEnum):
    """What of a result is stored."""

    SEG = "seg"
    SR = "sr"
    MAP = "map"  # how sure the networks are
    PICTURE = "picture"  # a contact sheet, for a PACS that shows no segmentations


class Which(StrEnum):
    """Which of the models that fit a series are run."""

    BEST = "best"  # where several are equally good, somebody has to choose
    ALL = "all"
    REGIONS = "regions"  # the best for each anatomic region


class Priority(StrEnum):
    """Scheduled Procedure Step Priority (0074,1200)."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"

    @property
    def rank(self) -> int:
        """The higher, the sooner."""
        return -list(Priority).index(self)


class Rule(Record):
    """What is done with a series.

    Attributes:
        name: how messages call it.
        applies_to: which series, in the words of a recipe; any that a model fits where it is left
            out.
        models: which of the models that fit; or their names, as `iodeep run --model` takes them.
        trusted: only models of publishers that this site believes.
        store: what is stored.
        priority: the higher, the sooner.
        hours: when a run may begin, by the clock of this machine: "19:00-07:00".
    """

    name: str = ""
    applies_to: AppliesTo | None = None
    models: Which | OneOrMore[Annotated[str, Meta(min_length=1)]] = Which.BEST
    trusted: bool = False
    store: OneOrMore[Product] = (Product.SEG, Product.SR)
    priority: Priority = Priority.MEDIUM
    hours: Annotated[
        str, form(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", "19:00-07:00")
    ] = "00:00-00:00"

    def __post_init__(self) -> None:
        if Product.SEG not in self.store:
            raise StructureError(
                "$.store",
                "no 'seg'",
                "it as well: whatever else is stored names the segmentation, if there is one",
            )

    @property
    def minutes(self) -> tuple[int, int]:
        """From and until which minute of the day a run may begin; equal for any."""
        first, last = (60 * int(h) + int(m) for h, m in _MINUTE.findall(self.hours))
        return first, last


class Changes(Record):
    """Orthanc is asked what has changed.

    Attributes:
        server: Orthanc's own address as a SOURCE, without `/dicom-web`, or a server in
            `iodeep.toml` with it; the source's without its last part where it is left out.
        every: seconds between two questions.
    """

    server: str | None = None
    every: Annotated[float, within(0.1, _DAY)] = 2.0


class Polling(Record):
    """Any PACS is searched for studies that are new or have changed.

    Attributes:
        every: seconds between two searches.
        days: how many days back, by Study Date.
    """

    every: Annotated[float, within(0.1, _DAY)] = 60.0
    days: Annotated[int, within(0, 36_525)] = 1


class Ups(Record):
    """Jobs as unified procedure steps, and steps that others schedule.

    Attributes:
        station: the code value of Scheduled Station Name Code Sequence that stands for us; steps
            that name nobody are ours as well.
        trusted, store: of what others schedule; see `Rule`.
    """

    station: Annotated[str, Meta(min_length=1, max_length=16)] = "IODEEP"
    trusted: bool = False
    store: OneOrMore[Product] = (Product.SEG, Product.SR)


class Audit(Record):
    """Where audit messages go: a syslog server.

    Attributes:
        server: its address; what goes over tcp and udp, everybody on the way can read.
        ca: PEM file with the authorities that may have signed its certificate.
        certificate, key: PEM files that say who we are; the key may be in the certificate's file.
        source: Audit Source ID; `iodeep@HOST` where it is left out.
        site: Audit Enterprise Site ID.
    """

    server: Annotated[
        str, form(r"(tls|tcp|udp)://[^/@\s:]+:[1-9]\d{0,4}", "tls://audit.example.org:6514")
    ]
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    source: str | None = None
    site: str | None = None

    def __post_init__(self) -> None:
        named = [key for key in ("ca", "certificate", "key") if getattr(self, key) is not None]
        if named and not self.server.startswith("tls:"):
            raise StructureError(f"$.{named[0]}", f"nothing for {self.server}", "tls://... beside")
        if self.key is not None and self.certificate is None:
            raise StructureError("$.key", "a key without a certificate", "both")


class ServiceSettings(Record):
    """What the service does, in the words of the file.

    Attributes:
        source: the PACS that studies come to and results go to.
        models: where the models are; in the same PACS where it is left out.
        folder: what must not be lost, and where runs work.
        changes, polling: how it is known that a study has come.
        dimse, ups, hl7: how others tell it, or ask for work.
        web: the page and the API, if there are to be such.
        quiet_seconds: how long nothing may have changed in a study before it is looked at.
        quiet_seconds_of: the same by modality; of a study with several the longest counts.
        workers: how many runs at once.
        threads: threads for each network; those of all cores where it is left out.
        memory_gb: the most that the process of a run may take; what the machine has, by default.
        minutes: the longest that a run may take.
        keep_days: how long jobs and work items are kept after their end; 0 for ever.
        audit: where audit messages go.
        rules: what is done with a series; all that apply count.
    """

    source: str
    models: str | None = None
    folder: str | None = None
    changes: Changes | None = None
    polling: Polling | None = None
    dimse: Dimse | None = None
    ups: Ups | None = None
    hl7: Hl7 | None = None
    web: WebSettings | None = None
    quiet_seconds: Seconds = 60.0
    quiet_seconds_of: dict[str, Seconds] = field(default_factory=dict)
    workers: Annotated[int, within(1, 64)] = 1
    threads: Annotated[int, within(1, 1024)] | None = None
    memory_gb: Annotated[float, within(0.1, 100_000)] | None = None
    minutes: Annotated[float, within(0.01, 10_080)] = 120.0
    keep_days: Annotated[float, within(0, 36_525)] = 365.0
    audit: Audit | None = None
    rules: Many[Rule] = (Rule(),)

    def __post_init__(self) -> None:
        sent = self.dimse is not None and self.dimse.store
        if not sent and not any((self.changes, self.polling, self.ups, self.hl7)):
            raise StructureError(
                "$",
                "nothing that starts a job",
                "[service.changes], [service.polling], [service.dimse], [service.ups]"
                " or [service.hl7]",
            )
        if self.ups is not None and self.dimse is None and self.web is None:
            raise StructureError(
                "$.ups", "no way to ask for work", "[service.dimse] or [service.web] as well"
            )
        for key in self.quiet_seconds_of:
            if not _MODALITY.fullmatch(key):
                raise StructureError(f"$.quiet_seconds_of.{key}", key, "a modality such as CT")

    @property
    def models_source(self) -> str:
        """Where the models are."""
        return self.models or self.source

    @property
    def place(self) -> Path:
        """The folder of the service."""
        return expanded(self.folder) if self.folder else service_folder()

    def quiet(self, modalities: Iterable[str]) -> float:
        """How long nothing may have changed in a study with series of these modalities."""
        known = [self.quiet_seconds_of.get(one, self.quiet_seconds) for one in modalities]
        return max(known, default=self.quiet_seconds)


def service_settings(settings: Settings) -> ServiceSettings:
    """The table `service` of a file.

    Raises:
        UsageError: there is none, or a mistake in it; the message has its line.
    """
    table = settings.service
    if settings.path is None or not table:
        raise UsageError(
            f"no [service] in {settings.path or settings_file.FILE_NAME}",
            "what the service is to do",
            "write it as in Docs/service.md, and name the file with --config",
        )
    try:
        found: ServiceSettings = parse(ServiceSettings, table, exact=True)
    except StructureError as error:
        raise mistake(settings.path, error) from None
    return found


def mistake(path: Path, error: StructureError, next_step: str = "correct it there") -> UsageError:
    """What is wrong at a key of the table, with its line."""
    where = f"service{error.path.removeprefix('$')}"
    try:
        line = line_of(path.read_text(encoding="utf-8"), where)
    except OSError:  # it was there a moment ago
        line = None
    place = f"{where} (line {line})" if line else where
    wanted = settings_file.IN_TOML.get(error.wanted, error.wanted)
    return settings_file.wrong(path, place, error.found, wanted, next_step)


def rule_words(rule: Rule, number: int) -> str:
    """How messages call a rule.

    Args:
        rule: it.
        number: its place among the others, from 0.
    """
    return rule.name or f"rule {number + 1}"

"""The objects and the record that came of one network, together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from IODeepLib.results.origin.origin import Origin
from IODeepLib.results.origin.record import Record


@dataclass(frozen=True, eq=False)
class Run:
    """What came of one network.

    Attributes:
        card_uid: of the network.
        origins: what the objects say.
        record: what `result.json` says; None without.
    """

    card_uid: str
    origins: tuple[Origin, ...]
    record: Record | None = None

    def network(self) -> dict[str, str]:
        """Which network it is, as the first that says it does, by name; "" for what nobody says."""
        first = next((one for one in self.origins if one.network_sha256), None)
        first = first or next(iter(self.origins), None)
        by = None if self.record is None else self.record.provenance
        if first is None:
            assert by is not None  # noqa: S101  a run has one of the two
            return {
                "title": by.title,
                "label": f"{by.name}@{by.version}",
                "publisher": by.publisher,
                "model_uid": by.model_uid,
                "card_sop_instance_uid": self.card_uid,
                "network_sha256": by.network_digest,
                "weights_sha256": by.weights_digest,
            }
        uids = (one.parameters.model_uid for one in self.origins if one.parameters)
        return {
            "title": first.title,
            "label": first.label,
            "publisher": first.publisher,
            "model_uid": next(uids, "") or ("" if by is None else by.model_uid),
            "card_sop_instance_uid": self.card_uid,
            "network_sha256": first.network_sha256,
            "weights_sha256": first.weights_sha256,
        }

    def how(self) -> dict[str, Any]:
        """How it was run: software, execution provider, options, and what was noted."""
        said = next((one.parameters for one in self.origins if one.parameters), None)
        by = None if self.record is None else self.record.provenance
        software = next((one.software for one in self.origins), ())
        found: dict[str, Any] = {
            "software": list(software),
            "provider": "",
            "options": {},
            "steps": [],
        }
        if said is not None:
            found |= {"provider": said.provider, "options": said.options, "steps": said.steps}
        elif by is not None:
            found |= {"provider": by.provider, "options": by.options}
        if by is not None:
            found["software"] = found["software"] or [
                f"{by.software} {by.software_version}",
                by.runtime,
            ]
            found |= {"notes": by.notes, "steps": by.steps}  # all of them
        else:
            found["notes"] = [one.derivation for one in self.origins if one.derivation][:1]
        if self.record is not None:
            found |= {"started": self.record.started, "ended": self.record.ended}
        return found

    def images(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """The images that its objects name, by (study, series)."""
        images: dict[tuple[str, str], dict[str, None]] = {}
        for one in self.origins:
            for series, uids in one.named.images.items():
                images.setdefault(series, {}).update(dict.fromkeys(uids))
        return {series: tuple(uids) for series, uids in images.items()}


def runs_of(origins: Iterable[Origin], record: Record | None = None) -> list[Run]:
    """The runs that objects, and a `result.json` beside them, are of."""
    by_card: dict[str, list[Origin]] = {}
    for one in origins:
        by_card.setdefault(one.card_uid, []).append(one)
    card_uid = "" if record is None else record.provenance.card_sop_instance_uid
    if record is not None:
        by_card.setdefault(card_uid, [])
    return [
        Run(card, tuple(found), record if card == card_uid else None)
        for card, found in by_card.items()
    ]

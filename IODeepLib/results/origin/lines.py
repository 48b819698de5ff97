"""Where results come from, as plain JSON values and in lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from IODeepLib.results.assessment import read_assessment
from IODeepLib.results.origin.checks import Check
from IODeepLib.results.origin.origin import Origin, Stranger
from IODeepLib.results.origin.run import Run
from IODeepLib.text.foreign import plain
from IODeepLib.text.wording import counted


def as_json(run: Run, checks: Sequence[Check]) -> dict[str, Any]:
    """What a run is, and what came of the checks."""
    return {
        "network": run.network(),
        "run": run.how(),
        "images": [
            {
                "study_instance_uid": study,
                "series_instance_uid": series,
                "sop_instance_uids": list(uids),
            }
            for (study, series), uids in run.images().items()
        ],
        "objects": [_object(one) for one in run.origins],
        "checks": [
            {"subject": one.subject, "outcome": one.outcome.value, "words": one.words}
            for one in checks
        ],
    }


def _object(one: Origin) -> dict[str, Any]:
    return {
        "path": None if one.fetched else str(one.path),
        "kind": one.kind,
        "series_description": one.description,
        "sop_instance_uid": one.sop_uid,
        "series_instance_uid": one.series_uid,
        "study_instance_uid": one.study_uid,
        "names": list(one.named.objects),
        "corrects": one.named.corrects,
        "replaces": one.named.replaces,
        "edited_by": one.edited_by,
        "assessment": _assessment(one),
        "derivation": one.derivation,
    }


def _assessment(one: Origin) -> dict[str, str] | None:
    """What people said of another object, if it is that."""
    said = read_assessment(one.header)
    if said is None:
        return None
    return {
        "verdict": said.verdict.value,
        "assessed": said.assessed,
        "corrected": said.corrected,
        "by": said.by,
        "when": said.when.isoformat(),
        "reason": said.reason,
    }


def stranger_as_json(one: Stranger) -> dict[str, str]:
    """An object of other software."""
    return {"path": str(one.path), "kind": one.kind, "maker": one.maker}


def lines(run: Run, checks: Sequence[Check]) -> Iterator[str]:
    """A run for people."""
    network, how = run.network(), run.how()
    yield f"{network['label'] or 'a network without a name'}"
    facts = [
        ("title", network["title"]),
        ("publisher", network["publisher"]),
        ("model UID", network["model_uid"]),
        ("card UID", network["card_sop_instance_uid"]),
        ("network SHA-256", network["network_sha256"]),
        ("weights SHA-256", network["weights_sha256"]),
        ("software", ", ".join(how["software"])),
        ("provider", how["provider"]),
        ("options", json.dumps(how["options"], ensure_ascii=False) if how["options"] else ""),
        ("started", how.get("started", "")),
        ("ended", how.get("ended", "")),
        *(("note", note) for note in how["notes"]),
        *(("step", step) for step in how["steps"]),
        *(
            ("images", f"{counted(len(uids), 'image')} of series {series} in study {study}")
            for (study, series), uids in run.images().items()
        ),
        *(("object", _words(one)) for one in run.origins),
    ]
    # A line each, also where a folder has a name of several.
    yield from (f"  {key:<17}{plain(value)}" for key, value in facts if value)
    yield from (f"  {one.outcome:<17}{plain(f'{one.subject}: {one.words}')}" for one in checks)


def _words(one: Origin) -> str:
    parts = [f"{one.name}: {one.kind}, {one.sop_uid}"]
    if one.named.corrects:
        parts.append(f"corrects {one.named.corrects}")
    if one.named.replaces:
        parts.append(f"replaces {one.named.replaces}")
    if one.edited_by:
        parts.append(f"by {one.edited_by}")
    if (said := read_assessment(one.header)) is not None:
        why = f": {said.reason}" if said.reason else ""
        parts.append(f"{said.assessed} is {said.verdict} by {said.by}{why}")
    return ", ".join(parts)


def stranger_words(one: Stranger) -> str:
    """An object of other software, for people."""
    return plain(f"{one.path}: {one.kind} by {one.maker or 'nobody who says so'}")

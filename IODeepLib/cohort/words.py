"""What a cohort is, for people and for programs: how it is split, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from IODeepLib.cohort.records import Cohort, Split
from IODeepLib.text.records import dump
from IODeepLib.text.wording import counted

_MOST_LINES = 30


def label_counts(cohort: Cohort) -> dict[str, Counter[Split]]:
    """In how many cases of each split each label has a segment."""
    names = {label.value: label.name for label in cohort.collected.labels}
    counts: dict[str, Counter[Split]] = {name: Counter() for name in names.values()}
    for case in cohort.cases:
        for value in {s.label for truth in case.truths for s in truth.segments}:
            counts[names[value]][case.split] += 1
    return counts


def lines(cohort: Cohort) -> Iterator[str]:
    """For people."""
    for split in Split:
        cases = cohort.of(split)
        patients = counted(len({case.patient for case in cases}), "patient")
        yield f"{split.value}: {counted(len(cases), 'case')} of {patients}"
    for name, count in label_counts(cohort).items():
        yield f"  {name}: " + ", ".join(f"{count[split]} {split.value}" for split in Split)
    for note in cohort.notes:
        yield f"note: {note}"
    notes = Counter(note for case in cohort.cases for note in case.notes)
    for note, times in notes.most_common(_MOST_LINES):
        yield f"note on {counted(times, 'case')}: {note}"
    if cohort.left_out:
        yield f"left out: {len(cohort.left_out)}"
    for one in cohort.left_out[:_MOST_LINES]:
        yield f"  {one.what}: {one.why}"
    if (more := len(cohort.left_out) - _MOST_LINES) > 0:
        yield f"  and {more} more, which stand in the file"


def document(cohort: Cohort) -> dict[str, Any]:
    """For programs."""
    return {
        "root": cohort.root,
        "model": f"{cohort.collected.name}@{cohort.collected.version}",
        "digest": cohort.digest,
        "splits": {
            split.value: {
                "cases": len(cohort.of(split)),
                "patients": len({case.patient for case in cohort.of(split)}),
            }
            for split in Split
        },
        "labels": {
            name: {split.value: count[split] for split in Split}
            for name, count in label_counts(cohort).items()
        },
        "cases": [
            {
                "case": case.key,
                "patient": case.patient,
                "split": case.split.value,
                "series_instance_uid": case.images[0].series_uid,
                "sop_instance_uids": [truth.sop_uid for truth in case.truths],
                "unknown": list(case.unknown),
                "notes": list(case.notes),
            }
            for case in cohort.cases
        ],
        "left_out": [dump(one) for one in cohort.left_out],
        "notes": list(cohort.notes),
    }

"""Whether the objects of a run, and `result.json` beside them, say the same."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator

from IODeepLib.results.origin.checks import Check, Outcome
from IODeepLib.results.origin.numbers import judged, reported
from IODeepLib.results.origin.origin import Origin
from IODeepLib.results.origin.record import Record
from IODeepLib.results.origin.recount import check_volumes, check_voxels
from IODeepLib.results.origin.run import Run
from IODeepLib.results.sr.groups import FIGURES
from IODeepLib.text.foreign import is_uid

_SEG, _REPORT = "sop_instance_uid", "sop_instance_uid_report"
_FIGURES = tuple(FIGURES)
_SAME = 1e-9  # relative: both hold ten digits


def check_agreement(run: Run) -> Iterator[Check]:
    """Whether they do: digests, UIDs and numbers."""
    for one in run.origins:
        name = one.name
        for fault in one.faults:
            yield Check(name, Outcome.DIFFERS, fault)
        if one.named.odd:
            words = f"{one.named.odd} references that are no UIDs are passed over"
            yield Check(name, Outcome.DIFFERS, words)
    yield from _one_network(run)
    yield from _each_once(run)
    yield from _named_objects(run)
    if run.record is not None:
        yield from _of_record(run, run.record)
    else:
        yield from check_volumes(run)


def _one_network(run: Run) -> Iterator[Check]:
    said = run.network()
    for one in run.origins:
        for name in ("network_sha256", "weights_sha256"):
            own = getattr(one, name)
            if own and own != said[name]:
                words = f"{name} is {own}, of other objects of the run {said[name]}"
                yield Check(one.name, Outcome.DIFFERS, words)


def _each_once(run: Run) -> Iterator[Check]:
    """Whether two files say to be one object, of which nobody knows which one is meant."""
    first: dict[str, Origin] = {}
    for one in run.origins:
        other = first.setdefault(one.sop_uid, one)
        if other is one:
            continue
        if filecmp.cmp(one.path, other.path, shallow=False):
            yield Check(one.name, Outcome.NOTE, f"the same as {other.name}")
        else:
            words = f"it has the UID of {other.name}, and something else in it"
            yield Check(one.name, Outcome.DIFFERS, words)


def _named_objects(run: Run) -> Iterator[Check]:
    here = {one.sop_uid: one.name for one in run.origins}
    for one in run.origins:
        verbs = {one.named.corrects: "corrects", one.named.replaces: "replaces"}
        for uid in dict.fromkeys((*one.named.objects, *verbs)):
            if not is_uid(uid):
                continue
            what = verbs.get(uid, "names")
            if uid in here:
                yield Check(one.name, Outcome.OK, f"{what} {here[uid]}, which is here")
            else:
                words = f"the object {uid}, which it {what}"
                yield Check(one.name, Outcome.ABSENT, words)


def _of_record(run: Run, record: Record) -> Iterator[Check]:
    by, said = record.provenance, run.network()
    if run.origins:
        pairs = (
            ("network_sha256", by.network_digest),
            ("weights_sha256", by.weights_digest),
            ("model_uid", by.model_uid),
            ("label", f"{by.name}@{by.version}"),
        )
        wrong = [
            f"{name} is {own}, in the objects {said[name]}"
            for name, own in pairs
            if said[name] and said[name] != own
        ]
        for words in wrong:
            yield Check("result.json", Outcome.DIFFERS, words)
        if not wrong:
            yield Check("result.json", Outcome.OK, "names the network that the objects name")
        for words in _other_images(run, record):
            yield Check("result.json", Outcome.DIFFERS, words)
    here = {one.sop_uid: one for one in run.origins}
    for key, uid in record.objects().items():
        if uid not in here:
            yield Check("result.json", Outcome.ABSENT, f"the object {uid} ({key})")
    objects = record.objects()
    yield from _report(record, here.get(objects.get(_REPORT, "")))
    yield from check_voxels(record, here.get(objects.get(_SEG, "")))


def _other_images(run: Run, record: Record) -> Iterator[str]:
    """What `result.json` says of the images, and the objects say otherwise."""
    studies = dict.fromkeys(one.study_uid for one in run.origins)
    for study in studies:
        if study != record.study_instance_uid:
            yield f"the study is {record.study_instance_uid}, of the objects {study}"
    named = {series for _, series in run.images()}
    said = set(record.series_instance_uids)
    if named and named != said:
        yield f"the series are {', '.join(sorted(said))}, of the objects {', '.join(sorted(named))}"


def _report(record: Record, report: Origin | None) -> Iterator[Check]:
    """The figures of the report, each against that of `result.json`."""
    if report is None:
        return
    wanted: dict[str, dict[str, float | None]] = {}
    for one in record.measurements.segments if record.measurements else ():
        if one.voxels:
            wanted[one.label] = {key: getattr(one, key) for key in _FIGURES}
    found: dict[str, dict[str, float]] = reported(report.header)
    if record.values is not None:
        wanted = {label: {"value": value} for label, value in record.values.items()}
        found = {label: {"value": value} for label, value in judged(report.header).items()}
    wrong = [
        f"{key or 'group'} of {label} is {theirs}, in result.json {mine}"
        for label in sorted({*wanted, *found})
        for key in sorted({*wanted.get(label, ()), *found.get(label, ())})
        if not _same(
            theirs := found.get(label, {}).get(key), mine := wanted.get(label, {}).get(key)
        )
    ]
    for words in wrong:
        yield Check(report.name, Outcome.DIFFERS, words)
    count = sum(map(len, found.values()))
    if count and not wrong:
        yield Check(report.name, Outcome.OK, f"its {count} numbers are those of result.json")


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _SAME * abs(other)

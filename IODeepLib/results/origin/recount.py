"""Whether a DICOM SEG has as many voxels as others say of it: `result.json`, or the report."""

from __future__ import annotations

from collections.abc import Iterator

from IODeepLib.headers import text
from IODeepLib.results.frames import SegmentationType
from IODeepLib.results.origin.checks import Check, Outcome
from IODeepLib.results.origin.numbers import reported
from IODeepLib.results.origin.origin import Origin
from IODeepLib.results.origin.record import Record
from IODeepLib.results.origin.run import Run
from IODeepLib.results.origin.voxel_counts import counted_voxels
from IODeepLib.text.wording import counted


def check_voxels(record: Record, seg: Origin | None) -> Iterator[Check]:
    """The voxels of each segment, counted again."""
    if seg is None or record.measurements is None:
        return
    what = "voxels"
    wanted = {one.label: one.voxels for one in record.measurements.segments if one.voxels}
    if text(seg.header, "SegmentationType") == SegmentationType.FRACTIONAL:
        # It does not hold what was decided, which comes of more than one probability.
        what = "voxels with a probability of a half or more"
        if record.voxels_at_half is None:
            words = f"result.json does not say how many {what} there are; next: run it again"
            yield Check(seg.name, Outcome.UNCHECKED, words)
            return
        wanted = record.voxels_at_half
    try:
        found = counted_voxels(seg.path, seg.header).voxels
    except ValueError as error:
        yield _uncounted(seg, error)
        return
    wrong = {label for label in {*found, *wanted} if found.get(label, 0) != wanted.get(label, 0)}
    for label in sorted(wrong):
        words = f"{label} has {found.get(label, 0)} {what}, in result.json {wanted.get(label, 0)}"
        yield Check(seg.name, Outcome.DIFFERS, words)
    if not wrong:
        words = f"{counted(len(found), 'segment')} with as many {what} as result.json says"
        yield Check(seg.name, Outcome.OK, words)


def check_volumes(run: Run) -> Iterator[Check]:
    """Of each report and the SEG that it is of, where no `result.json` knows both."""
    segs = {one.sop_uid: one for one in run.origins if text(one.header, "SegmentationType")}
    for report in run.origins:
        volumes = {
            label: figures["volume_ml"]
            for label, figures in reported(report.header).items()
            if "volume_ml" in figures
        }
        seg = next((segs[uid] for uid in report.named.objects if uid in segs), None)
        if volumes and seg is not None:
            yield from _volumes_of(report, volumes, seg)


def _volumes_of(report: Origin, volumes: dict[str, float], seg: Origin) -> Iterator[Check]:
    if text(seg.header, "SegmentationType") == SegmentationType.FRACTIONAL:
        words = "its probabilities are no volumes, which could be those of the report"
        yield Check(seg.name, Outcome.UNCHECKED, words)
        return
    try:
        found = counted_voxels(seg.path, seg.header)
    except ValueError as error:
        yield _uncounted(seg, error)
        return
    one = found.milliliters
    if one is None:
        words = "it does not say how large a voxel is, so that no volume can be compared"
        yield Check(seg.name, Outcome.UNCHECKED, words)
        return
    wrong = [
        f"volume_ml of {label} is {volumes.get(label)}, in {seg.name} "
        f"{found.voxels.get(label, 0)} voxels of {one:.10g} mL"
        for label in sorted({*volumes, *found.voxels})
        if abs(volumes.get(label, 0.0) - found.voxels.get(label, 0) * one) > one / 2
    ]
    for words in wrong:
        yield Check(report.name, Outcome.DIFFERS, words)
    if not wrong:
        words = f"{counted(len(volumes), 'volume')} as {seg.name} has voxels"
        yield Check(report.name, Outcome.OK, words)


def _uncounted(seg: Origin, error: ValueError) -> Check:
    return Check(seg.name, Outcome.UNCHECKED, f"its voxels are not counted: {error}")

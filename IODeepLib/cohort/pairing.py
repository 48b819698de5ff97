"""Which images a DICOM SEG is of: those that it names, and that the model fits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from IODeepLib.cohort.objects import SegObject, patient_of
from IODeepLib.model_object import Model
from IODeepLib.selection import judge
from IODeepLib.selection.criteria import Verdict
from IODeepLib.selection.publisher import CRITERION
from IODeepLib.series import ImageSeries
from IODeepLib.text.wording import counted


class Pairing:
    """The images that there are.

    Args:
        model: which must fit them.
        images: all volumes.
    """

    def __init__(self, model: Model, images: Sequence[ImageSeries]) -> None:
        self._model = model
        self._by_series: dict[str, list[ImageSeries]] = defaultdict(list)
        self._by_study: dict[str, list[ImageSeries]] = defaultdict(list)
        for one in images:
            self._by_series[one.series_instance_uid].append(one)
            self._by_study[one.study_instance_uid].append(one)

    def channels_of(self, seg: SegObject) -> tuple[ImageSeries, ...]:
        """The series of each channel of the model.

        Raises:
            ValueError: there are none, or several; the words say why.
        """
        if not seg.images:
            raise ValueError("it names no images that it is of")
        named = self._named(seg)
        if not named:
            _, uid = next(iter(seg.images))
            more = f" and {len(seg.images) - 1} more" if len(seg.images) > 1 else ""
            raise ValueError(f"it is of series {uid}{more}, which is not here")
        found: dict[tuple[int, ...], tuple[ImageSeries, ...]] = {}
        why: list[str] = []
        for series in named:
            if seg.patient[1] and patient_of(series.headers[0])[1] != seg.patient[1]:
                raise ValueError("it is of another patient than its images")
            beside = self._by_study[series.study_instance_uid]
            candidate = judge(series, self._model, beside)
            failing = [
                reason
                for reason in candidate.with_verdict(Verdict.FAILS)
                if reason.criterion != CRITERION  # whom a site trusts is asked when it is run
            ]
            channels = [one for one in candidate.channels if isinstance(one, ImageSeries)]
            if failing:
                why.append(f"the model does not fit series {series.label}: {failing[0]}")
            elif channels:
                found[tuple(map(id, channels))] = tuple(channels)
        if not found:
            raise ValueError(why[0])
        if len(found) > 1:
            raise ValueError(f"it names {counted(len(found), 'volume')} that the model fits")
        return next(iter(found.values()))

    def _named(self, seg: SegObject) -> list[ImageSeries]:
        """The volumes of which it names images, or the series."""
        named = []
        for (study, uid), instances in seg.images.items():
            wanted = {*instances}
            named += [
                one
                for one in self._by_series[uid]
                if one.study_instance_uid == study and wanted.intersection(one.sop_instance_uids)
            ]
        return named

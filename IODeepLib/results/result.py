"""What a run gives: the labels or the classes, how they came about, and the files made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from IODeepLib.disk.files import whole_folder
from IODeepLib.errors import ImageError
from IODeepLib.geometry import Volume
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.inference.classification import Classification
from IODeepLib.inference.confidence import (
    SegmentConfidence,
    segment_confidence,
)
from IODeepLib.inference.occlusion import Occlusion
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.inference.stage_terms import StageOutcome
from IODeepLib.measurements import Measurements, measure
from IODeepLib.model_object import Model
from IODeepLib.results import (
    Provenance,
    Replaced,
    Seg,
    SegmentationType,
    make_seg,
    overlay_picture,
    seg_obstacle,
)
from IODeepLib.results import also as also_written
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.maps.confidence import confidence_map
from IODeepLib.results.maps.occlusion import occlusion_map
from IODeepLib.results.maps.occlusion_picture import occlusion_picture
from IODeepLib.results.maps.parametric_map import ParametricMap, map_obstacle
from IODeepLib.results.result_document import document_of
from IODeepLib.results.run_record import (
    described,
    provenance_of,
    recorded_options,
    stage_record,
)
from IODeepLib.results.same_run import DOCUMENT_NAME, refuse_other_run
from IODeepLib.results.sentences import sentences
from IODeepLib.results.source_images import identity_obstacle
from IODeepLib.results.sr import Report, SrType, report_judgment, report_segments
from IODeepLib.results.stored_object import StoredObject
from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.series import Image, ImageSeries

SEG_NAME, ON_SLICES_NAME = "segmentation.dcm", "segmentation_on_slices.dcm"
CONFIDENCE_NAME, REPORT_NAME, PICTURE_NAME = "confidence.dcm", "report.dcm", "overlay.png"
OCCLUSION_NAME, OCCLUSION_PICTURE_NAME = "occlusion.dcm", "occlusion.png"
FILE_NAMES = (
    SEG_NAME,
    ON_SLICES_NAME,
    CONFIDENCE_NAME,
    REPORT_NAME,
    OCCLUSION_NAME,
    OCCLUSION_PICTURE_NAME,
    PICTURE_NAME,
    DOCUMENT_NAME,
    *also_written.FILE_NAMES,
)


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of one run.

    Attributes:
        channels: the series that filled the input channels; the result lies on the first.
        model: the model that was run.
        reasons: why it fits.
        found: the labels on the series' voxels (the grid of `volume`), or what a classification or
            regression says.
        volume: the image of the first channel.
        provider: the ONNX Runtime execution provider that ran it.
        threads: how many threads it computed with; 0 if ONNX Runtime decided. No file says it: the
            same run gives the same bytes with any number.
        seg_type: the kind of DICOM SEG that is written.
        notes: what a person should know of the images, the run and the labels.
        steps: what was done to the images, and how the networks were run, a sentence each.
        trained_on: whether the image is like those that the network was trained on, as far as its
            card says; notes repeat what is not.
        left_out: names of the labels that were dropped because nobody asked for them.
        want_seg_on_slices: whether `seg_on_slices` is written as well.
        departing: how the run departs from the recipe as asked, see `asked_for.departure`.
        stages: what became of the stages of the model, if it has any.
        sr_type: the kind of DICOM SR that is written.
        occlusion: what a model that judges the whole image looks at, if it was asked for.
        replaces: the stored result whose place this one takes, see `replacing`.
        illustrated: whether the report names a picture in the study, see `beside`.
        started, ended: when the run began and was done, in UTC; None where nobody looked. The same
            run gives the same DICOM objects at any time: they do not say it.
    """

    channels: tuple[Image, ...]
    model: Model
    reasons: tuple[Reason, ...]
    found: Segmentation | Classification
    volume: Volume
    provider: str
    seg_type: SegmentationType
    notes: tuple[str, ...]
    steps: tuple[str, ...] = ()
    trained_on: tuple[Reason, ...] = ()
    left_out: tuple[str, ...] = ()
    want_seg_on_slices: bool = False
    threads: int = 0
    departing: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[StageOutcome, ...] = ()
    sr_type: SrType = SrType.COMPREHENSIVE
    occlusion: Occlusion | None = None
    replaces: Replaced | None = None
    illustrated: bool = False
    started: datetime | None = None
    ended: datetime | None = None

    def replacing(self, former: Replaced) -> Result:
        """The same, which names the stored result of this network that it takes the place of."""
        return replace(self, replaces=former, notes=(former.note, *self.notes))

    def beside(self, also: Sequence[str]) -> Result:
        """The same beside further kinds of files: its report names the picture among them."""
        illustrated = "sc" in also and "sc" not in self.also_refused(["sc"])
        return replace(self, illustrated=True) if illustrated else self

    @property
    def series(self) -> Image:
        """The series on whose voxels the result lies."""
        return self.channels[0]

    @property
    def segmentation(self) -> Segmentation | None:
        """The labels, or None for a classification or regression."""
        return self.found if isinstance(self.found, Segmentation) else None

    @property
    def classification(self) -> Classification | None:
        """What is said of the whole image, or None for a segmentation."""
        return self.found if isinstance(self.found, Classification) else None

    @property
    def empty(self) -> bool:
        """Whether a segmentation found nothing at all."""
        return self.segmentation is not None and self.segmentation.empty

    @cached_property
    def measurements(self) -> Measurements | None:
        """What is measured of the labels, or None for a classification or regression."""
        segmentation = self.segmentation
        return None if segmentation is None else measure(segmentation, self.volume, self.series)

    @cached_property
    def confidence(self) -> dict[str, SegmentConfidence] | None:
        """How sure the networks are of each segment that was found, by its label's name.

        None where nobody asked, and where the networks give no probabilities; the notes say so.
        """
        return None if self.segmentation is None else segment_confidence(self.segmentation)

    @cached_property
    def provenance(self) -> Provenance:
        """What made this result, as it is written into every file."""
        options = recorded_options(self.seg_type, self.left_out, self.departing)
        stages = tuple(map(stage_record, self.stages))
        made = provenance_of(self.model, options, self.provider, self.notes, self.steps)
        return replace(made, stages=stages)

    @cached_property
    def seg(self) -> Seg | None:
        """The DICOM SEG; None where nothing was found, and for a classification or regression.

        Also None for images that are in memory only, for it refers to the instances it was made
        from, and where there is an obstacle, which the notes then name.
        """
        former = None if self.replaces is None else self.replaces.seg
        return None if self.segmentation is None else self._seg_of(self.segmentation, former)

    @cached_property
    def seg_on_slices(self) -> Seg | None:
        """The DICOM SEG of a corrected series on its slices themselves; a DICOM series of its own.

        None where `seg` is, where that lies on the slices already, and where what was found lies
        between them.
        """
        slices = self.series.slices
        if self.segmentation is None or not isinstance(slices, SliceStack):
            return None
        return self._seg_of(self.segmentation.on_slices(slices))

    @cached_property
    def confidence_map(self) -> ParametricMap | None:
        """The probability of what was decided, as a DICOM Parametric Map.

        None where there is no confidence, and where there is an obstacle: see `map_obstacle`.
        """
        stored = self._referred(map_obstacle)
        if self.segmentation is None or not stored:
            return None
        return confidence_map(self.segmentation, stored[0], self.provenance, others=stored[1:])

    @cached_property
    def occlusion_map(self) -> ParametricMap | None:
        """What the model looks at, as a DICOM Parametric Map; None where `confidence_map` is."""
        stored = self._referred(map_obstacle)
        if self.occlusion is None or not stored:
            return None
        return occlusion_map(self.occlusion, stored[0], self.provenance, others=stored[1:])

    @cached_property
    def capture(self) -> DicomObject:
        """The contact sheet as a Secondary Capture, for images in whose study it can lie."""
        from IODeepLib.results.captures.write import capture_of

        return capture_of(self)

    @cached_property
    def report(self) -> Report | None:
        """The DICOM SR of what was found, or of that nothing was.

        None for images that are in memory only, and where there is an obstacle, as for `seg`.
        """
        stored = self._referred(seg_obstacle if self.segmentation else identity_obstacle)
        if not stored:
            return None
        reasons = [str(one) for one in self.reasons if one.verdict is not Verdict.ANY]
        how: Any = {"others": stored[1:], "reasons": reasons, "sr_type": self.sr_type}
        how["replaces"] = self.replaces and self.replaces.report
        how["pictures"] = [self.capture] if self.illustrated else []
        if isinstance(self.found, Classification):
            task = self.model.card.recipe.task
            return report_judgment(self.found, task, stored[0], self.provenance, **how)
        assert self.measurements is not None  # noqa: S101  it is a segmentation
        how |= {"confidence": self.confidence, "probabilities": self.confidence_map}
        return report_segments(self.measurements, stored[0], self.provenance, self.seg, **how)

    def _seg_of(
        self, segmentation: Segmentation, replaces: StoredObject | None = None
    ) -> Seg | None:
        stored = self._referred(seg_obstacle)
        if not stored:
            return None
        series, *others = stored
        how: Any = {"seg_type": self.seg_type, "others": others, "replaces": replaces}
        return make_seg(segmentation, series, self.provenance, **how)

    def _referred(self, obstacle: Callable[[ImageSeries], ImageError | None]) -> list[ImageSeries]:
        """The series that a DICOM object refers to, each once; none if that cannot be."""
        stored = [image for image in dict.fromkeys(self.channels) if isinstance(image, ImageSeries)]
        if len(stored) < len(set(self.channels)) or any(map(obstacle, stored)):
            return []
        return stored

    def _segs(self) -> dict[str, Seg]:
        """What is written, by the name of its file."""
        segs = {SEG_NAME: self.seg}
        if self.want_seg_on_slices:
            segs[ON_SLICES_NAME] = self.seg_on_slices
        return {name: seg for name, seg in segs.items() if seg is not None}

    def maps(self) -> dict[str, ParametricMap]:
        """The DICOM Parametric Maps that are written, by the names of their files."""
        maps = {CONFIDENCE_NAME: self.confidence_map, OCCLUSION_NAME: self.occlusion_map}
        return {name: made for name, made in maps.items() if made is not None}

    def document(self) -> dict[str, Any]:
        """Everything in plain JSON values, as in `result.json`."""
        return document_of(self)

    def sentences(self) -> Iterator[str]:
        """The result for people, a line each."""
        return sentences(self)

    def save(
        self, out_dir: Path | str, *, force: bool = False, also: Sequence[str] = ()
    ) -> list[Path]:
        """Write the files into a new folder, or over those of the same run; whole or not at all.

        Args:
            out_dir: the folder.
            force: replace the result of another run as well.
            also: further kinds of files, such as "nifti"; what stands in the way of one says
                `also_refused`.

        Raises:
            UsageError: there is no such kind of file.
            OutputError: the folder cannot be written, or something else is there.
        """
        target = Path(out_dir)
        names: list[str] = []

        def may_replace(former: Path) -> None:
            if not force:
                document = described(self.channels, self.provenance)
                refuse_other_run(former, document, target, names)

        with whole_folder(target, FILE_NAMES, may_replace) as folder:
            names += self.beside(also).write(folder, also)
        return [target / name for name in names]

    def also_refused(self, also: Sequence[str]) -> dict[str, str]:
        """Of further kinds of files, those that cannot be written, and why not.

        Raises:
            UsageError: there is no such kind of file.
        """
        return {name: str(why) for name, why in also_written.obstacles(self, also).items()}

    def write(self, folder: Path, also: Sequence[str] = ()) -> list[str]:
        """Write the files into `folder`, as it is, and return their names."""
        names = []
        for name, seg in self._segs().items():
            seg.save(folder / name)
            names.append(name)
        for name, made in self.maps().items():
            made.save(folder / name)
            names.append(name)
        if self.report is not None:
            self.report.save(folder / REPORT_NAME)
            names.append(REPORT_NAME)
        if self.occlusion is not None:
            drawn = occlusion_picture(
                self.volume,
                self.occlusion,
                placed=self.series.has_patient_geometry,
                inverse=self.series.photometric_interpretation == "MONOCHROME1",
            )
            (folder / OCCLUSION_PICTURE_NAME).write_bytes(drawn)
            names.append(OCCLUSION_PICTURE_NAME)
        if self.segmentation is not None:
            picture = overlay_picture(
                self.volume,
                self.segmentation,
                placed=self.series.has_patient_geometry,
                sized=self.series.has_voxel_size,
                inverse=self.series.photometric_interpretation == "MONOCHROME1",
            )
            (folder / PICTURE_NAME).write_bytes(picture)
            names.append(PICTURE_NAME)
        names += also_written.write(self, folder, also)
        text = json.dumps(self.document(), ensure_ascii=False, indent=1)
        (folder / DOCUMENT_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")
        return [*names, DOCUMENT_NAME]

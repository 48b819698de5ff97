"""What a run gives: the labels or the classes, how they came about, and the files made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from IODeepLib.classification import Classification
from IODeepLib.criteria import Reason
from IODeepLib.files import whole_folder
from IODeepLib.geometry import Volume
from IODeepLib.model_object import Model
from IODeepLib.recipe import Label
from IODeepLib.results import (
    Provenance,
    Seg,
    SegmentationType,
    make_seg,
    overlay_picture,
    seg_obstacle,
    weights_digest,
)
from IODeepLib.segmentation import Segmentation
from IODeepLib.series import Image, ImageSeries

SEG_NAME, PICTURE_NAME, DOCUMENT_NAME = "segmentation.dcm", "overlay.png", "result.json"
FILE_NAMES = (SEG_NAME, PICTURE_NAME, DOCUMENT_NAME)
SCHEMA = "iodeep-result/1"


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of one run.

    Attributes:
        channels: the series that filled the input channels; the result lies on the first.
        model: the model that was run.
        reasons: why it fits.
        found: the labels on the series' voxels, or what a classification or regression says.
        volume: the image of the first channel.
        provider: the ONNX Runtime execution provider that ran it.
        seg_type: the kind of DICOM SEG that is written.
        notes: what a person should know of the images, the run and the labels.
        left_out: names of the labels that were dropped because nobody asked for them.
    """

    channels: tuple[Image, ...]
    model: Model
    reasons: tuple[Reason, ...]
    found: Segmentation | Classification
    volume: Volume
    provider: str
    seg_type: SegmentationType
    notes: tuple[str, ...]
    left_out: tuple[str, ...] = ()

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
    def provenance(self) -> Provenance:
        """What made this result, as it is written into every file."""
        import onnxruntime

        card = self.model.card
        options: dict[str, Any] = {"seg_type": self.seg_type.value}
        if self.left_out:
            options["left_out"] = list(self.left_out)
        return Provenance(
            title=card.title,
            name=card.name,
            version=card.version,
            publisher=card.recipe.card.publisher,
            model_uid=card.model_uid,
            card_sop_instance_uid=card.sop_instance_uid,
            card_series_instance_uid=card.series_instance_uid,
            card_study_instance_uid=card.study_instance_uid,
            weights_digest=weights_digest([part.sha256 for part in card.manifest.parts]),
            runtime=f"onnxruntime {onnxruntime.__version__}",
            provider=self.provider,
            options=options,
            notes=self.notes,
        )

    @cached_property
    def seg(self) -> Seg | None:
        """The DICOM SEG; None where nothing was found, and for a classification or regression.

        Also None for images that are in memory only, for it refers to the instances it was made
        from, and where there is an obstacle, which the notes then name.
        """
        stored = [image for image in self.channels if isinstance(image, ImageSeries)]
        if self.segmentation is None or len(stored) < len(self.channels):
            return None
        if any(map(seg_obstacle, stored)):
            return None
        return make_seg(
            self.segmentation,
            stored[0],
            self.provenance,
            seg_type=self.seg_type,
            others=[image for image in dict.fromkeys(stored) if image is not stored[0]],
        )

    def document(self) -> dict[str, Any]:
        """Everything in plain JSON values, as in `result.json`."""
        series, images = self.series, dict.fromkeys(self.channels)
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "study_instance_uid": series.study_instance_uid,
            "series_instance_uids": [image.series_instance_uid for image in images],
            "series": series.label,
            "provenance": self.provenance.to_json(),
            "reasons": [reason.as_json() for reason in self.reasons],
            "notes": list(self.notes),
        }
        if self.segmentation is not None:
            document["empty"] = self.empty
            volumes = self.segmentation.volumes()
            document["volumes_ml"] = {name: round(volume, 3) for name, volume in volumes.items()}
            document["missing"] = [name for name, volume in volumes.items() if not volume]
            document["left_out"] = list(self.left_out)
            document["sop_instance_uid"] = self.seg.sop_instance_uid if self.seg else None
        if self.classification is not None:
            document["values"] = {
                label.name: value
                for label, value in zip(
                    self.classification.labels, self.classification.values, strict=True
                )
            }
            document["chosen"] = [label.name for label in self.classification.chosen]
        return document

    def sentences(self) -> Iterator[str]:
        """The result for people, a line each."""
        yield f"{self.model.label} on {self.series.label} with {self.provider}"
        if self.empty:
            yield "it found nothing: no segmentation is written"
        elif self.segmentation is not None:
            for name, volume in self.segmentation.volumes().items():
                yield f"  {name:<24} " + (f"{volume:10.1f} ml" if volume else " not found")
        if self.classification is not None:
            for label, value in zip(
                self.classification.labels, self.classification.values, strict=True
            ):
                chosen = "  <-" if label in self.classification.chosen else ""
                yield f"  {label.name:<24} {value:10.4g} {_unit(label)}{chosen}".rstrip()
        if self.left_out:
            yield f"left out, as asked: {', '.join(self.left_out)}"
        for note in self.notes:
            yield f"note: {note}"

    def save(self, out_dir: Path | str) -> list[Path]:
        """Write the files into a new folder, or over a former result; whole or not at all.

        Raises:
            OutputError: the folder cannot be written, or something else is there.
        """
        with whole_folder(Path(out_dir), FILE_NAMES) as folder:
            names = self.write(folder)
        return [Path(out_dir) / name for name in names]

    def write(self, folder: Path) -> list[str]:
        """Write the files into `folder`, as it is, and return their names."""
        names = []
        if self.seg is not None:
            self.seg.save(folder / SEG_NAME)
            names.append(SEG_NAME)
        if self.segmentation is not None:
            picture = overlay_picture(
                self.volume,
                self.segmentation,
                placed=self.series.has_patient_geometry,
                inverse=self.series.photometric_interpretation == "MONOCHROME1",
            )
            (folder / PICTURE_NAME).write_bytes(picture)
            names.append(PICTURE_NAME)
        text = json.dumps(self.document(), ensure_ascii=False, indent=1)
        (folder / DOCUMENT_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")
        return [*names, DOCUMENT_NAME]


def _unit(label: Label) -> str:
    return label.unit.value if label.unit else ""

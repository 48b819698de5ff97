"""What a run is known by: which images, which network, how; as every result of it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from IODeepLib.inference.stage_terms import StageOutcome
from IODeepLib.model_object import Model
from IODeepLib.network.onnx_runtime import onnx_runtime
from IODeepLib.results.frames import SegmentationType
from IODeepLib.results.provenance import (
    NetworkRecord,
    Provenance,
    StageRecord,
    weights_digest,
)
from IODeepLib.series import Image

SCHEMA = "iodeep-result/1"


def stage_record(stage: StageOutcome) -> StageRecord:
    volumes = stage.volumes
    rounded = None if volumes is None else {name: round(v, 3) for name, v in volumes.items()}
    return StageRecord(stage.name, stage.networks, stage.ran, rounded)


def recorded_options(
    seg_type: SegmentationType, left_out: tuple[str, ...], departing: Mapping[str, Any]
) -> dict[str, Any]:
    """What was asked for, as far as it decides what is written.

    Args:
        seg_type: the kind of DICOM SEG.
        left_out: the names of labels that are dropped.
        departing: how the run departs from the recipe, see `asked_for.departure`.
    """
    options: dict[str, Any] = {"seg_type": seg_type.value}
    if left_out:
        options["left_out"] = list(left_out)
    return options | dict(departing)


def provenance_of(
    model: Model,
    options: dict[str, Any],
    provider: str = "",
    notes: tuple[str, ...] = (),
    steps: tuple[str, ...] = (),
    runtime: str = "",
) -> Provenance:
    """What makes a result; provider, notes and steps are known after the run.

    `runtime` is what computed, if that was not the ONNX Runtime of this machine.
    """
    card = model.card
    return Provenance(
        title=card.title,
        name=card.name,
        version=card.version,
        publisher=card.recipe.card.publisher,
        model_uid=card.model_uid,
        card_sop_instance_uid=card.sop_instance_uid,
        card_series_instance_uid=card.series_instance_uid,
        card_study_instance_uid=card.study_instance_uid,
        network_digest=card.network_digest,
        weights_digest=weights_digest([part.sha256 for part in card.manifest.parts]),
        runtime=runtime or f"onnxruntime {onnx_runtime().__version__}",
        provider=provider,
        options=options,
        notes=notes,
        steps=steps,
        trust=model.trust.found if model.trust else "",
        networks=tuple(
            NetworkRecord(
                network.name,
                network.digest,
                weights_digest([part.sha256 for part in card.parts_of(network.name)]),
            )
            for network in card.networks
            if network.name
        ),
    )


def described(channels: Sequence[Image], provenance: Provenance) -> dict[str, Any]:
    """What `result.json` says of the run itself, see `refuse_other_run`."""
    return {
        "schema": SCHEMA,
        "study_instance_uid": channels[0].study_instance_uid,
        "series_instance_uids": [image.series_instance_uid for image in dict.fromkeys(channels)],
        "series": channels[0].label,
        "provenance": provenance.to_json(),
    }

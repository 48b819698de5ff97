"""A weights instance: one part of a model's tensors, used where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.errors import ModelError
from IODeepLib.model_object.characteristics import check_description
from IODeepLib.model_object.deflated import weights_refused
from IODeepLib.model_object.instance import Instance, reading
from IODeepLib.model_object.private_dictionary import Element

WEIGHTS_FORMAT = "SAFETENSORS"


@dataclass(frozen=True, slots=True)
class Weights:
    """One part, as its instance describes it. The payload stays in the file.

    Attributes:
        path: the file.
        sop_instance_uid: the instance.
        name, version, model_uid: of the model that it belongs to.
        part_number, part_count: which part it is, counted from 1, and of how many.
        sha256: of the payload, as the instance says.
        payload: where in the file the payload lies: a safetensors file, without the DICOM pad.
    """

    path: Path
    sop_instance_uid: str
    name: str
    version: str
    model_uid: str
    part_number: int
    part_count: int
    sha256: str
    payload: ByteRange


def read_weights(path: Path | str) -> Weights:
    """The weights in the file at `path`; the payload is not read.

    Raises:
        ModelError: it is no weights instance, or a damaged one.
    """
    return weights_of(Instance.read(Path(path)))


def weights_of(instance: Instance) -> Weights:
    """The weights in an instance that was read from a file."""
    with reading(instance.where):
        return _weights_of(instance)


def _weights_of(instance: Instance) -> Weights:
    file_format = instance.text(Element.WEIGHTS_FORMAT)
    if file_format != WEIGHTS_FORMAT:
        raise ModelError(
            f"{instance.where} has weights in the format {file_format}",
            WEIGHTS_FORMAT,
            "update IODeep",
        )
    payload = instance.content(Element.PAYLOAD, instance.number(Element.PAYLOAD_LENGTH))
    if not isinstance(payload, ByteRange):
        raise weights_refused(Path(instance.where))
    check_description(instance)
    return Weights(
        path=payload.path,
        sop_instance_uid=instance.standard("SOPInstanceUID"),
        name=instance.text(Element.MODEL_NAME),
        version=instance.text(Element.MODEL_VERSION),
        model_uid=instance.text(Element.MODEL_UID),
        part_number=instance.number(Element.PART_NUMBER),
        part_count=instance.number(Element.PART_COUNT),
        sha256=instance.text(Element.PAYLOAD_DIGEST),
        payload=payload,
    )
